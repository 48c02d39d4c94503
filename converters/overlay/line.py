"""One row of a study's mapping as lines of the dictionary: what it changes, whether it can, and where it fails.

A row names a line there is, or adds one. What the row does not give stays as the line has it.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, cast

from trialbridge.base.errors import NotInvertibleError, TrialbridgeError, UnknownNameError
from trialbridge.converters.overlay.check import end_of
from trialbridge.converters.overlay.export import BUILT_IN, names_of, shown_also, shown_line
from trialbridge.mappings.expressions import TYPES, constant_of, joined, kind_of, separator_of, spelled
from trialbridge.mappings.kit import BOTH_RELEASES, Derived, Direction, Extra, Line
from trialbridge.sdtm import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.converters.overlay.file import Entry
    from trialbridge.fhir.releases import Release
    from trialbridge.mappings.expressions import Tables
    from trialbridge.mappings.kit import Mapping as Lines
    from trialbridge.mappings.kit import Spelling

DIRECTIONS = ("both", "to_sdtm", "to_fhir", "off")
CHANGEABLE = ("R4", "R5", "also", "spelling", "when", "direction", "source", "note")
_VARIABLE = re.compile(r"(SUPP\.)?[A-Z][A-Z0-9_]{0,7}")
_CONDITION = re.compile(r"\s*((?:SUPP\.)?[A-Z][A-Z0-9_]{0,7})\s*=\s*'([^']+)'\s*")

Condition = tuple[str, str]
"""A variable and the value it must have."""


@dataclass(slots=True)
class Change:
    """What one row does to one mapping: the line it takes the place of (by number), and what it puts there."""

    mapping: Lines
    entry: Entry
    replaces: int | None
    lines: list[Line] = field(default_factory=list)
    derived: list[Derived] = field(default_factory=list)
    extras: list[Extra] = field(default_factory=list)
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The lines there are, by name, and the code tables in use."""

    mappings: tuple[Lines, ...]
    lines: Mapping[str, tuple[Lines, int]]
    tables: Tables
    tables_shown: frozenset[str]

    @classmethod
    def of(cls, mappings: tuple[Lines, ...], tables: Tables, shown: frozenset[str]) -> Catalogue:
        """The catalogue of mappings."""
        lines = {name: (one, at) for one in mappings for at, name in enumerate(names_of(one))}
        return cls(mappings, lines, tables, shown)


@contextmanager
def at(entry: Entry, column: str) -> Iterator[None]:
    """Say of errors raised inside which cell they are about."""
    try:
        yield
    except TrialbridgeError as error:
        raise type(error)(error.message, entry.at(column), error.fix) from error


def changes_of(entry: Entry, catalogue: Catalogue) -> list[Change]:
    """What a row changes; nothing for a row as exported. Raises TrialbridgeError with the cell and the reason."""
    name = entry.cells.get("line", "")
    if not name:
        return [_change(entry, mapping, None, dict(entry.cells), catalogue) for mapping in _homes(entry, catalogue)]
    if name not in catalogue.lines:
        near = get_close_matches(name, catalogue.lines, n=1)
        fix = f"did you mean {near[0]}? " if near else ""
        raise UnknownNameError(f"There is no line {name!r}.", entry.at("line"), f"{fix}Leave line empty to add one.")
    mapping, number = catalogue.lines[name]
    shown = shown_line(name, mapping, mapping.lines[number], catalogue.tables_shown)
    for column in ("mapping", "variable"):
        if entry.cells.get(column, shown[column]) not in {"", shown[column]}:
            message = f"The line {name} is of {shown['mapping']} and {shown['variable']}."
            raise NotInvertibleError(message, entry.at(column), "leave line empty to add a line of its own")
    given = {key: value for key, value in entry.cells.items() if key in CHANGEABLE}
    for column in ("spelling", "direction"):
        given[column] = given.get(column) or shown[column]
    wanted = {**shown, **given}
    if wanted == shown:
        return []
    return [_change(entry, mapping, number, wanted, catalogue)]


def _homes(entry: Entry, catalogue: Catalogue) -> list[Lines]:
    """The mappings an added line belongs to."""
    name = entry.cells.get("mapping", "")
    exact = [one for one in catalogue.mappings if one.name == name]
    domain, star, _ = name.partition(" *")
    if star:
        path = entry.cells.get("R4") or entry.cells.get("R5") or ""
        root = path.partition(".")[0]
        exact = [one for one in catalogue.mappings if one.domain == domain and (not path or root in _parts(one))]
    if not exact:
        near = get_close_matches(name, [one.name for one in catalogue.mappings], n=1)
        fix = f"did you mean {near[0]}?" if near else "name one that docs/mapping.md lists, or AE * for all of AE"
        raise UnknownNameError(f"There is no mapping {name!r}.", entry.at("mapping"), fix)
    return exact


