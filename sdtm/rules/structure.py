"""Datasets and variables as the guide has them: what must be there, names, labels, types, order, and what must not.

Sources: SDTMIG 3.4, 2.5, 3.2, 4.1 and the specification tables; SDTM 2.0, 3.1; the XPT v5 transport format's limits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.sdtm.model_variables import CLASSES, allowed
from trialbridge.sdtm.rules import shapes
from trialbridge.sdtm.rules.data import FINDINGS, FINDINGS_ABOUT, INTERVENTIONS, OBSERVATIONS, Dataset, NotThereError
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data
    from trialbridge.sdtm.rules.declare import Hit

_IG, _TABLES = "SDTMIG 3.4, 4.1", "SDTMIG 3.4, 4.1.5 and the specification tables"
_TIMING = ("--DTC", "--STDTC", "--ENDTC", "--DY", "--STDY", "--ENDY", "--STRF", "--ENRF", "--STRTPT", "--ENRTPT")
_OTHER_TIMING = ("VISITNUM", "VISIT", "EPOCH", "--TPT", "--TPTNUM", "--EVLINT", "--EVINTX", "--DUR", "MIDS")
# SDTM 2.0 marks these "not in human clinical trials"; the conformance rules say the same one by one.
_ANIMAL_ONLY = """
    FETUSID RPHASE RPPLDY RPPLSTDY RPPLENDY --RPDY --RPSTDY --RPENDY --NOMDY --NOMLBL --DETECT --USCHFL --RSTIND
    --RSTMOD --IMPLBL --RESLOC --DTHREL --EXCLFL --REASEX
""".split()
_ONLY_IN = {"--AGENT": "MS", "--CONC": "MS", "--CONCU": "MS", "--EVDTYP": "MH", "--BEATNO": "EG"}


def _described(data: Data) -> list[Dataset]:
    """The datasets that the guide describes. Raises NotThereError."""
    known = [one for one in data.all if one.standard is not None]
    if not known:
        raise NotThereError("no dataset of the study is in the guide")
    return known


@rule("TB-STR-0001", "A required variable is missing.", "add the variable", cdisc="CG0014", section=_TABLES)
def required_are_there(data: Data) -> Iterator[Hit]:
    """Every variable of core Req is in its dataset."""
    for one in _described(data):
        for variable in one.standard.variables if one.standard else ():
            if variable.core == "Req" and not one.has(variable.name):
                yield one.hit(variable.name)


@rule("TB-STR-0002", "A required variable has no value.", "give the value", cdisc="CG0014", section=_TABLES)
def required_are_given(data: Data) -> Iterator[Hit]:
    """Every variable of core Req has a value in each record."""
    for one in _described(data):
        for variable in one.standard.variables if one.standard else ():
            if variable.core == "Req" and one.has(variable.name):
                yield from one.hits(one.missing(variable.name), variable.name)


@rule(
    "TB-STR-0003",
    "An expected variable is missing.",
    "add the variable, empty if nothing was collected",
    severity=Severity.WARNING,
    cdisc="CG0016",
    section=_TABLES,
)
def expected_are_there(data: Data) -> Iterator[Hit]:
    """Every variable of core Exp is in its dataset, even where it is empty."""
    for one in _described(data):
        for variable in one.standard.variables if one.standard else ():
            if variable.core == "Exp" and not one.has(variable.name):
                yield one.hit(variable.name)


@rule(
    "TB-STR-0004",
    "A variable stands out of the guide's order.",
    "put the variables in the order of the guide's table",
    severity=Severity.WARNING,
    cdisc="CG0330 CG0664",
    section="SDTMIG 3.4, 4.1.4",
)
def variables_in_order(data: Data) -> Iterator[Hit]:
    """The variables that the guide lists stand in its order; the others are not judged."""
    for one in _described(data):
        order = {} if one.standard is None else {each.name: each.order for each in one.standard.variables}
        last = 0
        for name in one.table.frame.columns:
            if name in order:
                if order[name] < last:
                    yield one.hit(name)
                last = max(last, order[name])


@rule(
    "TB-STR-0005",
    "A variable's label is not the guide's.",
    "use the guide's label",
    severity=Severity.WARNING,
    section="SDTMIG 3.4, 4.1.5",
)
def labels_are_the_guides(data: Data) -> Iterator[Hit]:
    """A variable that the guide lists has the guide's label; a variable without any label (CSV has none) is passed over."""
    for one in _described(data):
        for variable in one.table.variables:
            given, known = variable.label, one.standard.by_name.get(variable.name) if one.standard else None
            if known is not None and given and given != known.label:
                yield one.hit(variable.name)


