"""CDISC Dataset-JSON 1.1 in its NDJSON form (`.ndjson`): a line of metadata, then a line a row.

Source: CDISC Dataset-JSON v1.1 Specification, "NDJSON Representation of Dataset-JSON".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.sdtm.files import dataset_json_read, dataset_json_write, folder, sniffing
from trialbridge.sdtm.table import study

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from trialbridge.sdtm.table import Study, Table


def read(path: Path) -> Study:
    """The dataset of a Dataset-NDJSON file, or of all such files in a folder. Raises UnreadableInputError."""
    files = folder.members(path, sniffing.is_dataset_ndjson)
    return study((dataset_json_read.read_table(file.read_bytes(), file.name) for file in files), source=str(path))


def write(of: Study, target: Path) -> list[Path]:
    """One `.ndjson` a dataset into the folder `target`. Raises DoesNotFitError."""
    return folder.write_each(of, target, ".ndjson", _write_table)


def _write_table(one: Table, path: Path) -> None:
    with path.open("wb") as file:
        file.writelines(lines(one, path.name))


def lines(one: Table, file: str) -> Iterator[bytes]:
    """The bytes of a Dataset-NDJSON file, some thousand lines at a time."""

    def frames() -> tuple[pl.DataFrame]:
        return (one.frame,)

    types = dataset_json_write.data_types(one, frames, file)
    yield dataset_json_write.metadata(one, types, one.frame.height) + b"\n"
    for rows in dataset_json_write.row_blocks(one, types, frames, file):
        yield dataset_json_write.ENCODER.encode_lines(rows)
