"""The rows of a dataset in one shard as a frame: columns and records together, in the dataset's order."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from trialbridge.converters.columnar.columns import Column, constant, frame
from trialbridge.converters.records import supplemental
from trialbridge.converters.tables import column, keys_of, number, sequence_of, sort_columns, sort_key
from trialbridge.mappings.spellings import number_text
from trialbridge.sdtm.table import Variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from collections.abc import Mapping as MappingOf

    from trialbridge.converters.columnar.rows import Rows
    from trialbridge.converters.package import Package
    from trialbridge.converters.records import Record
    from trialbridge.mappings.kit import Row

PLACE = ".place"
"""The column that holds a row's place in the shard: of rows with the same keys the one read first comes first."""
Placed = tuple[int, "Record"]


def frames_of(
    told: MappingOf[str, list[Record]],
    by_columns: MappingOf[str, list[Rows]],
    package: Package | None,
    place_of: Callable[[Record], int],
    numbered: dict[str, int],
) -> dict[str, pl.DataFrame]:
    """The frames of all datasets that have rows, in their order, with a column PLACE: the row's place in the shard.

    `numbered` is told how many records were given a --SEQ.
    """
    parts: dict[str, _Parts] = {name: _Parts() for name in package.datasets} if package else {}
    for dataset, records in told.items():
        columns = by_columns.get(dataset, [])
        placed = [(place_of(one), one) for one in records]
        if package is None or dataset not in package.datasets:
            # a number is given after the subject's highest, in whichever rows that stands
            if columns and _lack_numbers(dataset, records, columns):
                placed = sorted([*placed, *(one for some in columns for one in some.placed())], key=itemgetter(0))
                columns = []
            count = number(dataset, [one for _, one in placed])
            if count:
                numbered[dataset] = count
        part = parts.setdefault(dataset, _Parts())
        part.rows += [(place, one.row) for place, one in placed]
        part.frames += [
            _frame({name: one for name, one in some.columns.items() if name[:5] != "SUPP."}, some.places)
            for some in columns
        ]
        extra = _supplements(dataset, placed, columns)
        if extra.rows or extra.frames:
            supplement = parts.setdefault(f"SUPP{dataset}", _Parts())
            supplement.rows += extra.rows
            supplement.frames += extra.frames
    return {name: _whole(name, one) for name, one in parts.items() if one.rows or one.frames}


@dataclass(slots=True)
class _Parts:
    """A dataset's rows: those given one by one with their places, and those in frames."""

    rows: list[tuple[int, Row]] = field(default_factory=list)
    frames: list[pl.DataFrame] = field(default_factory=list)


def _whole(name: str, parts: _Parts) -> pl.DataFrame:
    """The dataset in its order."""
    by_one = _of_rows(parts.rows)
    kinds: dict[str, set[pl.DataType]] = {}
    for part in (*by_one, *parts.frames):
        for column_name, kind in part.schema.items():
            kinds.setdefault(column_name, set()).add(kind)
    mixed = any(len(kinds.get(key, ())) > 1 for key in keys_of(name)) or _mixed(name, parts.rows)
    if parts.frames and not mixed:
        return _ordered(name, [*by_one, *parts.frames])
    rows = list(parts.rows)
    for part in parts.frames:
        places = part[PLACE].to_list()
        cells = part.drop(PLACE).iter_rows(named=True)
        rows += [
            (place, {key: value for key, value in row.items() if value is not None})
            for place, row in zip(places, cells, strict=True)
        ]
    if parts.frames:
        rows.sort(key=itemgetter(0))
    rows.sort(key=lambda one: sort_key(one[1], name))
    return _of_rows(rows)[0]


def _mixed(name: str, rows: list[tuple[int, Row]]) -> bool:
    """Whether a key of some rows is a number in one and text in another."""
    return any(len({type(row.get(key)) for _, row in rows} - {type(None)}) > 1 for key in keys_of(name))


def _lack_numbers(dataset: str, records: Iterable[Record], columns: Iterable[Rows]) -> bool:
    """Whether a record has no --SEQ, of those given one by one or by columns."""
    name = sequence_of(dataset)
    if name is None:
        return False
    if any(one.row.get(name) is None for one in records):
        return True
    return any(name not in one.columns or not one.columns[name].given.all() for one in columns)


def _supplements(dataset: str, records: Sequence[Placed], rows: Iterable[Rows]) -> _Parts:
    """The rows of the dataset's SUPP--."""
    domain = dataset[:2]
    parts = _Parts([(place, row) for place, one in records for row in supplemental(domain, one)])
    for some in rows:
        for one in some.qualifiers.values():
            at = np.flatnonzero(one.given)
            if len(at):
                parts.frames.append(_frame(_supplement(domain, some, one, at), some.places[at]))
    return parts


def _supplement(domain: str, rows: Rows, qualifiers: Column, at: Any) -> dict[str, Column]:
    """The cells of one qualifier's rows (as `records.supplemental`)."""

    def say(what: str) -> Column:
        one = qualifiers.at(at)
        return Column(one.codes, [None if value is None else getattr(value, what) for value in one.values])

    def of(name: str) -> Column:
        found = rows.columns.get(name)
        return constant(None, len(at)) if found is None else found.at(at)

    sequence = of(f"{domain}SEQ") if domain != "DM" else constant(None, len(at))
    return {
        "STUDYID": of("STUDYID"),
        "RDOMAIN": constant(domain, len(at)),
        "USUBJID": of("USUBJID"),
        "IDVAR": Column(sequence.codes, [None if one is None else f"{domain}SEQ" for one in sequence.values]),
        "IDVARVAL": Column(
            sequence.codes, [number_text(one) if isinstance(one, float) else None for one in sequence.values]
        ),
        "QNAM": say("name"),
        "QLABEL": say("label"),
        "QVAL": say("value"),
        "QORIG": say("origin"),
        "QEVAL": say("evaluator"),
    }


def _frame(columns: dict[str, Column], places: Any) -> pl.DataFrame:
    return frame(columns, pl.Series(PLACE, places, dtype=pl.Int64))


def _of_rows(rows: Sequence[tuple[int, Row]]) -> list[pl.DataFrame]:
    """Rows given one by one as a frame, none if there are none."""
    if not rows:
        return []
    names = dict.fromkeys(key for _, row in rows for key in row if not key.startswith("SUPP."))
    made = [column(Variable(one), [row.get(one) for _, row in rows]) for one in names]
    return [pl.DataFrame([pl.Series(PLACE, [place for place, _ in rows], dtype=pl.Int64), *made])]


def _ordered(name: str, parts: list[pl.DataFrame]) -> pl.DataFrame:
    """The parts as one frame in the dataset's order; a column that is text in one part is text in all."""
    whole = parts[0]
    if len(parts) > 1:
        texts = {one for part in parts for one, kind in part.schema.items() if kind == pl.String}
        whole = pl.concat([_texted(part, texts) for part in parts], how="diagonal")
    return whole.sort([*sort_columns(whole, name), pl.col(PLACE)], nulls_last=False, maintain_order=True)


def _texted(part: pl.DataFrame, texts: set[str]) -> pl.DataFrame:
    made = []
    for one in part:
        if one.name in texts and one.dtype == pl.Float64:
            cells = [None if value is None else number_text(value) for value in one]
            made.append(pl.Series(one.name, cells, dtype=pl.String))
        else:
            made.append(one)
    return pl.DataFrame(made)
