"""CDISC Compressed Dataset-JSON 1.1 (`.dsjc`): a Dataset-NDJSON file as one zlib stream, nothing around it.

Source: CDISC Compressed Dataset-JSON v1.1 Specification (2025-06-19): zlib, level 9 recommended, window of 32 KB. A gzip
stream is read too, since some writers make one.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.sdtm.files import dataset_json_read, dataset_ndjson, folder, sniffing
from trialbridge.sdtm.table import study

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.sdtm.table import Study, Table

ZLIB_OR_GZIP = 47  # zlib's word for: window of 32 KB, header recognised


def read(path: Path) -> Study:
    """The dataset of a compressed Dataset-JSON file, or of all such files in a folder. Raises UnreadableInputError."""
    files = folder.members(path, sniffing.is_dsjc)
    return study((dataset_json_read.read_table(_unpacked(file), file.name) for file in files), source=str(path))


def _unpacked(file: Path) -> bytes:
    stream = zlib.decompressobj(wbits=ZLIB_OR_GZIP)
    try:
        raw = stream.decompress(file.read_bytes())
    except zlib.error as error:
        raise UnreadableInputError(
            f"This is no zlib stream ({error}).", Where(file=file.name), "fetch or export the file again"
        ) from error
    if not stream.eof or stream.unused_data:
        raise UnreadableInputError(
            "The zlib stream is cut." if not stream.eof else "Other bytes follow the zlib stream.",
            Where(file=file.name),
            "fetch or export the file again",
        )
    return raw


def write(of: Study, target: Path) -> list[Path]:
    """One `.dsjc` a dataset into the folder `target`. Raises DoesNotFitError."""
    return folder.write_each(of, target, ".dsjc", _write_table)


def _write_table(one: Table, path: Path) -> None:
    stream = zlib.compressobj(level=9)
    with path.open("wb") as file:
        for part in dataset_ndjson.lines(one, path.name.replace(".dsjc", ".ndjson")):
            file.write(stream.compress(part))
        file.write(stream.flush())
