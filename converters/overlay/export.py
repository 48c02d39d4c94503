"""The dictionary as rows for people: every line with its paths, spelling, codes and source, and what is derived.

`lines` and `codes` are read back by `overlay`; `derived` and `terms` are only shown. A line is known by its name:
mapping and variable, the release where it holds for one only, a number where several share the rest.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError
from trialbridge.converters.context import Context
from trialbridge.fhir.ids import BASE
from trialbridge.mappings import ALL
from trialbridge.mappings.expressions import WORDS, CodePair
from trialbridge.mappings.names import NCIT
from trialbridge.sdtm import metadata, terminology

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialbridge.mappings.kit import Line, Mapping, Spelling

Exported = dict[str, str]
BUILT_IN = "built-in"
README = (
    ("line", "names a line there is; empty for a line you add"),
    ("mapping", "which mapping an added line belongs to; AE * for every mapping of AE that has the path's part"),
    ("variable", "SDTM's variable; SUPP.QNAM for a qualifier; VAR1 + VAR2 with join; empty for a fixed FHIR element"),
    ("R4, R5", "where the value lives; empty: not in that release. % names are those of docs/mapping.md"),
    ("also", "further paths it is read from, one a line; with `:: spelling` where they are spelled otherwise"),
    ("spelling", "text, number, number as text, whole number, date, day, result, yes, yes or no, codes TABLE,"),
    ("", "concept TABLE, codelist C66729, codelist C66729 with TABLE, constant 'X', times 0.01, divided by 2.54,"),
    ("", "join ' / ', as MAPPING/VARIABLE (the spelling of that line); built-in stays as it is"),
    ("when", "VARIABLE = 'value': the line holds for such records only"),
    ("direction", "both, to_sdtm, to_fhir; off takes the line away: the variable then travels in the extension"),
    ("codes", "a table that is given is the whole table; way: both, to_sdtm (only read), to_fhir (only written)"),
    ("", "what is not given stays as it is; the sheets derived and terms are not read"),
)


def names_of(mapping: Mapping) -> list[str]:
    """The name of each line of a mapping, in their order."""
    seen: Counter[str] = Counter()
    names = []
    for one in mapping.lines:
        name = f"{mapping.name}/{one.variable}" + (f"/{one.releases[0]}" if len(one.releases) == 1 else "")
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return names


def tables_built_in(mappings: Iterable[Mapping] = ALL) -> dict[str, tuple[Spelling, tuple[CodePair, ...]]]:
    """The plain code tables of the dictionary by name: those whose elements hold the code itself."""
    found: dict[str, tuple[Spelling, tuple[CodePair, ...]]] = {}
    for mapping in mappings:
        for one in mapping.lines:
            spelling = one.spelling
            if spelling.name not in found and spelling.shape == "value" and _is_plain(spelling):
                found[spelling.name] = (spelling, tuple(_pairs(spelling)))
    return found


def _is_plain(spelling: Spelling) -> bool:
    return bool(spelling.pairs) and all(
        isinstance(code, str) and spelling.to_fhir(value, None) == code for value, code in spelling.pairs.items()
    )


def _pairs(spelling: Spelling) -> Iterator[CodePair]:
    for value, code in spelling.pairs.items():
        back = spelling.to_sdtm(code, None)
        yield CodePair(value, "", code, "", "both" if back == value else "to_fhir")


def shown_line(name: str, mapping: Mapping, one: Line, tables: Iterable[str]) -> Exported:
    """A line as a row."""
    return {
        "line": name,
        "mapping": mapping.name,
        "domain": mapping.domain,
        "variable": one.variable,
        "R4": one.path if "R4" in one.releases else "",
        "R5": one.path if "R5" in one.releases else "",
        "also": "\n".join(shown_also(one)),
        "spelling": shown_spelling(one.spelling, tables),
        "says": one.spelling.name,
        "when": "",
        "direction": one.direction,
        "source": one.source,
        "note": one.note,
    }


def shown_spelling(spelling: Spelling, tables: Iterable[str]) -> str:
    """A spelling in the words a study may use, or `built-in`."""
    word = next((word for word, known in WORDS.items() if known is spelling), None)
    return word or (f"codes {spelling.name}" if spelling.name in tables else BUILT_IN)


def shown_also(one: Line) -> list[str]:
    """The further paths of a line, with their spelling where it is another."""
    return [
        path if spelling is one.spelling else f"{path} :: {shown_spelling(spelling, ())}" for path, spelling in one.also
    ]


def rows_of(mappings: Iterable[Mapping] = ALL) -> dict[str, list[Exported]]:
    """Everything to write: `lines` and `codes` to edit, `derived`, `terms` and `readme` to read."""
    mappings = tuple(mappings)
    tables = tables_built_in(mappings)
    return {
        "lines": [
            shown_line(name, mapping, one, tables)
            for mapping in mappings
            for name, one in zip(names_of(mapping), mapping.lines, strict=True)
        ],
        "codes": [shown_pair(name, pair) for name, (_, pairs) in tables.items() for pair in pairs],
        "derived": [
            {"mapping": mapping.name, "variable": one.variable, "how": one.note, "source": one.source}
            for mapping in mappings
            for one in mapping.derived
        ],
        "terms": list(_terms(mappings)),
        "readme": [{"column": column, "what to write": text} for column, text in README],
    }


def shown_pair(table: str, pair: CodePair) -> Exported:
    """A code pair as a row."""
    cells = {"table": table, "value": pair.value, "system": pair.system, "code": pair.code}
    return {**cells, "display": pair.display, "way": pair.way}


def _terms(mappings: Iterable[Mapping]) -> Iterator[Exported]:
    """The codings, beside NCIt's own, that built-in spellings write for the terms of a variable's codelists."""
    seen: set[tuple[str, str, str, str]] = set()
    for mapping in mappings:
        for one in mapping.lines:
            for value, coding in _codings(mapping.domain, one):
                key = (mapping.domain, one.variable, value, coding["code"])
                if key not in seen:
                    seen.add(key)
                    first = {"domain": mapping.domain, "variable": one.variable, "value": value}
                    yield {**first, **{part: str(coding.get(part) or "") for part in ("system", "code", "display")}}


def _codings(domain: str, one: Line) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        about = metadata.variable(one.variable, domain=domain)
    except UnknownNameError:
        return
    package = terminology.default()
    if one.spelling.shape == "literal" or one.spelling in WORDS.values():
        return
    ctx = Context(BASE, one.releases[0])
    for codelist in about.codelists:
        for term in package.codelist(codelist) if codelist in package else ():
            element = one.spelling.to_fhir(term.submission_value, ctx)
            codings = element.get("coding") or () if isinstance(element, dict) else ()
            for coding in codings:
                if coding.get("code") and coding.get("system") != NCIT:
                    yield term.submission_value, coding
