"""SUPP--, RELREC, CO and RELSUB: every record that is pointed at is there, every qualifier is well named and given once.

Sources: SDTMIG 3.4, 8.2 (RELREC), 8.4 (SUPP--), 5.1 (CO), 8.7 (RELSUB); conformance rules 2.0; FDA business rules 1.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Severity
from trialbridge.sdtm import metadata
from trialbridge.sdtm.rules import shapes
from trialbridge.sdtm.rules.data import NotThereError
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data, Dataset
    from trialbridge.sdtm.rules.declare import Hit

_SUPP, _RELREC, _CO, _RELSUB = "SDTMIG 3.4, 8.4", "SDTMIG 3.4, 8.2", "SDTMIG 3.4, 5.1", "SDTMIG 3.4, 8.7"
_POINTERS = f"{_SUPP}; {_RELREC}; {_CO}"
_ORIGINS = ("CRF", "DERIVED", "ASSIGNED", "PROTOCOL", "EDT", "PREDECESSOR", "COLLECTED", "NOT AVAILABLE", "OTHER")


def _supps(data: Data, *needs: str) -> list[Dataset]:
    """The SUPP-- datasets with these variables. Raises NotThereError."""
    found = [one for one in data.all if one.name.startswith("SUPP") and one.has(*needs)]
    if not found:
        raise NotThereError("the study has no SUPP-- dataset" + (f" with {', '.join(needs)}" if needs else ""))
    return found


def _pointers(data: Data) -> list[Dataset]:
    """The datasets that point at records of others. Raises NotThereError."""
    needs = ("RDOMAIN", "IDVAR", "IDVARVAL")
    found = [
        one for one in data.all if (one.name.startswith("SUPP") or one.name in {"RELREC", "CO"}) and one.has(*needs)
    ]
    if not found:
        raise NotThereError("the study has no SUPP--, RELREC or CO")
    return found


def _named(data: Data, rdomain: str, supp: str = "") -> list[Dataset]:
    """The datasets of a domain: of a SUPP-- of a split dataset only that part."""
    part = supp[4:]
    found = [one for one in data.all if one.name == part] if len(part) > 2 else []
    return found or [
        one for one in data.all if one.name == rdomain or (one.prefix == rdomain and not one.name.startswith("SUPP"))
    ]


@rule(
    "TB-REL-0001",
    "RDOMAIN is no dataset of the study.",
    "add the dataset, or mend RDOMAIN",
    cdisc="CG0369 CG0373 CG0374",
    section=_POINTERS,
)
def related_datasets_are_there(data: Data) -> Iterator[Hit]:
    """The dataset that a record points at is in the study."""
    for one in _pointers(data):
        for rdomain in one.frame["RDOMAIN"].drop_nulls().unique(maintain_order=True):
            if not _named(data, rdomain):
                yield from one.hits(pl.col("RDOMAIN") == rdomain, "RDOMAIN")


@rule("TB-REL-0002", "IDVAR is no variable of the related dataset.", "mend IDVAR", cdisc="CG0370", section=_POINTERS)
def related_variables_are_there(data: Data) -> Iterator[Hit]:
    """The variable by which a record points is one of the dataset it points at."""
    for one in _pointers(data):
        for rdomain, idvar in one.frame.select("RDOMAIN", "IDVAR").drop_nulls().unique(maintain_order=True).iter_rows():
            related = _named(data, rdomain, one.name)
            if related and not any(each.has(idvar) for each in related):
                yield from one.hits((pl.col("RDOMAIN") == rdomain) & (pl.col("IDVAR") == idvar), "IDVAR", "RDOMAIN")


@rule(
    "TB-REL-0003",
    "No record has the value pointed at.",
    "mend IDVARVAL, or add the record",
    cdisc="CG0371",
    section=_POINTERS,
)
def related_records_are_there(data: Data) -> Iterator[Hit]:
    """The record that is pointed at is there: the subject has a record with that value of IDVAR in RDOMAIN."""
    for one in _pointers(data):
        for rdomain, idvar in one.frame.select("RDOMAIN", "IDVAR").drop_nulls().unique(maintain_order=True).iter_rows():
            related = [each for each in _named(data, rdomain, one.name) if each.has(idvar)]
            if related:
                mine = (pl.col("RDOMAIN") == rdomain) & (pl.col("IDVAR") == idvar) & pl.col("IDVARVAL").is_not_null()
                rows = one.frame.filter(mine)
                yield from one.hits_of(_without_target(rows, related, idvar), "IDVARVAL", "IDVAR", "RDOMAIN")


def _without_target(rows: pl.DataFrame, related: list[Dataset], idvar: str) -> pl.DataFrame:
    """The pointing rows for which no related record has the value: numbers are compared as numbers."""
    subject = ["USUBJID"] if "USUBJID" in rows.columns and all(each.has("USUBJID") for each in related) else []
    targets = pl.concat([_keys(each.frame, idvar, subject) for each in related]).unique()
    # The value as text, and as a number where it is one: 1, 01 and 1.0 are one --SEQ.
    pointing = rows.with_columns(_canonical(pl.col("IDVARVAL")).alias("#value"))
    general = pointing.filter(pl.col("USUBJID").is_null()) if subject else pointing.clear()
    own = pointing.filter(pl.col("USUBJID").is_not_null()) if subject else pointing
    lost = own.join(targets, on=[*subject, "#value"], how="anti")
    lost_general = general.join(targets.select("#value").unique(), on="#value", how="anti")
    return pl.concat([lost, lost_general])


def _keys(frame: pl.DataFrame, idvar: str, subject: list[str]) -> pl.DataFrame:
    """Who and which value, of a related dataset."""
    return frame.select(*subject, _canonical(pl.col(idvar).cast(pl.String)).alias("#value"))


def _canonical(text: pl.Expr) -> pl.Expr:
    """A number without sign of its notation, other text as it is."""
    plain = text.str.strip_chars()
    number = plain.str.contains(r"^[0-9]+(\.[0-9]+)?$")
    return pl.when(number).then(plain.cast(pl.Float64, strict=False).cast(pl.String)).otherwise(plain)


@rule(
    "TB-REL-0004",
    "IDVAR is missing although the qualifier is not of DM.",
    "name the variable that identifies the record",
    cdisc="CG0203 CG0163",
    section=_POINTERS,
)
def pointers_have_a_variable(data: Data) -> Iterator[Hit]:
    """A qualifier or comment points at its record by a variable, save one of DM."""
    for one in _pointers(data):
        if one.name != "RELREC":
            yield from one.hits(
                one.given("RDOMAIN") & (one.text("RDOMAIN") != "DM") & one.missing("IDVAR"), "IDVAR", "RDOMAIN"
            )


@rule("TB-REL-0005", "IDVAR has a value but IDVARVAL has none.", "give the value", cdisc="CG0204", section=_SUPP)
def pointers_have_a_value(data: Data) -> Iterator[Hit]:
    """A qualifier that names a variable names its value."""
    for one in _pointers(data):
        if one.name != "RELREC":
            yield from one.hits(one.given("IDVAR") & one.missing("IDVARVAL"), "IDVARVAL", "IDVAR")


@rule(
    "TB-REL-0006",
    "IDVARVAL has a value but IDVAR has none.",
    "name the variable",
    cdisc="CG0164 CG0166 CG0465",
    section=_POINTERS,
)
def values_have_a_variable(data: Data) -> Iterator[Hit]:
    """A value that is pointed at is of a variable, and the variable of a dataset."""
    for one in _pointers(data):
        lost = (one.given("IDVARVAL") & one.missing("IDVAR")) | (one.given("IDVAR") & one.missing("RDOMAIN"))
        yield from one.hits(lost, "IDVAR", "IDVARVAL", "RDOMAIN")


@rule(
    "TB-REL-0007",
    "RDOMAIN is not that of the dataset's name.",
    "move the record, or mend RDOMAIN",
    cdisc="CG0334",
    section=_SUPP,
)
def supp_is_of_its_domain(data: Data) -> Iterator[Hit]:
    """RDOMAIN of SUPPAE is AE."""
    for one in _supps(data, "RDOMAIN"):
        yield from one.hits(one.given("RDOMAIN") & (one.text("RDOMAIN") != one.name[4:6]), "RDOMAIN")


@rule("TB-REL-0008", "A record has the same qualifier twice.", "keep one", cdisc="CG0411", section=_SUPP)
def qualifiers_once(data: Data) -> Iterator[Hit]:
    """A record has each qualifier once: STUDYID, USUBJID, IDVAR, IDVARVAL and QNAM tell the records of SUPP-- apart."""
    for one in _supps(data, "QNAM"):
        names = ("STUDYID", "RDOMAIN", "USUBJID", "POOLID", "IDVAR", "IDVARVAL", "QNAM")
        yield from one.hits_of(shapes.repeated(one, one.given("QNAM"), *names), "QNAM", "IDVARVAL")


@rule(
    "TB-REL-0009",
    "QNAM is no valid name.",
    "use at most 8 capital letters, digits and underscores, a letter first",
    cdisc="CG0417",
    section=_SUPP,
)
def qualifier_names_are_names(data: Data) -> Iterator[Hit]:
    """QNAM could be a variable's name."""
    for one in _supps(data, "QNAM"):
        yield from one.hits(one.given("QNAM") & ~one.text("QNAM").str.contains(r"^[A-Z_][A-Z0-9_]{0,7}$"), "QNAM")


