"""`explain`: what the dictionary and the standards say of a variable, a FHIR path or a code.

Everything is read off the lines themselves and the bundled standards; nothing is stated twice. The code pairs of a
coded spelling are had by asking it for each term of the variable's codelists.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import NotInvertibleError, UnknownNameError
from trialbridge.converters.context import Context
from trialbridge.fhir.elements import elements, resource_types
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.jsontext import encode
from trialbridge.fhir.paths import parse
from trialbridge.mappings import ALL
from trialbridge.mappings.kit import BOTH_RELEASES
from trialbridge.mappings.names import constants
from trialbridge.sdtm import metadata, terminology

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialbridge.fhir.releases import Release
    from trialbridge.mappings.kit import Line, Mapping
    from trialbridge.sdtm.metadata import VariableMetadata

_CONSTANT = re.compile(r"%([\w-]+)")


@dataclass(frozen=True, slots=True)
class Pair:
    """A submission value and one code that stands for it on the FHIR side."""

    value: str
    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class LineEntry:
    """One line: variable and path, with the releases it holds for, its spelling, code pairs, and what it names.

    `path` begins with a resource type; `names` says what each `%name` in it stands for; `also` are paths it is read
    from too. `direction` is both, to_sdtm or to_fhir; `loses` says what a code table cannot give back.
    """

    dataset: str
    variable: str
    mapping: str
    path: str
    releases: tuple[str, ...]
    direction: str
    spelling: str
    also: tuple[str, ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    pairs: tuple[Pair, ...] = ()
    loses: str = ""
    note: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class OtherEntry:
    """A variable that is derived (`what` derived), or an element only FHIR has (`what` written)."""

    what: str
    name: str
    mapping: str
    note: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class VariableEntry:
    """A variable as the implementation guide has it, and whether the dictionary has a line for it."""

    dataset: str
    name: str
    label: str
    type: str
    core: str
    role: str
    codelists: tuple[str, ...] = ()
    format: str = ""


@dataclass(frozen=True, slots=True)
class TermEntry:
    """A term of a codelist; `code` and `value` are empty where the codelist itself was asked for."""

    codelist: str
    codelist_name: str
    extensible: bool
    code: str = ""
    value: str = ""
    preferred_term: str = ""
    synonyms: tuple[str, ...] = ()
    terms: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known under a name."""

    name: str
    variables: tuple[VariableEntry, ...] = ()
    lines: tuple[LineEntry, ...] = ()
    others: tuple[OtherEntry, ...] = ()
    terms: tuple[TermEntry, ...] = ()
    package: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def explain(name: str) -> Explanation:
    """What is known of a variable (`AESER`, `DM.SEX`, `SUPPPR.PRFRACN`), a path (`Patient.gender`), an url or a code.

    Raises UnknownNameError with names that are near.
    """
    name = name.strip()
    variables, lines, others = _variable(name)
    if not variables and not lines:
        lines, others = _path(name)
    terms = tuple(_terms(name))
    if not lines:
        lines = tuple(_coded(name))
    found = Explanation(name, variables, lines, others, terms, terminology.default().package if terms else "")
    if not (variables or lines or others or terms):
        near = get_close_matches(name.upper(), sorted({one.variable for _, one in _all_lines()}), n=3)
        fix = f"Did you mean {' or '.join(near)}?" if near else "Give a variable, a FHIR path or a code."
        raise UnknownNameError(f"Nothing is known of {name!r}.", fix=fix)
    return found


def _all_lines() -> Iterator[tuple[Mapping, Line]]:
    for mapping in ALL:
        for one in mapping.lines:
            yield mapping, one


# --- variables --------------------------------------------------------------------------------------------------------


def _variable(
    name: str,
) -> tuple[tuple[VariableEntry, ...], tuple[LineEntry, ...], tuple[OtherEntry, ...]]:
    """Lines, derivations and metadata of a variable."""
    if not re.fullmatch(r"[A-Za-z]\w*(\.\w+)?", name):
        return (), (), ()
    dataset, _, variable = name.upper().rpartition(".")
    domain = dataset.removeprefix("SUPP")
    wanted = (
        [f"SUPP.{variable}"] if dataset.startswith("SUPP") else [variable, *([] if dataset else [f"SUPP.{variable}"])]
    )
    chosen = [(of, one) for of, one in _all_lines() if one.variable in wanted and domain in ("", of.domain)]
    lines = tuple(_entry(of, one) for of, one in chosen)
    derived = tuple(
        dict.fromkeys(
            OtherEntry("derived", one.variable, of.name, one.note, one.source)
            for of in ALL
            for one in of.derived
            if one.variable in wanted and domain in ("", of.domain)
        )
    )
    return tuple(_metadata(dataset, variable)), _merged(lines), derived