@rule(
    "TB-STR-0006",
    "A variable's type is not the guide's.",
    "write it as the guide's type",
    cdisc="CG0012",
    section=_TABLES,
)
def types_are_the_guides(data: Data) -> Iterator[Hit]:
    """A variable that the guide lists is Char or Num as the guide says; one without any value is passed over."""
    for one in _described(data):
        for variable in one.table.variables:
            known = one.standard.by_name.get(variable.name) if one.standard else None
            filled = one.frame[variable.name].null_count() < one.frame.height
            if known is not None and filled and known.type != variable.type:
                yield one.hit(variable.name)


@rule(
    "TB-STR-0007",
    "A variable's name has more than 8 characters.",
    "shorten it",
    cdisc="CG0310",
    section="SDTMIG 3.4, 4.2.1",
)
def names_fit(data: Data) -> Iterator[Hit]:
    """A variable's name has at most 8 characters."""
    for one in data.datasets():
        for name in one.table.frame.columns:
            if len(name) > 8:
                yield one.hit(name)


@rule(
    "TB-STR-0008",
    "A variable's name is not made of capital letters, digits and underscores after a letter.",
    "rename it",
    section="SDTMIG 3.4, 4.2.1",
)
def names_are_names(data: Data) -> Iterator[Hit]:
    """A variable's name begins with a letter and has only capital letters, digits and underscores."""
    for one in data.all:
        odd = pl.Series("name", one.table.frame.columns).filter(
            ~pl.Series(one.table.frame.columns, dtype=pl.String).str.contains(r"^[A-Z][A-Z0-9_]*$")
        )
        for name in odd:
            yield one.hit(name)


@rule("TB-STR-0009", "A label has more than 40 characters.", "shorten it", cdisc="CG0311", section="SDTMIG 3.4, 4.2.1")
def labels_fit(data: Data) -> Iterator[Hit]:
    """The labels of datasets and variables have at most 40 characters."""
    for one in data.all:
        if len(one.table.label) > 40:
            yield one.hit()
        for variable in one.table.variables:
            if len(variable.label) > 40:
                yield one.hit(variable.name)


@rule(
    "TB-STR-0010",
    "The dataset has no record.",
    "leave the dataset out",
    severity=Severity.WARNING,
    cdisc="CG0408",
    section="SDTMIG 3.4, 3.2",
)
def datasets_have_records(data: Data) -> Iterator[Hit]:
    """A dataset without records is not submitted."""
    for one in data.all:
        if one.frame.is_empty():
            yield one.hit()


@rule(
    "TB-STR-0011",
    "The variable is none of the guide's or the model's class.",
    "move it to SUPP--",
    cdisc="CG0013 CG0351",
    section="SDTMIG 3.4, 2.5",
)
def variables_are_of_the_class(data: Data) -> Iterator[Hit]:
    """A dataset has only variables that the guide lists for it or the model lists for its class; others go to SUPP--."""
    for one in data.all:
        listed = frozenset() if one.standard is None else frozenset(one.standard.by_name)
        known = listed | allowed(one.cls, one.prefix)
        associated = one.name.startswith("AP")
        if not known or (one.standard is None and one.cls not in CLASSES) or associated:
            continue
        for name in one.table.frame.columns:
            if name not in known:
                yield one.hit(name)


