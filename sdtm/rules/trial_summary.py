"""TS: the parameters that FDA wants, their values by codelist, ISO 8601 and country code, null flavors and codes.

Sources: SDTMIG 3.4, 7.4.2 (TS); FDA Study Data Technical Conformance Guide, appendix B (trial summary parameters), by
way of FDA business rule FB1102; FDA Technical Rejection Criteria 1734; CDISC conformance rules 2.0.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity, Where
from trialbridge.sdtm import countries
from trialbridge.sdtm.dates import Duration, PartialDateTime, parse
from trialbridge.sdtm.rules import shapes
from trialbridge.sdtm.rules.data import NotThereError
from trialbridge.sdtm.rules.declare import Hit, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data

_IG, _FB = "SDTMIG 3.4, 7.4.2", "FDA business rules 1.5"
_FDA = "FDA Study Data Technical Conformance Guide, appendix B"
WANTED = """
    ACTSUB ADAPT ADDON AGEMAX AGEMIN COMPTRT DCUTDESC DCUTDTC EXTTIND FCNTRY HLTSUBJI INDIC LENGTH NARMS NCOHORT OBJPRIM
    OBJSEC ONGOSIND OUTMSPRI PDPSTIND PDSTIND PIPIND PLANSUB RANDQT RDIND REGID SDTIGVER SDTMVER SENDTC SEXPOP SPONSOR
    SSTDTC STOPRULE STYPE TBLIND TCNTRL THERAREA TITLE TPHASE TTYPE
""".split()
_CODELISTS = {
    "INTMODEL": "INTMODEL",
    "INTTYPE": "INTTYPE",
    "OBSMODEL": "OBSSMO",
    "SEXPOP": "SEXPOP",
    "STYPE": "STYPE",
    "TBLIND": "TBLIND",
    "TINDTP": "TINDTP",
    "TPHASE": "TPHASE",
    "TTYPE": "TTYPE",
    "TCNTRL": "TCNTRL",
    "DOSU": "UNIT",
    "DOSFRM": "FRM",
    "DOSFRQ": "FREQ",
    "ROUTE": "ROUTE",
    **dict.fromkeys(
        """
        ADAPT ADDON BRDNAIND BRIND DMCIND EGBLIND EXTTIND FDADEIND FDADRIND HLTSUBJI ONGOSIND PASSIND PDPSTIND PDSTIND
        PIPIND RANDOM RDIND SSTDYIND
        """.split(),
        "NY",
    ),
}
_DATES = ("SSTDTC", "SENDTC", "DCUTDTC", "CSRARDTC")
_DURATIONS = ("AGEMIN", "AGEMAX", "LENGTH", "PLNTRDUR", "PTRTDUR", "CRMDUR", "SDMDUR", "TRGFUDUR")
_COUNTS = ("ACTSUB", "PLANSUB", "NARMS", "NCOHORT")
_NULL_FLAVORS = "NI INV OTH PINF NINF UNC DER UNK ASKU NAV NASK QS TRC MSK NA".split()
_REPEATED = (
    "FCNTRY OBJPRIM OBJSEC OBJEXP OUTMSPRI OUTMSSEC OUTMSEXP OUTMSADD RANDQT REGID TITLE TTYPE TRT COMPTRT CURTRT DOSE "
    "DOSU DOSFRM DOSFRQ DOSRGM ROUTE INDIC TDIGRP INTTYPE STRATFCT PCLAS SPONSOR TINDTP CONNAME CONROLE CONPHONE CONEMAIL"
).split()


@rule(
    "TB-TS-0001",
    "A parameter that FDA wants is missing.",
    "add the parameter, with a null flavor in TSVALNF if need be",
    severity=Severity.WARNING,
    fda="FB1102",
    section=_FDA,
    domains="TS",
)
def wanted_parameters(data: Data) -> Iterator[Hit]:
    """TS has every parameter that FDA's guide asks of all trials, with a value or a null flavor."""
    ts = data.dataset("TS", "TSPARMCD")
    there = set(ts.frame["TSPARMCD"].drop_nulls())
    for code in WANTED:
        if code not in there:
            yield Hit(
                Where(dataset="TS", variable="TSPARMCD"), (("TSPARMCD", code),), f"The parameter {code} is missing."
            )


