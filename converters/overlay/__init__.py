"""A study's own mapping: the dictionary with the lines and code pairs that a workbook or YAML file changes or adds.

Nothing is evaluated: paths are the invertible ones of `fhir.paths`, spellings the words of `mappings.expressions`. What
does not invert is refused, with the cell or line it stands in and the reason. See docs/custom-mapping.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from trialbridge.base.errors import NotInvertibleError, TrialbridgeError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.dictionary import DICTIONARY, Dictionary
from trialbridge.converters.overlay.condition import conditional
from trialbridge.converters.overlay.export import shown_pair, tables_built_in
from trialbridge.converters.overlay.file import Book, read
from trialbridge.converters.overlay.line import DIRECTIONS, Catalogue, Change, changes_of
from trialbridge.mappings.expressions import CodePair, clashes, code_table
from trialbridge.mappings.kit import BOTH_RELEASES
from trialbridge.mappings.qualifiers import DEFAULTS
from trialbridge.sdtm import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trialbridge.mappings.expressions import Tables
    from trialbridge.mappings.kit import Direction, Line, Mapping, Spelling


@dataclass(frozen=True, slots=True)
class Overlaid:
    """The dictionary of a study, and what is to be said of its file; lines with errors are left out of it."""

    dictionary: Dictionary
    findings: list[Finding]
    changed: int
    """Rows that change or add something."""


def overlay(path: Path, base: Dictionary = DICTIONARY) -> Overlaid:
    """The dictionary that a study's file makes of ours.

    A line or table that the file does not give, or gives as exported, is the very same. Raises UnreadableInputError
    where the file is no mapping; whatever else is wrong is a finding at its cell or line.
    """
    book = read(path)
    findings = list(book.findings)
    tables, replaced = _tables(book, base, findings)
    shown = frozenset(tables_built_in(base.mappings))
    catalogue = Catalogue.of(base.mappings, tables, shown)
    changes: list[Change] = []
    for entry in book.lines:
        try:
            changes.extend(changes_of(entry, catalogue))
        except TrialbridgeError as error:
            findings.append(_refused(error))
    taken = [one for one in changes if _alone(one, changes, findings)]
    mappings = tuple(made for one in base.mappings for made in _changed(one, taken, replaced, findings))
    findings.extend(note for one in taken for note in _notes(one))
    same = all(a is b for a, b in zip(mappings, base.mappings, strict=False)) and len(mappings) == len(base.mappings)
    rows = len({id(one.entry) for one in taken})
    return Overlaid(base if same else Dictionary(mappings), findings, rows + len(replaced))


def dictionary_of(path: Path) -> Dictionary:
    """The dictionary of a study's file. Raises UnreadableInputError with the first of its errors."""
    made = overlay(path)
    errors = [one for one in made.findings if one.severity is Severity.ERROR]
    if errors:
        more = f" And {len(errors) - 1} more: trialbridge mapping check {path.name}." if len(errors) > 1 else ""
        raise UnreadableInputError(errors[0].message + more, errors[0].where, errors[0].fix)
    return made.dictionary


def _refused(error: TrialbridgeError) -> Finding:
    return Finding("TB-MAPPING-LINE", Severity.ERROR, error.where, error.message, error.fix)


# --- code tables ------------------------------------------------------------------------------------------------------


