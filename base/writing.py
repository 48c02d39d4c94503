"""Files written whole or not at all: to a temporary neighbour first, then renamed over the target."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

PRIVATE = 0o700
"""Rights of a folder that trialbridge makes for what comes from a hospital: its owner's only."""

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def whole_file(target: Path, mode: int = 0o666) -> Iterator[Path]:
    """A temporary path beside `target`; on leaving without an error it becomes `target`, else it is removed.

    Parent folders are made. `mode` are the rights it gets, less the umask: nobody ever sees it with others. On an error an existing target stays as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(mode & ~_umask())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target`; on leaving without an error its files move into `target`, else it is removed.

    Files of the same name are replaced, others in `target` stay.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    try:
        yield part
        target.mkdir(exist_ok=True)
        for file in sorted(part.rglob("*")):
            place = target / file.relative_to(part)
            if file.is_dir():
                place.mkdir(exist_ok=True)
            else:
                file.replace(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
