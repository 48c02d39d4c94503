"""NDJSON read and written: every line accounted for."""

import gzip
import hashlib
import json
from decimal import Decimal

import pytest

from trialbridge.base.errors import DoesNotFitError
from trialbridge.fhir.files import ndjson
from trialbridge.fhir.located import Located, gather

LINES = (
    b'{"resourceType":"Patient","id":"1"}\n'
    b"\n"
    b'{"resourceType":"Patient","id":\n'
    b'{"id":"no type"}\n'
    b"[1]\n"
    b'{"resourceType":"Observation","id":"2","valueQuantity":{"value":23.50}}\r\n'
    b'{"resourceType":"Patient","id":"3"'
)


def read(path):
    """The reading of one file."""
    return gather(ndjson.read(path))


@pytest.fixture
def broken(tmp_path):
    """Good lines among broken ones."""
    path = tmp_path / "mixed.ndjson"
    path.write_bytes(LINES)
    return path


def test_lines_are_resources_or_rejects(broken):
    """A line would vanish: neither read nor rejected."""
    reading = read(broken)
    assert [(item.line, item.resource["id"]) for item in reading.resources] == [(1, "1"), (6, "2")]
    assert [reject.finding.where.line for reject in reading.rejects] == [3, 4, 5, 7]
    assert len(reading.resources) + len(reading.rejects) == len([line for line in LINES.split(b"\n") if line.strip()])


def test_a_reject_keeps_its_text(broken):
    """What could not be read would be lost."""
    assert [reject.text for reject in read(broken).rejects] == [
        '{"resourceType":"Patient","id":',
        '{"id":"no type"}',
        "[1]",
        '{"resourceType":"Patient","id":"3"',
    ]


def test_a_truncated_last_line_says_so(broken):
    """A cut download would look like a whole one."""
    last = read(broken).rejects[-1].finding
    assert last.where.line == 7
    assert "ends inside this line" in last.message
    assert "ends inside" not in read(broken).rejects[0].finding.message


def test_decimals_stay(broken):
    """23.50 would become 23.5."""
    assert str(read(broken).resources[1].resource["valueQuantity"]["value"]) == "23.50"


def test_a_cut_gzip_gives_what_it_holds(tmp_path):
    """A cut .ndjson.gz would be lost whole, or be taken for complete."""
    lines = [json.dumps({"resourceType": "Patient", "id": hashlib.sha256(bytes([n])).hexdigest()}) for n in range(200)]
    packed = gzip.compress("\n".join(lines).encode() + b"\n")
    path = tmp_path / "Patient.ndjson.gz"
    path.write_bytes(packed[: len(packed) // 2])
    reading = read(path)
    assert 0 < len(reading.resources) < 200
    assert [item.resource["id"] for item in reading.resources] == [
        json.loads(line)["id"] for line in lines[: len(reading.resources)]
    ]
    assert any("ends early" in finding.message for finding in reading.findings)
    path.write_bytes(packed)
    whole = read(path)
    assert (len(whole.resources), whole.findings) == (200, [])


def test_gzip_of_several_members(tmp_path):
    """Files joined by cat would be read only to the first's end (RFC 1952 2.2)."""
    path = tmp_path / "Patient.ndjson.gz"
    path.write_bytes(b"".join(gzip.compress(b'{"resourceType":"Patient","id":"%d"}\n' % n) for n in range(3)))
    assert [item.resource["id"] for item in read(path).resources] == ["0", "1", "2"]


def test_a_line_longer_than_a_chunk(tmp_path):
    """A resource larger than the reading buffer would be broken apart."""
    big = {"resourceType": "Binary", "id": "b", "data": "A" * 900_000}
    path = tmp_path / "Binary.ndjson"
    path.write_text(json.dumps(big) + "\n" + json.dumps(big))
    assert [item.resource for item in read(path).resources] == [big, big]


def test_a_bundle_on_a_line_is_taken_apart(tmp_path):
    """Synthea's NDJSON of Bundles would give no patients."""
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": "urn:uuid:a",
                "resource": {"resourceType": "Patient", "id": "a"},
                "request": {"method": "POST", "url": "Patient"},
            }
        ],
    }
    path = tmp_path / "bundles.ndjson"
    path.write_text((json.dumps(bundle) + "\n") * 2)
    reading = read(path)
    assert [(item.line, item.path, item.full_url) for item in reading.resources] == [
        (1, "Bundle.entry[0].resource", "urn:uuid:a"),
        (2, "Bundle.entry[0].resource", "urn:uuid:a"),
    ]
    assert reading.envelopes[0].resource["entry"] == [
        {"fullUrl": "urn:uuid:a", "request": {"method": "POST", "url": "Patient"}}
    ]


def test_written_by_type_in_order_with_manifest(tmp_path):
    """A bulk loader would not find the files, their order or their sums."""
    given = [
        {"resourceType": "Patient", "id": "2"},
        {"resourceType": "Observation", "id": "o", "valueQuantity": {"value": Decimal("23.50")}},
        {"resourceType": "Patient", "id": "1"},
    ]
    paths = ndjson.write(given, tmp_path / "out", "R4")
    assert [path.name for path in paths] == ["Patient.ndjson", "Observation.ndjson", "manifest.json"]
    assert paths[0].read_bytes() == b'{"resourceType":"Patient","id":"2"}\n{"resourceType":"Patient","id":"1"}\n'
    assert b'"value":23.50}' in paths[1].read_bytes()
    manifest = json.loads(paths[2].read_bytes())
    assert (manifest["release"], manifest["fhirVersion"]) == ("R4", "4.0.1")
    assert manifest["files"][0] == {
        "name": "Patient.ndjson",
        "type": "Patient",
        "count": 2,
        "sha256": hashlib.sha256(paths[0].read_bytes()).hexdigest(),
    }


@pytest.mark.parametrize("compress", [False, True])
def test_the_same_bytes_each_time(tmp_path, compress):
    """Two runs could not be compared by their sums."""
    given = [{"resourceType": "Patient", "id": str(n)} for n in range(50)]
    first = ndjson.write(given, tmp_path / "a", "R4", compress=compress)
    second = ndjson.write(given, tmp_path / "b", "R4", compress=compress)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert [item.resource for item in read(first[0]).resources] == given


def test_what_is_no_resource_is_not_written(tmp_path):
    """A file of no type would be written, or half a folder left."""
    with pytest.raises(DoesNotFitError):
        ndjson.write([{"resourceType": "Patient", "id": "1"}, {"id": "x"}], tmp_path / "out", "R4")
    assert not (tmp_path / "out").exists()


def test_urn_references_are_made_relative(tmp_path):
    """Resources of a transaction would point at nothing once in NDJSON."""
    patient = Located({"resourceType": "Patient", "id": "p"}, full_url="urn:uuid:1")
    seen = Located(
        {"resourceType": "Observation", "id": "o", "subject": {"reference": "urn:uuid:1"}}, full_url="urn:uuid:2"
    )
    paths = ndjson.write([patient, seen], tmp_path, "R4")
    assert json.loads(paths[1].read_bytes())["subject"] == {"reference": "Patient/p"}