@rule(
    "TB-STR-0012",
    "A variable that is only for studies in animals is in the study.",
    "take it out",
    cdisc="CG0352 CG0353 CG0354 CG0355 CG0507 CG0508 CG0509 CG0510 CG0511 CG0552 CG0621 CG0622 CG0623 CG0624 CG0625 "
    "CG0626 CG0627 CG0628 CG0629 CG0630 CG0631 CG0632 CG0633 CG0634 CG0635 CG0636 CG0637 CG0638 CG0639 CG0640",
    section="SDTM 2.0, 3.1, notes on the variables",
)
def no_animal_variables(data: Data) -> Iterator[Hit]:
    """Variables that the model keeps for studies in animals (--DETECT, --IMPLBL, FETUSID, ...) are not used in humans."""
    yield from shapes.present(data.datasets(classes=OBSERVATIONS), *_ANIMAL_ONLY)
    yield from shapes.present([one for one in data.all if one.cls == INTERVENTIONS], "--METHOD")


@rule(
    "TB-STR-0013",
    "A variable stands in a domain it is not for.",
    "take it out, or move the records",
    cdisc="CG0542 CG0564 CG0565 CG0566 CG0567",
    section="SDTM 2.0, 3.1.2 and 3.1.3",
)
def variables_of_one_domain(data: Data) -> Iterator[Hit]:
    """--AGENT, --CONC, --CONCU are for MS only, --EVDTYP for MH, --BEATNO for EG."""
    for one in data.datasets(classes=OBSERVATIONS):
        for name, domain in _ONLY_IN.items():
            if one.prefix != domain and one.has(name):
                yield one.hit(name)


@rule(
    "TB-STR-0014",
    "The dataset has no timing variable.",
    "add at least one (--DTC, --STDTC, VISITNUM, EPOCH, ...)",
    cdisc="CG0219",
    section="SDTMIG 3.4, 4.4",
)
def records_have_a_time(data: Data) -> Iterator[Hit]:
    """A dataset of the observation classes has at least one timing variable."""
    for one in data.datasets(classes=OBSERVATIONS, but=("IE", "SC")):
        if not any(one.has(name) for name in (*_TIMING, *_OTHER_TIMING)):
            yield one.hit()


@rule(
    "TB-STR-0015",
    "The dataset's name does not begin with its DOMAIN.",
    "rename the dataset",
    cdisc="CG0413",
    section=_IG,
)
def name_begins_with_domain(data: Data) -> Iterator[Hit]:
    """A dataset is named after its domain: AE, or AEXX for a part of it."""
    for one in data.datasets("DOMAIN"):
        code = one.col("DOMAIN")
        if not one.name.startswith("AP"):
            yield from one.hits(code.is_not_null() & (code.str.len_chars() == 2) & (code != one.name[:2]), "DOMAIN")


@rule("TB-STR-0016", "DOMAIN does not have two characters.", "write the domain's code", cdisc="CG0308", section=_IG)
def domain_has_two_letters(data: Data) -> Iterator[Hit]:
    """DOMAIN has two characters, four in datasets of associated persons (AP--)."""
    for one in data.datasets("DOMAIN"):
        length = 4 if one.name.startswith("AP") else 2
        yield from one.hits(one.given("DOMAIN") & (one.text("DOMAIN").str.len_chars() != length), "DOMAIN")


@rule(
    "TB-STR-0017",
    "A prefixed variable does not begin with the custom domain's code.",
    "rename the variable",
    cdisc="CG0349",
    section="SDTMIG 3.4, 2.6",
)
def custom_variables_have_the_prefix(data: Data) -> Iterator[Hit]:
    """In a custom domain the variables that the model prefixes have the domain's own code for prefix."""
    for one in data.datasets(classes=OBSERVATIONS):
        if one.standard is None:
            known = allowed(one.cls, "--")
            for name in one.table.frame.columns:
                if name not in known and not name.startswith(one.prefix) and f"--{name[2:]}" in known:
                    yield one.hit(name)


