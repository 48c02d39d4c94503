"""The guide's metadata; expected values are read from SDTMIG 3.3 and 3.4, sections 5 to 8."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from trialbridge.base.errors import UnknownNameError
from trialbridge.sdtm.metadata import (
    VERSIONS,
    VariableMetadata,
    _agreed,
    describe,
    domain,
    domains,
    keys,
    ordered,
    variable,
)
from trialbridge.sdtm.table import Variable, table

ONCOLOGY = ("TU", "TR", "RS")


def test_both_versions_have_their_datasets():
    """A dataset or version would be missing from the data files."""
    held = {"3.3": 59, "3.4": 63}  # counted in the contents pages of CDISC's library, relationship datasets included
    for version in VERSIONS:
        names = {one.name for one in domains(version)}
        assert {"DM", "AE", "CM", "EX", "EC", "PR", "DS", "MH", "IE", *ONCOLOGY, "SUPPQUAL", "RELREC", "TS"} <= names
        assert len(names) == held[version]


def test_dm_is_as_the_guide_prints_it():
    """Label, class, structure or order of DM would be wrong."""
    dm = domain("DM")
    assert (dm.label, dm.cls, dm.structure) == ("Demographics", "Special-Purpose", "One record per subject")
    assert [one.name for one in dm.variables[:6]] == ["STUDYID", "DOMAIN", "USUBJID", "SUBJID", "RFSTDTC", "RFENDTC"]
    sex = dm.variable("SEX")
    assert (sex.label, sex.type, sex.core, sex.codelists, sex.codelist_names) == (
        "Sex",
        "Char",
        "Req",
        ("C66731",),
        ("SEX",),
    )
    assert dm.variable("DOMAIN").value_list == ("DM",)
    assert dm.variable("AGE").type == "Num"


def test_versions_differ_where_the_guide_changed():
    """3.3 would be answered with 3.4: SV has SVPRESP, and TS its shorter label, only since 3.4."""
    assert "SVPRESP" in domain("SV", "3.4")
    assert "SVPRESP" not in domain("SV", "3.3")
    assert domain("TS", "3.3").label == "Trial Summary Information"
    assert domain("TS", "3.4").label == "Trial Summary"


def test_several_codelists_and_value_domains_are_kept():
    """A variable of several codelists would lose some, or MedDRA and ISO 8601 go unmentioned."""
    assert set(domain("DS").variable("DSDECOD").codelist_names) == {"NCOMPLT", "PROTMLST", "OTHEVENT"}
    assert variable("AEDECOD").described_value_domain == "MedDRA"
    assert variable("AETERM").model_variable == "--TERM"


def test_orders_count_from_one_and_labels_fit_xpt():
    """Columns would be put out of order, or a label not fit the 40 bytes of XPT."""
    for version in VERSIONS:
        for one in domains(version):
            assert [each.order for each in one.variables] == list(range(1, len(one.variables) + 1))
            assert len(one.by_name) == len(one.variables)
            for each in one.variables:
                assert 0 < len(each.label) <= 40
                assert each.type in ("Char", "Num")
                assert each.core in ("Req", "Exp", "Perm")


def test_supp_and_split_datasets_resolve_under_their_own_name():
    """SUPPAE or QSCS would be unknown, or be called SUPPQUAL and QS."""
    supp = domain("SUPPAE")
    assert (supp.name, supp.label) == ("SUPPAE", "Supplemental Qualifiers for AE")
    assert [one.name for one in supp.variables] == [
        *("STUDYID", "RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QLABEL", "QVAL", "QORIG", "QEVAL")
    ]
    assert domain("QSCS").name == "QSCS"
    assert domain("QSCS").variables == domain("QS").variables
    assert domain("supptu").name == "SUPPTU"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: domain("ZZ"), "no dataset ZZ"),
        (lambda: domain("SUPP"), "no dataset SUPP"),
        (lambda: domain("DM", "3.1.2"), "3.1.2 is not bundled"),
        (lambda: domains("9"), "9 is not bundled"),
        (lambda: ordered("ZZ", ["A"], "9"), "9 is not bundled"),
        (lambda: domain("DM").variable("AETERM"), "DM has no variable AETERM"),
        (lambda: variable("AETERM", domain="DM"), "DM has no variable AETERM"),
        (lambda: variable("NOSUCH"), "no variable NOSUCH"),
        (lambda: keys("POOLDEF"), "no dataset POOLDEF"),
    ],
)
def test_unknown_names_are_refused_by_name(call, message):
    """A slip in a name would give a guess or a bare KeyError."""
    with pytest.raises(UnknownNameError, match=message):
        call()


def test_a_variable_without_domain_has_the_facts_all_agree_on():
    """DM's own facts would be passed off as those of all domains."""
    shared = variable("DOMAIN")
    assert (shared.label, shared.type, shared.order, shared.value_list) == ("Domain Abbreviation", "Char", 2, ())
    assert variable("VISITNUM").order == 0
    assert variable("VISITNUM").type == "Num"
    assert variable("AETERM") == variable("AETERM", domain="AE")


