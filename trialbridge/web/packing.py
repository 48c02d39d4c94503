"""What a conversion wrote, as one answer: a ZIP of the folder, or its resources in one stream."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = 256 * 1024
_ASIDE = frozenset({"residue.ndjson", "rejects.ndjson", "lineage.ndjson"})
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""ZIP's earliest time: the same data give the same bytes."""


def zipped(folder: Path, target: Path) -> None:
    """The files of a folder as a ZIP."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
        for file in sorted(one for one in folder.rglob("*") if one.is_file()):
            entry = zipfile.ZipInfo(str(file.relative_to(folder)), _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with file.open("rb") as source, packed.open(entry, "w") as stream:
                while block := source.read(_BLOCK):
                    stream.write(block)


def resources_of(folder: Path) -> list[Path]:
    """The NDJSON files of resources, without what stands beside them."""
    return sorted(one for one in folder.glob("*.ndjson") if one.name not in _ASIDE)


def blocks(files: list[Path]) -> Iterator[bytes]:
    """The content of files, one after the other."""
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                yield block
