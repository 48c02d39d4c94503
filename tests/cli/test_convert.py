"""`trialbridge convert`: what is written, what is said, and how it ends."""

from __future__ import annotations

import csv
import hashlib
import json
from decimal import Decimal

import pytest

from trialbridge.commands import convert_bulk


def files_of(folder):
    """Every file below a folder with its bytes."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}


def lines_of(path):
    """NDJSON by the standard library."""
    return [json.loads(line, parse_float=Decimal) for line in path.read_text().splitlines()]


def test_to_fhir_and_back_as_csv(run, study, tmp_path):
    """A study would not come home cell for cell (judged by the csv module, not by our diff)."""
    assert run("convert", study, "--to", "fhir", "-o", tmp_path / "fhir").code == 0
    assert run("convert", tmp_path / "fhir", "--to", "sdtm", "-o", tmp_path / "back", "--format", "csv").code == 0
    for name in ("dm.csv", "ae.csv"):
        both = [sorted(csv.reader((of / name).read_text().splitlines())) for of in (study, tmp_path / "back")]
        assert both[0] == both[1]


def test_fhir_files_and_company(run, study, tmp_path):
    """FHIR would not be one file a type with manifest, ledger, findings and run manifest beside it."""
    run("convert", study, "--to", "fhir", "-o", tmp_path / "fhir")
    made = set(files_of(tmp_path / "fhir"))
    assert {"Patient.ndjson", "ResearchSubject.ndjson", "AdverseEvent.ndjson"} <= made
    assert {"manifest.json", "ledger.json", "findings.json", "run_manifest.json"} <= made
    assert len(lines_of(tmp_path / "fhir" / "AdverseEvent.ndjson")) == 3
    ledger = json.loads((tmp_path / "fhir" / "ledger.json").read_text())
    # Each cell with a value is in the ledger once: DM has 10 columns, AE 9, none empty.
    assert sum(ledger["totals"].values()) == 2 * 10 + 3 * 9


def test_several_formats_each_in_its_folder(run, study, tmp_path):
    """Two formats would be mixed in one folder, or one of them left out."""
    done = run("convert", study, "--to", "sdtm", "-o", tmp_path / "o", "--format", "xpt", "--format", "dataset-json")
    assert done.code == 0
    assert {"xpt/dm.xpt", "xpt/ae.xpt", "dataset-json/dm.json", "dataset-json/ae.json"} <= set(files_of(tmp_path / "o"))
    assert (tmp_path / "o" / "xpt" / "dm.xpt").read_bytes().startswith(b"HEADER RECORD*******LIBRARY")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("xpt", "dm.xpt"),
        ("dataset-json", "dm.json"),
        ("ndjson", "dm.ndjson"),
        ("dsjc", "dm.dsjc"),
        ("parquet", "dm.parquet"),
        ("csv", "dm.csv"),
        ("xlsx", "sdtm.xlsx"),
        ("core-csv", "_variables.csv"),
    ],
)
def test_each_sdtm_format_stands_in_the_folder_and_is_read_again(run, study, tmp_path, name, file):
    """A format the help names would not be written, or its folder not be recognised as input."""
    assert run("convert", study, "--to", "sdtm", "-o", tmp_path / "o", "--format", name).code == 0
    assert (tmp_path / "o" / file).is_file()
    assert run("diff", study, tmp_path / "o").code == 0


@pytest.mark.parametrize(
    ("name", "file"),
    [("ndjson", "Patient.ndjson"), ("bundle", "bundle.json"), ("transaction", "bundle.json"), ("xml", "bundle.xml")],
)
def test_each_fhir_format_stands_in_the_folder_and_is_read_again(run, study, tmp_path, name, file):
    """A FHIR format the help names would not be written, or lose something on the way."""
    assert run("convert", study, "--to", "fhir", "-o", tmp_path / "o", "--format", name).code == 0
    assert (tmp_path / "o" / file).is_file()
    assert run("convert", tmp_path / "o", "--to", "sdtm", "-o", tmp_path / "back").code == 0
    assert run("diff", study, tmp_path / "back").code == 0


def test_same_input_same_bytes(run, study, tmp_path):
    """Two runs would differ: a time or a random id has crept in."""
    for name in ("one", "two"):
        run("convert", study, "--to", "fhir", "-o", tmp_path / name)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_json_is_the_only_output(run, study, tmp_path):
    """--json would print something beside its JSON, or leave out what a script needs."""
    done = run("convert", study, "--to", "fhir", "-o", tmp_path / "o", "--json")
    assert done.json["records"]["AE"] == {"given": 3, "kept": 3, "rejected": 0, "aside": 0}
    assert done.json["addsUp"] is True
    assert done.json["made"]["Patient"] == 2
    assert done.err == ""


def test_quiet_says_nothing(run, study, tmp_path):
    """--quiet would print."""
    done = run("convert", study, "--to", "fhir", "-o", tmp_path / "o", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_summary_for_people(run, study, tmp_path):
    """The summary would not tell the rows, or that they add up."""
    done = run("convert", study, "--to", "fhir", "-o", tmp_path / "o", "--no-color")
    assert "5 rows = 5 converted: it adds up" in done.out
    assert "\x1b[" not in done.out


def test_residue_is_written_and_taken_up(run, patient, tmp_path):
    """What SDTM cannot hold would not come back: `telecom` has no variable."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Patient.ndjson").write_text(json.dumps(patient) + "\n")
    run("convert", tmp_path / "in", "--to", "sdtm", "-o", tmp_path / "sdtm", "--format", "xpt")
    residue = lines_of(tmp_path / "sdtm" / "residue.ndjson")
    assert {"resource": "Patient/p1", "path": "Patient.telecom", "value": patient["telecom"]} in residue
    run("convert", tmp_path / "sdtm", "--to", "fhir", "-o", tmp_path / "fhir")
    assert lines_of(tmp_path / "fhir" / "Patient.ndjson") == [patient]
    assert run("diff", tmp_path / "in", tmp_path / "fhir").code == 0


