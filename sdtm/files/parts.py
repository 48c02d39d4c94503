"""A dataset too large for memory into a file: its rows are given some thousand at a time, as often as they are asked for.

XPORT, Dataset-JSON (both forms) and Parquet are written as the rows come. The other formats hold a dataset, or a whole
study, in one piece: see `in_pieces`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.io.plugins import register_io_source

from trialbridge.sdtm.files import folder

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.sdtm.table import Table

Frames = Callable[[], Iterable[pl.DataFrame]]
IN_PIECES = frozenset({"xpt", "json", "ndjson", "parquet"})


def write(about: Table, height: int, frames: Frames, target: Path, kind: str, encoding: str = "ascii") -> Path:
    """One dataset as a file of the folder `target`; the file.

    `about` is its metadata, `height` its rows in all, `kind` one of IN_PIECES, `encoding` XPT's. Raises DoesNotFitError.
    """
    path = target / f"{folder.file_name(about)}.{kind}"
    if kind == "xpt":
        from trialbridge.sdtm.files import xpt_write  # noqa: PLC0415 - each format's own libraries, if it is written

        xpt_write.write_frames(about, frames, path, encoding)
    elif kind == "parquet":
        _parquet(about, frames, path)
    else:
        from trialbridge.sdtm.files import dataset_json_write  # noqa: PLC0415 - as above

        dataset_json_write.write_frames(about, height, frames, path, lines=kind == "ndjson")
    return path


def _parquet(about: Table, frames: Frames, path: Path) -> None:
    from trialbridge.sdtm.files import parquet  # noqa: PLC0415 - as above

    def source(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del predicate, n_rows, batch_size  # a sink asks for everything
        for frame in frames():
            yield frame if with_columns is None else frame.select(with_columns)

    lazy: Any = register_io_source(source, schema=about.frame.schema)
    lazy.sink_parquet(path, metadata=parquet.metadata(about), maintain_order=True)
