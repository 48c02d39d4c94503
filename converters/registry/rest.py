"""What one JSON holds that another does not, and putting it back: the carried rest of a record, the residue of FHIR.

`rest(before, after)` names, from the root down, each place where `after` does not say what `before` says; `restored`
puts it back, so `restored(after, rest(before, after)) == before`. Lists of one length are compared member by member,
others are kept whole. A place of the rest remembers a hash of what `after` said there (of the whole list member where
it stands in one), so that a rest gone stale by an edit is noticed: then the edit wins, and is reported.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.fhir.jsontext import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Path = tuple[str | int, ...]
_PLAIN = re.compile(r"[^.$\[\]]+")
_STEP = re.compile(r'\.?([^.$\[\]]+)|\[([0-9]+)\]|\[("(?:[^"\\]|\\.)*")\]')


@dataclass(frozen=True, slots=True)
class Rest:
    """A place, what stands there (`absent`: nothing does, although `after` has something), and the hash."""

    path: Path
    value: Any
    absent: bool
    hash: str


def rest(before: Any, after: Any) -> list[Rest]:
    """The places where `after` does not say what `before` says."""
    return [Rest(path, value, absent, _hash(after, path)) for path, value, absent in _differences(before, after, ())]


def _differences(before: Any, after: Any, path: Path) -> Iterator[tuple[Path, Any, bool]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping) and before:
        for name, value in before.items():
            if name in after:
                yield from _differences(value, after[name], (*path, name))
            else:
                yield (*path, name), value, False
        for name in after:
            if name not in before:
                yield (*path, name), None, True
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(one, other, (*path, number))
    elif before != after or type(before) is not type(after):
        yield path, before, False


def _hash(content: Any, path: Path) -> str:
    """Eight hex digits of what stands at a path; inside lists, of the innermost member around it."""
    last = max((number for number, step in enumerate(path) if isinstance(step, int)), default=None)
    anchor = path if last is None else path[: last + 1]
    for step in anchor:
        content = _below(content, step)
    return hashlib.blake2b(encode(content), digest_size=4).hexdigest()


def _below(content: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return content[step] if isinstance(content, list) and len(content) > step else None
    return content.get(step) if isinstance(content, Mapping) else None


def restored(after: Any, places: Iterable[Rest], findings: list[Finding]) -> Any:
    """`after` with the rest put back; a place whose surroundings were edited since is left as edited, with a finding."""
    content = copy.deepcopy(after)
    for one in places:
        if _hash(after, one.path) != one.hash:
            message = "The elements were edited since this was carried beside them; the elements win."
            where = Where(path=spelled(one.path))
            findings.append(Finding("TB-REG-STALE", Severity.WARNING, where, message, "check the value"))
            continue
        try:
            content = put_back(content, one)
        except (AttributeError, IndexError, KeyError, TypeError):
            message = "What was carried has no place in the record any more; it is left out."
            findings.append(
                Finding("TB-REG-STALE", Severity.WARNING, Where(path=spelled(one.path)), message, "check it")
            )
    return content


def put_back(content: Any, one: Rest) -> Any:
    """One place put back into the JSON, whatever its hash; the JSON itself is changed."""
    if not one.path:
        return copy.deepcopy(one.value)
    *way, last = one.path
    here = content
    for step in way:
        here = here.setdefault(step, {}) if isinstance(step, str) else here[step]
    if one.absent:
        here.pop(last, None)
    else:
        here[last] = copy.deepcopy(one.value)
    return content


def spelled(path: Path) -> str:
    """`protocolSection.armGroups[0].label`; a name that is no plain word is quoted as JSON: `module["a.b"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{encode(step).decode()}]"
    return text


def generic(path: Path) -> str:
    """The path with `[]` for every member of a list: `protocolSection.armGroups[].label`."""
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def parsed(text: str) -> Path:
    """The path of that text.

    >>> parsed('a.b[0].c["d.e"]')
    ('a', 'b', 0, 'c', 'd.e')

    Raises UnreadableInputError for a text that is no path.
    """
    found: list[str | int] = []
    at = 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise UnreadableInputError(f"{text[:80]!r} is no path of a record.", fix="convert the record again")
        name, number, quoted = step.groups()
        found.append(int(number) if number else decode(quoted) if quoted else name)
        at = step.end()
    return tuple(found)
