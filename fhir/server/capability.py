"""What a server says it can do: its CapabilityStatement, read.

Source: https://hl7.org/fhir/R4/capabilitystatement.html. A type that is not listed cannot be asked for; a search
parameter that is not listed may be ignored in silence, so it is not used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError
from trialbridge.fhir import releases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.releases import Release


@dataclass(frozen=True, slots=True)
class TypeCapabilities:
    """What can be done with one resource type. `update_create`: an update may make a new resource with our id."""

    interactions: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()
    update_create: bool | None = None

    @property
    def searchable(self) -> bool:
        """Whether the type can be searched."""
        return "search-type" in self.interactions

    def first(self, *parameters: str) -> str | None:
        """The first of these search parameters that the server has."""
        return next((one for one in parameters if one in self.parameters), None)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """A server: release, software, what it does as a whole, and with each type."""

    release: Release
    version: str
    software: str
    interactions: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()
    types: Mapping[str, TypeCapabilities] = field(default_factory=dict)
    token_url: str | None = None

    def of_type(self, name: str) -> TypeCapabilities:
        """What can be done with a type; nothing where the server does not have it."""
        return self.types.get(name, TypeCapabilities())

    def exports(self, level: str) -> bool:
        """Whether `$export` is offered for the `system`, all patients (`patient`) or a `group`."""
        if level == "system":
            return bool({"export", "system-export"} & self.operations)
        home = self.of_type(level.capitalize()).operations
        return bool({"export", f"{level}-export"} & (home | self.operations))

    @classmethod
    def of(cls, statement: Resource) -> Capabilities:
        """Of a CapabilityStatement. Raises UnknownNameError for a FHIR release we do not speak."""
        version = str(statement.get("fhirVersion", ""))
        try:
            release = releases.release(version)
        except UnknownNameError:
            message = f"The server speaks FHIR {version or 'of no stated version'}."
            raise UnknownNameError(message, fix="trialbridge speaks R4 (4.0), R4B (4.3) and R5 (5.0).") from None
        rest = next((one for one in _list(statement, "rest") if one.get("mode", "server") == "server"), {})
        software = statement.get("software")
        return cls(
            release,
            version,
            str(software.get("name", "")) if isinstance(software, dict) else "",
            _codes(rest, "interaction"),
            _operations(rest),
            {str(one.get("type")): _type(one) for one in _list(rest, "resource")},
            _token_url(rest),
        )


def _type(one: dict[str, Any]) -> TypeCapabilities:
    update_create = one.get("updateCreate")
    return TypeCapabilities(
        _codes(one, "interaction"),
        frozenset(str(parameter.get("name")) for parameter in _list(one, "searchParam")),
        _operations(one),
        update_create if isinstance(update_create, bool) else None,
    )


def _list(value: Any, name: str) -> list[dict[str, Any]]:
    found = value.get(name) if isinstance(value, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _codes(value: dict[str, Any], name: str) -> frozenset[str]:
    return frozenset(str(one.get("code")) for one in _list(value, name))


def _operations(value: dict[str, Any]) -> frozenset[str]:
    return frozenset(str(one.get("name")).lstrip("$") for one in _list(value, "operation"))


def _token_url(rest: dict[str, Any]) -> str | None:
    """Where SMART's first version says tokens are given: extension oauth-uris of the security element."""
    for outer in _list(rest.get("security"), "extension"):
        if str(outer.get("url")).endswith("/oauth-uris"):
            for inner in _list(outer, "extension"):
                if inner.get("url") == "token" and isinstance(inner.get("valueUri"), str):
                    return str(inner["valueUri"])
    return None
