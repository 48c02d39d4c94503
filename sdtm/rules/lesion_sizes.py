"""Sizes of tumors: sums are those of their parts, axes are in order, nothing is below zero.

Sources: SDTMIG 3.4, 6.3.13.2 (TR); RECIST 1.0, Therasse et al., J Natl Cancer Inst 2000;92:205; RECIST 1.1, Eisenhauer
et al., Eur J Cancer 2009;45:228, 3.1 and 4.3.1; codelist TRTESTCD (C96779).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.sdtm.rules.data import ROW, NotThereError
from trialbridge.sdtm.rules.declare import rule
from trialbridge.sdtm.rules.lesions import READER, SIZES, identified, measured, read_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data
    from trialbridge.sdtm.rules.declare import Hit

_TR = "SDTMIG 3.4, 6.3.13.2 (TR)"
_SUMS = ("SUMDIAM", "SUMLDIAM", "SUMNLNLD", "SUMLPERP")


@rule(
    "TB-ONC-0010",
    "The sum is not that of its parts.",
    "add the diameters anew",
    section=f"{_TR}; RECIST 1.0, 3.1; RECIST 1.1, 4.3.1; codelist TRTESTCD",
    domains="TR TU",
)
def sums_are_sums(data: Data) -> Iterator[Hit]:
    """A sum of diameters is that of the target lesions' diameters by the same evaluator at the same visit.

    SUMDIAM takes the test DIAMETER where there is one, else the short axis of nodes and the longest diameter of others,
    SUMLDIAM the longest of all, SUMNLNLD that of lesions that are no nodes, SUMLPERP the short axis of nodes. Where a
    part is not known nothing is said.
    """
    tr = data.dataset("TR", "USUBJID", "TRTESTCD", "TRSTRESN", "VISITNUM")
    sums = tr.frame.filter(pl.col("TRTESTCD").is_in(_SUMS) & tr.col("TRSTRESN").is_not_null())
    sums = sums.with_columns(*read_by(tr), pl.col("VISITNUM").cast(pl.Float64).alias("#visit"))
    if sums.is_empty():
        raise NotThereError(f"TR has none of {', '.join(_SUMS)}")
    parts = _parts(data)
    totals = parts.group_by(*READER, "#visit", "TRTESTCD").agg(
        pl.col("#part").sum().alias("#total"), pl.col("#part").is_null().any().alias("#unknown")
    )
    compared = sums.join(totals, on=[*READER, "#visit", "TRTESTCD"])
    wrong = ~pl.col("#unknown") & ((pl.col("#total") - pl.col("TRSTRESN")).abs() > 1e-6)
    yield from tr.hits_of(compared.filter(wrong), "TRSTRESN", "TRTESTCD")


def _parts(data: Data) -> pl.DataFrame:
    """What each target lesion adds to each kind of sum, by evaluator and visit; null where it is not known.

    Every target lesion that the evaluator has identified by a visit is a part of its sum, also one without a record.
    """
    lesions = identified(data).filter(pl.col("#kind") == "TARGET").unique([*READER, "#lesion"], keep="first")
    readings = measured(data).filter(pl.col("#visit").is_not_null())
    visits = readings.select(*READER, "#visit").unique()
    due = lesions.select(*READER, "#lesion", "#loc", pl.col("#visit").alias("#since")).join(visits, on=READER)
    due = due.filter(pl.col("#since").is_null() | (pl.col("#since") <= pl.col("#visit"))).drop("#since")
    keys = [*READER, "#visit", "#lesion"]
    # Two sizes of a test under one VISITNUM are two assessments: which of them a sum is of is not known.
    of_test = {test: pl.col("#size").filter(pl.col("#test") == test).drop_nulls() for test in SIZES}
    sizes = readings.group_by(keys).agg(
        pl.when(found.len() == 1).then(found.first()).alias(test) for test, found in of_test.items()
    )
    by_test = due.join(sizes, on=keys, how="left")
    node = pl.col("#loc").str.contains("LYMPH NODE")
    longest, shortest = pl.coalesce("LDIAM", "DIAMETER"), pl.coalesce("LPERP", "DIAMETER")
    part = {
        "SUMLDIAM": longest,
        "SUMDIAM": pl.when(node)
        .then(pl.coalesce("DIAMETER", "LPERP", "LDIAM"))
        .otherwise(pl.coalesce("DIAMETER", "LDIAM")),
        "SUMNLNLD": pl.when(node).then(0.0).otherwise(longest),
        "SUMLPERP": pl.when(node).then(shortest).otherwise(0.0),
    }
    return pl.concat(
        [by_test.select(*keys, pl.lit(test).alias("TRTESTCD"), one.alias("#part")) for test, one in part.items()]
    )


@rule("TB-ONC-0013", "A size is negative.", "mend the size", section=_TR, domains="TR")
def sizes_are_positive(data: Data) -> Iterator[Hit]:
    """A diameter or a sum of diameters is not below zero."""
    tr = data.dataset("TR", "TRTESTCD", "TRSTRESN")
    size = tr.col("TRSTRESN").cast(pl.Float64, strict=False)
    yield from tr.hits(tr.text("TRTESTCD").is_in([*SIZES, *_SUMS]) & (size < 0), "TRSTRESN", "TRTESTCD")


@rule(
    "TB-ONC-0014",
    "The short axis is longer than the longest diameter.",
    "mend one of the two",
    section=f"{_TR}; RECIST 1.1, 3.1",
    domains="TR",
)
def axes_in_order(data: Data) -> Iterator[Hit]:
    """A lesion's longest perpendicular is not longer than its longest diameter, at the same visit by the same evaluator."""
    tr = data.dataset("TR", "USUBJID", "TRLNKID", "TRTESTCD", "TRSTRESN", "VISITNUM")
    keys = [*READER, "#lesion", "#visit"]
    readings = measured(data).filter(pl.col("#visit").is_not_null())
    longest = readings.filter(pl.col("#test") == "LDIAM").group_by(keys).agg(pl.col("#size").max().alias("#longest"))
    short = readings.filter(pl.col("#test") == "LPERP").join(longest, on=keys)
    odd = short.filter(pl.col("#size") > pl.col("#longest"))
    yield from tr.hits_of(tr.frame.join(odd.select(ROW), on=ROW, how="semi"), "TRSTRESN", "TRLNKID")


RULES = (
    sums_are_sums,
    sizes_are_positive,
    axes_in_order,
)