def _tables(book: Book, base: Dictionary, findings: list[Finding]) -> tuple[Tables, dict[int, Spelling]]:
    """The code tables by name, and the new spelling of each built-in table that the file changes (by the old's id)."""
    built_in = tables_built_in(base.mappings)
    tables: Tables = {name: pairs for name, (_, pairs) in built_in.items()}
    given: dict[str, list[tuple[CodePair, dict[str, Where]]]] = {}
    for entry in book.codes:
        cells = entry.cells
        way = cells.get("way") or "both"
        missing = next((one for one in ("table", "value", "code") if not cells.get(one)), None)
        if missing or way not in DIRECTIONS[:3]:
            column = missing or "way"
            message = f"The pair has no {missing}." if missing else f"{way!r} is no way."
            findings.append(_pair(entry.at(column), message, f"give it; way is one of {', '.join(DIRECTIONS[:3])}"))
            continue
        pair = CodePair(
            cells["value"], cells.get("system", ""), cells["code"], cells.get("display", ""), cast("Direction", way)
        )
        given.setdefault(cells["table"], []).append((pair, {one: entry.at(one) for one in ("value", "code")}))
    replaced: dict[int, Spelling] = {}
    for name, rows in given.items():
        pairs = tuple(pair for pair, _ in rows)
        wrong = list(clashes(pairs))
        for number, what, mark in wrong:
            fix = f"give one of them another code, or set its way to {mark}"
            findings.append(_pair(rows[number][1]["code"], f"The table {name} does not invert: {what}.", fix))
        if wrong:
            continue
        if name in built_in and _shown(name, pairs) != _shown(name, built_in[name][1]):
            try:
                replaced[id(built_in[name][0])] = code_table(name, pairs)
            except NotInvertibleError as error:
                findings.append(_pair(rows[0][1]["value"], error.message, error.fix))
                continue
        tables[name] = pairs
    return tables, replaced


def _shown(name: str, pairs: Iterable[CodePair]) -> list[dict[str, str]]:
    return [shown_pair(name, one) for one in pairs]


def _pair(where: Where, message: str, fix: str) -> Finding:
    return Finding("TB-MAPPING-CODE", Severity.ERROR, where, message, fix)


# --- mappings ---------------------------------------------------------------------------------------------------------


def _alone(change: Change, changes: Iterable[Change], findings: list[Finding]) -> bool:
    """Whether no other line of its mapping writes the same variable; if one does, that is a finding."""
    mapping = change.mapping
    if change.when is None:
        gone = {one.replaces for one in changes if one.mapping is mapping and one.when is None}
    else:
        gone = {change.replaces}
    stay = [one for at, one in enumerate(mapping.lines) if at not in gone]
    earlier = []
    for one in changes:
        if one is change:
            break
        if one.mapping is mapping and one.when == change.when:
            earlier.extend(one.lines)
    for line in change.lines:
        if line.direction == "to_sdtm":
            continue
        for other in (*stay, *earlier):
            release = next((one for one in line.releases if one in other.releases), None)
            if release and other.variable == line.variable and other.direction != "to_sdtm" and change.when is None:
                findings.append(_twice(change, line, release))
                return False
    return True


def _twice(change: Change, line: Line, release: str) -> Finding:
    message = f"{change.mapping.name} has a line that writes {line.variable} in {release} already."
    fix = "name that line in column line to change it, or set direction to_sdtm"
    return Finding("TB-MAPPING-LINE", Severity.ERROR, change.entry.at("variable"), message, fix)


def _changed(
    mapping: Mapping, changes: Iterable[Change], replaced: dict[int, Spelling], findings: list[Finding]
) -> list[Mapping]:
    """The mapping with its changes, after its variants for records of some value; the same one where nothing changes."""
    mine = [one for one in changes if one.mapping is mapping]
    whole = _with(mapping, [one for one in mine if one.when is None], replaced)
    made: list[Mapping] = []
    asked: dict[str, Change] = {}
    for condition in dict.fromkeys(one.when for one in mine if one.when is not None):
        here = [one for one in mine if one.when == condition]
        first = asked.setdefault("variable", here[0])
        try:
            if first.when is not None and first.when[0] != condition[0]:
                message = f"Another line of {mapping.name} asks for {first.when[0]}; both could hold for one record."
                raise NotInvertibleError(message, fix="let all conditions of a mapping ask for one variable")
            made.append(conditional(whole, condition, _variant_lines(whole, here)))
        except TrialbridgeError as error:
            where = here[0].entry.at("when")
            findings.append(Finding("TB-MAPPING-LINE", Severity.ERROR, where, error.message, error.fix))
    return [*made, whole]


