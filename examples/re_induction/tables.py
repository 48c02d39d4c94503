"""Rows to SDTM tables: columns, order, labels, and what is the same for every row of a dataset.

Derived here for all subjects at once: STUDYID, DOMAIN, --SEQ, VISIT, VISITDY, EPOCH and the study days (SDTMIG 3.4,
4.4.4: no day 0; none for partial dates). EPOCH is that of the element in which the start date lies; it stays empty
for what began before consent and for a partial date that leaves it open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from re_induction.design import STUDY, VISITS
from trialbridge.sdtm import metadata
from trialbridge.sdtm.table import Table, Variable, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from re_induction.design import Row

# The permissible variables each dataset has, besides all required and expected ones.
PERMISSIBLE = {
    "DM": "BRTHDTC ETHNIC DMDTC DMDY",
    "AE": "AEREL AEOUT AESCONG AESDISAB AESDTH AESHOSP AESLIFE AESMIE AECONTRT AETOXGR EPOCH AESTDY AEENDY AEENRTPT AEENTPT",
    "CM": "CMDECOD CMCAT CMINDC CMDOSE CMDOSU CMDOSFRM CMDOSFRQ CMROUTE EPOCH CMSTDTC CMENDTC CMSTDY CMENDY CMENRTPT CMENTPT",
    "DS": "DSSCAT EPOCH DSDTC DSDY DSSTDY",
    "EX": "EXCAT EXDOSFRQ EXROUTE EPOCH EXSTDY EXENDY",
    "LB": "LBCAT LBLOINC LBSPEC LBSTAT LBREASND VISIT VISITDY EPOCH LBDY",
    "MH": "MHDECOD MHEVDTYP MHCAT MHDTC MHSTDTC MHENDTC MHDY MHENRTPT MHENTPT",
    "PR": "PRLNKID PRDECOD PRCAT PRSCAT PRINDC PRDOSE PRDOSU PRLOC PRLAT PRDIR VISITNUM VISIT VISITDY EPOCH PRENDTC PRSTDY PRENDY",
    "RS": "RSLNKID RSLNKGRP RSSCAT RSSTRESN RSSTAT RSREASND RSLOBXFL RSEVAL RSEVALID VISIT VISITDY EPOCH RSDY",
    "SE": "ELEMENT TAETORD EPOCH SESTDY SEENDY",
    "SV": "VISIT SVREASOC SVCNTMOD SVEPCHGI VISITDY SVSTDY SVENDY SVUPDES",
    "TR": "TRGRPID TRLNKGRP TRSTAT TRREASND TREVALID VISIT VISITDY EPOCH TRDY",
    "TU": "TULAT TUDIR TUEVALID VISIT VISITDY EPOCH TUDY",
    "VS": "VSPOS VISIT VISITDY EPOCH VSDY",
    "TA": "ELEMENT",
    "TE": "TEENRL TEDUR",
    "TV": "VISITDY ARM TVENRL",
    "TI": "TIVERS",
    "TS": "TSGRPID TSVALNF",
}
# Variables of the SDTM model that the guide does not list for the dataset: name -> (the one before it, label).
BEYOND = {
    "MHSTDY": ("MHDY", "Study Day of Start of Observation"),
    "MHENDY": ("MHSTDY", "Study Day of End of Observation"),
}
ORDER = (
    "TA",
    "TE",
    "TI",
    "TS",
    "TV",
    "DM",
    "SE",
    "SV",
    "AE",
    "CM",
    "DS",
    "EX",
    "LB",
    "MH",
    "PR",
    "RS",
    "TR",
    "TU",
    "VS",
    "SUPPAE",
    "SUPPDM",
    "SUPPPR",
    "SUPPTU",
    "RELREC",
)
DERIVED = ("STUDYID", "DOMAIN", "VISIT", "VISITDY", "EPOCH", "DMDY")
AS_GIVEN = ("SE", "TA", "TV")  # here EPOCH, VISIT and VISITDY are given, not looked up


def columns(name: str) -> list[str]:
    """The dataset's variables in the standard's order."""
    standard = metadata.domain(name)
    permissible = PERMISSIBLE.get(name, "").split()
    chosen = [one.name for one in standard.variables if one.core in ("Req", "Exp") or one.name in permissible]
    found = metadata.ordered(name, chosen)
    for extra, (before, _) in BEYOND.items():
        if extra.startswith(name):
            found.insert(found.index(before) + 1, extra)
    return found


def frame(name: str, rows: Sequence[Row]) -> pl.DataFrame:
    """The rows as a frame of the dataset's given columns, each of its type; what a row lacks is null."""
    standard = metadata.domain(name)
    given = [
        one
        for one in columns(name)
        if one not in (*DERIVED, *BEYOND) or (name in AS_GIVEN and one not in ("STUDYID", "DOMAIN"))
    ]
    schema = {one: pl.Float64 if standard.variable(one).type == "Num" else pl.String for one in given}
    return pl.DataFrame([[_plain(row.get(one), schema[one]) for row in rows] for one in given], schema=schema)


