"""What a service is told when it starts: limits, who may call, and where ids stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir

from trialbridge.fhir.ids import BASE

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Oidc:
    """Whose bearer tokens are taken: the issuer, the audience they must be for, the keys' address if not discovered."""

    issuer: str
    audience: str
    jwks_url: str | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and callers. Sizes are bytes, times seconds.

    `at_once` conversions run at a time, each in a process of its own; `waiting` more may wait, further ones are
    answered 429. `keys` has the SHA-256 of each API key (hexadecimal) and the name it is known by in the log.
    """

    at_once: int = 2
    waiting: int = 32
    most_body: int = 64 * MEGABYTE
    most_unpacked: int = 512 * MEGABYTE
    most_files: int = 1000
    seconds: float = 300.0
    base_url: str = BASE
    folder: Path = field(default_factory=lambda: Path(gettempdir()))
    keys: dict[str, str] = field(default_factory=dict)
    oidc: Oidc | None = None

    @property
    def open(self) -> bool:
        """Whether anyone may call."""
        return not self.keys and self.oidc is None
