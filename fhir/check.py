"""The boundary check: a resource held against fhir.resources' models (R4B for R4, and R5), and models in and out.

What fhir.resources 8.3 holds: element names, types, cardinality, required elements, one-of-many, date and id syntax.
What it does not: codes outside a required ValueSet, invariants, reference targets, profiles. Null, empty lists and a
missing resourceType, which it passes, are found here. Two faults of it are known and handled: an unknown type among
contained resources or entries makes it raise (found here first), and `_valueString` and its like inside an Extension,
which FHIR allows, are refused by it (not reported by `check`; `as_model` cannot make such a model).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import TrialbridgeError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.fhir.elements import elements, resource_types
from trialbridge.fhir.jsontext import decode
from trialbridge.fhir.located import is_resource, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.releases import Release


def check(resource: Any, release: Release) -> list[Finding]:
    """What is structurally wrong with a resource, TB-FHIR-STRUCTURE with FHIRPath; nothing where all is well. Never raises.

    A type the release has but fhir.resources lacks (R4's MedicinalProduct and kin) gives a note. Where a type inside
    is unknown, the rest is checked only after that is mended.
    """
    if not is_resource(resource):
        return [_finding("", "", "This is no FHIR resource: it has no resourceType.")]
    kind, name = resource["resourceType"], name_of(resource)
    if kind not in resource_types(release):
        return [_finding(name, kind, f"FHIR {release} has no resource {kind}.")]
    try:
        found = list(_walk(resource, kind, kind, name, release))
    except RecursionError:
        return [_finding(name, kind, "The resource is nested too deeply.")]
    if found:
        return found
    model = _model_class(kind, release)
    if model is None:
        message = f"fhir.resources has no {kind}: its structure was not checked."
        return [Finding("TB-FHIR-UNCHECKED", Severity.NOTE, Where(resource=name, path=kind), message)]
    return [_finding(name, path, message) for path, message in _errors(model, resource, release)]


def as_model(resource: Resource, release: Release) -> Any:
    """The resource as fhir.resources' model of its release. Raises UnreadableInputError with the first thing wrong."""
    problems = check(resource, release)
    if problems:
        raise UnreadableInputError(problems[0].message, problems[0].where, problems[0].fix)
    model = _model_class(resource["resourceType"], release)
    assert model is not None  # check would have said so
    try:
        return model(resource)
    except ValueError:  # pydantic's; check passes only the known fault
        message = "fhir.resources cannot hold this resource: a primitive extension on an Extension's value."
        raise UnreadableInputError(message, Where(resource=name_of(resource)), "Use the resource as a dict.") from None


def from_model(model: Any) -> Resource:
    """A fhir.resources model as a resource.

    fhir.resources writes decimals as floats (23.50 becomes 23.5) and times in its own spelling (+00:00 becomes Z): a
    resource that must stay exact is read as JSON, never through a model.
    """
    resource: Resource = decode(model.model_dump_json())
    return resource


def _finding(name: str, path: str, message: str) -> Finding:
    where = Where(resource=name or None, path=path or None)
    return Finding("TB-FHIR-STRUCTURE", Severity.ERROR, where, message, "Mend the resource at its source.")


def _walk(value: Resource, node: str, path: str, name: str, release: Release) -> Iterator[Finding]:
    """What fhir.resources would pass or choke on: null, emptiness, and resources inside that are none."""
    table = elements(node, release)
    for key, member in value.items():
        place = f"{path}.{key}"
        if member is None or member in ([], {}):
            yield _finding(name, place, "An element cannot be null or empty; leave it out.")
        element = table.get(key)
        if element is None or element.primitive:
            continue  # an unknown element is the model's to report
        for number, inner in enumerate(member if isinstance(member, list) else [member]):
            here = f"{place}[{number}]" if isinstance(member, list) else place
            yield from _inside(inner, element.node, here, name, release)


def _inside(inner: Any, node: str, path: str, name: str, release: Release) -> Iterator[Finding]:
    """One value of a complex element, or the resource in a slot for one."""
    if node == "Resource":
        kind = inner["resourceType"] if is_resource(inner) else None
        if kind is None:
            yield _finding(name, path, "This is no FHIR resource: it has no resourceType.")
        elif kind not in resource_types(release) or _model_class(kind, release) is None:
            yield _finding(name, path, f"FHIR {release} has no resource {kind} that can be checked.")
        else:
            yield from _walk(inner, kind, path, name, release)
    elif isinstance(inner, dict):
        if not inner:
            yield _finding(name, path, "An element cannot be empty; leave it out.")
        yield from _walk(inner, node, path, name, release)


def _model_class(kind: str, release: Release) -> Callable[[Any], Any] | None:
    """What makes a model of a type; None where fhir.resources has none."""
    model = model_type(kind, release)
    return None if model is None else model.model_validate


def model_type(kind: str, release: Release) -> Any:
    """fhir.resources' class of a resource type; None where it has none."""
    try:
        if release == "R4":
            from fhir.resources.R4B import get_fhir_model_class  # noqa: PLC0415 - heavy: pydantic
        else:
            from fhir.resources import get_fhir_model_class  # noqa: PLC0415 - heavy: pydantic
    except ModuleNotFoundError:
        # Python puts the current folder first, and this project's own fhir/ hides the library there.
        fix = "Start Python outside the source checkout, or with -P (PYTHONSAFEPATH=1)."
        raise TrialbridgeError("The library fhir.resources cannot be imported.", fix=fix) from None
    try:
        return get_fhir_model_class(kind)
    except (ValueError, KeyError):
        return None


_PLAINER = {"json_invalid": "A JSON object is asked for here."}
"""By pydantic's kind of complaint, where its own words mislead: a text in the place of an element is tried as JSON."""


def _errors(model: Callable[[Any], Any], resource: Resource, release: Release) -> Iterator[tuple[str, str]]:
    """The model's complaints as (FHIRPath, message), without its known false one."""
    from pydantic import ValidationError  # noqa: PLC0415 - heavy, comes with fhir.resources

    kind = resource["resourceType"]
    try:
        model(resource)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False, include_context=False):
            if not _false_alarm(one["loc"], one["type"], release):
                said = _PLAINER.get(one["type"], one["msg"].removeprefix("Value error, "))
                yield _path(kind, one["loc"]), said
    except Exception as error:  # noqa: BLE001 - a fault inside fhir.resources must not become the user's traceback
        yield kind, f"fhir.resources failed on this resource ({type(error).__name__})."


def _path(kind: str, loc: tuple[int | str, ...]) -> str:
    """`('name', 0, 'famly')` as `Patient.name[0].famly`."""
    return kind + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)


def _false_alarm(loc: tuple[int | str, ...], kind: str, release: Release) -> bool:
    """Whether a complaint is the known fault: `_valueString` and its like refused inside an Extension."""
    if kind != "extra_forbidden" or len(loc) < 3 or loc[-3] not in {"extension", "modifierExtension"}:
        return False
    element = elements("Extension", release).get(str(loc[-1]).removeprefix("_"))
    return str(loc[-1]).startswith("_value") and element is not None and element.primitive