def _parts(mapping: Lines) -> set[str]:
    return {mapping.resource, "Each" if mapping.each else mapping.resource, *(part.name for part in mapping.parts)}


def _change(entry: Entry, mapping: Lines, number: int | None, wanted: dict[str, str], catalogue: Catalogue) -> Change:
    """The change of one mapping. Raises TrialbridgeError with the cell."""
    change = Change(mapping, entry, number)
    direction = wanted.get("direction") or "both"
    if direction not in DIRECTIONS:
        raise UnknownNameError(f"{direction!r} is no direction.", entry.at("direction"), f"use {', '.join(DIRECTIONS)}")
    if wanted.get("when"):
        change.when = _condition(entry, mapping, wanted["when"])
    if direction == "off":
        if number is None:
            raise NotInvertibleError("There is no line to take away.", entry.at("direction"), "name it in column line")
        return change
    old = None if number is None else mapping.lines[number]
    places = {release: wanted[release] for release in BOTH_RELEASES if wanted.get(release)}
    variables = [one.strip() for one in wanted.get("variable", "").split("+") if one.strip()]
    for one in variables:
        if not _VARIABLE.fullmatch(one):
            raise UnknownNameError(f"{one!r} is no variable.", entry.at("variable"), "write AETERM, or SUPP.QNAM")
    constant = constant_of(wanted.get("spelling", ""))
    if not places and not (constant and len(variables) == 1):
        raise NotInvertibleError("The line has no path.", entry.at("R4"), "give a path in R4, R5 or both")
    if not places:
        change.derived.append(_constant_variable(mapping, variables[0], str(constant)))
    elif not variables:
        change.extras.extend(_constant_element(entry, mapping, places, constant))
    else:
        change.lines.extend(_lines(entry, mapping, old, variables, places, wanted, catalogue))
    return change


def _condition(entry: Entry, mapping: Lines, text: str) -> Condition:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise NotInvertibleError(f"{text!r} is no condition.", entry.at("when"), "write VARIABLE = 'value'")
    if mapping.domain == "DM":
        message = "A subject has one record whatever its values: DM takes no conditions."
        raise NotInvertibleError(message, entry.at("when"), "leave the condition out")
    return found[1], found[2]


def is_number(mapping: Lines, variable: str) -> bool:
    """Whether a variable is Num in the guide; qualifiers and variables it does not have are Char."""
    try:
        return metadata.variable(variable, domain=mapping.domain).type == "Num"
    except UnknownNameError:
        return False


def _constant_variable(mapping: Lines, variable: str, value: str) -> Derived:
    cell = float(value) if is_number(mapping, variable) else value
    return Derived(variable, lambda _row, _ctx: cell, f"always {value}", "the study's mapping")


def _constant_element(entry: Entry, mapping: Lines, places: Mapping[Release, str], constant: str | None) -> list[Extra]:
    if constant is None:
        raise NotInvertibleError("The line has no variable.", entry.at("variable"), "name it, or give a constant")
    made = []
    for release, path in places.items():
        with at(entry, release):
            element = end_of(mapping, path, release)
            if element.type not in TYPES["constant"]:
                raise NotInvertibleError(f"{path} is a {element.type}.", fix="a constant stands in an element of text")
        made.append(Extra(path, lambda _row, _ctx: constant, (release,), f"always {constant}"))
    return made


# --- lines ------------------------------------------------------------------------------------------------------------