def _with(mapping: Mapping, changes: list[Change], replaced: dict[int, Spelling]) -> Mapping:
    """The mapping with lines replaced and added, and with changed code tables."""
    put = {one.replaces: one.lines for one in changes if one.replaces is not None}
    lines = [new for at, one in enumerate(mapping.lines) for new in put.get(at, [one])]
    lines += [new for one in changes if one.replaces is None for new in one.lines]
    lines = [_respelled(one, replaced) for one in lines]
    derived = {one.variable: one for one in mapping.derived}
    derived |= {one.variable: one for change in changes for one in change.derived}
    extras = (*mapping.extras, *(one for change in changes for one in change.extras))
    if (
        _identical(lines, mapping.lines)
        and _identical([*derived.values()], mapping.derived)
        and extras == mapping.extras
    ):
        return mapping
    return replace(mapping, lines=tuple(lines), derived=tuple(derived.values()), extras=extras)


def _identical(these: list[Any], those: tuple[Any, ...]) -> bool:
    return len(these) == len(those) and all(a is b for a, b in zip(these, those, strict=True))


def _respelled(one: Line, replaced: dict[int, Spelling]) -> Line:
    """The line with the study's code table in place of ours."""
    spelling = replaced.get(id(one.spelling), one.spelling)
    also = tuple((path, replaced.get(id(known), known)) for path, known in one.also)
    if spelling is one.spelling and all(a[1] is b[1] for a, b in zip(also, one.also, strict=True)):
        return one
    return replace(one, spelling=spelling, also=also)


def _variant_lines(whole: Mapping, changes: list[Change]) -> tuple[Line, ...]:
    """The lines of a variant: those of the changes in place of what writes the same variables."""
    new = [line for one in changes for line in one.lines]
    written = {(line.variable, release) for line in new for release in line.releases}
    written |= {
        (one.mapping.lines[one.replaces].variable, release)
        for one in changes
        if one.replaces is not None
        for release in BOTH_RELEASES
    }
    stay = [one for one in whole.lines if not any((one.variable, release) in written for release in one.releases)]
    for one in whole.lines:
        left = tuple(release for release in one.releases if (one.variable, release) not in written)
        if one not in stay and left:
            stay.append(replace(one, releases=left))
    return (*stay, *new)


def _notes(change: Change) -> Iterable[Finding]:
    """What is no error but worth knowing: variables the guide does not have, qualifiers without a label."""
    domain = change.mapping.domain
    places = {(one.path, release) for one in change.lines if one.direction != "to_sdtm" for release in one.releases}
    for at, other in enumerate(change.mapping.lines):
        shared = next((one for one in other.releases if (other.path, one) in places), None)
        if shared and at != change.replaces and other.direction != "to_sdtm":
            message = f"{other.variable} is written at the same path: where both have a value, one is carried instead."
            yield Finding("TB-MAPPING-PATH", Severity.WARNING, change.entry.at(shared), message, "give each its own")
    added = [*(line.variable for line in change.lines), *(one.variable for one in change.derived)]
    for one in dict.fromkeys(added):
        name = one.removeprefix("SUPP.")
        if name != one and name not in DEFAULTS and change.lines:
            message = f"{name} has no label: rows read from FHIR have an empty QLABEL."
            yield Finding("TB-MAPPING-LABEL", Severity.NOTE, change.entry.at("variable"), message, "fill it in SUPP--")
        elif name == one and domain in _datasets() and one not in metadata.domain(domain) and change.replaces is None:
            message = f"SDTMIG {metadata.LATEST} has no {one} in {domain}."
            fix = f"mind the spelling, or write SUPP.{one} for a qualifier"
            yield Finding("TB-MAPPING-VARIABLE", Severity.WARNING, change.entry.at("variable"), message, fix)


def _datasets() -> set[str]:
    return {one.name for one in metadata.domains()}
