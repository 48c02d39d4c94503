"""The read direction as SQL-on-FHIR ViewDefinitions: for each mapping one view of its resource, and one of each part.

A column is the raw element a line reads: a code stays FHIR's, a date FHIR's; what a spelling makes of it is not part of
a view. A CodeableConcept gives `_code`, `_system`, `_text` and `_ncit` (the NCIt coding), a Quantity `_value`,
`_comparator`, `_unit` and `_code`, a Reference its key. Lines whose element is complex in another way have no column:
`left_out` lists them. A view reads all resources of its type, for which mapping takes a resource is not FHIRPath: keep
the rows that have what you ask for.

Source: SQL on FHIR v2.0.0, ViewDefinition, with the functions that every runner has (where, exists, first, ofType,
getResourceKey, getReferenceKey). Constants are written out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import NotInvertibleError, UnknownNameError
from trialbridge.base.writing import whole_folder
from trialbridge.converters.overlay.check import element_at_end, node_of
from trialbridge.fhir.elements import elements
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.jsontext import pretty
from trialbridge.fhir.paths import Child, Choice, Index, Path, parse
from trialbridge.mappings.names import NCIT, constants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Mapping as MappingOf
    from pathlib import Path as File

    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.fhir.paths import Condition, Step
    from trialbridge.fhir.releases import Release
    from trialbridge.mappings.kit import Line, Mapping

View = dict[str, Any]
QUANTITIES = frozenset({"Quantity", "SimpleQuantity", "Age", "Duration"})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line that no column can show, and why."""

    mapping: str
    variable: str
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a view: the line's variable, the path it shows (rooted at the view's resource) and FHIR's type."""

    name: str
    variable: str
    path: str
    type: str
    part: str


def views(dictionary: Dictionary, release: Release = "R4", base: str = BASE) -> list[View]:
    """The ViewDefinitions of a dictionary for one release."""
    return [view for mapping in dictionary.mappings for view in _views(mapping, release, base)]


def left_out(dictionary: Dictionary, release: Release = "R4", base: str = BASE) -> list[LeftOut]:
    """The lines that have no column."""
    found: list[LeftOut] = []
    for mapping in dictionary.mappings:
        for part in _parts(mapping, release):
            _columns(mapping, part, release, base, found)
    return found


def write(dictionary: Dictionary, folder: File, release: Release = "R4", base: str = BASE) -> list[File]:
    """One JSON file a view; the paths made."""
    made = views(dictionary, release, base)
    with whole_folder(folder) as part:
        for view in made:
            (part / f"{view['name']}.json").write_bytes(pretty(view))
    return [folder / f"{view['name']}.json" for view in made]


def columns_of(mapping: Mapping, part: str, release: Release = "R4", base: str = BASE) -> list[Column]:
    """The columns of the view of one part of a mapping (`Each`: the list elements; the primary has its type's name)."""
    return _columns(mapping, part, release, base, [])


def _parts(mapping: Mapping, release: Release) -> list[str]:
    names = [mapping.resource, *(["Each"] if mapping.each else [])]
    return [*names, *dict.fromkeys(part.name for part in mapping.parts if release in part.releases)]


def _views(mapping: Mapping, release: Release, base: str) -> Iterator[View]:
    bound = constants(base)
    columns = [_key("resource_key", "getResourceKey()"), *_shown(mapping, mapping.resource, release, base)]
    for part in mapping.parts:
        link = parse(part.link)
        if release in part.releases and link.root == mapping.resource:
            path = _fhirpath(link.steps, mapping.resource, release, bound)
            columns.append(_key(f"{_word(part.name)}_key", f"{path}.getReferenceKey({part.type})"))
    select: list[View] = [{"column": columns}]
    if mapping.each:
        each = parse(mapping.each[release])
        select.append(
            {
                "forEach": _fhirpath(each.steps, mapping.resource, release, bound, listed=True),
                "column": _shown(mapping, "Each", release, base),
            }
        )
    yield _view(mapping.name, mapping.name, mapping.resource, select, release, base)
    for name, kind in {part.name: part.type for part in mapping.parts if release in part.releases}.items():
        shown = _shown(mapping, name, release, base)
        if shown:
            select = [{"column": [_key("resource_key", "getResourceKey()"), *shown]}]
            yield _view(f"{mapping.name} {name}", f"{mapping.name}: its {name}", kind, select, release, base)


def _view(name: str, title: str, resource: str, select: list[View], release: Release, base: str) -> View:
    word = _word(name)
    return {
        "resourceType": "ViewDefinition",
        "url": f"{base}/ViewDefinition/{word}",
        "name": word,
        "title": title,
        "status": "active",
        "resource": resource,
        "fhirVersion": ["4.0.1" if release == "R4" else "5.0.0"],
        "select": select,
    }


