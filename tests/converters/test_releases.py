"""R4 to R5 and back, by way of the tables: what is mapped is written anew, the rest returns from the residue."""

import pytest
from typer.testing import CliRunner

from trialbridge.cli import app
from trialbridge.converters.residue import same
from trialbridge.converters.study import to_release
from trialbridge.fhir import files
from trialbridge.fhir.check import check
from trialbridge.fhir.jsontext import decode, encode

KINDS = ("Patient", "ResearchSubject", "Procedure", "Observation", "BodyStructure", "Condition", "AdverseEvent")


def equal(one, other):
    """JSON, decimals digit by digit."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return same(one, other)


def by_key(resources):
    """Resources by type and id."""
    return {(one["resourceType"], one["id"]): one for one in resources}


@pytest.fixture(scope="module")
def mcode(mcode_examples):
    """MCODE's examples of the types we map."""
    names = [name for name in mcode_examples.of_type(*KINDS) if name.startswith("package/example/")]
    return [decode(mcode_examples.bytes(name)) for name in names]


def test_r4_to_r5_and_back_is_exact(mcode):
    """A hospital that moves to R5 would lose what R5 has no place for."""
    there = to_release(mcode, "R5", source_release="R4")
    back = to_release([decode(encode(one)) for one in there.resources], "R4", residue=there.study.residue)
    given, returned = by_key(mcode), by_key(back.resources)
    assert given.keys() == returned.keys()
    assert [key for key in given if not equal(given[key], returned[key])] == []


def test_what_is_written_is_r5(mcode):
    """A server of R5 would refuse it."""
    made = to_release(mcode, "R5", source_release="R4").resources
    assert [str(finding) for one in made for finding in check(one, "R5")] == []
    procedure = next(one for one in made if one["resourceType"] == "Procedure" and "occurrencePeriod" in one)
    assert "performedPeriod" not in procedure


def test_the_command_does_both_ways(mcode, tmp_path):
    """The same through files, the residue beside the resources."""
    files.write(mcode, tmp_path / "r4", "ndjson", "R4")
    for source, target, release in (("r4", "r5", "R5"), ("r5", "home", "R4")):
        words = ["convert", str(tmp_path / source), "--to", "fhir", "-o", str(tmp_path / target), "--quiet"]
        done = CliRunner().invoke(app, [*words, "--to-release", release, "--no-check"])
        assert done.exit_code == 0, done.output
    home = {}
    for file in (tmp_path / "home").glob("*.ndjson"):
        if file.name != "residue.ndjson":
            home |= by_key(decode(line) for line in file.read_bytes().splitlines())
    given = by_key(mcode)
    assert given.keys() == home.keys()
    assert [key for key in given if not equal(given[key], home[key])] == []