@rule(
    "TB-TS-0002",
    "TSVAL is not in the parameter's codelist.",
    "use a term of the codelist",
    section=f"{_IG}; CDISC Controlled Terminology",
    domains="TS",
)
def values_by_codelist(data: Data) -> Iterator[Hit]:
    """A parameter with a codelist of its own has a term of it for value."""
    ts = data.dataset("TS", "TSPARMCD", "TSVAL")
    for code, name in _CODELISTS.items():
        if name in data.terminology:
            terms = [term.submission_value for term in data.terminology.codelist(name).terms]
            yield from ts.hits(
                (ts.col("TSPARMCD") == code) & ts.given("TSVAL") & ~ts.text("TSVAL").is_in(terms), "TSVAL", "TSPARMCD"
            )


@rule(
    "TB-TS-0003",
    "TSVAL is no date or duration of ISO 8601, or no whole number.",
    "write YYYY-MM-DD, PnYnMnD, or the number",
    cdisc="CG0270 CG0285",
    fda="FB1101",
    section=f"{_IG}; FDA Technical Rejection Criteria 1734",
    domains="TS",
)
def values_by_type(data: Data) -> Iterator[Hit]:
    """Dates and durations are in ISO 8601 (SSTDTC, AGEMIN, ...); numbers of subjects, arms and cohorts are whole."""
    ts = data.dataset("TS", "TSPARMCD", "TSVAL")
    values = ts.frame.select("TSPARMCD", "TSVAL").drop_nulls().unique(maintain_order=True)
    for code, value in values.iter_rows():
        read = parse(value)
        wrong = (
            (code in _DATES and not isinstance(read, PartialDateTime))
            or (code in _DURATIONS and not (isinstance(read, Duration) and not read.negative))
            or (code in _COUNTS and not value.isdecimal())
        )
        if wrong:
            yield from ts.hits((pl.col("TSPARMCD") == code) & (pl.col("TSVAL") == value), "TSVAL", "TSPARMCD")


@rule(
    "TB-TS-0004",
    "TSVAL of FCNTRY is no country code.",
    "write the country's alpha-3 code of ISO 3166-1",
    section=f"{_IG}; ISO 3166-1",
    domains="TS",
)
def planned_countries(data: Data) -> Iterator[Hit]:
    """The planned countries are three-letter codes of ISO 3166-1."""
    ts = data.dataset("TS", "TSPARMCD", "TSVAL")
    known = ts.text("TSVAL").is_in(list(countries.ALPHA_3))
    yield from ts.hits((ts.col("TSPARMCD") == "FCNTRY") & ts.given("TSVAL") & ~known, "TSVAL", "TSPARMCD")


@rule(
    "TB-TS-0005",
    "Both TSVAL and TSVALNF have a value.",
    "keep one of them",
    cdisc="CG0260 CG0459 CG0649",
    section=_IG,
    domains="TS",
)
def value_or_null_flavor(data: Data) -> Iterator[Hit]:
    """A parameter has a value or a reason why there is none, not both."""
    ts = data.dataset("TS", "TSVAL", "TSVALNF")
    yield from ts.hits(ts.given("TSVAL") & ts.given("TSVALNF"), "TSVALNF", "TSVAL")


@rule(
    "TB-TS-0006",
    "Neither TSVAL nor TSVALNF has a value.",
    "give the value, or why there is none",
    section=_IG,
    domains="TS",
)
def some_value(data: Data) -> Iterator[Hit]:
    """A parameter has a value or a reason why there is none."""
    ts = data.dataset("TS", "TSVAL")
    yield from ts.hits(ts.missing("TSVAL") & ts.missing("TSVALNF"), "TSVAL", "TSVALNF", "TSPARMCD")


@rule(
    "TB-TS-0007",
    "TSVALNF is no null flavor.",
    f"use one of {' '.join(_NULL_FLAVORS)}",
    section=f"{_IG}; ISO 21090 NullFlavor",
    domains="TS",
)
def null_flavors(data: Data) -> Iterator[Hit]:
    """TSVALNF is a null flavor of ISO 21090."""
    yield from shapes.neither_of([data.dataset("TS", "TSVALNF")], "TSVALNF", _NULL_FLAVORS)


@rule("TB-TS-0008", "TSVAL holds a null flavor.", "write it in TSVALNF", cdisc="CG0291", section=_IG, domains="TS")
def no_null_flavor_in_value(data: Data) -> Iterator[Hit]:
    """A null flavor stands in TSVALNF, not in TSVAL."""
    ts = data.dataset("TS", "TSVAL", "TSPARMCD")
    # OTH and the like may be values of a codelist; NA is one of NY.
    flavors = [flavor for flavor in _NULL_FLAVORS if flavor not in {"NA", "OTH"}]
    yield from ts.hits(ts.text("TSVAL").is_in(flavors), "TSVAL", "TSPARMCD")