def _lines(
    entry: Entry,
    mapping: Lines,
    old: Line | None,
    variables: list[str],
    places: Mapping[Release, str],
    wanted: Mapping[str, str],
    catalogue: Catalogue,
) -> list[Line]:
    """The lines of a row: one, or one a release where the paths differ; with `join` as many for each variable."""
    text = wanted.get("spelling", "")
    separator = separator_of(text)
    if (separator is None) == (len(variables) > 1):
        message = "Several variables in one text want join, and join wants several."
        raise NotInvertibleError(message, entry.at("spelling"), "write VAR1 + VAR2 and join ' / '")
    direction = cast("Direction", wanted.get("direction") or "both")
    keeps = old is not None and text == shown_line("", mapping, old, catalogue.tables_shown)["spelling"]
    paths = list(places.items())
    split = [(releases, path) for path, releases in _by_path(paths).items()]
    made = []
    for releases, path in split:
        spelling = None
        if keeps and old is not None:
            spelling = old.spelling
            for release in releases:
                with at(entry, release):
                    end_of(mapping, path, release, listed=spelling.shape == "member")
        elif separator is None:
            spelling = _spelling(entry, mapping, variables[0], path, releases, text, direction, catalogue)
        else:
            _fitting(entry, mapping, path, releases, text)
        also = _also(entry, mapping, old, spelling, releases, wanted.get("also", ""), catalogue)
        one = Line(
            variables[0],
            path,
            spelling or joined(variables, str(separator))[0][1],
            also,
            releases,
            direction,
            wanted.get("note", ""),
            wanted.get("source", ""),
        )
        made.append(one)
        if separator is not None:
            made[-1:] = [
                replace(one, variable=variable, spelling=part, direction=way if direction == "both" else direction)
                for variable, part, way in joined(variables, separator)
                if direction != "to_fhir" or way == "both"
            ]
    return made


def _by_path(paths: list[tuple[Release, str]]) -> dict[str, tuple[Release, ...]]:
    found: dict[str, tuple[Release, ...]] = {}
    for release, path in paths:
        found[path] = (*found.get(path, ()), release)
    return found


def _fitting(entry: Entry, mapping: Lines, path: str, releases: tuple[Release, ...], text: str) -> str:
    """The FHIR type at a path, the same in all its releases. Raises where the expression cannot stand there."""
    kind = kind_of(text)
    found = ""
    for release in releases:
        with at(entry, release):
            element = end_of(mapping, path, release)
            if kind is not None and element.type not in TYPES[kind]:
                wanted = ", ".join(sorted(TYPES[kind]))
                raise NotInvertibleError(f"{path} is a {element.type}; {kind} stands in {wanted}.", fix="mend either")
            found = element.type
    return found


def _spelling(
    entry: Entry,
    mapping: Lines,
    variable: str,
    path: str,
    releases: tuple[Release, ...],
    text: str,
    direction: Direction,
    catalogue: Catalogue,
) -> Spelling:
    with at(entry, "spelling"):
        if text == BUILT_IN:
            raise UnknownNameError("Only a line there is has a built-in spelling.", fix="Write as MAPPING/VARIABLE.")
        if text.startswith("as "):
            name = text.removeprefix("as ").strip()
            if name not in catalogue.lines:
                raise UnknownNameError(f"There is no line {name!r}.", fix="Name a line as the column line does.")
            like, number = catalogue.lines[name]
            one = like.lines[number]
            return _like(entry, mapping, path, releases, like, one)
        if kind_of(text) is None:  # the error names what there is
            spelled(text, catalogue.tables, number=False)
    fhir_type = _fitting(entry, mapping, path, releases, text)
    with at(entry, "spelling"):
        number_like = is_number(mapping, variable)
        return spelled(text, catalogue.tables, number=number_like, direction=direction, fhir_type=fhir_type)


def _like(entry: Entry, mapping: Lines, path: str, releases: tuple[Release, ...], like: Lines, one: Line) -> Spelling:
    """The spelling of another line, where the path is of the same type. Raises NotInvertibleError."""
    listed = one.spelling.shape == "member"
    theirs = end_of(like, one.path, one.releases[0], listed=listed).type
    for release in releases:
        with at(entry, release):
            mine = end_of(mapping, path, release, listed=listed).type
            if mine != theirs:
                raise NotInvertibleError(f"{path} is a {mine}, {one.path} a {theirs}.", fix="mend either")
    return one.spelling


def _also(
    entry: Entry,
    mapping: Lines,
    old: Line | None,
    spelling: Spelling | None,
    releases: tuple[Release, ...],
    text: str,
    catalogue: Catalogue,
) -> tuple[tuple[str, Spelling], ...]:
    """The further paths of a line: those it had, as they were, and new ones."""
    kept = dict(zip(shown_also(old), old.also, strict=True)) if old is not None else {}
    found = []
    for one in (part.strip() for part in text.split("\n")):
        if one in kept:
            path, known = kept[one]
            found.append((path, spelling if known is (old and old.spelling) and spelling is not None else known))
        elif one:
            path, colons, expression = (part.strip() for part in one.partition("::"))
            if colons or spelling is None:
                with at(entry, "also"):
                    found.append((path, spelled(expression, catalogue.tables, number=False)))
            else:
                found.append((path, spelling))
            for release in releases:
                with at(entry, "also"):
                    end_of(mapping, path, release)
    return tuple(found)
