"""The extensions of our own, as StructureDefinitions, and the CodeSystem of dataset names: for validators and servers.

Facts: FHIR R4 2.1.4 (extensibility), 5.4 (StructureDefinition: elements of an extension, context). A definition is
made with differential and snapshot; the base URL is the user's, as everywhere (`fhir.ids`). They are published with
the package: `structure_definitions(base)` gives them, `trialbridge doctor` and the documents name them.

>>> [one["id"] for one in structure_definitions("https://example.org/x")][:3]
['sdtm-variable', 'sdtm-package', 'sdtm-dtc']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.fhir.ids import BASE
from trialbridge.fhir.releases import FHIR_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.releases import Release

VERSION = "0.1.0"
DATASETS = "sdtm-dataset"
_CORE = "http://hl7.org/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class Inner:
    """An extension inside one of ours: its url, what it says, the types its value may have, how often it stands."""

    url: str
    short: str
    types: tuple[str, ...] = ()
    least: int = 0
    most: str = "1"
    inner: tuple[Inner, ...] = ()


@dataclass(frozen=True, slots=True)
class Extension:
    """One of our extensions: its name in the url, where it may stand, and its value or the extensions inside."""

    name: str
    title: str
    description: str
    context: tuple[str, ...]
    types: tuple[str, ...] = ()
    inner: tuple[Inner, ...] = ()


_VARIABLE = (
    Inner("name", "The variable's name, or the qualifier's QNAM", ("code",), least=1),
    Inner(
        "value", "The cell; absent where it is blank although the elements would give a value", ("string", "decimal")
    ),
    Inner("nativeHash", "Hash of what the elements said of the variable when it was written", ("string",)),
    Inner("supplemental", "True for a supplemental qualifier (SUPP--)", ("boolean",)),
    Inner("label", "QLABEL of a supplemental qualifier", ("string",)),
    Inner("origin", "QORIG of a supplemental qualifier", ("string",)),
    Inner("evaluator", "QEVAL of a supplemental qualifier", ("string",)),
)
_COLUMN = (
    Inner("name", "The variable's name", ("string",), least=1),
    Inner("type", "Char or Num", ("code",), least=1),
    Inner("label", "The variable's label", ("string",)),
    Inner("length", "The variable's length in bytes", ("positiveInt",)),
)
_DATASET = (
    Inner("name", "The dataset's name", ("string",), least=1),
    Inner("label", "The dataset's label", ("string",)),
    Inner("variable", "A variable of the dataset, in the delivered order", most="*", inner=_COLUMN),
)
_PACKAGE = (
    Inner("standard", "The standard, e.g. SDTMIG", ("string",), least=1),
    Inner("version", "The standard's version, e.g. 3.4", ("string",), least=1),
    Inner("ct", "The terminology package, e.g. sdtmct-2025-03-28", ("string",)),
    Inner("dataset", "A dataset of the package", most="*", inner=_DATASET),
)
EXTENSIONS = (
    Extension(
        "sdtm-variable",
        "SDTM variable",
        "A variable of the SDTM record that no element holds, or that its elements would give back changed. It is "
        "believed only while the elements still say what nativeHash was made of.",
        ("DomainResource", "BackboneElement", "Extension"),
        inner=_VARIABLE,
    ),
    Extension(
        "sdtm-package",
        "SDTM package",
        "The package the study's tables came in: the standard, and each dataset's label and variables in their order.",
        ("ResearchStudy",),
        inner=_PACKAGE,
    ),
    Extension(
        "sdtm-dtc",
        "SDTM date/time, literally",
        "The date/time as SDTM has it (ISO 8601 with missing parts, without zone, an interval) where FHIR allows less.",
        ("dateTime", "date"),
        ("string",),
    ),
    Extension(
        "sdtm-orres",
        "SDTM result, literally",
        "The result as collected, digit by digit, where software might write the number otherwise (23.50).",
        ("decimal",),
        ("string",),
    ),
    Extension(
        "sdtm-record",
        "SDTM record identifier",
        "The record's business identifier, STUDYID|DOMAIN|USUBJID|--SEQ, on elements without an identifier of their own.",
        ("AdverseEvent", "BackboneElement", "Extension"),
        ("Identifier",),
    ),
    Extension(
        "meddra-level",
        "MedDRA level",
        "The level of a MedDRA coding (LLT, PT, HLT, HLGT, SOC, or BODSYS for the sponsor's body system), which its code "
        "system does not tell.",
        ("Coding",),
        ("code",),
    ),
    Extension(
        "armcd",
        "Planned arm code",
        "ARMCD of an arm of the study.",
        ("ResearchStudy.arm", "ResearchStudy.comparisonGroup"),
        ("string",),
    ),
    Extension(
        "registry-field",
        "Registry record field",
        "A field of the trial registry's record that no element holds, or that its elements would give back changed. It "
        "is believed only while the elements around it still say what nativeHash was made of.",
        ("ResearchStudy",),
        inner=(
            Inner("path", "The field, as API v2 names it, with the numbers of list members", ("string",), least=1),
            Inner(
                "value",
                "Its value as JSON, in pieces where it is long; absent where the record has none",
                ("string",),
                most="*",
            ),
            Inner("nativeHash", "Hash of what the elements said there when it was written", ("string",), least=1),
        ),
    ),
)
NAMES = tuple(one.name for one in EXTENSIONS)
"""The names of our extensions: `{base}/StructureDefinition/{name}`."""


def url_of(base: str, name: str) -> str:
    """The url of one of our extensions under a base."""
    return f"{base.rstrip('/')}/StructureDefinition/{name}"


def structure_definitions(base: str = BASE, release: Release = "R4") -> list[Resource]:
    """Our extensions as StructureDefinition resources, in the order of `NAMES`."""
    return [_definition(one, base, release) for one in EXTENSIONS]


def code_system(base: str = BASE) -> Resource:
    """The CodeSystem whose codes are names of SDTM datasets: open, for a sponsor adds its own; so none is listed."""
    return {
        "resourceType": "CodeSystem",
        "id": DATASETS,
        "url": f"{base.rstrip('/')}/CodeSystem/{DATASETS}",
        "version": VERSION,
        "name": "SdtmDataset",
        "title": "SDTM dataset",
        "status": "active",
        "experimental": False,
        "description": "Names of SDTM datasets, as a package has them: a domain, SUPP-- or a dataset of the sponsor's.",
        "caseSensitive": True,
        "content": "not-present",
    }


def _definition(one: Extension, base: str, release: Release) -> Resource:
    url = url_of(base, one.name)
    snapshot = list(_snapshot(one, url))
    return {
        "resourceType": "StructureDefinition",
        "id": one.name,
        "url": url,
        "version": VERSION,
        "name": "".join(part.capitalize() for part in one.name.split("-")),
        "title": one.title,
        "status": "active",
        "description": one.description,
        "fhirVersion": FHIR_VERSION[release],
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": place} for place in one.context if _exists(place, release)],
        "type": "Extension",
        "baseDefinition": f"{_CORE}Extension",
        "derivation": "constraint",
        "snapshot": {"element": snapshot},
        "differential": {"element": [_constrained(element) for element in snapshot if _is_ours(element)]},
    }


def _exists(place: str, release: Release) -> bool:
    """Whether a release has that place; the study's arms moved."""
    return place != ("ResearchStudy.comparisonGroup" if release == "R4" else "ResearchStudy.arm")


