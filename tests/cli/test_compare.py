"""`trialbridge diff` and the comparison behind it: it judges the conversion, so it must see every change."""

from __future__ import annotations

import json
from decimal import Decimal

import polars as pl
import pytest

from trialbridge.converters.compare import compare_resources, compare_studies
from trialbridge.sdtm.table import study, table

AE = {
    "USUBJID": ["1", "1", "2"],
    "AESEQ": [1.0, 2.0, 1.0],
    "AETERM": ["Cough", None, "Rash"],
    "AESTDY": [3.0, None, 0.1],
}


def ae(**changed):
    """A study with AE of three rows, some columns changed."""
    return study([table("AE", pl.DataFrame({**AE, **changed}))])


def only(found):
    """The one difference there is."""
    (difference,) = found.differences
    return difference


def test_equal_studies():
    """Two equal studies would differ, or no cell be compared (3 rows of 4 columns)."""
    found = compare_studies(ae(), ae())
    assert found.equal
    assert found.places[0].compared == 12


@pytest.mark.parametrize(
    ("column", "row", "values", "a", "b"),
    [
        ("AETERM", 1, ["cough", None, "Rash"], "Cough", "cough"),
        ("AETERM", 2, ["Cough", "x", "Rash"], None, "x"),
        ("AETERM", 3, ["Cough", None, "Rash "], "Rash", "Rash "),
        ("AESTDY", 1, [None, None, 0.1], 3.0, None),
        ("AESTDY", 3, [3.0, None, 0.1 + 2**-56], 0.1, 0.1 + 2**-56),
    ],
)
def test_one_changed_cell(column, row, values, a, b):
    """A changed cell would go unseen: a letter, a filled blank, a trailing blank, the last bit of a number."""
    one = only(compare_studies(ae(), ae(**{column: values})))
    assert (one.kind, one.where.dataset, one.where.row, one.where.variable) == ("cell", "AE", row, column)
    assert (one.a, one.b) == (a, b)


def test_rows_are_matched_by_key_not_by_place():
    """Rows in another order would all differ, or the order not be noted."""
    turned = study([table("AE", pl.DataFrame(AE).reverse())])
    found = compare_studies(ae(), turned)
    assert found.equal
    assert found.notes == ("The rows stand in another order in AE.",)
    assert found.places[0].compared == 12


def test_changed_cell_in_turned_rows():
    """With another order a changed cell would be told of at the wrong record."""
    turned = pl.DataFrame({**AE, "AETERM": ["Cough", None, "Itch"]}).reverse()
    one = only(compare_studies(ae(), study([table("AE", turned)])))
    assert (one.where.row, one.a, one.b) == (3, "Rash", "Itch")
    assert dict(one.key) == {"USUBJID": "2", "AESEQ": 1.0}


def test_missing_row_column_dataset():
    """Something that is there on one side only would go unseen, or be blamed on the wrong side."""
    short = study([table("AE", pl.DataFrame(AE).head(2))])
    assert (only(compare_studies(ae(), short)).kind, only(compare_studies(ae(), short)).missing) == ("row", "B")
    assert only(compare_studies(short, ae())).missing == "A"
    narrow = study([table("AE", pl.DataFrame(AE).drop("AETERM"))])
    one = only(compare_studies(narrow, ae()))
    assert (one.kind, one.missing, one.where.variable) == ("column", "A", "AETERM")
    one = only(compare_studies(ae(), study([])))
    assert (one.kind, one.missing, one.where.dataset) == ("dataset", "B", "AE")


def test_records_that_share_a_key():
    """Of records with one key, a turned order would be a difference, or a changed one not."""
    twice = {"USUBJID": ["1", "1"], "AESEQ": [1.0, 1.0], "AETERM": ["a", "b"]}
    turned = {**twice, "AETERM": ["b", "a"]}
    changed = {**twice, "AETERM": ["b", "c"]}

    def of(columns):
        return study([table("AE", pl.DataFrame(columns))])

    assert compare_studies(of(twice), of(turned)).equal
    one = only(compare_studies(of(twice), of(changed)))
    assert (one.a, one.b) == ("a", "c")
    thrice = {"USUBJID": ["1"] * 3, "AESEQ": [1.0] * 3, "AETERM": ["a", "b", "b"]}
    assert only(compare_studies(of(twice), of(thrice))).kind == "row"


def test_char_against_num():
    """A column that changed its type would pass as equal, or each of its cells be told of."""
    as_text = study([table("AE", pl.DataFrame({**AE, "AESTDY": ["3", None, "0.1"]}))])
    one = only(compare_studies(ae(), as_text))
    assert (one.kind, one.a, one.b) == ("type", "Num", "Char")
    as_text = study([table("AE", pl.DataFrame({**AE, "AESTDY": ["3", None, "0.2"]}))])
    assert [one.kind for one in compare_studies(ae(), as_text).differences] == ["type", "cell"]


def test_an_empty_column_has_no_type():
    """A study would differ from itself as CSV, which knows no type of a column without a value."""
    empty = study([table("AE", pl.DataFrame({**AE, "AESTDY": [None] * 3}, schema_overrides={"AESTDY": pl.String}))])
    as_number = study(
        [table("AE", pl.DataFrame({**AE, "AESTDY": [None] * 3}, schema_overrides={"AESTDY": pl.Float64}))]
    )
    assert compare_studies(empty, as_number).equal
    assert only(compare_studies(ae(AESTDY=["3", None, None]), ae(AESTDY=[3.0, None, None]))).kind == "type"


