"""Apache Parquet, a file a dataset, by polars: the fast form for work between steps.

Labels, lengths and all else a `Table` knows stand as JSON in the file's key-value metadata under `trialbridge`. A file
of another tool has no such entry: its name, and the types of its columns, are then all that is known.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
import polars.exceptions

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.sdtm import temporal
from trialbridge.sdtm.files import folder, sniffing
from trialbridge.sdtm.table import NOTHING, Variable, VariableType, study, table

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.sdtm.table import Study, Table

KEY = "trialbridge"
SURE_DIGITS = 15


class _Column(msgspec.Struct, frozen=True):
    """A variable as it stands in the metadata."""

    name: str
    label: str
    type: VariableType
    length: int | None
    extra: dict[str, Any]


class _About(msgspec.Struct, frozen=True):
    """A table as it stands in the metadata."""

    name: str
    label: str
    extra: dict[str, Any]
    variables: list[_Column]


def read(path: Path) -> Study:
    """The dataset of a Parquet file, or of all Parquet files in a folder. Raises UnreadableInputError."""
    return study((_read_table(file) for file in folder.members(path, sniffing.is_parquet)), source=str(path))


def height(file: Path) -> int:
    """How many rows a Parquet file has."""
    return int(_lazily(file).select(pl.len()).collect().item())


def names_itself(file: Path) -> bool:
    """Whether a Parquet file says which dataset it is, as ours do. Raises UnreadableInputError."""
    try:
        return KEY in pl.read_parquet_metadata(file)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise _broken(error, Where(file=file.name)) from error


def read_rows(file: Path, start: int, count: int) -> Table:
    """Some rows of a Parquet file, numbered from 0. Raises UnreadableInputError."""
    return _read_table(file, start, count)


def _lazily(file: Path) -> pl.LazyFrame:
    return pl.scan_parquet(file, glob=False, hive_partitioning=False)


def _read_table(file: Path, start: int = 0, count: int | None = None) -> Table:
    where = Where(file=file.name)
    try:
        whole = _lazily(file)
        spelled = [temporal.text(name, kind) for name, kind in whole.collect_schema().items() if kind.is_temporal()]
        frame = whole.with_columns(spelled).slice(start, count).collect()  # how, the whole column says, not some rows
        carried = pl.read_parquet_metadata(file).get(KEY)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise _broken(error, where) from error
    nested = [name for name, kind in frame.schema.items() if kind.is_nested() or kind == pl.Binary]
    if nested:
        where = Where(file=file.name, variable=nested[0])
        raise UnreadableInputError(
            "The column holds lists, structures or bytes.", where, "store numbers and texts only"
        )
    if carried is None:
        return table(file.stem, _exact(frame, where, start))
    try:
        about = msgspec.json.decode(carried, type=_About)
    except msgspec.DecodeError as error:
        raise UnreadableInputError(f"Its entry {KEY!r} is broken: {error}.", where, "write the file again") from error
    variables = [Variable(one.name, one.label, one.type, one.length, one.extra or NOTHING) for one in about.variables]
    return table(about.name, frame, variables, about.label, about.extra or NOTHING)


def _broken(error: BaseException, where: Where) -> UnreadableInputError:
    reason = str(error).partition("\n")[0]
    return UnreadableInputError(f"This is no whole Parquet file: {reason}.", where, "write it again")


def _exact(frame: pl.DataFrame, where: Where, start: int) -> pl.DataFrame:
    """Another tool's frame, each number of which a double holds; NaN, with some tools a missing value, is null.

    Raises UnreadableInputError for a number that would be changed.
    """
    for column in frame:
        changed = _changed(column)
        row = changed.arg_true()
        if len(row):
            at = Where(file=where.file, variable=column.name, row=start + row[0] + 1)
            what = "no number" if column.dtype.is_float() else "a number no double holds exactly"
            raise UnreadableInputError(f"{column[row[0]]} is {what}.", at, "leave it empty, or store it as text")
    return frame.with_columns(pl.col(pl.Float32, pl.Float64).fill_nan(None))


def _changed(column: pl.Series) -> pl.Series:
    """Which numbers of a column a double does not hold: infinite, or an integer or decimal of too many digits."""
    if column.dtype.is_float():
        return column.is_infinite().fill_null(value=False)
    if column.dtype.is_integer():
        return (column.cast(pl.Float64).cast(pl.Int128) != column.cast(pl.Int128)).fill_null(value=False)
    if column.dtype.is_decimal():
        long = column.cast(pl.String).str.len_bytes() > SURE_DIGITS  # a double gives any shorter decimal back
        found = (
            bool(doubtful) and Decimal(repr(float(one))) != one for one, doubtful in zip(column, long, strict=True)
        )
        return pl.Series(list(found), dtype=pl.Boolean)
    return pl.Series([], dtype=pl.Boolean)


def write(of: Study, target: Path) -> list[Path]:
    """One `.parquet` a dataset into the folder `target`."""
    return folder.write_each(of, target, ".parquet", _write_table)


def _write_table(one: Table, path: Path) -> None:
    one.frame.write_parquet(path, metadata=metadata(one))


def metadata(one: Table) -> dict[str, str]:
    """What a table knows beside its rows, for the file's key-value metadata."""
    columns = [_Column(of.name, of.label, of.type, of.length, dict(of.extra)) for of in one.variables]
    about = _About(one.name, one.label, dict(one.extra), columns)
    return {KEY: msgspec.json.encode(about).decode()}
