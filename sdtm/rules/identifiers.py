"""Who and which record: STUDYID, DOMAIN, USUBJID, --SEQ, and the links between records.

Sources: SDTMIG 3.4, 4.1 and 8; SDTM 2.0, 3.1.4 (identifiers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.sdtm import metadata
from trialbridge.sdtm.model_variables import WHOSE
from trialbridge.sdtm.rules import shapes
from trialbridge.sdtm.rules.data import OBSERVATIONS, RELATIONSHIP, ROW, NotThereError
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data, Dataset
    from trialbridge.sdtm.rules.declare import Hit

_IG = "SDTMIG 3.4, 4.1"
_WITHOUT_SEQ = ("DM", "SV", "TA", "TE", "TV", "TI", "TD", "TM")


@rule("TB-ID-0001", "USUBJID is not in DM.", "add the subject to DM, or mend USUBJID", cdisc="CG0029", section=_IG)
def subjects_are_in_dm(data: Data) -> Iterator[Hit]:
    """Every USUBJID of the study has its record in DM; associated persons (AP--) stand apart."""
    known = data.dataset("DM", "USUBJID").frame["USUBJID"]
    for one in data.all:
        if one.name != "DM" and not one.name.startswith("AP") and one.has("USUBJID"):
            yield from shapes.not_among(one, "USUBJID", known)


@rule("TB-ID-0002", "STUDYID is not that of DM.", "write the study's identifier", cdisc="CG0409", section=_IG)
def one_study(data: Data) -> Iterator[Hit]:
    """STUDYID is the same throughout."""
    known = data.dataset("DM", "STUDYID").frame["STUDYID"]
    for one in data.all:
        if one.name != "DM" and one.has("STUDYID"):
            yield from shapes.not_among(one, "STUDYID", known)
    dm = data.dataset("DM")
    yield from dm.hits(dm.given("STUDYID") & (dm.col("STUDYID") != _usual(known)), "STUDYID")


def _usual(values: pl.Series) -> str:
    """The most frequent value, the first in the alphabet of several; empty where there is none."""
    usual = values.drop_nulls().mode().sort().to_list()
    return str(usual[0]) if usual else ""


@rule("TB-ID-0003", "DOMAIN is not the same in all records.", "split the dataset by domain", section=_IG)
def one_domain(data: Data) -> Iterator[Hit]:
    """A dataset's records have one DOMAIN."""
    for one in data.datasets("DOMAIN"):
        yield from one.hits(one.given("DOMAIN") & (one.col("DOMAIN") != _usual(one.frame["DOMAIN"])), "DOMAIN")


@rule(
    "TB-ID-0004",
    "--SEQ is there twice.",
    "number the records of a subject anew",
    cdisc="CG0028",
    section="SDTMIG 3.4, 4.1.8",
)
def seq_is_unique(data: Data) -> Iterator[Hit]:
    """--SEQ is unique within a subject and domain, also over the parts of a split dataset."""
    for one, seen in _with_parts(data):
        keys = [name for name in ("USUBJID", "POOLID", "NHOID", "APID") if one.has(name)]
        keys = keys or [name for name in ("TSPARMCD",) if one.has(name)]
        columns = [*keys, one.of("--SEQ")]
        twice = seen.filter(pl.struct(columns).is_duplicated()).select(columns).unique()
        if not twice.is_empty():
            rows = one.frame.filter(one.given("--SEQ")).join(twice, on=columns, how="semi", nulls_equal=True)
            yield from one.hits_of(rows, "--SEQ")


def _with_parts(data: Data) -> Iterator[tuple[Dataset, pl.DataFrame]]:
    """Each dataset with --SEQ, and the records of all datasets of its domain."""
    having = data.datasets("--SEQ", classes=(*OBSERVATIONS, "Special-Purpose", "Trial Design"))
    for one in having:
        parts = [each.frame.drop(ROW) for each in having if each.prefix == one.prefix and each.name[:2] == one.name[:2]]
        together = pl.concat(parts, how="diagonal_relaxed") if len(parts) > 1 else parts[0]
        yield one, together.filter(pl.col(one.of("--SEQ")).is_not_null())


