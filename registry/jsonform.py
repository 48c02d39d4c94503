"""Frozen dataclasses as the API's JSON and back, by their fields: `num_at_risk` is `numAtRisk`.

Nothing is written for None, an empty text or an empty list; the order is that of the fields, which is the API's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from trialbridge.base.finding import Finding, Severity, Where

T = TypeVar("T")


def to_json(of: Any) -> dict[str, Any]:
    """A dataclass as the API's JSON."""
    found = {json_name(one.name): _value(getattr(of, one.name)) for one in fields(of)}
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def _value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_value(one) for one in value]
    return to_json(value) if is_dataclass(value) else value


def from_json(kind: type[T], content: Any, path: str, findings: list[Finding]) -> T:
    """The API's JSON as a dataclass; what has no field or the wrong shape becomes a finding.

    A number where text is wanted is taken as its text (counts stand both ways in the wild).
    """
    if not isinstance(content, Mapping):
        findings.append(_odd(path, "an object was expected"))
        return kind()
    shape: Any = kind
    known = _hints(shape)
    given: dict[str, Any] = {}
    for name, value in content.items():
        here = f"{path}.{name}"
        if name not in known:
            message = "the API has no such field; it stays in the record's content."
            findings.append(Finding("TB-REG-FIELD-UNKNOWN", Severity.NOTE, Where(path=here), message))
            continue
        field, hint = known[name]
        read = _read(hint, value, here, findings)
        if read is not None:
            given[field] = read
    return kind(**given)


def _read(hint: Any, value: Any, path: str, findings: list[Finding]) -> Any:
    """One value as its hint says; None where it does not fit."""
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            findings.append(_odd(path, "a list was expected"))
            return None
        inner = get_args(hint)[0]
        members = [_read(inner, one, f"{path}[{number}]", findings) for number, one in enumerate(value)]
        return tuple(one for one in members if one is not None)
    hint = next((one for one in get_args(hint) if one is not NoneType), hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return from_json(hint, value, path, findings)
    if hint is str and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    findings.append(_odd(path, f"{hint.__name__} was expected"))
    return None


def _odd(path: str, message: str) -> Finding:
    fix = "correct the record"
    return Finding("TB-REG-SHAPE", Severity.ERROR, Where(path=path), message + ".", fix)


@cache
def _hints(kind: type) -> Mapping[str, tuple[str, Any]]:
    hints = get_type_hints(kind)
    return {json_name(one.name): (one.name, hints[one.name]) for one in fields(kind)}


def json_name(name: str) -> str:
    """A field's name as the API has it.

    >>> json_name("num_at_risk"), json_name("p_value"), json_name("ci_pct_value")
    ('numAtRisk', 'pValue', 'ciPctValue')
    """
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