@rule(
    "TB-TS-0009",
    "TSSEQ is there twice for a parameter.",
    "number the parameter's records",
    cdisc="CG0268",
    section=_IG,
    domains="TS",
)
def numbered_by_parameter(data: Data) -> Iterator[Hit]:
    """TSSEQ tells the records of a parameter apart."""
    ts = data.dataset("TS", "TSSEQ", "TSPARMCD")
    yield from ts.hits_of(shapes.repeated(ts, ts.given("TSSEQ"), "TSPARMCD", "TSSEQ"), "TSSEQ", "TSPARMCD")


@rule(
    "TB-TS-0010",
    "TSPARMCD and TSPARM do not go one to one.",
    "give each parameter one name",
    cdisc="CG0307",
    fda="FB0916",
    section=_IG,
    domains="TS",
)
def parameters_one_to_one(data: Data) -> Iterator[Hit]:
    """A parameter's code has one name and a name one code."""
    yield from shapes.not_one_to_one(data.dataset("TS", "TSPARM", "TSPARMCD"), "TSPARM", "TSPARMCD")


@rule(
    "TB-TS-0011",
    "TSVAL and TSVALCD do not go one to one.",
    "give each value one code",
    cdisc="CG0265",
    fda="FB0904",
    section=f"{_IG}; {_FB}",
    domains="TS",
)
def values_one_to_one(data: Data) -> Iterator[Hit]:
    """Within a reference terminology a value has one code and a code one value."""
    ts = data.dataset("TS", "TSVAL", "TSVALCD", "TSVCDREF")
    yield from shapes.not_one_to_one(ts, "TSVAL", "TSVALCD", "TSVCDREF")


@rule(
    "TB-TS-0012",
    "TSVALCD is not the code of TSVAL in CDISC's terminology.",
    "write the term's NCI code",
    cdisc="CG0288",
    section=_IG,
    domains="TS",
)
def codes_of_values(data: Data) -> Iterator[Hit]:
    """Where the reference is CDISC's terminology, TSVALCD is the NCI code of the term in TSVAL."""
    ts = data.dataset("TS", "TSPARMCD", "TSVAL", "TSVALCD", "TSVCDREF")
    cdisc = ts.text("TSVCDREF").str.starts_with("CDISC")
    rows = ts.frame.filter(cdisc).select("TSPARMCD", "TSVAL", "TSVALCD").drop_nulls().unique(maintain_order=True)
    for code, value, concept in rows.iter_rows():
        name = _CODELISTS.get(code)
        if name is None or name not in data.terminology:
            continue
        term = data.terminology.codelist(name).by_value(value)
        if term is not None and term.code != concept:
            wrong = (pl.col("TSPARMCD") == code) & (pl.col("TSVAL") == value) & (pl.col("TSVALCD") == concept)
            yield from ts.hits(wrong, "TSVALCD", "TSVAL", "TSPARMCD", fix=f"write {term.code}")


@rule(
    "TB-TS-0013",
    "TSVCDVER or TSVALCD is given without the reference terminology.",
    "give TSVCDREF",
    cdisc="CG0266",
    section=_IG,
    domains="TS",
)
def codes_have_reference(data: Data) -> Iterator[Hit]:
    """A code, or a version, is of a terminology named in TSVCDREF."""
    ts = data.dataset("TS", "TSVCDREF")
    yield from ts.hits(
        (ts.given("TSVCDVER") | ts.given("TSVALCD")) & ts.missing("TSVCDREF"), "TSVCDREF", "TSVALCD", "TSVCDVER"
    )


@rule(
    "TB-TS-0014",
    "A continued value has a gap.",
    "fill TSVAL, TSVAL1, TSVAL2, ... in order",
    cdisc="CG0261 CG0262",
    section=_IG,
    domains="TS",
)
def continued_without_gap(data: Data) -> Iterator[Hit]:
    """TSVAL1 continues TSVAL, TSVAL2 continues TSVAL1, and so on."""
    ts = data.dataset("TS", "TSVAL", "TSVAL1")
    names = ["TSVAL", *(f"TSVAL{number}" for number in range(1, 100) if ts.has(f"TSVAL{number}"))]
    for before, after in pairwise(names):
        yield from ts.hits(ts.given(after) & ts.missing(before), before, after)