@rule(
    "TB-ID-0005", "--SEQ is no whole number above zero.", "number the records 1, 2, 3, ...", section="SDTMIG 3.4, 4.1.8"
)
def seq_is_whole(data: Data) -> Iterator[Hit]:
    """--SEQ is a whole number from 1."""
    for one in data.datasets("--SEQ"):
        name = one.of("--SEQ")
        given = one.table.frame[name]
        if given.dtype.is_numeric():
            yield from one.hits((pl.col(name) < 1) | (pl.col(name) != pl.col(name).floor()), "--SEQ")
        else:
            odd = one.frame.with_columns(given).filter(~given.str.contains(r"^[1-9][0-9]*$"))
            yield from one.hits_of(odd, "--SEQ")


@rule(
    "TB-ID-0006", "The record says not of whom it is.", "give USUBJID (or POOLID, SPDEVID)", cdisc="CG0554", section=_IG
)
def records_have_a_subject(data: Data) -> Iterator[Hit]:
    """A record of the observation classes has USUBJID, or another identifier of whom or what was observed."""
    for one in data.datasets(classes=OBSERVATIONS):
        if not any(one.has(name) for name in WHOSE):
            yield one.hit("USUBJID")
        else:
            nobody = pl.all_horizontal(one.missing(name) for name in WHOSE)
            required = one.standard is not None and "USUBJID" in one.standard and one.has("USUBJID")
            if not required or any(one.has(name) for name in WHOSE[1:]):
                yield from one.hits(nobody, "USUBJID")


@rule(
    "TB-ID-0007",
    "--LNKID is in one dataset only.",
    "link to another dataset, or take it out",
    severity=Severity.WARNING,
    cdisc="CG0024",
    section="SDTMIG 3.4, 4.1.6 and 8.3",
)
def links_lead_somewhere(data: Data) -> Iterator[Hit]:
    """--LNKID joins the records of at least two datasets."""
    having = [one for one in data.datasets("--LNKID") if one.frame[one.of("--LNKID")].null_count() < one.frame.height]
    if len(having) == 1:
        yield having[0].hit("--LNKID")


@rule(
    "TB-ID-0008",
    "--LNKGRP is in one dataset only.",
    "link to another dataset, or take it out",
    severity=Severity.WARNING,
    cdisc="CG0022",
    section="SDTMIG 3.4, 4.1.6 and 8.3",
)
def group_links_lead_somewhere(data: Data) -> Iterator[Hit]:
    """--LNKGRP joins the records of at least two datasets."""
    having = [one for one in data.datasets("--LNKGRP") if one.frame[one.of("--LNKGRP")].null_count() < one.frame.height]
    if len(having) == 1:
        yield having[0].hit("--LNKGRP")


@rule(
    "TB-ID-0009", "The record is there twice.", "keep one of them", section=f"{_IG}.8 and the structure of each dataset"
)
def records_are_unique(data: Data) -> Iterator[Hit]:
    """Two records of a dataset differ in what tells its records apart: its keys, and elsewhere in more than --SEQ."""
    for one in data.all:
        if one.frame.is_empty():
            continue
        if one.name in _WITHOUT_SEQ or one.cls == RELATIONSHIP:
            if one.name in {"DM", "SV"} or one.standard is None or one.name.startswith("SUPP"):
                continue  # these have rules of their own
            names = [name for name in metadata.keys(one.name, data.version) if one.has(name)]
        else:
            names = [name for name in one.table.frame.columns if name != one.of("--SEQ")]
        rows = shapes.repeated(one, pl.lit(value=True), *names)
        yield from one.hits_of(rows, *names[:3])


@rule(
    "TB-ID-0010",
    "DOMAIN is no published code.",
    "use the code of CDISC's codelist DOMAIN, or keep a custom domain's code apart from it",
    severity=Severity.NOTE,
    cdisc="CG0001",
    section="SDTMIG 3.4, 2.6 and 4.2.6",
)
def domain_is_published(data: Data) -> Iterator[Hit]:
    """DOMAIN is a term of the codelist DOMAIN; a sponsor's own domain is lawful, and said."""
    if "DOMAIN" not in data.terminology:
        raise NotThereError("the terminology has no codelist DOMAIN")
    known = pl.Series([term.submission_value for term in data.terminology.codelist("DOMAIN").terms])
    for one in data.datasets("DOMAIN"):
        codes = one.frame["DOMAIN"].drop_nulls().unique()
        if not one.name.startswith("AP") and not codes.is_in(known.implode()).all():
            yield one.hit("DOMAIN")


RULES = (
    subjects_are_in_dm,
    one_study,
    one_domain,
    seq_is_unique,
    seq_is_whole,
    records_have_a_subject,
    links_lead_somewhere,
    group_links_lead_somewhere,
    records_are_unique,
    domain_is_published,
)
