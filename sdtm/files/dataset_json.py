"""CDISC Dataset-JSON 1.1 as one JSON object a dataset (`.json`).

Source: CDISC Dataset-JSON v1.1 Specification (2024-12-05). Its attributes are carried in `extra` of the table and of
its variables under their own names. Both "" and null are read as null, as a `Table` has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.sdtm.files import dataset_json_read, dataset_json_write, folder, sniffing
from trialbridge.sdtm.table import study

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.sdtm.table import Study, Table


def read(path: Path) -> Study:
    """The dataset of a Dataset-JSON file, or of all such files in a folder. Raises UnreadableInputError."""
    files = folder.members(path, sniffing.is_dataset_json)
    return study((dataset_json_read.read_table(file.read_bytes(), file.name) for file in files), source=str(path))


def write(of: Study, target: Path) -> list[Path]:
    """One `.json` a dataset into the folder `target`. Raises DoesNotFitError."""
    return folder.write_each(of, target, ".json", _write_table)


def _write_table(one: Table, path: Path) -> None:
    dataset_json_write.write_frames(one, one.frame.height, lambda: (one.frame,), path, lines=False)