def test_no_residue(run, patient, tmp_path):
    """--no-residue would write one, or use one that is there."""
    (tmp_path / "p.json").write_text(json.dumps(patient))
    run("convert", tmp_path / "p.json", "--to", "sdtm", "-o", tmp_path / "kept")
    run("convert", tmp_path / "p.json", "--to", "sdtm", "-o", tmp_path / "without", "--no-residue")
    assert not (tmp_path / "without" / "residue.ndjson").exists()
    run("convert", tmp_path / "kept", "--to", "fhir", "-o", tmp_path / "fhir", "--no-residue")
    assert "telecom" not in (tmp_path / "fhir" / "Patient.ndjson").read_text()


def test_base_url(run, study, tmp_path):
    """--base-url would not reach our identifier systems."""
    run("convert", study, "--to", "fhir", "-o", tmp_path / "o", "--base-url", "https://sponsor.example/x")
    assert "https://sponsor.example/x/sid/usubjid" in (tmp_path / "o" / "Patient.ndjson").read_text()
    assert "example.org/trialbridge" not in (tmp_path / "o" / "Patient.ndjson").read_text()


def test_fhir_versions(run, study, tmp_path):
    """--fhir-version R5 would write R4's elements (R5 renamed ResearchSubject.individual to subject)."""
    run("convert", study, "--to", "fhir", "-o", tmp_path / "r5", "--fhir-version", "R5")
    subject = lines_of(tmp_path / "r5" / "ResearchSubject.ndjson")[0]
    assert "subject" in subject
    assert "individual" not in subject
    run("convert", tmp_path / "r5", "--to", "sdtm", "-o", tmp_path / "back")
    assert run("diff", study, tmp_path / "back").code == 0


