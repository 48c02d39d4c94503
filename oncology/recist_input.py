"""The records of TU and TR that matter to response, gathered by subject and evaluator.

SDTMIG 3.4, TU, TR: TULNKID = TRLNKID names a lesion, TRGRPID its kind where TU is silent; every --EVAL and --EVALID
pair is its own reader. What they mean is for `recist_readers`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.oncology.lesions import Kind, Result
from trialbridge.sdtm.files import exact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.sdtm.table import Study

_SIZES = ("LDIAM", "LPERP", "DIAMETER", "TUMSTATE", "LNSTATE")
_TR = (
    "USUBJID",
    "TREVAL",
    "TREVALID",
    "TRLNKID",
    "TRGRPID",
    "TRTESTCD",
    "TRORRES",
    "TRORRESU",
    "TRSTRESC",
    "TRSTRESU",
    "TRSTAT",
    "TRREASND",
    "TRDTC",
    "VISIT",
    "TRLOBXFL",
    "TRBLFL",
)
_TU = ("USUBJID", "TUEVAL", "TUEVALID", "TULNKID", "TUTESTCD", "TUORRES", "TUSTRESC", "TULOC", "TUDTC", "VISIT")
_IDENTIFIED = ("", "TUMIDENT", "LESIDENT", "TUSPLIT", "TUMERGE")

Visit = tuple[float | None, str]
"""What makes a visit: VISITNUM; the day where there is none, or where one VISITNUM holds several assessments."""
ReaderKey = tuple[str, str, str]
"""Subject, evaluator, evaluator id."""


@dataclass(slots=True)
class Gathered:
    """One reader's records while they are being gathered."""

    kinds: dict[str, str] = field(default_factory=dict)
    locs: dict[str, str] = field(default_factory=dict)
    tests: dict[Visit, list[tuple[str, str, Result]]] = field(default_factory=lambda: defaultdict(list))
    names: dict[Visit, str] = field(default_factory=dict)
    dates: dict[Visit, list[str]] = field(default_factory=lambda: defaultdict(list))
    identified: dict[str, Visit] = field(default_factory=dict)
    flagged: set[Visit] = field(default_factory=set)


def records(study: Study, name: str, wanted: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The rows of a dataset, only the wanted variables, absent ones and missing values as empty text; VISITNUM added."""
    if name not in study:
        return
    frame = study[name].frame
    columns = [_texts(frame, one) for one in wanted]
    there = "VISITNUM" in frame.columns
    visitnum = frame["VISITNUM"].cast(pl.Float64, strict=False) if there else pl.lit(None, pl.Float64).alias("VISITNUM")
    yield from frame.select(*columns, visitnum).iter_rows(named=True)


def _texts(frame: pl.DataFrame, name: str) -> pl.Series | pl.Expr:
    """A column as text: numbers, where a file gave TRORRES as Num, as they would be written."""
    if name not in frame.columns:
        return pl.lit("").alias(name)
    column = frame[name]
    return (column if column.dtype == pl.String else exact.decimal_texts(column)).fill_null("").alias(name)


def gather(study: Study) -> dict[ReaderKey, Gathered]:
    """The records of TR and TU of every reader."""
    gathered: dict[ReaderKey, Gathered] = defaultdict(Gathered)
    _gather_tr(study, gathered)
    _gather_tu(study, gathered)
    return dict(gathered)


def _visit(row: Mapping[str, Any], dtc: str) -> Visit:
    """The visit a row belongs to."""
    number = row["VISITNUM"]
    return (None, dtc[:10] or row["VISIT"]) if number is None else (float(number), "")


def _gather_tr(study: Study, gathered: dict[ReaderKey, Gathered]) -> None:
    """Sort TR's sizes and states by reader, visit, lesion and test."""
    for row in records(study, "TR", _TR):
        lnkid, code = row["TRLNKID"], row["TRTESTCD"]
        if not lnkid or code not in _SIZES:
            continue
        into = gathered[(row["USUBJID"], row["TREVAL"], row["TREVALID"])]
        dtc = row["TRDTC"]
        visit = _visit(row, dtc)
        into.names.setdefault(visit, row["VISIT"])
        if dtc:
            into.dates[visit].append(dtc)
        if row["TRLOBXFL"] == "Y" or row["TRBLFL"] == "Y":
            into.flagged.add(visit)
        into.kinds.setdefault(lnkid, row["TRGRPID"])
        one = Result(
            row["TRORRES"], row["TRORRESU"], row["TRSTRESC"], row["TRSTRESU"], row["TRSTAT"], row["TRREASND"], dtc
        )
        into.tests[visit].append((lnkid, code, one))


def _gather_tu(study: Study, gathered: dict[ReaderKey, Gathered]) -> None:
    """Give the readers what TU says of kind, site and first sight; TU without evaluator speaks for all readers."""
    by_subject: dict[str, list[Gathered]] = defaultdict(list)
    for key, one in gathered.items():
        by_subject[key[0]].append(one)
    for row in records(study, "TU", _TU):
        lnkid = row["TULNKID"]
        if not lnkid or row["TUTESTCD"] not in _IDENTIFIED:
            continue
        key = (row["USUBJID"], row["TUEVAL"], row["TUEVALID"])
        mine = [gathered[key]] if key in gathered or row["TUEVAL"] else by_subject[row["USUBJID"]] or [gathered[key]]
        visit = _visit(row, row["TUDTC"])
        for into in mine:
            word = row["TUSTRESC"] or row["TUORRES"]
            if kind_of(word):
                into.kinds[lnkid] = word
            if row["TULOC"]:
                into.locs[lnkid] = row["TULOC"]
            before = into.identified.get(lnkid)
            if before is None or order(visit) < order(before):
                into.identified[lnkid] = visit
            into.names.setdefault(visit, row["VISIT"])
            if row["TUDTC"] and kind_of(word) is Kind.NEW:
                into.dates[visit].append(row["TUDTC"])


def order(visit: Visit) -> tuple[float, str]:
    """Visits in order of their number, then day."""
    return (visit[0] if visit[0] is not None else 0.0, visit[1])


def kind_of(word: str) -> Kind | None:
    """TARGET NODAL -> TARGET, NEW NON-TARGET -> NEW; NON-MEASURABLE lesions are followed as non-target."""
    upper = word.upper()
    if upper.startswith("NEW"):
        return Kind.NEW
    if upper.startswith(("NON-TARGET", "NON-MEASURABLE")):
        return Kind.NON_TARGET
    return Kind.TARGET if upper.startswith("TARGET") else None
