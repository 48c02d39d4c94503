"""The joint mapping is accounted for: every row has a verdict that the dictionary bears out."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path

from trialbridge.mappings import ALL
from trialbridge.mappings.joint_mapping import ERRATA, VERDICTS, rows

DOCS = Path(__file__).parents[2] / "docs"
# Rows without a FHIR path, counted in the guide's own table (mapping facts, section 0): not by this code.
GAPS = {"AE": 11, "PR": 15, "CM": 16, "MH": 9, "DM": 8, "LB": 7, "VS": 3}


def held(domain, variable):
    """Whether the dictionary has a line or a derivation of a variable."""
    mine = [one for one in ALL if one.domain == domain]
    return any(variable == one.variable for of in mine for one in (*of.lines, *of.derived))


def unborne(found):
    """The rows whose verdict the dictionary does not bear out."""
    for one in found:
        if one.verdict == "implemented" and not held(*one.home):
            yield f"{one.domain} {one.variable}: said to be implemented, and has no line"
        if (one.verdict == "carried" or one.why.startswith("not mapped")) and held(*one.home):
            yield f"{one.domain} {one.variable}: said to have no line, and has one"


def test_every_row_has_a_verdict_and_a_reason():
    """A row of the guide would be passed over in silence."""
    for one in rows():
        assert one.verdict in VERDICTS
        assert one.why or one.verdict == "implemented", one
        assert (one.variable == "-") == (one.verdict == "outside"), one


def test_the_dictionary_bears_every_verdict_out():
    """The document would claim a line that is not there, or deny one that is."""
    assert not list(unborne(rows()))


def test_a_false_verdict_is_seen():
    """The check above could not fail."""
    carried = next(one for one in rows() if one.verdict == "carried")
    sex = next(one for one in rows() if one.variable == "SEX")
    assert list(unborne([type(sex)("DM", "SEXX", "", "", "implemented", "")]))
    assert list(unborne([type(sex)("DM", "SEX", "", "", carried.verdict, "said")]))


def test_every_gap_of_the_guide_is_there():
    """Rows would be missing from the table: the guide's own number of gaps is known."""
    found = Counter(one.domain for one in rows() if not one.path)
    assert found == GAPS


def test_what_the_guide_reads_wrongly_is_refused():
    """A record made in error would become the statement that a condition did not occur."""
    occurred = [one for one in rows() if one.variable in {"MHOCCUR", "CMOCCUR"}]
    assert occurred
    assert {one.verdict for one in occurred} == {"refused"}
    assert any("entered-in-error" in what for _, what in ERRATA)


def test_the_document_is_current():
    """The document would tell of an earlier state of the dictionary."""
    spec = importlib.util.spec_from_file_location("make_joint_mapping", DOCS / "make_joint_mapping.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / "joint_mapping.md").read_text(encoding="utf-8") == module.document()