@rule("TB-REL-0010", "QLABEL has more than 40 characters.", "shorten it", cdisc="CG0416", section=_SUPP)
def qualifier_labels_fit(data: Data) -> Iterator[Hit]:
    """QLABEL could be a variable's label."""
    for one in _supps(data, "QLABEL"):
        yield from one.hits(one.text("QLABEL").str.len_chars() > 40, "QLABEL")


@rule(
    "TB-REL-0011",
    "QNAM and QLABEL do not go one to one.",
    "give each qualifier one label",
    fda="FB0920",
    section=f"{_SUPP}; FDA business rules 1.5",
)
def qualifiers_one_to_one(data: Data) -> Iterator[Hit]:
    """A qualifier has one label and a label one qualifier."""
    for one in _supps(data, "QNAM", "QLABEL"):
        yield from shapes.not_one_to_one(one, "QLABEL", "QNAM")


@rule(
    "TB-REL-0012",
    "QNAM is a variable that the guide has for the domain.",
    "put the value into the variable itself",
    cdisc="CG0314",
    section=_SUPP,
)
def qualifiers_are_no_variables(data: Data) -> Iterator[Hit]:
    """What the guide has a variable for is not in SUPP--."""
    for one in _supps(data, "QNAM"):
        try:
            known = list(metadata.domain(one.prefix, data.version).by_name)
        except UnknownNameError:
            continue
        yield from one.hits(one.text("QNAM").is_in(known), "QNAM")


