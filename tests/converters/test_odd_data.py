"""Data as they should not be: doubled keys, missing keys, columns of the wrong type, resources of the wrong shape.

The cells come home all the same, or an error of ours says what to mend; never a traceback, never a changed cell.
"""

from __future__ import annotations

import math

import polars as pl
import pytest

from trialbridge.base.errors import TrialbridgeError
from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.jsontext import decode, encode
from trialbridge.sdtm.table import study, table

WHO = {"STUDYID": "ST1", "USUBJID": "A"}


def frame(*rows):
    """A frame of rows, null where a row says nothing."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in names})


def row(domain, **cells):
    """A row with the identifiers of a record."""
    return {**WHO, "DOMAIN": domain, f"{domain}SEQ": 1.0, **cells}


def supp(**cells):
    """A row of SUPPAE that belongs to the first event."""
    first = {"STUDYID": "ST1", "RDOMAIN": "AE", "USUBJID": "A", "IDVAR": "AESEQ", "IDVARVAL": "1"}
    return {**first, "QNAM": "MINE", "QVAL": "v", **cells}


def cells(one):
    """A study as plain rows that compare, whatever their order."""
    return {each.name: sorted(map(repr, (sorted(found.items()) for found in each.rows()))) for each in one}


def comes_home(tables, release="R4"):
    """Every cell comes home through JSON, or an error of ours says what to mend."""
    given = study([table(name, of) for name, of in tables.items()])
    try:
        resources = [decode(encode(one)) for one in to_fhir(given, release=release).resources]
    except TrialbridgeError as error:
        assert error.fix or str(error.where), error  # noqa: PT017 - either outcome is right
        return
    keys = [(one["resourceType"], one["id"]) for one in resources]
    assert len(keys) == len(set(keys))
    assert cells(to_sdtm(resources, release=release, residue=False).study) == cells(given)


PLAIN = {
    "two records of one key": {"AE": frame(row("AE", AETERM="x"), row("AE", AETERM="y"))},
    "a qualifier of two records": {"AE": frame(row("AE", AETERM="x"), row("AE", AETERM="y")), "SUPPAE": frame(supp())},
    "no --SEQ": {"AE": frame({**WHO, "DOMAIN": "AE", "AETERM": "x"}, {**WHO, "DOMAIN": "AE", "AETERM": "y"})},
    "a --SEQ of 1.5": {"AE": frame(row("AE", AESEQ=1.5))},
    "an endless --SEQ": {"AE": frame(row("AE", AESEQ=math.inf))},
    "no STUDYID": {"AE": frame({"USUBJID": "A", "DOMAIN": "AE", "AESEQ": 1.0})},
    "no DOMAIN": {"AE": frame({**WHO, "AESEQ": 1.0})},
    "another DOMAIN": {"AE": frame(row("AE", DOMAIN="CM"))},
    "no USUBJID": {"AE": frame(row("AE"), row("AE", USUBJID=None))},
    "two studies": {"AE": frame(row("AE"), row("AE", STUDYID="ST2"))},
    "a subject twice in DM": {"DM": frame({**WHO, "DOMAIN": "DM", "SEX": "M"}, {**WHO, "DOMAIN": "DM", "SEX": "F"})},
    "a subject that DM does not list": {"DM": frame({**WHO, "DOMAIN": "DM"}), "AE": frame(row("AE", USUBJID="B"))},
    "one arm, two codes": {
        "DM": frame(
            {**WHO, "DOMAIN": "DM", "ARM": "X", "ARMCD": "1"},
            {**WHO, "USUBJID": "B", "DOMAIN": "DM", "ARM": "X", "ARMCD": "2"},
        )
    },
    "two arms alike": {
        "DM": frame(
            {**WHO, "DOMAIN": "DM", "ARM": "X y", "ARMCD": "1"},
            {**WHO, "USUBJID": "B", "DOMAIN": "DM", "ARM": "X-y", "ARMCD": "2"},
        )
    },
    "a text column with numbers": {"AE": frame(row("AE", AETERM=3.0))},
    "a number column with text": {"DM": frame({**WHO, "DOMAIN": "DM", "AGE": "61"})},
    "extreme numbers": {"AE": frame(row("AE", AESTDY=1.7976931348623157e308, AEENDY=5e-324))},
    "columns nobody knows": {"AE": frame(row("AE", MYVAR="x", MYNUM=3.0, lower="y"))},
    "no rows": {"AE": frame(row("AE")).head(0)},
    "SUPP-- without its parent": {"SUPPAE": frame(supp())},
    "SUPP-- with a column too many": {"AE": frame(row("AE")), "SUPPAE": frame(supp(MORE="1"))},
    "SUPP-- by another variable": {"AE": frame(row("AE", AESPID="E1")), "SUPPAE": frame(supp(IDVAR="AESPID"))},
    "SUPP-- with blanks in IDVARVAL": {"AE": frame(row("AE")), "SUPPAE": frame(supp(IDVARVAL="       1"))},
    "a qualifier twice": {"AE": frame(row("AE")), "SUPPAE": frame(supp(), supp(QVAL="w"))},
    "a qualifier named like a variable": {"AE": frame(row("AE", AETERM="t")), "SUPPAE": frame(supp(QNAM="AETERM"))},
    "a qualifier without a value": {"AE": frame(row("AE")), "SUPPAE": frame(supp(), supp(QNAM="X", QVAL=None))},
    "numeric QVAL": {"AE": frame(row("AE")), "SUPPAE": frame(supp(QVAL=3.0))},
    "a lesion of two rows": {
        "TU": frame(row("TU", TULNKID="T1", TULOC="LUNG"), row("TU", TUSEQ=2.0, TULNKID="T1", TULOC="LIVER"))
    },
    "one VISITNUM, two VISITs": {"TU": frame(row("TU", VISITNUM=1.0, VISIT="A"), row("TU", VISITNUM=1.0, VISIT="B"))},
    "the record's separator in USUBJID": {"TR": frame(row("TR", USUBJID="A|B", TRTESTCD="ZZ"))},
    "characters no XML has": {"AE": frame(row("AE", AETERM="a\nb\u2028c\x00d\x1f\U0001f600"))},
    "a long text": {"AE": frame(row("AE", AETERM="x" * 70_000))},
    "a custom domain": {"XX": frame(row("XX", XXVAL="v"), row("XX", XXVAL="w"))},
    "a pool of subjects": {"XX": frame({"STUDYID": "ST1", "DOMAIN": "XX", "POOLID": "P", "XXSEQ": 1.0})},
}


@pytest.mark.parametrize("release", ["R4", "R5"])
@pytest.mark.parametrize("name", PLAIN)
def test_odd_data_come_home(name, release):
    """Data of the wild that no guide allows would be lost, or end in a traceback."""
    comes_home(PLAIN[name], release)


WRONG_TYPES = {
    "--SEQ as text (a CSV without types)": {"AE": frame(row("AE", AESEQ="1"))},
    "VISITNUM as text": {"TU": frame(row("TU", TULNKID="T1", VISITNUM="1"))},
    "PRDOSE as text": {"PR": frame(row("PR", PRDOSE="24", PRDOSU="Gy", PRCAT="RADIATION THERAPY"))},
    "dates as numbers (SAS dates)": {"DM": frame({**WHO, "DOMAIN": "DM", "RFSTDTC": 21000.0, "DTHDTC": 21005.0})},
    "ARM as a number": {"DM": frame({**WHO, "DOMAIN": "DM", "ARM": 1.0, "ARMCD": 1.0})},
    "STUDYID as a number": {"AE": frame(row("AE", STUDYID=5.0))},
    "USUBJID as a number": {"DM": frame({**WHO, "DOMAIN": "DM", "USUBJID": 101.0})},
    "a NaN": {"AE": frame(row("AE", AESTDY=math.nan))},
    "infinity": {"AE": frame(row("AE", AESTDY=math.inf))},
    "minus zero": {"AE": frame(row("AE", AESTDY=-0.0))},
    "a column called SUPP.X": {"AE": frame({**row("AE"), "SUPP.X": "y"})},
    "STUDYID - beside none (ids write - for none)": {
        "TU": frame(row("TU", STUDYID="-", TULNKID="-"), row("TU", STUDYID=None))
    },
}


@pytest.mark.parametrize("name", WRONG_TYPES)
def test_values_of_the_wrong_type_come_home(name):
    """A column that a reader took for the other type would be lost, or end in a traceback."""
    comes_home(WRONG_TYPES[name])


SHAPES = {
    "identifier is text": {"identifier": "x"},
    "identifier holds a number": {"identifier": [1]},
    "identifier holds null": {"identifier": [None]},
    "an identifier's value is an object": {"identifier": [{"value": {"a": 1}}]},
    "code is a list": {"code": [1]},
    "codings are text": {"code": {"coding": "x"}},
    "name is null": {"name": None},
    "subject is text": {"subject": "Patient/p"},
    "extension is an object": {"extension": {"url": "x"}},
}
BROKEN = {
    "Patient": {},
    "ResearchSubject": {"individual": {"reference": "Patient/p"}},
    "Observation": {"status": "final", "subject": {"reference": "Patient/p"}},
    "Condition": {"subject": {"reference": "Patient/p"}},
    "AdverseEvent": {"actuality": "actual", "subject": {"reference": "Patient/p"}},
    "Procedure": {"status": "completed", "subject": {"reference": "Patient/p"}},
    "BodyStructure": {"patient": {"reference": "Patient/p"}},
    "Encounter": {"status": "finished", "subject": {"reference": "Patient/p"}},
    "Consent": {"status": "active"},
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("name", SHAPES)
def test_resources_of_the_wrong_shape(kind, name):
    """An element of the wrong kind would end the conversion of everything else in a traceback."""
    patient = {"resourceType": "Patient", "id": "p"}
    broken = {"resourceType": kind, "id": "b", **BROKEN[kind], **SHAPES[name]}
    kept = to_sdtm([patient, broken], release="R4")
    home = to_fhir(kept.study, release="R4").resources
    assert sorted(map(repr, map(sorted_, home))) == sorted(map(repr, map(sorted_, [patient, broken])))


@pytest.mark.parametrize(
    "name", ["identifier is text", "identifier holds a number", "an identifier's value is an object"]
)
def test_a_study_of_the_wrong_shape(name):
    """The same for the study, which every conversion asks for its name."""
    broken = {"resourceType": "ResearchStudy", "id": "b", "status": "active", **SHAPES[name]}
    patient = {"resourceType": "Patient", "id": "p"}
    kept = to_sdtm([patient, broken], release="R4")
    home = to_fhir(kept.study, release="R4").resources
    assert sorted(map(repr, map(sorted_, home))) == sorted(map(repr, map(sorted_, [patient, broken])))


def sorted_(value):
    """Members in one order, to compare."""
    if isinstance(value, dict):
        return {key: sorted_(value[key]) for key in sorted(value)}
    return [sorted_(one) for one in value] if isinstance(value, list) else value


def test_records_that_name_no_subject_are_told():
    """Rows without USUBJID would lie in a table in which nobody looks for them."""
    one = study([table("DM", frame({**WHO, "DOMAIN": "DM"})), table("AE", frame(row("AE", AETERM="Cough")))])
    resources = [decode(encode(each)) for each in to_fhir(one).resources]
    for each in resources:
        if each["resourceType"] == "AdverseEvent":
            del each["subject"]
    told = [str(each.where) for each in to_sdtm(resources).findings if each.id == "TB-NO-SUBJECT"]
    assert told == ["AE, USUBJID"]
    assert not [each for each in to_sdtm(to_fhir(one).resources).findings if each.id == "TB-NO-SUBJECT"]


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_a_reference_date_in_the_subjects_second_row_counts(release):
    """Study days would be told by another date when read back than when they were written, and come home changed."""
    subject = {**WHO, "DOMAIN": "DM", "SUBJID": "1"}
    twice = frame(subject | {"RFSTDTC": None}, subject | {"RFSTDTC": "2020-01-01"})
    comes_home({"DM": twice, "AE": frame(row("AE", AESTDTC="2020-01-05", AESTDY=7.0))}, release)
