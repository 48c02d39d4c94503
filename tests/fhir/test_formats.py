"""The table of formats: kinds told by content, folders read, every format back and forth."""

import gzip
import json
from decimal import Decimal

import pytest

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.fhir.files import FORMATS, read, sniff, write

PATIENT = {"resourceType": "Patient", "id": "1"}
SEEN = {
    "resourceType": "Observation",
    "id": "2",
    "status": "final",
    "code": {"text": "x"},
    "subject": {"reference": "Patient/1"},
    "valueQuantity": {"value": Decimal("23.50")},
}
LINE = b'{"resourceType":"Patient","id":"1"}'


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.txt", LINE + b"\n" + LINE, "ndjson"),
        ("a.txt", LINE, "json"),
        ("a.txt", json.dumps(PATIENT, indent=2).encode(), "json"),
        ("a.txt", b"[" + LINE + b"]", "json"),
        ("a.txt", b'{"resourceType":"Bundle","entry":[\n{"resource":' + LINE + b"}]}", "json"),
        ("a.txt", b'{"resourceType":"Pat\n' + LINE, "ndjson"),
        ("a.ndjson", b'{"resourceType":"Pat', "ndjson"),
        ("a.ndjson", b"", "ndjson"),
        ("a.txt", b"\xef\xbb\xbf" + LINE, "json"),
        ("a.txt", b' \n<Patient xmlns="http://hl7.org/fhir"/>', "xml"),
        ("a.txt", gzip.compress(LINE + b"\n" + LINE, mtime=0), "ndjson"),
        ("a.txt", b"{" + b" " * 300_000 + b'"resourceType":"Patient"}\n' + LINE, "ndjson"),
    ],
)
def test_the_kind_is_told_by_content(tmp_path, name, content, kind):
    """A file with an unusual name would be read as the wrong kind."""
    (tmp_path / name).write_bytes(content)
    assert sniff(tmp_path / name) == kind


@pytest.mark.parametrize("content", [b"\x00\x01\x02", b"USUBJID,SEX\n1,M\n", b"", b"\x1f\x8bgarbage"])
def test_garbage_is_an_error_that_names_the_file(tmp_path, content):
    """Garbage would end in a traceback, or as nothing read."""
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(UnreadableInputError, match=r"a\.txt"):
        read(path)


def test_a_missing_file_is_an_error(tmp_path):
    """A mistyped path would give an empty study."""
    with pytest.raises(UnreadableInputError, match="no such file"):
        read(tmp_path / "none.json")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_back_what_it_got(tmp_path, name):
    """A format would lose or change a resource."""
    paths = write([PATIENT, SEEN], tmp_path / "out", name, "R4")
    assert all(path.is_file() for path in paths)
    reading = read(tmp_path / "out")
    assert sorted(item.resource["id"] for item in reading.resources) == ["1", "2"]
    assert SEEN in [item.resource for item in reading.resources]
    assert (reading.rejects, reading.findings) == ([], [])
    again = write([PATIENT, SEEN], tmp_path / "again", name, "R4")
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]


def test_an_unknown_format_is_refused(tmp_path):
    """A typo would write nothing, or another format."""
    with pytest.raises(UnknownNameError, match="ndjson, bundle, transaction, xml"):
        write([PATIENT], tmp_path, "ndjsn", "R4")


def test_a_folder_is_read_on_past_a_broken_file(tmp_path):
    """One broken file of a thousand would stop the study, or vanish; other files would be passed over unsaid."""
    (tmp_path / "a.json").write_bytes(b"garbage")
    (tmp_path / "b.json").write_bytes(LINE)
    (tmp_path / "c.xml").write_bytes(b"<!DOCTYPE p><p/>")
    (tmp_path / "log.txt").write_bytes(b"text")
    (tmp_path / "manifest.json").write_bytes(b"{}")
    reading = read(tmp_path)
    assert [item.file for item in reading.resources] == ["b.json"]
    assert [(reject.finding.where.file, reject.text) for reject in reading.rejects] == [
        ("a.json", "garbage"),
        ("c.xml", "<!DOCTYPE p><p/>"),
    ]
    assert [f.id for f in reading.findings if f.where.file == "log.txt"] == ["TB-FHIR-SKIPPED"]


def test_mcode_examples_are_read(mcode_examples, tmp_path):
    """A real implementation guide's examples would not be read whole."""
    names = [name for name in mcode_examples.names if name.startswith("package/example/")]
    assert len(names) == 179
    for name in names:
        (tmp_path / name.rsplit("/", 1)[1]).write_bytes(mcode_examples.bytes(name))
    reading = read(tmp_path)
    assert len({item.file for item in reading.resources + reading.envelopes}) == 179
    assert reading.rejects == []
