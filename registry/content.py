"""Reading and building the plain JSON of a study: by path, without ever failing on a wrong shape.

A record from outside may hold anything anywhere; a view says "not there" where a shape is wrong, and the rules
(`trialbridge.registry.rules`) say what is wrong. A path is written with dots (`statusModule.startDateStruct.date`).

>>> at({"a": {"b": "x"}}, "a.b")
'x'
>>> at({"a": ["b"]}, "a.b") is None
True
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOO_LARGE = 10**15
_DIGITS = re.compile(r"\d{1,15}", re.ASCII)


def at(content: Any, path: str) -> Any:
    """What stands at a path, None where nothing or something of another shape stands on the way."""
    for name in path.split("."):
        if not isinstance(content, Mapping):
            return None
        content = content.get(name)
    return content


def text(content: Any, path: str) -> str:
    """The text at a path, empty if there is none."""
    value = at(content, path)
    return value if isinstance(value, str) else ""


def whole(content: Any, path: str) -> int | None:
    """The whole number at a path. Text that is a number counts, as results hold their counts as text."""
    return number_of(at(content, path))


def number_of(value: Any) -> int | None:
    """A whole number given as a number or as its text, else None; of more than 15 digits it counts nothing real.

    >>> number_of("158"), number_of(158), number_of("NA"), number_of(True)
    (158, 158, None, None)
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < _TOO_LARGE else None
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value)
    return None


def flag(content: Any, path: str) -> bool | None:
    """The boolean at a path, None if there is none."""
    value = at(content, path)
    return value if isinstance(value, bool) else None


def items(content: Any, path: str) -> tuple[Mapping[str, Any], ...]:
    """The objects of the list at a path; members that are no objects are left out."""
    value = at(content, path)
    return tuple(one for one in value if isinstance(one, Mapping)) if isinstance(value, list | tuple) else ()


def texts(content: Any, path: str) -> tuple[str, ...]:
    """The texts of the list at a path; other members are left out."""
    value = at(content, path)
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list | tuple) else ()


def put(content: dict[str, Any], path: str, value: Any) -> None:
    """Set a value at a path, making the objects on the way."""
    *way, last = path.split(".")
    for name in way:
        content = content.setdefault(name, {})
    content[last] = value


def leaves(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no object and no list, with its path: `a.b[0].c`. Empty objects and lists are leaves too."""
    if isinstance(content, Mapping) and content:
        for name, value in content.items():
            yield from leaves(value, f"{path}.{name}" if path else name)
    elif isinstance(content, list | tuple) and content:
        for number, value in enumerate(content):
            yield from leaves(value, f"{path}[{number}]")
    else:
        yield path, content