@rule(
    "TB-REL-0014",
    "QORIG is no origin.",
    f"use one of {', '.join(_ORIGINS)}",
    severity=Severity.WARNING,
    section=f"{_SUPP}; Define-XML 2.1, 5.3.11.3",
)
def origins_are_origins(data: Data) -> Iterator[Hit]:
    """QORIG is an origin as Define-XML has them, whatever its case; `CRF PAGE n` is older spelling of CRF."""
    for one in _supps(data, "QORIG"):
        said = one.text("QORIG").str.to_uppercase()
        yield from one.hits(one.given("QORIG") & ~said.is_in(_ORIGINS) & ~said.str.contains("CRF|EDT|EDC"), "QORIG")


@rule(
    "TB-REL-0015",
    "A population flag is in SUPPDM.",
    "keep it in ADaM",
    cdisc="CG0528",
    section="SDTMIG 3.4, 5.2, assumption on populations",
    domains="SUPPDM",
)
def no_population_flags(data: Data) -> Iterator[Hit]:
    """Analysis populations are not told in SUPPDM."""
    supp = data.dataset("SUPPDM", "QNAM")
    flags = ["COMPLT", "FULLSET", "ITT", "PPROT", "SAFETY", "COMPLT16", "COMPLT24", "COMPLT8", "EFFICACY"]
    yield from supp.hits(supp.text("QNAM").is_in(flags), "QNAM")