def test_dataset_without_known_keys():
    """A sponsor's own dataset would not be compared at all."""

    def of(values):
        return study([table("XX", pl.DataFrame({"ANYTHING": values}))])

    assert compare_studies(of(["a", "b"]), of(["a", "b"])).equal
    assert only(compare_studies(of(["a", "b"]), of(["a", "c"]))).where.row == 2


SIZE = {"resourceType": "Observation", "id": "o", "valueQuantity": {"value": Decimal("23.50"), "code": "mm"}}


def changed(**elements):
    """The Observation with elements changed."""
    return {**SIZE, **elements}


@pytest.mark.parametrize(
    ("other", "path", "missing"),
    [
        (changed(valueQuantity={"value": Decimal("23.5"), "code": "mm"}), "Observation.valueQuantity.value", None),
        (changed(valueQuantity={"value": Decimal("23.50")}), "Observation.valueQuantity.code", "B"),
        (changed(note=[{"text": "x"}]), "Observation.note", "A"),
        (changed(valueQuantity={"value": "23.50", "code": "mm"}), "Observation.valueQuantity.value", None),
    ],
)
def test_one_changed_element(other, path, missing):
    """A changed element would go unseen: a decimal's digits, one gone, one added, a number become text."""
    one = only(compare_resources([SIZE], [other]))
    assert (one.kind, one.where.resource, one.where.path, one.missing) == ("element", "Observation/o", path, missing)


def test_true_is_not_one():
    """A boolean would equal a number."""
    made = [[{"resourceType": "Patient", "id": "p", "active": value}] for value in (True, 1)]
    assert not compare_resources(*made).equal


def test_order_of_members_and_resources_is_no_difference():
    """JSON objects would be compared by the order of their members, sets by that of their resources."""
    patient = {"resourceType": "Patient", "id": "p", "active": True, "gender": "male"}
    turned = {"gender": "male", "active": True, "id": "p", "resourceType": "Patient"}
    found = compare_resources([SIZE, patient], [turned, SIZE])
    assert found.equal
    assert sum(place.compared for place in found.places) == 8  # 4 primitives each


def test_order_of_a_list_is_a_difference():
    """FHIR lists are ordered: a turned list would pass as equal."""
    made = [[{"resourceType": "Patient", "id": "p", "name": [{"text": a}, {"text": b}]}] for a, b in ("xy", "yx")]
    assert [one.where.path for one in compare_resources(*made).differences] == [
        "Patient.name[0].text",
        "Patient.name[1].text",
    ]


def test_missing_resource():
    """A resource on one side only would go unseen."""
    one = only(compare_resources([SIZE], []))
    assert (one.kind, one.where.resource, one.missing) == ("resource", "Observation/o", "B")


def test_command_equal_and_different(run, study, tmp_path):
    """`diff` would end in 0 for different studies, or not list what differs with its record and both values."""
    run("convert", study, "--to", "sdtm", "-o", tmp_path / "x", "--format", "xpt")
    same = run("diff", study, tmp_path / "x")
    assert same.code == 0
    assert "equal" in same.out
    (study / "ae.csv").write_text((study / "ae.csv").read_text().replace("Cough,Cough", "Cough,Kough"))
    other = run("diff", study, tmp_path / "x")
    assert other.code == 1
    assert "AE row 2 AEDECOD [USUBJID='S1-01' AESEQ=2]: 'Kough' | 'Cough'" in other.out
    found = run("diff", study, tmp_path / "x", "--json").json
    assert (found["equal"], found["count"]) == (False, 1)
    assert found["differences"][0]["variable"] == "AEDECOD"


def test_command_max(run, study, tmp_path):
    """--max would not bound the list, or hide how many there are."""
    run("convert", study, "--to", "sdtm", "-o", tmp_path / "x")
    (study / "ae.csv").write_text((study / "ae.csv").read_text().replace(",AE,", ",XX,"))
    few = run("diff", study, tmp_path / "x", "--max", 2)
    assert "and 1 more" in few.out
    found = run("diff", study, tmp_path / "x", "--max", 2, "--json").json
    assert (len(found["differences"]), found["count"]) == (2, 3)
    assert len(run("diff", study, tmp_path / "x", "--max", 0, "--json").json["differences"]) == 3


def test_command_on_resources_of_any_format(run, study, tmp_path):
    """A Bundle and NDJSON of the same resources would differ by how they write references."""
    for name in ("ndjson", "bundle", "transaction", "xml"):
        run("convert", study, "--to", "fhir", "-o", tmp_path / name, "--format", name)
    for name in ("bundle", "transaction", "xml"):
        assert run("diff", tmp_path / "ndjson", tmp_path / name).code == 0
    path = tmp_path / "ndjson" / "Patient.ndjson"
    path.write_text(path.read_text().replace('"female"', '"male"'))
    done = run("diff", tmp_path / "ndjson", tmp_path / "bundle")
    assert done.code == 1
    assert "Patient.gender: 'male' | 'female'" in done.out


def test_command_unreadable(run, study, patient, tmp_path):
    """What cannot be compared would be called equal or different instead of exit code 2."""
    (tmp_path / "p.json").write_text(json.dumps(patient))
    assert run("diff", study, tmp_path / "absent").code == 2
    assert run("diff", study, tmp_path / "p.json").code == 2
    (tmp_path / "cut.ndjson").write_text(json.dumps(patient) + '\n{"resourceType": "Pat')
    done = run("diff", tmp_path / "p.json", tmp_path / "cut.ndjson")
    assert done.code == 2
    assert "line 2" in done.err