def _snapshot(one: Extension, url: str) -> Iterator[Resource]:
    yield {**_element("Extension", one.title, 0, "*", "Extension"), "definition": one.description, "isModifier": False}
    yield from _body("Extension", "Extension", url, one.types, one.inner)


def _body(own: str, path: str, url: str, types: tuple[str, ...], inner: tuple[Inner, ...]) -> Iterator[Resource]:
    """What stands inside an extension: id, extensions, url, value."""
    yield {**_element(f"{own}.id", "Unique id", 0, "1", "Element.id", f"{path}.id"), "type": _system("string")}
    slicing = {
        "slicing": {
            "discriminator": [{"type": "value", "path": "url"}],
            "description": "Extensions are always sliced by (at least) url",
            "rules": "open",
        }
    }
    least = sum(each.least for each in inner)
    yield {
        **_element(
            f"{own}.extension", "Extension", least, "*" if inner else "0", "Element.extension", f"{path}.extension"
        ),
        **slicing,
        "type": [{"code": "Extension"}],
    }
    for each in inner:
        name, below = f"{own}.extension:{each.url}", f"{path}.extension"
        yield {
            **_element(name, each.short, each.least, each.most, "Element.extension", below),
            "sliceName": each.url,
            "type": [{"code": "Extension"}],
        }
        yield from _body(name, below, each.url, each.types, each.inner)
    yield {
        **_element(f"{own}.url", "Names the extension", 1, "1", "Extension.url", f"{path}.url"),
        "type": _system("uri"),
        "fixedUri": url,
    }
    yield {
        **_element(
            f"{own}.value[x]",
            "Value",
            1 if types else 0,
            "1" if types else "0",
            "Extension.value[x]",
            f"{path}.value[x]",
        ),
        "type": [{"code": code} for code in types or ("string",)],
    }


def _system(code: str) -> list[Resource]:
    """The type of an element that is a plain text of FHIRPath's, with FHIR's own name of it."""
    named = {"url": f"{_CORE}structuredefinition-fhir-type", "valueUrl": code}
    return [{"extension": [named], "code": "http://hl7.org/fhirpath/System.String"}]


def _element(own: str, short: str, least: int, most: str, base: str, path: str | None = None) -> Resource:
    many = base in {"Extension", "Element.extension"}
    return {
        "id": own,
        "path": path or own,
        "short": short,
        "definition": short,
        "min": least,
        "max": most,
        "base": {"path": base, "min": 1 if base == "Extension.url" else 0, "max": "*" if many else "1"},
    }


def _is_ours(element: Resource) -> bool:
    """Whether an element differs from the base definition's."""
    return not element["id"].endswith(".id")


def _constrained(element: Resource) -> dict[str, Any]:
    """An element of the differential: without what the base says already."""
    return {key: value for key, value in element.items() if key != "base"}
