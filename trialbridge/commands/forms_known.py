"""Whether a source of `convert` is a centre's own tables: asked of every source, so it imports little."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trialbridge.crf import files
from trialbridge.sdtm.files import sniffing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_DATASET_COLUMN = re.compile(
    rb"(?:^|[,;\t|\"])(?:R?DOMAIN|IDVAR|ETCD|IETESTCD|TSPARMCD)(?:[,;\t|\"\r\n]|$)", re.IGNORECASE
)


def are_forms(paths: Sequence[Path], study_file: Path | None) -> bool:
    """Whether a source is a centre's own tables, and not SDTM or FHIR, by its content."""
    found = [one for path in paths for one in files.members(path)]
    if any(files.is_database(one) for one in found):
        return True
    for one in found:
        if not one.is_file():
            return False
        head = sniffing.head_of(one)
        if files.is_odm(head):
            return True
        if head.startswith(b"PK\x03\x04") and files.is_template(one):
            return True
    if study_file is None:
        return False
    from trialbridge.study_file.load import load  # noqa: PLC0415 - its model takes a tenth of a second to make

    return bool(load(study_file).domains) and all(map(_is_form, found))


def _is_form(path: Path) -> bool:
    """Whether a table does not have the columns of an SDTM dataset."""
    kind = files.kind_of(path)
    if kind == "xlsx":
        return not any({"DOMAIN", "RDOMAIN"} & {column.name for column in form.columns} for form in files.read([path]))
    if kind in ("csv", "redcap"):
        return not _DATASET_COLUMN.search(sniffing.head_of(path).partition(b"\n")[0])
    if kind == "parquet":
        return not any({"DOMAIN", "RDOMAIN"} & {one.name for one in form.columns} for form in files.read([path]))
    return kind is not None