@rule(
    "TB-TS-0015",
    "Parameters do not agree with one another.",
    "mend one of them",
    severity=Severity.WARNING,
    fda="FB1107 FB1110 FB1111 FB1116",
    section=f"{_FDA}; {_FB}",
    domains="TS",
)
def parameters_agree(data: Data) -> Iterator[Hit]:
    """ADDON = Y wants CURTRT; healthy subjects want INDIC with NA; an interventional one wants INTMODEL, INTTYPE, PCLAS."""
    ts = data.dataset("TS", "TSPARMCD", "TSVAL")
    given = dict(ts.frame.filter(pl.col("TSPARMCD").is_not_null()).select("TSPARMCD", "TSVAL").iter_rows())
    missing = []
    if given.get("ADDON") == "Y" and "CURTRT" not in given:
        missing.append(("CURTRT", "ADDON is Y, but CURTRT is missing."))
    if given.get("STYPE") == "INTERVENTIONAL":
        missing += [
            (name, f"The study is interventional, but {name} is missing.")
            for name in ("INTMODEL", "INTTYPE", "PCLAS")
            if name not in given
        ]
    if given.get("HLTSUBJI") == "Y" and given.get("INDIC"):
        missing.append(("INDIC", "The subjects are healthy, but INDIC has a value."))
    for code, message in missing:
        yield Hit(Where(dataset="TS", variable="TSPARMCD"), (("TSPARMCD", code),), message)


@rule(
    "TB-TS-0016",
    "A parameter that has one value is there twice.",
    "keep one record",
    severity=Severity.WARNING,
    fda="FB1113",
    section=f"{_FDA}; {_FB}",
    domains="TS",
)
def parameters_once(data: Data) -> Iterator[Hit]:
    """Parameters are given once, save those of which a trial may have several (objectives, countries, treatments, ...)."""
    ts = data.dataset("TS", "TSPARMCD")
    # Groups of parameters (TSGRPID) repeat what belongs together.
    alone = ts.missing("TSGRPID") & ~ts.text("TSPARMCD").is_in(_REPEATED)
    yield from ts.hits_of(shapes.repeated(ts, alone, "TSPARMCD"), "TSPARMCD", "TSSEQ")


@rule(
    "TB-TS-0017",
    "The study ends before it starts.",
    "mend SSTDTC or SENDTC",
    section=f"{_IG}; FDA Technical Rejection Criteria 1734",
    domains="TS",
)
def study_in_order(data: Data) -> Iterator[Hit]:
    """SSTDTC is not after SENDTC, nor after DCUTDTC."""
    ts = data.dataset("TS", "TSPARMCD", "TSVAL")
    given = dict(ts.frame.select("TSPARMCD", "TSVAL").drop_nulls().iter_rows())
    for end in ("SENDTC", "DCUTDTC"):
        if "SSTDTC" in given and end in given and given[end][:10] < given["SSTDTC"][:10]:
            yield from ts.hits(ts.col("TSPARMCD") == end, "TSVAL", "TSPARMCD")


@rule(
    "TB-TS-0018",
    "ACTSUB is not the number of subjects in DM.",
    "mend ACTSUB, or DM",
    severity=Severity.NOTE,
    section=_IG,
    domains="TS DM",
)
def subjects_are_counted(data: Data) -> Iterator[Hit]:
    """ACTSUB is the number of subjects enrolled: those of DM without screen failures and those not assigned."""
    ts, dm = data.dataset("TS", "TSPARMCD", "TSVAL"), data.dataset("DM", "USUBJID", "ARMCD")
    out = dm.text("ARMNRS").is_in(["SCREEN FAILURE", "NOT ASSIGNED"]) | dm.text("ARMCD").str.to_uppercase().is_in(
        ["SCRNFAIL", "NOTASSGN"]
    )
    enrolled, everyone = dm.frame.filter(~out)["USUBJID"].n_unique(), dm.frame["USUBJID"].n_unique()
    if not enrolled:
        raise NotThereError("DM has no enrolled subject")
    stated = (ts.col("TSPARMCD") == "ACTSUB") & ts.given("TSVAL")
    yield from ts.hits(stated & ~ts.text("TSVAL").is_in([str(enrolled), str(everyone)]), "TSVAL", "TSPARMCD")


RULES = (
    wanted_parameters,
    values_by_codelist,
    values_by_type,
    planned_countries,
    value_or_null_flavor,
    some_value,
    null_flavors,
    no_null_flavor_in_value,
    numbered_by_parameter,
    parameters_one_to_one,
    values_one_to_one,
    codes_of_values,
    codes_have_reference,
    continued_without_gap,
    parameters_agree,
    parameters_once,
    study_in_order,
    subjects_are_counted,
)
