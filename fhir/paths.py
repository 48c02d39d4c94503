"""Invertible paths: the subset of FHIRPath that can be written as well as read.

A path names one place in a resource: children, a list element chosen by index or by equality, an extension by its
url, a choice type. The same text serves both directions; whatever has no inverse is refused when it loads.

    Patient.gender
    Observation.value.ofType(Quantity).value
    Observation.component.where(code=%tumor-longest).value.ofType(Quantity).value
    Patient.identifier.where(system=%usubjid).value
    AdverseEvent.event.coding.where(system=%meddra and extension(%meddra-level).valueCode='PT').display
    Procedure.extension(%mcode-intent).value.ofType(CodeableConcept)

`%name` stands for a constant: a text (an url, an identifier system) or a CodeableConcept, bound when the path is
compiled, because identifier systems hang on a configurable base. A CodeableConcept matches an element that has any
of its codings (system and code); a text matches by equality.

Source: FHIRPath 2.0.0, sections 3 (path selection), 5.2 (where, ofType); FHIR R4 2.6.3 (JSON names of choice types).

>>> parse("Observation.component.where(code=%x).value.ofType(Quantity).value").steps[1]
Child(name='valueQuantity')
>>> parse("Patient.name.first()")
Traceback (most recent call last):
    ...
trialbridge.base.errors.NotInvertibleError: The path 'Patient.name.first()' has no inverse at 'first()'. Fix: use \
children, [n], where(key=value), extension(url) or ofType(Type)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from trialbridge.base.errors import NotInvertibleError


@dataclass(frozen=True, slots=True)
class Constant:
    """`%name`, to be bound when the path is compiled."""

    name: str


@dataclass(frozen=True, slots=True)
class Child:
    """A child element by its JSON name; a choice type already carries its type (`valueQuantity`)."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """The nth element of a list, counted from 0."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Condition:
    """`steps = value`, the steps relative to the list element."""

    steps: tuple[Step, ...]
    value: str | Constant


@dataclass(frozen=True, slots=True)
class Choice:
    """The list element for which all conditions hold."""

    name: str
    conditions: tuple[Condition, ...]


Step = Child | Index | Choice


@dataclass(frozen=True, slots=True)
class Path:
    """A path: the part it starts at (a resource type, or a name a mapping gives a resource) and its steps."""

    text: str
    root: str
    steps: tuple[Step, ...]

    @property
    def json_names(self) -> tuple[str, ...]:
        """The JSON names along the way, without choices: to look the path up in the FHIR definitions."""
        return tuple(step.name for step in self.steps)


_TOKEN = re.compile(
    r"""(?P<oftype>ofType\((?P<type>\w+)\))
      | (?P<ext>extension\((?P<url>%[\w-]+|'[^']*')\))
      | (?P<where>where\((?P<conditions>(?:[^()']|'[^']*'|\([^()]*\))+)\))
      | (?P<name>\w+)(?:\[(?P<index>\d+)\])?(?=\.|$)""",
    re.VERBOSE,
)


@lru_cache(maxsize=4096)
def parse(text: str) -> Path:
    """The path of that text. Raises NotInvertibleError naming the step that has no inverse."""
    root, _, rest = text.partition(".")
    if not re.fullmatch(r"\w+", root):
        raise NotInvertibleError(f"The path {text!r} must begin with a resource type or part name.")
    return Path(text, root, _steps(rest, text))


def _steps(rest: str, whole: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    at = 0
    while at < len(rest):
        found = _TOKEN.match(rest, at)
        if not found:
            raise NotInvertibleError(
                f"The path {whole!r} has no inverse at {rest[at:]!r}.",
                fix="use children, [n], where(key=value), extension(url) or ofType(Type)",
            )
        at = found.end()
        if at < len(rest):
            if rest[at] != ".":
                raise NotInvertibleError(f"The path {whole!r} cannot be read at {rest[at:]!r}.")
            at += 1
        if found["oftype"]:
            base = steps.pop() if steps else None
            if not isinstance(base, Child):
                raise NotInvertibleError(f"The path {whole!r}: ofType must follow a child element.")
            steps.append(Child(base.name + found["type"][0].upper() + found["type"][1:]))
        elif found["ext"]:
            steps.append(Choice("extension", (Condition((Child("url"),), _literal(found["url"])),)))
        elif found["where"]:
            base = steps.pop() if steps else None
            if not isinstance(base, Child):
                raise NotInvertibleError(f"The path {whole!r}: where must follow a child element.")
            steps.append(Choice(base.name, _conditions(found["conditions"], whole)))
        elif found["index"] is not None:
            steps.append(Index(found["name"], int(found["index"])))
        else:
            steps.append(Child(found["name"]))
    return tuple(steps)


def _conditions(text: str, whole: str) -> tuple[Condition, ...]:
    conditions = []
    for part in re.split(r"\s+and\s+", text):
        key, equals, value = part.rpartition("=")
        if not equals:
            raise NotInvertibleError(f"The path {whole!r}: where takes key=value, not {part!r}.")
        conditions.append(Condition(_steps(key.strip(), whole), _literal(value.strip())))
    return tuple(conditions)


def _literal(text: str) -> str | Constant:
    if text.startswith("%"):
        return Constant(text[1:])
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1]
    raise NotInvertibleError(f"A condition compares with 'text' or %constant, not {text}.")
