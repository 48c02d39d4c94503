"""The specification workbook: written and read again, and the ways in which people's own differ."""

from __future__ import annotations

from dataclasses import replace

import pytest
from openpyxl import Workbook, load_workbook

from trialbridge.base.errors import UnreadableInputError
from trialbridge.sdtm import define as definitions
from trialbridge.sdtm.define import specification_read, specification_write, where_text, xml


def test_written_read_written(named, made, tmp_path, errors):
    """A define would lose something of value by a stay in a workbook."""
    path = specification_write.write(made(named), tmp_path / "spec.xlsx")
    define, findings = specification_read.read(path)
    assert findings == []
    ours = made(named)
    assert define.item == {**ours.item}
    assert define.codelist == {**ours.codelist}
    assert define.where == {**ours.where}
    assert define.value_lists == ours.value_lists
    assert (define.methods, define.comments, define.standards) == (ours.methods, ours.comments, ours.standards)
    assert [replace(one, aliases=()) for one in ours.datasets] == list(define.datasets)
    assert errors(xml.to_bytes(define), "2.1") == []
    again = specification_write.write(define, tmp_path / "again.xlsx")
    assert again.read_bytes() == path.read_bytes()


def workbook(path, sheets):
    """A workbook of sheets, each a list of rows."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


OLDER = {
    "Study": [["Attribute", "Value"], ["StudyName", "S1"], ["StandardName", "SDTM-IG"], ["StandardVersion", "3.2"]],
    "Datasets": [
        ["DATASET", "Label", "class", "Structure", "KeyVariables", "Purpose"],
        [
            "LB",
            "Laboratory Test Results",
            "FINDINGS",
            "One record per test",
            "STUDYID, USUBJID, LBTESTCD",
            "Tabulation",
        ],
    ],
    "Variables": [
        [
            "order",
            "Dataset",
            "Variable",
            "Label",
            "DataType",
            "Length",
            "Codelist",
            "Origin",
            "Pages",
            "Our own column",
        ],
        [1, "LB", "STUDYID", "Study Identifier", "text", 2, None, "Protocol", None, "x"],
        [2, "LB", "USUBJID", "Unique Subject Identifier", "text", 8.0, None, "Assigned", None, None],
        [3, "LB", "LBTESTCD", "Test", "text", 8, "LBTESTCD", "CRF", "6 7", None],
        [4, "LB", "LBCAT", "Category", "text", 20, None, "eDT", None, None],
        [5, "LB", "LBORRES", "Result", "text", 20, None, "eDT", None, None],
    ],
    "ValueLevel": [
        ["Order", "Dataset", "Variable", "Where Clause", "Data Type", "Length"],
        [1, "LB", "LBORRES", "LB.ALT.CHEM", "float", 8],
        [2, "LB", "LBORRES", 'LBTESTCD EQ "GLUC" and LBCAT IN ("CHEMISTRY", "URINALYSIS")', "text", 8],
    ],
    "WhereClauses": [
        ["ID", "Dataset", "Variable", "Comparator", "Value"],
        ["LB.ALT.CHEM", "LB", "LBTESTCD", "EQ", "ALT"],
        ["LB.ALT.CHEM", "LB", "LBCAT", "IN", "CHEMISTRY, OTHER"],
    ],
    "Codelists": [
        ["ID", "Name", "NCI Codelist Code", "Data Type", "Order", "Term", "NCI Term Code", "Decoded Value"],
        ["LBTESTCD", "Laboratory Test Code", "C65047", "text", 1, "ALT", "C64433", "Alanine Aminotransferase"],
        ["LBTESTCD", "Laboratory Test Code", "C65047", "text", 2, "GLUC", "C105585", "Glucose"],
    ],
    "Documents": [["ID", "Title", "Href"], ["acrf", "Annotated CRF", "acrf.pdf"]],
    "Our notes": [["anything"], ["at all"]],
}


def test_an_older_workbook(tmp_path):
    """Headers spelt otherwise, sheets of one's own, or a where clause over several rows would not be understood."""
    define, findings = definitions.read(workbook(tmp_path / "spec.xlsx", OLDER))
    assert findings == []
    assert [(one.name, one.version) for one in define.standards] == [("SDTMIG", "3.2")]
    assert [define.item[ref.item].name for ref in define.dataset["LB"].keys] == ["STUDYID", "USUBJID", "LBTESTCD"]
    assert define.item["IT.LB.USUBJID"].length == 8
    origin = define.item["IT.LB.LBTESTCD"].origins[0]
    assert (origin.type, origin.documents[0].leaf, origin.documents[0].pages[0].refs) == ("Collected", "LF.acrf", "6 7")
    assert (define.item["IT.LB.LBCAT"].origins[0].type, define.item["IT.LB.LBCAT"].origins[0].source) == (
        "Collected",
        "Vendor",
    )
    checks = [[(one.item, one.comparator, one.values) for one in where.checks] for where in define.where_clauses]
    assert checks == [
        [("IT.LB.LBTESTCD", "EQ", ("ALT",)), ("IT.LB.LBCAT", "IN", ("CHEMISTRY", "OTHER"))],
        [("IT.LB.LBTESTCD", "EQ", ("GLUC",)), ("IT.LB.LBCAT", "IN", ("CHEMISTRY", "URINALYSIS"))],
    ]
    assert define.codelist["CL.LBTESTCD"].terms[0].code == "C64433"


