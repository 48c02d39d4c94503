"""What a pull remembers: `pull.json` beside the data, and a working folder `.pull` while it runs.

`pull.json` says what was asked of which server, from when on the next pull must ask, and what this one changed. The
working folder holds the plan and the parts already brought; a pull that was killed goes on from them. It is removed
when all is written, and passed over by `convert` like everything hidden.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import TrialbridgeError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.writing import PRIVATE, whole_file
from trialbridge.fhir.jsontext import decode, encode, pretty

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from trialbridge.fhir.located import Resource

STATE = "pull.json"
WORK = ".pull"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: the same again may go on where another broke off, and take only what is new."""

    server: str
    scope: dict[str, Any]
    types: tuple[str, ...]
    way: str
    since: str | None

    @property
    def key(self) -> str:
        """The same for the same question."""
        return hashlib.blake2b(encode(asdict(self)), digest_size=8).hexdigest()

    def goes_on(self, state: dict[str, Any]) -> bool:
        """Whether an earlier pull asked the same of the same server, whatever its time."""
        return bool(
            state.get("server") == self.server
            and state.get("scope") == self.scope
            and list(self.types) == state.get("types")
        )


class Work:
    """The working folder of one pull."""

    def __init__(self, target: Path, asked: Asked) -> None:
        self.folder = target / WORK
        plan = _object(self.folder / "plan.json")
        if plan.get("key") != asked.key:
            for one in self.folder.glob("*") if self.folder.is_dir() else ():
                if one.name != "lock":
                    shutil.rmtree(one) if one.is_dir() else one.unlink()
            plan = {"key": asked.key}
        self.plan: dict[str, Any] = plan
        self.resumed = len(plan) > 1

    def note(self, **known: Any) -> None:
        """Remember for a run after this one."""
        self.plan.update(known)
        with whole_file(self.folder / "plan.json") as part:
            part.write_bytes(pretty(self.plan))

    def has(self, name: str) -> bool:
        """Whether a part was brought whole."""
        return self._part(name).exists()

    def keep(self, name: str, resources: Iterable[Resource]) -> None:
        """Keep a part, whole or not at all."""
        with whole_file(self._part(name)) as part, part.open("wb") as file:
            file.writelines(encode(one) + b"\n" for one in resources)

    def read(self, name: str) -> Iterator[Resource]:
        """The resources of a part."""
        yield from lines(self._part(name))

    def parts(self) -> list[str]:
        """The names of all parts."""
        return sorted(one.name.removesuffix(".ndjson") for one in self.folder.glob("*.ndjson"))

    def remove(self) -> None:
        """Nothing more to go on with."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _part(self, name: str) -> Path:
        return self.folder / f"{name}.ndjson"


def lines(path: Path) -> Iterator[Resource]:
    """The resources of a file of lines. Raises UnreadableInputError with the line that is none."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield decode(line)
                except UnreadableInputError as error:
                    raise UnreadableInputError(error.message, Where(file=path.name, line=number), error.fix) from None


def state_of(folder: Path) -> dict[str, Any]:
    """What the last pull into a folder remembered; nothing where there was none."""
    return _object(folder / STATE)


def write_state(folder: Path, state: dict[str, Any]) -> None:
    """Remember a pull, after its data are written."""
    with whole_file(folder / STATE) as part:
        part.write_bytes(pretty(state))


@contextmanager
def alone(folder: Path, doing: str) -> Iterator[None]:
    """One run at a time on a folder; a run that was killed holds nobody up. Raises TrialbridgeError.

    Where the system has no such locks (Windows) nothing is held.
    """
    try:
        import fcntl  # noqa: PLC0415 - POSIX only
    except ImportError:
        yield
        return
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"Another {doing} is at work in this folder."
            raise TrialbridgeError(message, Where(file=str(folder)), "wait for it, or give another folder") from None
        yield
    finally:
        os.close(handle)


def _object(path: Path) -> dict[str, Any]:
    try:
        found = decode(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except UnreadableInputError:
        found = None
    if not isinstance(found, dict):
        raise UnreadableInputError("This is not what trialbridge wrote.", Where(file=str(path)), "remove the file")
    return found