def _metadata(dataset: str, variable: str) -> Iterator[VariableEntry]:
    """What the guide says of it, in the dataset named or wherever it occurs."""
    try:
        datasets: Iterable[metadata.DomainMetadata] = [metadata.domain(dataset)] if dataset else metadata.domains()
    except UnknownNameError:
        return
    for of in datasets:
        if variable in of:
            one = of.variable(variable)
            yield VariableEntry(
                of.name, one.name, one.label, one.type, one.core, one.role, _codelists(one), one.described_value_domain
            )


def _codelists(one: VariableMetadata) -> tuple[str, ...]:
    return tuple(f"{name} ({code})" for code, name in zip(one.codelists, one.codelist_names, strict=True))


# --- paths ------------------------------------------------------------------------------------------------------------


def _path(name: str) -> tuple[tuple[LineEntry, ...], tuple[OtherEntry, ...]]:
    """Lines whose path is that element, lies below it, or holds it; or that name an url."""
    if name.startswith(("http:", "https:", "urn:")):
        known = {key for key, value in constants().items() if value == name}
        uses = [(of, one) for of, one in _all_lines() if known & set(_named(one))]
        return _merged(tuple(_entry(of, one) for of, one in uses)), ()
    if not re.match(r"[A-Z][a-z]", name):
        return (), ()
    wanted = _plain(name)
    lines = [(of, one) for of, one in _all_lines() if any(_touches(path, wanted) for path in _resolved(of, one))]
    extras = tuple(
        dict.fromkeys(
            OtherEntry("written", _rooted(of, extra.path, extra.releases[0]), of.name, extra.note)
            for of in ALL
            for extra in of.extras
            if any(_touches(_plain(_rooted(of, extra.path, release)), wanted) for release in extra.releases)
        )
    )
    found = _merged(tuple(_entry(of, one) for of, one in lines))
    others = (*extras, *(one for one in _fixed() if _touches(one.name, wanted)))
    return found, tuple(dict.fromkeys(others)) or (() if found else tuple(_unread(wanted)))


def _fixed() -> Iterator[OtherEntry]:
    """The elements that are always written, whatever the row says."""
    for mapping in ALL:
        homes = [(mapping.resource, mapping.fixed), *((part.type, part.fixed) for part in mapping.parts)]
        for kind, fixed in () if mapping.each else homes:
            for key, value in fixed.items():
                yield OtherEntry("written", f"{kind}.{key}", mapping.name, f"always {encode(value).decode()}")


def _unread(wanted: str) -> Iterator[OtherEntry]:
    """An element of FHIR that no line reads."""
    kind, _, rest = wanted.partition(".")
    name = rest.partition(".")[0]
    note = "No line reads it: from FHIR to SDTM and back it is kept in the residue."
    for release in BOTH_RELEASES:
        if kind in resource_types(release) and name in elements(kind, release):
            yield OtherEntry(f"an element of FHIR {release}", wanted, "-", note)
            return


def _plain(path: str) -> str:
    """A path by JSON's names alone: `Patient.deceased.ofType(dateTime)` is Patient.deceasedDateTime."""
    try:
        parsed = parse(path)
    except NotInvertibleError:
        return re.sub(r"\[[^\]]*\]", "", path)
    return ".".join((parsed.root, *parsed.json_names))


def _touches(path: str, wanted: str) -> bool:
    """Whether one lies in the other; `Observation.value` also holds valueQuantity."""
    if path == wanted or wanted.startswith(path + "."):
        return True
    if not path.startswith(wanted):
        return False
    following = path[len(wanted)]
    return following == "." or ("." in wanted and following.isupper())


def _resolved(mapping: Mapping, one: Line) -> Iterator[str]:
    """The plain paths of a line, rooted at resource types."""
    for release in one.releases:
        for path in _paths(one):
            yield _plain(_rooted(mapping, path, release))


def _paths(one: Line) -> list[str]:
    return [one.path, *(other for other, _ in one.also)]


def _named(one: Line) -> list[str]:
    return [key for path in _paths(one) for key in _CONSTANT.findall(path)]


def _rooted(mapping: Mapping, path: str, release: Release) -> str:
    """The path with its part's name replaced by the resource type, or by the list its rows are."""
    root, _, rest = path.partition(".")
    if root == "Each" and mapping.each:
        return f"{mapping.each[release]}.{rest}"
    types = {part.name: part.type for part in mapping.parts if release in part.releases}
    return f"{types.get(root, root)}.{rest}"


# --- lines ------------------------------------------------------------------------------------------------------------