def test_guide_version(run, patient, tmp_path):
    """-v 3-3 would not reach the tables (Dataset-JSON names no guide, CORE's .env does)."""
    (tmp_path / "p.json").write_text(json.dumps(patient))
    run("convert", tmp_path / "p.json", "--to", "sdtm", "-o", tmp_path / "o", "-v", "3-3", "--format", "core-csv")
    assert "VERSION=3-3" in (tmp_path / "o" / ".env").read_text()


def test_rejects_have_place_reason_and_text(run, bundle, tmp_path):
    """A wrong resource would stop the rest, or vanish without file, id, path, reason and text."""
    done = run("convert", bundle, "--to", "sdtm", "-o", tmp_path / "o", "--json")
    assert done.code == 1
    assert done.json["rejected"] == 3
    assert done.json["made"] == {"DM": 1}
    assert done.json["addsUp"] is True
    rejects = {one["path"]: one for one in lines_of(tmp_path / "o" / "rejects.ndjson")}
    wrong = rejects["Bundle.entry[1].resource.gendre"]
    assert (wrong["file"], wrong["id"]) == ("bundle.json", "Patient/p2")
    assert json.loads(wrong["text"]) == {"resourceType": "Patient", "id": "p2", "gendre": "male"}
    assert rejects["Bundle.entry[2].resource"]["id"] == "Nonsense/n1"
    assert json.loads(rejects["Bundle.entry[3].resource"]["text"]) == {"id": "nothing"}
    assert all(one["reason"] for one in rejects.values())


def test_resource_given_twice_is_set_aside(run, patient, tmp_path):
    """The sum input = converted + rejected + aside would not hold where a resource stands twice."""
    line = json.dumps(patient) + "\n"
    (tmp_path / "in.ndjson").write_text(line + line)
    done = run("convert", tmp_path / "in.ndjson", "--to", "sdtm", "-o", tmp_path / "o", "--json")
    assert done.json["records"]["Patient"] == {"given": 2, "kept": 1, "rejected": 0, "aside": 1}
    assert done.json["addsUp"] is True


@pytest.mark.parametrize(
    ("name", "file"),
    [("ndjson", "Patient.ndjson"), ("bundle", "bundle.json"), ("transaction", "bundle.json"), ("xml", "bundle.xml")],
)
def test_a_resource_in_a_bundle_and_alone_is_one(run, tmp_path, name, file):
    """FHIR to FHIR it would stand twice, and a server refuse the transaction that writes it twice."""
    given = {"resourceType": "Patient", "id": "p1", "gender": "male"}
    entry = {"fullUrl": "http://server/fhir/Patient/p1", "resource": given}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text(
        json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [entry]})
    )
    (tmp_path / "in" / "b.ndjson").write_text(json.dumps(given) + "\n")
    done = run("convert", tmp_path / "in", "--to", "fhir", "--format", name, "-o", tmp_path / "o", "--json")
    assert done.json["records"]["Patient"] == {"given": 2, "kept": 1, "rejected": 0, "aside": 1}
    assert done.json["addsUp"]
    assert (tmp_path / "o" / file).read_text().count("p1") == {"ndjson": 1, "bundle": 2, "transaction": 3, "xml": 2}[
        name
    ]


def test_no_check_lets_through(run, tmp_path):
    """--no-check would check all the same (fhir.resources refuses an unknown element)."""
    (tmp_path / "p.json").write_text(json.dumps({"resourceType": "Patient", "id": "p", "gendre": "male"}))
    assert run("convert", tmp_path / "p.json", "--to", "sdtm", "-o", tmp_path / "a").code == 1
    assert run("convert", tmp_path / "p.json", "--to", "sdtm", "-o", tmp_path / "b", "--no-check").code == 0


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("language", ["R4", "R5"])
def test_check_finds_what_is_wrong_in_what_is_made(run, study, tmp_path, monkeypatch, large, language):
    """FHIR that no server takes (R4 2.24.0.1: a string is not blank) would be written as checked; by groups of subjects as well."""
    if large:
        monkeypatch.setattr(convert_bulk, "LARGE", 1)
    words = ("convert", study, "--to", "fhir", "--no-residue", "--fhir-version", language)
    sound = run(*words, "-o", tmp_path / "sound", "--check", "--json")
    assert (sound.code, sound.json["findings"]["error"]) == (0, 0)
    assert json.loads((tmp_path / "sound" / "run_manifest.json").read_text())["checked"] is True
    text = (study / "ae.csv").read_text()
    (study / "ae.csv").write_text(text.replace(text.splitlines()[1].split(",")[4], "\u00a0"))
    assert run(*words, "-o", tmp_path / "unseen").code == 0
    assert run(*words, "-o", tmp_path / "wrong", "--check").code == 1
    told = json.loads((tmp_path / "wrong" / "findings.json").read_text())
    assert "TB-FHIR-STRUCTURE" in str(told)
    assert (tmp_path / "wrong" / "AdverseEvent.ndjson").read_bytes() == (
        tmp_path / "unseen" / "AdverseEvent.ndjson"
    ).read_bytes()


