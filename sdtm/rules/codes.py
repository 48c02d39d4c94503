"""Controlled terminology: every variable with a codelist, extensible or not, and names that must go with their codes.

Sources: SDTMIG 3.4, 4.3 (coding and controlled terminology) and the codelist column of the specification tables;
CDISC SDTM Controlled Terminology as published by NCI EVS; SDTM Conformance rules; FDA business rules 1.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.sdtm import countries
from trialbridge.sdtm.rules import shapes
from trialbridge.sdtm.rules.data import EVENTS, FINDINGS, FINDINGS_ABOUT, INTERVENTIONS, NotThereError
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.codelists import Codelist, Terminology
    from trialbridge.sdtm.metadata import VariableMetadata
    from trialbridge.sdtm.rules.data import Data, Dataset
    from trialbridge.sdtm.rules.declare import Hit

_IG = "SDTMIG 3.4, 4.3; CDISC Controlled Terminology"
# The guides allow these beside the codelist: SDTMIG 3.4, 5.2, assumptions on RACE and ETHNIC; the references that the
# FDA's Study Data Technical Conformance Guide, appendix B, names for TS and DICTNAM does not have.
_REFERENCES = ("ISO 8601", "ISO 3166-1 alpha-3", "ISO 3166-1 Alpha-3", "ClinicalTrials.gov", "ClinicalTrials.GOV")
_ALSO = {"RACE": ("MULTIPLE",), "ETHNIC": ("MULTIPLE",), "TSVCDREF": _REFERENCES}
# DSCAT decides which of the three codelists DSDECOD takes: SDTMIG 3.4, 6.2.4.
_DISPOSITION = {"DISPOSITION EVENT": "NCOMPLT", "PROTOCOL MILESTONE": "PROTMLST", "OTHER EVENT": "OTHEVENT"}
# Flags that are Y or nothing: SDTM 2.0, 3.1; the codelist NY has N, U and NA for other questions.
_FLAGS = ("--LOBXFL", "--BLFL", "--DRVFL", "--PRESP", "--PTFL")


@dataclass(frozen=True, slots=True)
class _Coded:
    """A variable with its codelists, and which records they are for."""

    one: Dataset
    name: str
    codelists: tuple[Codelist, ...]
    mask: pl.Expr

    @property
    def extensible(self) -> bool:
        """Whether a sponsor may add terms to one of them."""
        return any(codelist.extensible for codelist in self.codelists)

    def unknown(self) -> list[str]:
        """The distinct values that are in none of the codelists."""
        values = self.one.frame.filter(self.mask)[self.name].drop_nulls().unique(maintain_order=True).to_list()
        also = _ALSO.get(self.name, ())
        return [value for value in values if value not in also and not any(value in each for each in self.codelists)]

    def hits(self, values: dict[str, str]) -> Iterator[Hit]:
        """A hit for each record with one of these values; the fix names the term to use where one is known."""
        for value, term in values.items():
            where = self.mask & (pl.col(self.name) == value)
            yield from self.one.hits(where, self.name, fix=f"write {term}" if term else "")


def _strange(data: Data, *, extensible: bool) -> list[tuple[_Coded, list[str]]]:
    """The variables whose codelists are all at hand, with their values that are in none. Raises NotThereError."""
    made: list[tuple[_Coded, list[str]]] = data.once("strange", lambda: [(one, one.unknown()) for one in _coded(data)])
    if not made:
        raise NotThereError("no variable of the study has a codelist in the terminology package")
    return [(one, values) for one, values in made if one.extensible is extensible]


def _coded(data: Data) -> Iterator[_Coded]:
    """Every variable of the study whose codelists are all at hand."""
    for one in data.all:
        for variable in one.standard.variables if one.standard else ():
            name, codes = variable.name, variable.codelists
            if not codes or not one.has(name) or not all(code in data.terminology for code in codes):
                continue
            if one.frame.schema[name] != pl.String:
                continue
            codelists = tuple(data.terminology.codelist(code) for code in codes)
            yield _Coded(one, name, codelists, _concerned(data, one, variable))


def _concerned(data: Data, one: Dataset, variable: VariableMetadata) -> pl.Expr:
    """The records a codelist is for: results that are words, and in RS those of a response criterion only."""
    mask = pl.lit(value=True)
    if variable.model_variable == "--STRESC":
        mask = ~one.text("--STRESC").str.contains(r"^[<>]?=?\s*[-+]?[0-9.]")
    if one.prefix == "RS" and variable.model_variable in {"--TESTCD", "--TEST", "--STRESC"}:
        criteria = [term.submission_value for term in data.terminology.codelist("CCCAT").terms]
        mask = mask & ~one.text("RSCAT").is_in(criteria)  # clinical classifications have codelists of their own
    if one.prefix == "TU" and variable.model_variable == "--STRESC":
        mask = mask & one.text("TUTESTCD").is_in(["TUMIDENT", "LESIDENT", ""])
    if one.prefix == "TR" and variable.model_variable == "--STRESC":
        mask = mask & one.text("TRTESTCD").is_in(["TUMSTATE", "LNSTATE", "OBJRESP"])
    return mask


@lru_cache(maxsize=256)
def _other_words(codelist: Codelist) -> dict[str, str]:
    """How else people write the terms, in capital letters: other case, synonyms, preferred terms; to the term."""
    words: dict[str, str] = {}
    for term in codelist.terms:
        for word in (term.submission_value, *term.synonyms, term.preferred_term):
            words.setdefault(word.upper(), term.submission_value)
    return words


def _meant(coded: _Coded, value: str) -> str:
    """The term that a value most likely stands for; empty if none is known."""
    word = value.strip().upper()
    return next((words[word] for words in map(_other_words, coded.codelists) if word in words), "")


@rule(
    "TB-CT-0001",
    "The value is not in its codelist, which cannot be extended.",
    "use a term of the codelist",
    section=_IG,
)
def closed_codelists(data: Data) -> Iterator[Hit]:
    """A variable with codelists that cannot be extended has only their terms, in their very spelling."""
    for coded, values in _strange(data, extensible=False):
        yield from coded.hits({value: _meant(coded, value) for value in values})


@rule(
    "TB-CT-0002",
    "The value is another spelling of a term of its codelist.",
    "use the submission value",
    section=_IG,
)
def terms_in_their_spelling(data: Data) -> Iterator[Hit]:
    """A variable with an extensible codelist has the term itself where the codelist has one, not a synonym or another case."""
    for coded, values in _strange(data, extensible=True):
        meant = {value: _meant(coded, value) for value in values}
        yield from coded.hits({value: term for value, term in meant.items() if term})


@rule(
    "TB-CT-0003",
    "The value is not in its codelist, which can be extended.",
    "use a term of the codelist, or document the added term in the define",
    severity=Severity.WARNING,
    section=_IG,
)
def open_codelists(data: Data) -> Iterator[Hit]:
    """A variable with an extensible codelist has its terms; an added term is looked at and documented."""
    for coded, values in _strange(data, extensible=True):
        documented = _documented(data, coded)
        unknown = [value for value in values if value not in documented and not _meant(coded, value)]
        yield from coded.hits(dict.fromkeys(unknown, ""))


def _documented(data: Data, coded: _Coded) -> set[str]:
    """The values that the define, where there is one, marks as the sponsor's addition to the variable's codelist."""
    described = None if data.define is None else data.define.dataset.get(coded.one.name)
    for ref in described.items if described is not None else ():
        item = data.define.item.get(ref.item)
        if item is not None and item.name == coded.name and item.codelist in data.define.codelist:
            return {term.value for term in data.define.codelist[item.codelist].terms if term.extended}
    return set()


@rule(
    "TB-CT-0004",
    "The name is not that of the code.",
    "write the codelist's name for the code",
    section=_IG,
)
def names_go_with_codes(data: Data) -> Iterator[Hit]:
    """--TEST is the name of --TESTCD, TSPARM that of TSPARMCD: the same concept of the terminology."""
    for one, code, name in _pairs(data):
        known = _names(data.terminology, one, code, name)
        if not known:
            continue
        pairs = one.frame.select(code, name).drop_nulls().unique(maintain_order=True).iter_rows()
        for short, long in pairs:
            if short in known and known[short] != long:
                wrong = (pl.col(code) == short) & (pl.col(name) == long)
                yield from one.hits(wrong, name, code, fix=f"write {known[short]}")


def _pairs(data: Data) -> list[tuple[Dataset, str, str]]:
    """Datasets with a code and its name. Raises NotThereError if there is none."""
    pairs = [
        (one, one.of(code), one.of(name))
        for one in data.all
        for code, name in (("--TESTCD", "--TEST"), ("TSPARMCD", "TSPARM"))
        if one.has(code, name) and not one.name.startswith("SUPP")
    ]
    if not pairs:
        raise NotThereError("the study has no codes with names")
    return pairs


def _names(ct: Terminology, one: Dataset, code: str, name: str) -> dict[str, str]:
    """Code to name, of the codelists of two variables: the terms that are one concept."""
    if one.standard is None or code not in one.standard or name not in one.standard:
        return {}
    lists = [one.standard.variable(each).codelists for each in (code, name)]
    if not all(len(each) == 1 and each[0] in ct for each in lists):
        return {}
    codes, names = ct.codelist(lists[0][0]), ct.codelist(lists[1][0])
    by_concept = {term.code: term.submission_value for term in names.terms}
    return {term.submission_value: by_concept[term.code] for term in codes.terms if term.code in by_concept}


@rule(
    "TB-CT-0005",
    "--TESTCD and --TEST do not go one to one.",
    "give each code one name",
    fda="FB0901",
    section="SDTMIG 3.4, 4.2.1; FDA business rules 1.5",
)
def tests_one_to_one(data: Data) -> Iterator[Hit]:
    """A test code has one name throughout the dataset, and a name one code."""
    for one in data.datasets("--TESTCD", "--TEST", classes=(FINDINGS, FINDINGS_ABOUT)):
        yield from shapes.not_one_to_one(one, "--TESTCD", "--TEST")


@rule(
    "TB-CT-0006",
    "A flag is neither Y nor empty.",
    "write Y, or nothing",
    cdisc="CG0541 CG0085",
    section="SDTM 2.0, 3.1.1 to 3.1.3",
)
def flags_are_y(data: Data) -> Iterator[Hit]:
    """--LOBXFL, --BLFL, --DRVFL, --PRESP and --PTFL are Y or empty."""
    for name in _FLAGS:
        yield from shapes.neither_of(data.datasets(), name, ["Y"])


@rule(
    "TB-CT-0007",
    "--STAT is not NOT DONE.",
    "write NOT DONE, or nothing",
    section="SDTMIG 3.4, 4.5.1.2; codelist ND (C66789)",
)
def status_is_not_done(data: Data) -> Iterator[Hit]:
    """--STAT is NOT DONE or empty, also in domains without a codelist in the guide."""
    for one in data.datasets("--STAT"):
        if one.standard is None or one.of("--STAT") not in one.standard:
            yield from shapes.neither_of([one], "--STAT", ["NOT DONE"])


@rule(
    "TB-CT-0008",
    "DSDECOD is not of the codelist that DSCAT calls for.",
    "use a term of that codelist, or mend DSCAT",
    section="SDTMIG 3.4, 6.2.4; codelists NCOMPLT, PROTMLST, OTHEVENT",
    domains="DS",
)
def disposition_by_category(data: Data) -> Iterator[Hit]:
    """DSDECOD is of NCOMPLT for a disposition event, of PROTMLST for a milestone, of OTHEVENT for another event."""
    ds = data.dataset("DS", "DSDECOD", "DSCAT")
    ct = data.terminology
    if not all(name in ct for name in _DISPOSITION.values()):
        raise NotThereError("the terminology has no codelists of disposition")
    known = {category: [each.submission_value for each in ct.codelist(name)] for category, name in _DISPOSITION.items()}
    for category, values in known.items():
        others = [value for each, its in known.items() if each != category for value in its if value not in values]
        # A term of none of the codelists is a sponsor's own: that is for the rules above.
        yield from ds.hits((ds.col("DSCAT") == category) & ds.col("DSDECOD").is_in(others), "DSDECOD", "DSCAT")


@rule(
    "TB-CT-0009",
    "COUNTRY is no three-letter code of ISO 3166-1.",
    "write the country's alpha-3 code",
    section="SDTMIG 3.4, 5.2; ISO 3166-1",
    domains="DM",
)
def countries_are_iso(data: Data) -> Iterator[Hit]:
    """COUNTRY is a three-letter code of ISO 3166-1."""
    dm = data.dataset("DM", "COUNTRY")
    yield from dm.hits(dm.given("COUNTRY") & ~dm.text("COUNTRY").is_in(list(countries.ALPHA_3)), "COUNTRY")


@rule(
    "TB-CT-0010",
    "The same reported words are coded in two ways.",
    "code the term in one way",
    severity=Severity.WARNING,
    section="SDTMIG 3.4, 4.3.5 and 6.2.1",
)
def coded_alike(data: Data) -> Iterator[Hit]:
    """Within a dataset and category the same words of --TERM or --TRT have one --DECOD, whatever their case."""
    having = [one for one in data.datasets("--DECOD", classes=(EVENTS, INTERVENTIONS)) if one.prefix != "DS"]
    if not having:
        raise NotThereError("no dataset of events or interventions has --DECOD")
    for one in having:
        words = "--TERM" if one.has("--TERM") else "--TRT"
        keys = [one.text(words).str.to_uppercase().alias("#words"), one.text("--CAT").alias("#cat")]
        coded = one.frame.filter(one.given("--DECOD")).with_columns(keys)
        counted = coded.group_by("#words", "#cat", one.of("--DECOD")).len("#n")
        usual = pl.col("#n") == pl.col("#n").max().over("#words", "#cat")
        several = pl.len().over("#words", "#cat") > 1
        tied = usual.sum().over("#words", "#cat") > 1
        odd = counted.filter(several & (~usual | tied))
        rows = coded.join(odd, on=["#words", "#cat", one.of("--DECOD")], how="semi")
        yield from one.hits_of(rows, "--DECOD", words)


@rule(
    "TB-CT-0011",
    "--TESTCD is no valid short name.",
    "use at most 8 capital letters, digits and underscores, a letter first",
    cdisc="CG0372",
    section="SDTMIG 3.4, 4.2.1",
)
def test_codes_are_names(data: Data) -> Iterator[Hit]:
    """--TESTCD has at most 8 characters: letters, digits, underscores, none of the digits first."""
    having = [(one, "--TESTCD") for one in data.all if one.has("--TESTCD") and not one.name.startswith("SUPP")]
    having += [(one, "IETESTCD") for one in data.all if one.name == "TI" and one.has("IETESTCD")]
    if not having:
        raise NotThereError("the study has no test codes")
    for one, name in having:
        yield from one.hits(one.given(name) & ~one.text(name).str.contains(r"^[A-Za-z_][A-Za-z0-9_]{0,7}$"), name)


@rule(
    "TB-CT-0012",
    "--TEST has more than 40 characters.",
    "shorten the name",
    cdisc="CG0406",
    section="SDTMIG 3.4, 4.2.1",
)
def test_names_fit(data: Data) -> Iterator[Hit]:
    """--TEST has at most 40 characters, save IETEST."""
    for one in data.datasets("--TEST", classes=(FINDINGS, FINDINGS_ABOUT), but=("IE",)):
        yield from one.hits(one.text("--TEST").str.len_chars() > 40, "--TEST")


@rule(
    "TB-CT-0013",
    "The topic of the record is OTHER or MULTIPLE.",
    "give the topic itself, a record for each",
    cdisc="CG0341 CG0342 CG0343 CG0344 CG0345 CG0346",
    section="SDTMIG 3.4, 4.2.7",
)
def topics_are_topics(data: Data) -> Iterator[Hit]:
    """--TESTCD, --TRT and --TERM name a topic; OTHER and MULTIPLE are none."""
    for name in ("--TESTCD", "--TRT", "--TERM"):
        for one in data.datasets(classes=(EVENTS, INTERVENTIONS, FINDINGS, FINDINGS_ABOUT)):
            if one.has(name):
                yield from one.hits(one.text(name).is_in(["OTHER", "MULTIPLE"]), name)


RULES = (
    closed_codelists,
    terms_in_their_spelling,
    open_codelists,
    names_go_with_codes,
    tests_one_to_one,
    flags_are_y,
    status_is_not_done,
    disposition_by_category,
    countries_are_iso,
    coded_alike,
    test_codes_are_names,
    test_names_fit,
    topics_are_topics,
)