@rule(
    "TB-STR-0018",
    "A split dataset's name does not have three or four characters.",
    "name it after its domain and one or two more characters",
    cdisc="CG0017",
    section="SDTMIG 3.4, 4.1.7",
)
def split_names_fit(data: Data) -> Iterator[Hit]:
    """A part of a split dataset has a name of three or four characters."""
    for one in data.datasets("DOMAIN"):
        code = one.frame["DOMAIN"].drop_nulls().first()
        if isinstance(code, str) and len(code) == 2 and one.name.startswith(code) and len(one.name) > 4:
            yield one.hit()


@rule(
    "TB-STR-0019",
    "--STDTC stands in a dataset of findings.",
    "use --DTC for the start of collection and --ENDTC for its end",
    cdisc="CG0467",
    section="SDTMIG 3.4, 4.4.8",
)
def findings_have_no_start(data: Data) -> Iterator[Hit]:
    """Findings have --DTC and --ENDTC, not --STDTC."""
    yield from shapes.present(data.datasets(classes=(FINDINGS, FINDINGS_ABOUT)), "--STDTC")


@rule(
    "TB-STR-0020",
    "TR holds a place of the lesion.",
    "say where the lesion is in TU only",
    cdisc="CG0299 CG0300 CG0301 CG0302",
    section="SDTMIG 3.4, 6.3.13.2",
    domains="TR",
)
def tr_has_no_place(data: Data) -> Iterator[Hit]:
    """TRLOC, TRLAT, TRDIR and TRPORTOT are not used: TU says where a lesion is, TRLNKID leads to it."""
    yield from shapes.present([data.dataset("TR")], "TRLOC", "TRLAT", "TRDIR", "TRPORTOT")


@rule(
    "TB-STR-0021",
    "A dataset that is only for studies in animals is there.",
    "take it out",
    cdisc="CG0646 CG0647 CG0648",
    section="SDTM 2.0, 3.2 and 3.3",
    domains="SJ TT TP",
)
def no_animal_datasets(data: Data) -> Iterator[Hit]:
    """A study in humans has no SJ, TT or TP."""
    for one in data.all:
        if one.name in {"SJ", "TT", "TP"}:
            yield one.hit()


@rule(
    "TB-STR-0022",
    "A dataset that others build on is missing.",
    "add it",
    severity=Severity.WARNING,
    cdisc="CG0191 CG0318 CG0501 CG0502",
    section="SDTMIG 3.4, 6.3.5, 6.3.11, 7.3.3",
    domains="MB PC TM",
)
def companions_are_there(data: Data) -> Iterator[Hit]:
    """MS comes with MB, PP with PC, and a dataset with MIDS or RELMIDS with TM."""
    for one in data.all:
        if one.name in {"MS", "PP"} and not data.has({"MS": "MB", "PP": "PC"}[one.name]):
            yield one.hit()
        if not data.has("TM"):
            yield from (one.hit(name) for name in ("MIDS", "RELMIDS") if one.has(name))


RULES = (
    required_are_there,
    required_are_given,
    expected_are_there,
    variables_in_order,
    labels_are_the_guides,
    types_are_the_guides,
    names_fit,
    names_are_names,
    labels_fit,
    datasets_have_records,
    variables_are_of_the_class,
    no_animal_variables,
    variables_of_one_domain,
    records_have_a_time,
    name_begins_with_domain,
    domain_has_two_letters,
    custom_variables_have_the_prefix,
    split_names_fit,
    findings_have_no_start,
    tr_has_no_place,
    no_animal_datasets,
    companions_are_there,
)
