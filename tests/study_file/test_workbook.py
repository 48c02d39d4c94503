"""The study file as a workbook: the same file, and each mistake with its sheet and row."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import openpyxl
import pytest

from trialbridge.base.errors import UnreadableInputError
from trialbridge.study_file import workbook
from trialbridge.study_file.load import load

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
OWN = """study: {id: S1, title: 'A: title'}
reading: {dates: day-first, missing: ['-99', nd], decimal: comma}
records: {}
sources:
  a: {table: A form, header: [2, 3], keys: [Subject, 'Lesion, no.'], reading: {dates: month-first}}
codes:
  T: {F: [Vrouw, vr.], "5": {read: [five]}}
visits: {planned: [{number: 2.5, name: V, day: -14, form: [v, vee]}], unscheduled: 'U {number}'}
domains:
  - domain: VS
    from: a
    when: "[Subject] is given"
    keep: [VSPOS, VSLAT]
    variables:
      VSDTC: {date: {year: Y, month: M}}
      VSLNKID: {concat: [{column: Reader, codes: T}, "'-'", Lesion]}
      VSSTRESN: {convert: W, divided_by: 2.5, decimals: 1}
      SUPP.X: {split: W, part: 2, separator: '/', label: 'A label'}
    each:
      - {when: "[W] is given", variables: {VSTESTCD: "'WEIGHT'", VSORRES: W}}
      - {variables: {VSTESTCD: "'HEIGHT'", VSORRES: {lookup: H, in: a, by: [Subject], where: "[H] > 1"}}}
  - domain: RELREC
    rows: [{RDOMAIN: TU, RELID: A}, {RDOMAIN: TR, RELID: A, IDVARVAL: 5}]
"""


@pytest.fixture(params=["own", "template", "redcap"])
def given(request, tmp_path):
    """Three study files: one with every feature, the template's, the REDCap example's."""
    if request.param == "redcap":
        return EXAMPLES / "redcap_oncology" / "study.yaml"
    path = tmp_path / "study.yaml"
    bundled = files("trialbridge.crf").joinpath("data", "template-study.yaml")
    path.write_text(OWN if request.param == "own" else bundled.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def test_the_same_file(given, tmp_path):
    """A study file would say something else as a workbook than as YAML."""
    workbook.write(load(given), tmp_path / "study.xlsx")
    assert load(tmp_path / "study.xlsx") == load(given)


@pytest.mark.parametrize(
    ("sheet", "column", "old", "new", "says"),
    [
        ("lines", "how", "convert", "covnert", "lines, row"),
        ("lines", "codes", None, None, ""),
        ("blocks", "from", "a", "b", "blocks, row 2"),
        ("sources", "reading", "dates: month-first", "dates: moon-first", "sources, row 2"),
        ("lines", "block", "1", "7", "there is no block"),
    ],
    ids=["unknown word", "nothing wrong", "unknown source", "wrong habit", "unknown block"],
)
def test_mistakes_are_told_with_their_row(tmp_path, sheet, column, old, new, says):
    """A mistake in a workbook would pass, or be told without its place."""
    (tmp_path / "study.yaml").write_text(OWN)
    workbook.write(load(tmp_path / "study.yaml"), tmp_path / "study.xlsx")
    book = openpyxl.load_workbook(tmp_path / "study.xlsx")
    page = book[sheet]
    at = next(cell.column for cell in page[1] if cell.value == column)
    for row in range(2, page.max_row + 1):
        text = page.cell(row, at).value
        if old is not None and isinstance(text, str) and old in text:
            page.cell(row, at).value = text.replace(old, new)
            break
    book.save(tmp_path / "changed.xlsx")
    if not says:
        load(tmp_path / "changed.xlsx")
        return
    with pytest.raises(UnreadableInputError, match=says):
        load(tmp_path / "changed.xlsx")