def test_what_cannot_be_taken_is_told(tmp_path):
    """A codelist that is not described, a clause that cannot be read, a length in words: each would pass unseen."""
    broken = {
        **OLDER,
        "Codelists": OLDER["Codelists"][:1],
        "ValueLevel": [OLDER["ValueLevel"][0], [1, "LB", "LBORRES", "whenever it is ALT", "float", 8]],
        "Variables": [*OLDER["Variables"][:5], [5, "LB", "LBORRES", "Result", "text", "long", None, "eDT", None, None]],
    }
    _, findings = definitions.read(workbook(tmp_path / "spec.xlsx", broken))
    assert {one.id for one in findings} == {"TB-DEFINE-0004", "TB-DEFINE-0005", "TB-DEFINE-0007"}


def test_a_workbook_of_something_else(tmp_path):
    """Any workbook would be taken for a specification, and give an empty define."""
    path = workbook(tmp_path / "list.xlsx", {"Sheet": [["a"], [1]]})
    assert definitions.sniff(path) is None
    with pytest.raises(UnreadableInputError, match="nor a specification workbook"):
        definitions.read(path)


def test_texts_that_look_like_formulas_stay_texts(made, tmp_path):
    """A label that begins with = would be run by the reader's program."""
    first = made("example").items[0]
    odd = replace(made("example"), items=(replace(first, label="=1+1"), *made("example").items[1:]))
    book = load_workbook(specification_write.write(odd, tmp_path / "spec.xlsx"))
    cell = next(row[3] for row in book["Variables"].iter_rows(min_row=2) if row[2].value == first.name)
    assert (cell.value, cell.data_type) == ("=1+1", "s")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LBTESTCD EQ ALT", (("LBTESTCD", "EQ", ("ALT",)),)),
        ('LBTESTCD EQ "A ""B"" and C"', (("LBTESTCD", "EQ", ('A "B" and C',)),)),
        ("LB.LBCAT notin (A, 'B C')", (("LB.LBCAT", "NOTIN", ("A", "B C")),)),
        ("AGE GE 65 and SEX EQ F", (("AGE", "GE", ("65",)), ("SEX", "EQ", ("F",)))),
        ("", None),
        ("LBTESTCD EQ", None),
        ("LBTESTCD = ALT", None),
        ("LBTESTCD IN ()", None),
    ],
)
def test_where_clauses(text, expected):
    """A composite where clause would lose a condition, or a value be cut at a blank or a quote."""
    assert where_text.parse(text) == expected
    if expected is not None:
        assert where_text.parse(where_text.shown(expected)) == expected


def test_value_level_words_by_what_is_selected(made):
    """A define of another tool names its items otherwise and takes tests together: its words would not be found."""
    from trialbridge.sdtm.define.model import Check, Item, ItemRef, Origin, ValueList, WhereClause

    ours = made("example")
    tests = ("WEIGHT", "HEIGHT")
    theirs = Item(
        oid="IT.X.1",
        name="VSORRES",
        type="float",
        label="A size of the body",
        origins=(Origin(type="Collected", source="Vendor"),),
    )
    spec = replace(
        ours,
        items=tuple(
            replace(one, values="VL.X") if one.oid == "IT.VS.VSORRES" else one for one in (*ours.items, theirs)
        ),
        value_lists=(ValueList(oid="VL.X", items=(ItemRef(item="IT.X.1", where=("WC.X",)),)),),
        where_clauses=(WhereClause(oid="WC.X", checks=(Check(item="IT.VS.VSTESTCD", comparator="IN", values=tests),)),),
    )
    made_again, unused = definitions.overlay(ours, spec)
    assert unused == []
    labels = {
        made_again.item[ref.item].name: made_again.item[ref.item] for ref in made_again.values["VL.VS.VSORRES"].items
    }
    assert labels["WEIGHT"].label == "A size of the body"
    assert labels["WEIGHT"].origins[0].source == "Vendor"
    assert labels["SYSBP"].label != "A size of the body"


def test_a_method_stays_unless_the_specification_says_that_nothing_is_derived(made):
    """A specification without origins would take the methods away, or one that says Collected leave one standing."""
    from trialbridge.sdtm.define.model import Origin

    ours = made("example")
    derived = next(ref for one in ours.datasets for ref in one.items if ref.method)
    dataset = next(one.name for one in ours.datasets if derived in one.items)

    def after(*origins):
        items = [replace(one, origins=origins) if one.oid == derived.item else one for one in ours.items]
        without = [replace(one, items=tuple(replace(ref, method="") for ref in one.items)) for one in ours.datasets]
        spec = replace(ours, items=tuple(items), datasets=tuple(without))
        again, _ = definitions.overlay(ours, spec)
        return next(ref.method for ref in again.dataset[dataset].items if ref.item == derived.item)

    assert after() == derived.method
    assert after(Origin(type="Derived")) == derived.method
    assert after(Origin(type="Collected")) == ""