def _entry(mapping: Mapping, one: Line) -> LineEntry:
    release = one.releases[0]
    supplemental = one.variable.startswith("SUPP.")
    known = constants()
    return LineEntry(
        dataset=("SUPP" if supplemental else "") + mapping.domain,
        variable=one.variable.removeprefix("SUPP."),
        mapping=mapping.name,
        path=_rooted(mapping, one.path, release),
        releases=one.releases,
        direction=one.direction,
        spelling=one.spelling.name,
        also=tuple(_rooted(mapping, path, release) for path, _ in one.also),
        names=tuple((key, _shown(known[key])) for key in dict.fromkeys(_named(one)) if key in known),
        pairs=_pairs(mapping.domain, one),
        loses=one.spelling.loses,
        note=one.note,
        source=one.source,
    )


def _merged(lines: tuple[LineEntry, ...]) -> tuple[LineEntry, ...]:
    """Without repeats: several mappings of a domain share lines."""
    kept: dict[tuple[Any, ...], LineEntry] = {}
    for one in lines:
        kept.setdefault((one.dataset, one.variable, one.path, one.releases, one.also, one.pairs), one)
    return tuple(kept.values())


def _shown(value: Any) -> str:
    """A constant as text: the url, or the first code of a concept."""
    if isinstance(value, str):
        return value
    first = next(_codings(value), None)
    return f"{first[1]} ({first[0]}) {first[2]}".strip() if first else str(value)


def _pairs(domain: str, one: Line) -> tuple[Pair, ...]:
    """The code pairs of a line's spelling: its own, and what it writes for the variable's codelists.

    A code that stands for every value (mCODE fixes some) is one pair, of value `*`.
    """
    own = [Pair(str(value), *coding) for value, of in one.spelling.pairs.items() for coding in _codings(of, bare=True)]
    pairs = list(dict.fromkeys([*own, *_asked(domain, one)]))
    values = {pair.value for pair in pairs}
    times = Counter((pair.system, pair.code, pair.display) for pair in pairs)
    always = [coding for coding, count in times.items() if count == len(values) > 1]
    rest = [pair for pair in pairs if (pair.system, pair.code, pair.display) not in always]
    return (*(Pair("*", *coding) for coding in always), *rest)


def _asked(domain: str, one: Line) -> list[Pair]:
    """What the spelling writes for each term of the variable's codelists."""
    try:
        about = metadata.variable(one.variable, domain=domain)
    except UnknownNameError:
        return []
    if one.spelling.shape == "literal":
        return []
    package = terminology.default()
    ctx = Context(BASE, one.releases[0])
    return [
        Pair(term.submission_value, *coding)
        for codelist in about.codelists
        if codelist in package
        for term in package.codelist(codelist)
        for coding in _codings(one.spelling.to_fhir(term.submission_value, ctx))
    ]


def _codings(value: Any, *, bare: bool = False) -> Iterator[tuple[str, str, str]]:
    """System, code and display of every coding inside a FHIR value; with `bare`, a plain value is a code itself."""
    if isinstance(value, dict):
        if "code" in value and "system" in value:
            yield value["system"], value["code"], value.get("display", "")
        for inner in value.values():
            yield from _codings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _codings(inner)
    elif bare and value is not None:
        yield "", str(value).lower() if isinstance(value, bool) else str(value), ""


# --- codes ------------------------------------------------------------------------------------------------------------


def _terms(name: str) -> Iterator[TermEntry]:
    """Codelists and terms of that NCI code or submission value."""
    for codelist in terminology.default().codelists:
        about = (codelist.code, codelist.submission_value, codelist.extensible)
        if name in (codelist.code, codelist.submission_value):
            yield TermEntry(*about, preferred_term=codelist.name, terms=len(codelist.terms))
        for term in {one for one in (codelist.by_code(name), codelist.by_value(name)) if one is not None}:
            yield TermEntry(*about, term.code, term.submission_value, term.preferred_term, term.synonyms)


def _coded(name: str) -> Iterator[LineEntry]:
    """Lines one of whose pairs has that code or value, showing those pairs alone; or that name it in their path."""
    known = constants()
    naming = {key for key, value in known.items() if any(code == name for _, code, _ in _codings(value))}
    seen: set[tuple[str, ...]] = set()
    for mapping, one in _all_lines():
        key = (mapping.domain, one.variable, one.path, *one.releases)
        if key in seen:
            continue
        seen.add(key)
        pairs = tuple(pair for pair in _pairs(mapping.domain, one) if name in (pair.code, pair.value))
        if pairs or naming & set(_named(one)):
            yield replace(_entry(mapping, one), pairs=pairs)
