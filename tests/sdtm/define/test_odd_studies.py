"""Defines of studies that are not as the guide has them: empty datasets, odd names and codes, datasets without a key."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from openpyxl import Workbook

from trialbridge.base.errors import DoesNotFitError
from trialbridge.sdtm import terminology
from trialbridge.sdtm.define import specification_read, specification_write, xml
from trialbridge.sdtm.define.build import define_of
from trialbridge.sdtm.define.specification_losses import losses
from trialbridge.sdtm.table import study, table

IDS = {"STUDYID": ["S", "S"], "USUBJID": ["1", "2"]}


def defined(**tables):
    """The define of a study of these datasets (columns by name), and its findings."""
    frames = [table(name.replace("_", " "), pl.DataFrame(columns)) for name, columns in tables.items()]
    return define_of(study(frames), terminology.load(terminology.BUNDLED))


@pytest.mark.parametrize(("name", "code", "value"), [("SUPPAE", "QNAM", "QVAL"), ("TS", "TSPARMCD", "TSVAL")])
def test_a_dataset_without_records_has_no_value_list(name, code, value, errors):
    """If it failed, an empty SUPP-- would make the whole define invalid: the standard has no empty value list."""
    define, _ = defined(
        **{name: pl.DataFrame({"STUDYID": [], code: [], value: []}, schema_overrides={code: pl.String})}
    )
    assert define.value_lists == ()
    assert errors(xml.to_bytes(define), "2.1") == []


def test_visit_numbers_of_all_datasets_are_one_codelist_of_numbers():
    """If it failed, an unscheduled visit 3.5 would stand in a codelist of whole numbers, as on the CDISC pilot."""
    visits = {"VISIT": ["ONE", "TWO"]}
    whole = {**IDS, "VISITNUM": [1.0, 2.0], **visits}
    for first, second, kind in (([1.0, 2.0], [3.0, 3.5], "float"), ([1.0, 2.0], [3.0, 4.0], "integer")):
        define, _ = defined(VS={**whole, "VISITNUM": first}, SV={**whole, "VISITNUM": second})
        assert define.codelist["CL.VISITNUM"].type == kind
    define, _ = defined(VS=whole, SV={**whole, "VISITNUM": ["2", "UNPLANNED"]})
    assert define.codelist["CL.VISITNUM"].type == "text"


def test_the_pilots_visit_numbers(made):
    """If it failed, the CDISC pilot's visits (3.5 is one) would be described as whole numbers."""
    codelist = made("pilot").codelist["CL.VISITNUM"]
    assert "3.5" in [one.value for one in codelist.terms]
    assert codelist.type == "float"


@pytest.mark.parametrize("name", ["APDM", "POOLDEF", "A_B", "LONGNAME"])
def test_a_dataset_of_which_the_guide_has_no_key(name, errors):
    """If it failed, a study with associated persons, pools or a dataset of its own would get no define at all."""
    define, findings = defined(**{name: {"STUDYID": ["S", "S"], "APID": ["1", "2"], "XX": ["a", "a"]}})
    (dataset,) = define.datasets
    assert [define.item[one.item].name for one in dataset.keys] == ["STUDYID", "APID"]
    assert errors(xml.to_bytes(define), "2.1") == []
    assert any(one.id == "TB-DEFINE-0009" for one in findings) == (name == "A_B")  # a blank is no part of a SAS name


def test_a_variable_whose_name_sas_does_not_take(errors):
    """If it failed, one long or odd name would make the whole define invalid, and no one would be told."""
    names = ["LONGERTHAN8", "A NAME", "9TH", "É"]
    define, findings = defined(ZZ={**IDS, **{one: ["a", "b"] for one in names}})
    assert errors(xml.to_bytes(define), "2.1") == []
    assert {one.where.path for one in findings if one.id == "TB-DEFINE-0009"} == {f"IT.ZZ.{one}" for one in names}


def test_codes_that_look_alike_have_clauses_of_their_own():
    """If it failed, the values of one test would be described by the where clause of another."""
    codes = {"ZZTESTCD": ["A-B", "A_B", "A B"], "ZZORRES": ["1", "x", "y"], "ZZSTRESC": [None, "x", "y"]}
    define, _ = defined(ZZ={"STUDYID": ["S"] * 3, "USUBJID": ["1"] * 3, **codes})
    for listed in define.value_lists:
        for ref in listed.items:
            (check,) = define.where[ref.where[0]].checks
            assert check.values == (define.item[ref.item].name,)


def workbook(path, clauses):
    """A specification of one dataset with these where clauses."""
    book = Workbook()
    book.remove(book.active)
    rows = {
        "Datasets": [["Dataset", "Label"], ["LB", "Laboratory"]],
        "Variables": [["Dataset", "Variable", "Data Type"], *(["LB", one, "text"] for one in ("LBTESTCD", "LBORRES"))],
        "ValueLevel": [["Dataset", "Variable", "Where Clause"], *(["LB", "LBORRES", one] for one in clauses)],
    }
    for name, its in rows.items():
        sheet = book.create_sheet(name)
        for row in its:
            sheet.append(row)
    book.save(path)
    return path


def test_clauses_of_one_value_are_told_apart(tmp_path):
    """If it failed, `NE "ALT"` would be read as `EQ "ALT"`: the clauses would share an OID, and the first would win."""
    asked = ['LBTESTCD EQ "ALT"', 'LBTESTCD NE "ALT"', 'LBTESTCD EQ "A-B"', 'LBTESTCD EQ "A_B"', 'LBTESTCD EQ "ALT"']
    define, _ = specification_read.read(workbook(tmp_path / "spec.xlsx", asked))
    (listed,) = define.value_lists
    clauses = [define.where[one.where[0]].checks[0] for one in listed.items]
    assert [f'LBTESTCD {one.comparator} "{one.values[0]}"' for one in clauses] == asked
    assert len({one.oid for one in define.items}) == len(define.items)


def test_what_a_workbook_has_no_place_for_is_told(made, tmp_path):
    """If it failed, a define's second origins, ranks and descriptions would vanish in a workbook without a word."""
    define = made("example")
    target = specification_write.write(define, tmp_path / "spec.xlsx")
    assert losses(define, target) == []
    first = define.codelists[0]
    ranked = replace(first, text="Said", terms=tuple(replace(one, rank="1") for one in first.terms))
    item = next(one for one in define.items if one.origins)
    twice = replace(item, origins=item.origins * 2)
    richer = replace(
        define,
        codelists=(ranked, *define.codelists[1:]),
        items=tuple(twice if one is item else one for one in define.items),
    )
    found = losses(richer, target)
    assert {one.id for one in found} == {"TB-DEFINE-0010"}
    assert [one.message.partition(":")[0] for one in found] == [
        "1 times an item's second origin",
        f"{len(first.terms)} times a term's rank",
        "1 times a description of a codelist, term or value list",
    ]


def test_a_character_xml_cannot_hold_is_placed():
    """If it failed, a user would learn that some coded value is wrong, and not of which codelist."""
    define, _ = defined(AE={**IDS, "AEOUT": ["FATAL", "a\x0bb"]})
    with pytest.raises(DoesNotFitError, match=r"CodeList\[@OID='CL.OUT'\]/EnumeratedItem/CodedValue: XML cannot hold"):
        xml.to_bytes(define)