def test_fail_on_warning(run, study, tmp_path):
    """A warning would end in 1 by default, or in 0 with --fail-on warning."""
    (study / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID,SEX,FAVCOL\nS1,DM,S1-01,F,blue\n")
    assert run("convert", study, "--to", "fhir", "-o", tmp_path / "a", "--quiet").code == 0
    assert run("convert", study, "--to", "fhir", "-o", tmp_path / "b", "--quiet", "--fail-on", "warning").code == 1


def test_format_change_alone(run, study, tmp_path):
    """SDTM to SDTM would go through FHIR, or claim a ledger it has not."""
    run("convert", study, "--to", "sdtm", "-o", tmp_path / "o", "--format", "ndjson")
    assert not (tmp_path / "o" / "ledger.json").exists()
    assert run("diff", study, tmp_path / "o").code == 0


def test_a_second_run_leaves_nothing_of_the_first(run, study, patient, tmp_path):
    """An old dataset, or another study's residue, would stay beside the new tables."""
    (tmp_path / "p.json").write_text(json.dumps(patient))
    run("convert", tmp_path / "p.json", "--to", "sdtm", "-o", tmp_path / "o")
    assert (tmp_path / "o" / "residue.ndjson").exists()
    (tmp_path / "o" / "notes.txt").write_text("mine")
    run("convert", study / "ae.csv", "--to", "sdtm", "-o", tmp_path / "o")
    assert not {"residue.ndjson", "dm.json", "ledger.json"} & set(files_of(tmp_path / "o"))
    assert (tmp_path / "o" / "notes.txt").read_text() == "mine"


def test_provenance_on_request(run, study, tmp_path):
    """Where rows came from could not be had as FHIR, or the next conversion would take the file for data."""
    run("convert", study, "--to", "fhir", "-o", tmp_path / "fhir")
    run(
        "convert", tmp_path / "fhir", "--to", "sdtm", "-o", tmp_path / "back", "--no-check", "--provenance", "--lineage"
    )
    found = lines_of(tmp_path / "back" / "provenance.ndjson")
    assert {one["resourceType"] for one in found} == {"Provenance"}
    assert len(found) == 2 + 3  # a row, a Provenance: DM has two, AE three
    sources = {entity["what"]["reference"].split("/")[0] for one in found for entity in one["entity"]}
    assert {"Patient", "ResearchSubject", "AdverseEvent"} <= sources
    assert (tmp_path / "back" / "lineage.ndjson").exists()
    assert run("convert", tmp_path / "back", "--to", "fhir", "-o", tmp_path / "again").code == 0


def test_the_study_file_decides(run, tmp_path):
    """A study's own rules could not be given to the command."""
    drugs = [
        {
            "resourceType": "MedicationAdministration",
            "id": str(number),
            "status": "completed",
            "subject": {"reference": "Patient/p"},
            "medicationCodeableConcept": {"text": name},
            "effectiveDateTime": "2020-01-01",
        }
        for number, name in enumerate(("Nivolumab", "Ondansetron"))
    ]
    (tmp_path / "in.json").write_text(
        json.dumps(
            {
                "resourceType": "Bundle",
                "type": "collection",
                "entry": [{"resource": one} for one in [{"resourceType": "Patient", "id": "p"}, *drugs]],
            }
        )
    )
    (tmp_path / "study.yaml").write_text("study: {id: S1}\nrecords: {treatments: [nivolumab]}\n")
    words = ("convert", tmp_path / "in.json", "--to", "sdtm", "--no-check", "--format", "csv")
    assert run(*words, "-o", tmp_path / "o", "--study-file", tmp_path / "study.yaml").code == 0
    for name, column, drug in (("ex.csv", "EXTRT", "Nivolumab"), ("cm.csv", "CMTRT", "Ondansetron")):
        rows = list(csv.DictReader((tmp_path / "o" / name).read_text().splitlines()))
        assert [one[column] for one in rows] == [drug]


def test_a_bulk_export_gives_the_files_of_the_whole(run, study, tmp_path):
    """In shards, FHIR NDJSON would become other tables than the same resources in one Bundle, or would not add up."""
    for kind in ("ndjson", "bundle"):
        assert run("convert", study, "--to", "fhir", "-o", tmp_path / kind, "--format", kind).code == 0
        words = ("--to", "sdtm", "-o", tmp_path / f"from-{kind}", "--format", "xpt", "--format", "csv", "--no-residue")
        done = run("convert", tmp_path / kind, *words)
        assert done.code == 0
        assert "it adds up" in done.out
    lines, whole = (files_of(tmp_path / f"from-{kind}") for kind in ("ndjson", "bundle"))
    assert lines.pop("run_manifest.json") != whole.pop("run_manifest.json")  # the inputs differ
    assert lines == whole
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


def test_what_cannot_be_shared_is_not_given_to_workers(run, study, tmp_path):
    """`--workers` would be taken and do nothing."""
    assert run("convert", study, "--to", "fhir", "-o", tmp_path / "fhir").code == 0
    words = ("--to", "sdtm", "-o", tmp_path / "out", "--workers", "2", "--lineage")
    done = run("convert", tmp_path / "fhir", *words)
    assert done.code == 2
    assert "--lineage" in done.err
    for words in (("--to", "fhir", "--format", "bundle"), ("--to", "sdtm", "--format", "csv")):
        done = run("convert", study, *words, "-o", tmp_path / "out", "--workers", "2")
        assert done.code == 2
        assert "nothing else" in done.err


def test_what_cannot_be_done_in_turn_is_done_as_a_whole(run, study, tmp_path, monkeypatch):
    """A design that hangs on subjects of several groups would be given twice, or the conversion end in an error."""
    from trialbridge.commands import convert_bulk
    from trialbridge.converters import bulk_fhir

    plan = "STUDYID,DOMAIN,USUBJID,ARMCD,TAETORD,ETCD\nS1,TA,S1-01,RT,1,A\nS1,TA,S1-02,RT,2,B\n"
    (study / "ta.csv").write_text(plan)
    assert run("convert", study, "--to", "fhir", "-o", tmp_path / "whole").code == 0
    monkeypatch.setattr(convert_bulk, "LARGE", 1)
    monkeypatch.setitem(bulk_fhir.to_lines.__kwdefaults__, "at_once", 1)
    done = run("convert", study, "--to", "fhir", "-o", tmp_path / "turn")
    assert done.code == 0
    assert "TB-IN-MEMORY" in done.out
    both = [files_of(tmp_path / name) for name in ("whole", "turn")]
    assert both[0]["PlanDefinition.ndjson"] == both[1]["PlanDefinition.ndjson"]
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


def test_a_large_study_gives_the_resources_of_a_small_one(run, study, tmp_path, monkeypatch):
    """Converted some subjects at a time, a study would become other resources, or the manifest would not hold."""
    from trialbridge.commands import convert_bulk

    assert run("convert", study, "--to", "fhir", "-o", tmp_path / "whole").code == 0
    monkeypatch.setattr(convert_bulk, "LARGE", 1)
    done = run("convert", study, "--to", "fhir", "-o", tmp_path / "turn")
    assert done.code == 0
    assert "it adds up" in done.out
    whole, turn = (files_of(tmp_path / name) for name in ("whole", "turn"))
    assert whole.keys() == turn.keys()
    for name in whole:
        if name not in {"manifest.json", "run_manifest.json"}:
            assert sorted(whole[name].splitlines()) == sorted(turn[name].splitlines()), name
    for one in json.loads(turn["manifest.json"])["files"]:
        assert hashlib.sha256(turn[one["name"]]).hexdigest() == one["sha256"]
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


def test_what_fills_memory_says_so(run, study, tmp_path, monkeypatch):
    """A hospital's export would fill the machine's memory, and nobody would know of the other way."""
    from trialbridge.commands import convert_bulk

    monkeypatch.setattr(convert_bulk, "BIG", 1)
    monkeypatch.setattr(convert_bulk, "LARGE_EXPORT", 1)
    for kind in ("ndjson", "bundle"):
        assert run("convert", study, "--to", "fhir", "-o", tmp_path / kind, "--format", kind).code == 0
    words = ("--to", "sdtm", "-o", tmp_path / "a")
    assert "TB-IN-MEMORY" in run("convert", tmp_path / "bundle", *words).out
    assert "TB-IN-MEMORY" in run("convert", tmp_path / "ndjson", *words, "--lineage").out
    assert "TB-IN-MEMORY" not in run("convert", tmp_path / "ndjson", *words).out


def _hospital(folder, ids):
    """NDJSON of patients of a hospital's, with an adverse event each."""
    folder.mkdir()
    people = [
        {"resourceType": "Patient", "id": f"p{n}", "gender": "female", "maritalStatus": {"text": "x"}} for n in (1, 2)
    ]
    events = [
        {"resourceType": "AdverseEvent", "id": name, "actuality": "actual", "subject": {"reference": f"Patient/p{n}"}}
        for n, name in enumerate(ids, start=1)
    ]
    for name, its in (("patients", people), ("events", [one | {"event": {"text": "Cough"}} for one in events])):
        (folder / f"{name}.ndjson").write_text("".join(json.dumps(one) + "\n" for one in its))
    return folder


def test_a_large_export_with_residue_goes_in_shards(run, tmp_path, monkeypatch):
    """In shards an export would leave other files: tables, residue, ledger, findings."""
    from trialbridge.commands import convert_bulk
    from trialbridge.converters import bulk

    export = _hospital(tmp_path / "export", ("e1", "e2"))
    assert run("convert", export, "--to", "sdtm", "-o", tmp_path / "whole").code == 0
    monkeypatch.setattr(convert_bulk, "LARGE_EXPORT", 1)
    monkeypatch.setitem(bulk.to_sdtm.__wrapped__.__kwdefaults__, "shard_bytes", 1)
    done = run("convert", export, "--to", "sdtm", "-o", tmp_path / "shards")
    assert done.code == 0
    assert "it adds up" in done.out
    whole, shards = (files_of(tmp_path / name) for name in ("whole", "shards"))
    for files in (whole, shards):
        files.pop("findings.json")  # in another order
    assert whole == shards
    assert b"maritalStatus" in whole["residue.ndjson"]


def test_an_export_that_cannot_go_in_shards_says_so(run, tmp_path, monkeypatch):
    """A resource that two subjects' files give would end the run, or fill the memory without a word."""
    from trialbridge.commands import convert_bulk
    from trialbridge.converters import bulk

    monkeypatch.setattr(convert_bulk, "LARGE_EXPORT", 1)
    monkeypatch.setitem(bulk.to_sdtm.__wrapped__.__kwdefaults__, "shard_bytes", 1)
    done = run("convert", _hospital(tmp_path / "export", ("e", "e")), "--to", "sdtm", "-o", tmp_path / "o")
    assert done.code == 0
    assert "TB-IN-MEMORY" in done.out