@rule(
    "TB-REL-0016",
    "A relation has one record only.",
    "add the other side, or take it out",
    cdisc="CG0200",
    section=_RELREC,
    domains="RELREC",
)
def relations_have_two_sides(data: Data) -> Iterator[Hit]:
    """A RELID joins at least two records of a subject, or of the study where it joins datasets."""
    rel = data.dataset("RELREC", "RELID")
    keys = [name for name in ("STUDYID", "USUBJID", "RELID") if rel.has(name)]
    yield from rel.hits(rel.given("RELID") & ~pl.struct(keys).is_duplicated(), "RELID")


@rule(
    "TB-REL-0017",
    "A relation by --SEQ names no subject or value.",
    "give USUBJID and IDVARVAL",
    cdisc="CG0201",
    section=_RELREC,
    domains="RELREC",
)
def relations_by_number(data: Data) -> Iterator[Hit]:
    """A relation between records by --SEQ is of one subject and one record."""
    rel = data.dataset("RELREC", "IDVAR", "IDVARVAL")
    by_number = rel.text("IDVAR").str.ends_with("SEQ")
    yield from rel.hits(by_number & (rel.missing("IDVARVAL") | rel.missing("USUBJID")), "IDVARVAL", "IDVAR")


@rule(
    "TB-REL-0018",
    "RELTYPE is given for records, not datasets.",
    "leave RELTYPE empty",
    cdisc="CG0419",
    section=_RELREC,
    domains="RELREC",
)
def relation_types_are_of_datasets(data: Data) -> Iterator[Hit]:
    """RELTYPE (ONE, MANY) is of relations between datasets: not where IDVAR is --SEQ or a record is named."""
    rel = data.dataset("RELREC", "RELTYPE", "IDVAR")
    record = rel.text("IDVAR").str.ends_with("SEQ") | rel.given("IDVARVAL")
    yield from rel.hits(rel.given("RELTYPE") & record, "RELTYPE", "IDVAR")


@rule(
    "TB-REL-0019", "A relation between datasets has no RELTYPE.", "write ONE or MANY", section=_RELREC, domains="RELREC"
)
def dataset_relations_have_types(data: Data) -> Iterator[Hit]:
    """A relation between datasets, without subject and value, says ONE or MANY."""
    rel = data.dataset("RELREC", "RELTYPE", "IDVARVAL")
    yield from rel.hits(rel.missing("IDVARVAL") & rel.missing("USUBJID") & rel.missing("RELTYPE"), "RELTYPE", "IDVAR")


@rule(
    "TB-REL-0020",
    "CODTC is given for a comment on a record.",
    "leave CODTC empty: the record has its date",
    cdisc="CG0168",
    section=_CO,
    domains="CO",
)
def comments_on_records_have_no_date(data: Data) -> Iterator[Hit]:
    """A comment that belongs to a record has that record's date."""
    co = data.dataset("CO", "CODTC", "IDVAR")
    yield from co.hits(co.given("CODTC") & co.given("IDVAR"), "CODTC", "IDVAR")


@rule(
    "TB-REL-0021",
    "A relation between persons is of one person with itself.",
    "mend RSUBJID",
    cdisc="CG0361 CG0362 CG0363 CG0364",
    section=_RELSUB,
    domains="RELSUB",
)
def persons_are_two(data: Data) -> Iterator[Hit]:
    """RELSUB joins a subject or a pool, not both, with another."""
    rel = data.dataset("RELSUB", "RSUBJID")
    self_ = (rel.text("RSUBJID") == rel.text("USUBJID")) | (rel.text("RSUBJID") == rel.text("POOLID"))
    both = rel.given("USUBJID") & rel.given("POOLID")
    yield from rel.hits((rel.given("RSUBJID") & self_) | both, "RSUBJID", "USUBJID", "POOLID")


RULES = (
    related_datasets_are_there,
    related_variables_are_there,
    related_records_are_there,
    pointers_have_a_variable,
    pointers_have_a_value,
    values_have_a_variable,
    supp_is_of_its_domain,
    qualifiers_once,
    qualifier_names_are_names,
    qualifier_labels_fit,
    qualifiers_one_to_one,
    qualifiers_are_no_variables,
    origins_are_origins,
    no_population_flags,
    relations_have_two_sides,
    relations_by_number,
    relation_types_are_of_datasets,
    dataset_relations_have_types,
    comments_on_records_have_no_date,
    persons_are_two,
)