def _word(name: str) -> str:
    """A name as a table may have it: letters, digits and _."""
    return re.sub(r"\W+", "_", name).strip("_").lower()


def _key(name: str, path: str) -> View:
    return {"name": name, "path": path, "type": "string"}


def _shown(mapping: Mapping, part: str, release: Release, base: str) -> list[View]:
    return [{"name": one.name, "path": one.path, "type": one.type} for one in columns_of(mapping, part, release, base)]


# --- columns ----------------------------------------------------------------------------------------------------------


def _columns(mapping: Mapping, part: str, release: Release, base: str, missing: list[LeftOut]) -> list[Column]:
    bound = constants(base)
    node = node_of(mapping, part, release)
    found: list[Column] = []
    names: set[str] = set()
    for one in mapping.lines:
        path = parse(one.path)
        if release not in one.releases or one.direction == "to_fhir" or path.root != part or node is None:
            continue
        try:
            made = list(_of_line(one, path, node, release, bound))
        except (NotInvertibleError, UnknownNameError) as error:
            missing.append(LeftOut(mapping.name, one.variable, one.path, error.message))
            continue
        for column in made:
            if column.name not in names:  # a further line of the same variable has no column of its own
                names.add(column.name)
                found.append(column)
    return found


def _of_line(one: Line, path: Path, node: str, release: Release, bound: MappingOf[str, Any]) -> Iterator[Column]:
    """The columns of a line's element. Raises NotInvertibleError where the element is complex."""
    element = element_at_end(path, node, release, listed=one.spelling.shape == "member")
    name = _word(one.variable)
    text = _fhirpath(path.steps, node, release, bound)
    if one.spelling.shape == "member":
        raise NotInvertibleError("several variables share the list; which element is whose is not FHIRPath")
    if element.primitive:
        yield Column(name, one.variable, text, element.type, path.root)
    elif element.type == "CodeableConcept":
        for last, kind in (("code", "code"), ("system", "uri")):
            yield Column(f"{name}_{last}", one.variable, f"{text}.coding.first().{last}", kind, path.root)
        ncit = f"{text}.coding.where(system = '{NCIT}').first().code"
        yield Column(f"{name}_ncit", one.variable, ncit, "code", path.root)
        yield Column(f"{name}_text", one.variable, f"{text}.text", "string", path.root)
    elif element.type in QUANTITIES:
        for last, kind in (("value", "decimal"), ("comparator", "code"), ("unit", "string"), ("code", "code")):
            yield Column(f"{name}_{last}", one.variable, f"{text}.{last}", kind, path.root)
    elif element.type == "Reference":
        yield Column(f"{name}_key", one.variable, f"{text}.getReferenceKey()", "string", path.root)
    else:
        raise NotInvertibleError(f"the element is a {element.type}, which no column holds")


# --- FHIRPath ---------------------------------------------------------------------------------------------------------


def _fhirpath(
    steps: Iterable[Step], node: str, release: Release, bound: MappingOf[str, Any], *, listed: bool = False
) -> str:
    """Steps by JSON's names as FHIRPath: a choice type becomes ofType, a choice among a list its first match."""
    parts: list[str] = []
    steps = tuple(steps)
    for number, step in enumerate(steps):
        element = elements(node, release)[step.name]
        whole = listed and number == len(steps) - 1
        if isinstance(step, Child):
            stem = element.path.rsplit(".", 1)[1].removesuffix("[x]")
            parts.append(f"{stem}.ofType({element.type})" if element.choice else step.name)
        elif isinstance(step, Index):
            parts.append(f"{step.name}[{step.at}]")
        else:
            parts.append(_chosen(step, element.node, release, bound) + ("" if whole else ".first()"))
        node = element.node
    return ".".join(parts)


def _chosen(step: Choice, node: str, release: Release, bound: MappingOf[str, Any]) -> str:
    tests = " and ".join(_test(one, node, release, bound) for one in step.conditions)
    return f"{step.name}.where({tests})"


def _test(one: Condition, node: str, release: Release, bound: MappingOf[str, Any]) -> str:
    value = _value(one, bound)
    path = _fhirpath(one.steps, node, release, bound)
    if not isinstance(value, dict):
        return f"{path} = '{value}'"
    codings = " or ".join(f"(system = '{each['system']}' and code = '{each['code']}')" for each in value["coding"])
    return f"{path}.coding.where({codings}).exists()"


def _value(one: Condition, bound: MappingOf[str, Any]) -> Any:
    return one.value if isinstance(one.value, str) else bound[one.value.name]
