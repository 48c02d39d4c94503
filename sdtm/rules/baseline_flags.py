"""Flags of the baseline: --LOBXFL and --BLFL stand beside a result, once, and before exposure.

Sources: SDTMIG 3.4, 4.5.9; SDTM 2.0, 3.1.3; CDISC conformance rules 2.0; FDA business rules 1.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.sdtm.rules import moments, shapes
from trialbridge.sdtm.rules.data import FINDINGS, FINDINGS_ABOUT
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data
    from trialbridge.sdtm.rules.declare import Hit

_FB = "FDA business rules 1.5"
_BOTH = (FINDINGS, FINDINGS_ABOUT)
_PLACE = (
    "--CAT --SCAT --SPEC --LOC --LAT --DIR --PORTOT --METHOD --POS --LNKID --GRPID --EVAL --EVALID --TPTREF --TSTDTL "
    "--REPNUM --ANMETH --SPID FOCID --LEAD --OBJ --RUNID"
).split()


@rule(
    "TB-RES-0016",
    "A flagged record has no result.",
    "take the flag away, or give the result",
    cdisc="CG0553 CG0569",
    fda="FB2601 FB2602",
    section=f"SDTMIG 3.4, 4.5.9; {_FB}",
)
def flagged_have_results(data: Data) -> Iterator[Hit]:
    """A record with --LOBXFL or --BLFL has a result: --STRESC, and --ORRES too unless it is derived."""
    for name in ("--LOBXFL", "--BLFL"):
        for one in data.datasets(classes=_BOTH):
            if one.has(name):
                no_original = (
                    one.missing("--ORRES") & (one.text("--DRVFL") != "Y") if name == "--LOBXFL" else pl.lit(value=False)
                )
                without = one.missing("--STRESC") | no_original
                yield from one.hits((one.text(name) == "Y") & without, name, "--STRESC")


def _one_flag(data: Data, name: str) -> Iterator[Hit]:
    """Records that share a flag with another of the same subject, test and circumstances."""
    having = data.datasets(name, "--TESTCD", "USUBJID", classes=_BOTH)
    for one in having:
        rows = shapes.repeated(one, one.text(name) == "Y", "USUBJID", "--TESTCD", *_PLACE, "--TPT", "--TPTNUM")
        yield from one.hits_of(rows, name, "--TESTCD")


@rule(
    "TB-RES-0017",
    "The subject has the last observation before exposure twice for a test.",
    "flag one record a test",
    fda="FB2604",
    section=f"SDTMIG 3.4, 4.5.9; {_FB}",
)
def one_last_observation(data: Data) -> Iterator[Hit]:
    """A subject has one --LOBXFL a test, time point, place, lesion and evaluator."""
    yield from _one_flag(data, "--LOBXFL")


@rule(
    "TB-RES-0018",
    "The subject has the baseline twice for a test.",
    "flag one record a test",
    fda="FB2603",
    section=f"SDTMIG 3.4, 4.5.9; {_FB}",
)
def one_baseline(data: Data) -> Iterator[Hit]:
    """A subject has one --BLFL a test, time point, place, lesion and evaluator."""
    yield from _one_flag(data, "--BLFL")


@rule(
    "TB-RES-0019",
    "The last observation before exposure is after the first exposure.",
    "flag an earlier record",
    section="SDTMIG 3.4, 4.5.9; SDTM 2.0, 3.1.3, --LOBXFL",
)
def last_observation_is_before(data: Data) -> Iterator[Hit]:
    """A record with --LOBXFL is surely not after RFXSTDTC."""
    for one in data.datasets("--LOBXFL", "--DTC", "USUBJID", classes=_BOTH):
        rows = data.with_subject(one, "RFXSTDTC").filter(
            (one.text("--LOBXFL") == "Y") & pl.col("RFXSTDTC").is_not_null()
        )
        spans = moments.with_spans(rows, one.of("--DTC"), "RFXSTDTC")
        yield from one.hits_of(spans.filter(moments.surely_before("RFXSTDTC", one.of("--DTC"))), "--LOBXFL", "--DTC")


RULES = (
    flagged_have_results,
    one_last_observation,
    one_baseline,
    last_observation_is_before,
)