def test_facts_that_differ_between_domains_are_not_shared():
    """One domain's label, core or codelist would be given for a variable that another has differently."""
    one = VariableMetadata("X", "Label", "Char", "Req", "Topic", 3, ("C1",), ("A",), "MedDRA", ("v",), "--X")
    other = VariableMetadata("X", "Label", "Char", "Exp", "Rule", 4, ("C2",), ("B",), "LOINC", ("w",), "X")
    assert _agreed(one, one) == one
    assert _agreed(one, other) == VariableMetadata("X", "Label", "Char", "", "", 0)
    assert _agreed(one, replace(one, label="Other")) is None
    assert _agreed(one, replace(one, type="Num")) is None
    assert _agreed(None, one) is None


def test_ordered_puts_unknown_last_as_given():
    """Columns of a dataset would be out of the standard order, or added ones shuffled."""
    assert ordered("AE", ["ZZZ", "AETERM", "AAA", "AESEQ", "STUDYID"]) == ["STUDYID", "AESEQ", "AETERM", "ZZZ", "AAA"]
    assert ordered("SUPPDM", ["QVAL", "RDOMAIN"]) == ["RDOMAIN", "QVAL"]
    assert ordered("ZZ", ["B", "A"]) == ["B", "A"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DM", "USUBJID"),
        ("AE", "USUBJID AESEQ"),
        ("TR", "USUBJID TRSEQ"),
        ("EG", "USUBJID EGSEQ"),
        ("QSCS", "USUBJID QSSEQ"),
        ("SE", "USUBJID SESEQ"),
        ("CO", "USUBJID COSEQ"),
        ("SV", "USUBJID VISITNUM"),
        ("SUPPAE", "USUBJID IDVAR IDVARVAL QNAM"),
        ("SUPPQUAL", "RDOMAIN USUBJID IDVAR IDVARVAL QNAM"),
        ("RELREC", "STUDYID USUBJID RELID RDOMAIN IDVAR IDVARVAL RELTYPE"),
        ("TA", "ARMCD TAETORD"),
        ("TE", "ETCD"),
        ("TV", "ARMCD VISITNUM"),
        ("TI", "IETESTCD TIVERS"),
        ("TS", "TSPARMCD TSSEQ"),
    ],
)
def test_keys_tell_records_apart(name, expected):
    """Two studies' records would be matched wrongly."""
    assert keys(name) == tuple(expected.split())


def test_keys_are_variables_of_their_dataset():
    """A key would name a variable that the dataset does not have."""
    for version in VERSIONS:
        for one in domains(version):
            assert set(keys(one.name, version)) <= set(one.by_name), one.name


def test_describe_fills_what_is_missing_and_changes_nothing_given():
    """A collected label, value or type would be overwritten, or an empty one stay empty."""
    frame = pl.DataFrame(
        {"USUBJID": ["1"], "SEX": ["F"], "AGE": [None], "AGEU": ["YEARS"], "MYVAR": ["x"], "DMDY": ["7"]}
    )
    given = table("DM", frame, [Variable("SEX", "Sex at birth", length=1)])
    described = describe(given)
    assert described.label == "Demographics"
    labels = {one.name: one.label for one in described.variables}
    assert labels == {
        "USUBJID": "Unique Subject Identifier",
        "SEX": "Sex at birth",
        "AGE": "Age",
        "AGEU": "Age Units",
        "MYVAR": "",
        "DMDY": "Study Day of Collection",
    }
    assert described.variable("SEX").length == 1
    assert described.variable("AGE").type == "Num"  # wholly empty: the guide's type
    assert described.frame.schema["AGE"] == pl.Float64
    assert described.variable("DMDY").type == "Char"  # text that is there stays text
    assert described.frame.select(pl.exclude("AGE")).equals(given.frame.select(pl.exclude("AGE")))
    again = describe(described)
    assert (again.variables, again.label) == (described.variables, described.label)
    assert again.frame.equals(described.frame)


def test_describe_knows_common_variables_of_a_foreign_dataset():
    """A dataset that is not bundled would fail, or get a label made up."""
    given = table("ZZ", pl.DataFrame({"USUBJID": ["1"], "ZZTERM": ["x"]}), label="")
    described = describe(given)
    assert described.label == ""
    assert [one.label for one in described.variables] == ["Unique Subject Identifier", ""]


def test_describe_keeps_a_table_label():
    """A sponsor's dataset label would be overwritten."""
    assert describe(table("SUPPDM", pl.DataFrame({"QNAM": ["A"]}), label="Mine")).label == "Mine"
    assert describe(table("SUPPDM", pl.DataFrame({"QNAM": ["A"]}))).label == "Supplemental Qualifiers for DM"
