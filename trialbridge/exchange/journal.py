"""The journal of a push: what was sent, what the server made of it; appended and forced to disk as it happens.

It lies in `.push/<server>/` of the folder that is pushed, one line of JSON an event. The server is asked what it holds
before anything is sent, so that a push does not depend on its journal; the journal tells besides what only the sender
knows: which version was ours (so that another's later change is noticed), and what the server keeps in its own way. A
line cut by a crash is passed over.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.writing import PRIVATE
from trialbridge.fhir.jsontext import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from trialbridge.fhir.located import Resource

HOME = ".push"
JOURNAL, FAILED, VERIFIED, AUDIT = "journal.ndjson", "failed.ndjson", "verify.json", "audit.ndjson"


def home_of(folder: Path, server_url: str) -> Path:
    """Where the journal of a folder and a server lies."""
    host = re.sub(r"[^A-Za-z0-9.-]", "-", httpx.URL(server_url).host)
    mark = hashlib.blake2b(server_url.rstrip("/").encode(), digest_size=4).hexdigest()
    return folder / HOME / f"{host}-{mark}"


@dataclass(frozen=True, slots=True)
class Written:
    """What the journal knows of a resource: the digest we sent, its name on the server, the version that became of it.

    `version` is None where it was sent and no answer is known.
    """

    digest: str
    name: str
    version: str | None


class Journal:
    """The journal of one folder and one server."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.known: dict[str, Written] = {}
        self._pending: set[str] = set()
        self._read()
        self._file: Any = None
        self._failed: Any = None

    def __enter__(self) -> Self:
        """The journal itself."""
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._file, self._failed):
            if file is not None:
                file.close()

    def begin(self, run: str, about: Mapping[str, Any]) -> None:
        """A run begins; what the last one could not do is forgotten, for it is tried again."""
        self.home.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        self._file = (self.home / JOURNAL).open("ab")
        if self._file.tell() and (self.home / JOURNAL).read_bytes()[-1:] != b"\n":
            self._file.write(b"\n")  # after a line cut by a crash
        self._append({"begin": run, **about})
        self._failed = (self.home / FAILED).open("wb")

    def sending(self, digests: Mapping[str, str]) -> None:
        """These are about to be sent."""
        self._pending.update(digests)
        self._append({"sent": dict(digests)})

    def done(self, written: Mapping[str, Written]) -> None:
        """The server has taken these."""
        self.known.update(written)
        self._pending.difference_update(written)
        self._append({"done": {key: [one.digest, one.name, one.version] for key, one in written.items()}})

    def undone(self, names: Iterable[str]) -> None:
        """These were rolled back."""
        listed = list(names)
        for one in listed:
            self.known.pop(one, None)
        self._append({"undone": listed})

    def failed(self, resource: Resource, reason: str, status: int | None, outcome: Resource | None) -> None:
        """Keep what the server refused, with its OperationOutcome."""
        line = {"reason": reason, "status": status, "outcome": outcome, "resource": resource}
        self._failed.write(encode(line) + b"\n")
        self._failed.flush()

    def is_ours(self, name: str, version: str | None) -> bool:
        """Whether the server's version is one we made, or may have made; or the journal knows nothing of it."""
        known = self.known.get(name)
        return known is None or known.version is None or known.version == version or name in self._pending

    def _append(self, line: Mapping[str, Any]) -> None:
        self._file.write(encode(line) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self) -> None:
        path = self.home / JOURNAL
        if not path.exists():
            return
        for line in path.read_bytes().split(b"\n"):
            if line.strip():
                try:
                    self._take(decode(line))
                except (UnreadableInputError, AttributeError, TypeError, ValueError):
                    continue  # cut by a crash

    def _take(self, line: dict[str, Any]) -> None:
        self._pending.update(line.get("sent", {}))
        for name, (digest, there, version) in line.get("done", {}).items():
            self.known[name] = Written(digest, there, version)
            self._pending.discard(name)
        for name in line.get("undone", ()):
            self.known.pop(name, None)
            self._pending.discard(name)