def _plain(value: str | float | None, kind: type[pl.DataType]) -> str | float | None:
    return float(value) if kind is pl.Float64 and value is not None else value


def finish(name: str, data: pl.DataFrame, subjects: pl.DataFrame) -> Table:
    """The dataset's table with what is derived; `subjects` has USUBJID, start, follow_up and consent as ISO dates."""
    wanted = columns(name)
    order = {column: place for place, column in enumerate(data.columns)}
    data = data.with_columns(pl.lit(STUDY).alias("STUDYID"))
    if "DOMAIN" in wanted:
        data = data.with_columns(pl.lit(name).alias("DOMAIN"))
    if "VISITNUM" in wanted and name not in AS_GIVEN:
        data = _visits(data, wanted)
    if "USUBJID" in order and not name.startswith("SUPP") and name != "RELREC":
        sequence = f"{name}SEQ"
        if sequence in order and data[sequence].null_count():
            data = data.with_columns(pl.int_range(1, pl.len() + 1).over("USUBJID").cast(pl.Float64).alias(sequence))
        data = _days(data.join(subjects, on="USUBJID", how="left", maintain_order="left"), name, wanted)
        if "EPOCH" in wanted and name not in AS_GIVEN:
            data = _epoch(data, name)
    beyond = [Variable(one, label, "Num") for one, (_, label) in BEYOND.items() if one in wanted]
    return metadata.describe(table(name, _in_order(data.select(wanted), name), beyond))


def _in_order(data: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows as a submission has them: by the variables that tell records apart; a number in IDVARVAL counts as one."""
    keys = [key for key in metadata.keys(name) if key in data.columns]
    by = [pl.col(key).cast(pl.Float64, strict=False) if key == "IDVARVAL" else pl.col(key) for key in keys]
    return data.sort(by, nulls_last=False, maintain_order=True) if by else data


def _visits(data: pl.DataFrame, wanted: Sequence[str]) -> pl.DataFrame:
    number = pl.col("VISITNUM")
    unplanned = pl.concat_str(pl.lit("UNSCHEDULED "), number.round(1).cast(pl.String))
    names = {float(one.number): one.name for one in VISITS}
    days = {float(one.number): float(one.day) for one in VISITS}
    found = data.with_columns(
        pl.when(number.is_not_null()).then(number.replace_strict(names, default=unplanned)).alias("VISIT"),
        number.replace_strict(days, default=None, return_dtype=pl.Float64).alias("VISITDY"),
    )
    return found if "VISITDY" in wanted else found.drop("VISITDY")


def _days(data: pl.DataFrame, name: str, wanted: Sequence[str]) -> pl.DataFrame:
    """Fill --DY, --STDY and --ENDY from the complete dates."""
    start = pl.col("start").str.to_date("%Y-%m-%d")
    found = []
    for kind in ("", "ST", "EN"):
        date, day = f"{name}{kind}DTC", f"{name}{kind}DY"
        if day in wanted:
            text = pl.col(date).str.head(10)
            whole = pl.when(text.str.len_bytes() == 10).then(text).str.to_date("%Y-%m-%d")
            apart = (whole - start).dt.total_days()
            found.append((apart + (apart >= 0).cast(pl.Int64)).cast(pl.Float64).alias(day))
    return data.with_columns(found)


def _epoch(data: pl.DataFrame, name: str) -> pl.DataFrame:
    timing = f"{name}STDTC" if f"{name}STDTC" in data.columns else f"{name}DTC"
    text = pl.col(timing).str.head(10)
    size = text.str.len_chars()
    consent, start, follow_up = (pl.col(one).str.head(size) for one in ("consent", "start", "follow_up"))
    open_ = (size < 10) & ((text == start) | (text == follow_up) | (text == consent))
    visit = pl.col("VISITNUM") if "VISITNUM" in data.columns else pl.lit(None, pl.Float64)
    by_date = (
        pl.when(open_ | (text < consent))
        .then(None)
        .when(pl.col("start").is_null() | (text < start))
        .then(pl.lit("SCREENING"))
        .when(text < follow_up)
        .then(pl.lit("TREATMENT"))
        .otherwise(pl.lit("FOLLOW-UP"))
    )
    by_visit = pl.when(visit == 1).then(pl.lit("SCREENING")).when(visit.is_not_null()).then(pl.lit("FOLLOW-UP"))
    return data.with_columns(pl.when(text.is_null()).then(by_visit).otherwise(by_date).alias("EPOCH"))
