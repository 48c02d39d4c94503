"""The interpreter of the registry's lines: `write` puts a record into a resource, `read` takes it out again.

Both walk the same lines (`mappings.registry_kit`); a path is followed step by step as `fhir.paths` parses it. Nothing
here knows a field: what the lines do not say is not done, and is found by comparison (`converters.registry.rest`).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.fhir.ids import resource_id
from trialbridge.fhir.paths import Child, Choice, Constant, Index, parse
from trialbridge.mappings.registry_kit import Each, Linked, Member, Members, Special, Value
from trialbridge.mappings.registry_spellings import codings
from trialbridge.registry.content import at, items, put
from trialbridge.registry.enums import enumeration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trialbridge.fhir.bundle import Pool
    from trialbridge.fhir.paths import Step
    from trialbridge.mappings.kit import Resource
    from trialbridge.mappings.registry_kit import Content, Line, Release, Spelling


@dataclass(frozen=True, slots=True)
class Writer:
    """A record on its way to FHIR: the resources made beside the study, and what was doubtful."""

    release: Release
    base: str
    study: str
    constants: Mapping[str, Any]
    resources: list[Resource] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def make(self, kind: str, key: str, body: Resource) -> Resource:
        """A Reference to a new resource; its id comes from the study and the key, so the same record gives the same."""
        own = resource_id(self.base, kind, self.study, key)
        self.resources.append({"resourceType": kind, "id": own, **body})
        return {"reference": f"{kind}/{own}"}


@dataclass(frozen=True, slots=True)
class Reader:
    """FHIR on its way to a record: the pool in which references are followed."""

    release: Release
    pool: Pool
    within: Resource
    constants: Mapping[str, Any]

    def resolve(self, reference: Any) -> Resource | None:
        """What a Reference points to, contained or in the pool."""
        return self.pool.resolve(reference, self.within) if isinstance(reference, Mapping) else None


def write(lines: Iterable[Line], content: Mapping[str, Any], element: Resource, writer: Writer, key: str = "") -> None:
    """Put what the lines find in `content` into `element`."""
    for line in lines:
        if writer.release not in line.releases:
            continue
        match line:
            case Value(field=name, path=path, spelling=spelling):
                value = _spelled(at(content, name), spelling, _place(key, name), writer)
                if value is not None:
                    _set(element, parse(path).steps, value, writer.constants)
            case Member(field=name, path=path, spelling=spelling):
                value = _spelled(at(content, name), spelling, _place(key, name), writer)
                if value is not None:
                    _list(element, path).append(value)
            case Members(field=name, path=path, spelling=spelling):
                members = at(content, name)
                spelled = (
                    [_spelled(one, spelling, _place(key, name), writer) for one in members]
                    if isinstance(members, list)
                    else []
                )
                if spelled and None not in spelled:
                    _list(element, path).extend(spelled)
            case Each():
                _write_each(line, content, element, writer, key)
            case Linked():
                _write_linked(line, content, element, writer, key)
            case Special():
                line.to_fhir(content, element, writer)


def _write_each(line: Each, content: Mapping[str, Any], element: Resource, writer: Writer, key: str) -> None:
    for number, one in enumerate(_objects(content, line.field, single=line.single)):
        member: Resource = {}
        write(line.lines, one, member, writer, f"{key}/{line.field} {number + 1}")
        if member:
            _list(element, line.path).append(_merged(copy.deepcopy(dict(line.fixed)), member))


def _merged(fixed: Any, member: Any) -> Any:
    """What stands in each element, and over it what this one says; lists member by member."""
    if isinstance(fixed, dict) and isinstance(member, dict):
        return {**fixed, **{name: _merged(fixed.get(name), value) for name, value in member.items()}}
    if isinstance(fixed, list) and isinstance(member, list):
        return [*(_merged(one, other) for one, other in zip(fixed, member, strict=False)), *member[len(fixed) :]]
    return member


def _write_linked(line: Linked, content: Mapping[str, Any], element: Resource, writer: Writer, key: str) -> None:
    path = parse(line.path)
    for number, one in enumerate(_objects(content, line.field, single=line.single)):
        body: Resource = {}
        write(line.lines, one, body, writer, f"{key}/{line.field} {number + 1}")
        if not body:
            continue
        name = f"{key}/{line.field or line.path} {number + 1}"
        reference = writer.make(line.kind, name, {**copy.deepcopy(dict(line.fixed)), **body})
        if line.single:
            here = element
            for step in path.steps[:-1]:
                here = here.setdefault(step.name, {})
            last = path.steps[-1].name
            here[last] = [reference] if last == "enrollment" else {**here.get(last, {}), **reference}
        else:
            _list(element, f"{path.root}.{path.steps[0].name}").append(_wrapped(path.steps[1:], reference))


def _wrapped(steps: Sequence[Step], value: Resource) -> Resource:
    for step in reversed(steps):
        value = {step.name: value}
    return value


def _objects(content: Mapping[str, Any], name: str, *, single: bool) -> Sequence[Mapping[str, Any]]:
    if not name:
        return (content,)
    if single:
        one = at(content, name)
        return (one,) if isinstance(one, Mapping) else ()
    return items(content, name)


def _spelled(value: Any, spelling: Spelling, place: str, writer: Writer) -> Any:
    """A value in FHIR's spelling; one that its enumeration does not have is reported, whether it can be written or not."""
    if value is None:
        return None
    if spelling.enumeration:
        known = enumeration(spelling.enumeration).values
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and one not in known:
                message = f"{one!r} is no value of {spelling.enumeration}."
                where = Where(path=place)
                found = Finding("TB-REG-VALUE-UNKNOWN", Severity.WARNING, where, message, "correct the record")
                writer.findings.append(found)
    return spelling.to_fhir(value, writer.release)


def _place(key: str, name: str) -> str:
    """The path of a field below the members that its key names (`/armGroups 1/`): `armGroups[0].type`."""
    parts = [part.rpartition(" ") for part in key.split("/") if part]
    return ".".join([*(f"{of}[{int(number) - 1}]" for of, _, number in parts if of), name])


def _list(element: Resource, path: str) -> list[Any]:
    """The list a path ends in, made if need be."""
    *way, last = parse(path).steps
    for step in way:
        element = element.setdefault(step.name, {})
    found: list[Any] = element.setdefault(last.name, [])
    return found


def _set(element: Resource, steps: Sequence[Step], value: Any, constants: Mapping[str, Any]) -> None:
    """Set a value at a path, making what stands on the way."""
    *way, last = steps
    for step in way:
        element = _step(element, step, constants)
    match last:
        case Index(name=name):
            element.setdefault(name, []).append(value)
        case Child(name=name):
            if isinstance(value, Mapping) and isinstance(element.get(name), Mapping):
                value = {**element[name], **value}
            element[name] = value
        case Choice():
            raise AssertionError("a path does not end in a choice")


def _step(element: Resource, step: Step, constants: Mapping[str, Any]) -> Resource:
    if isinstance(step, Child):
        below: Resource = element.setdefault(step.name, {})
        return below
    members: list[Resource] = element.setdefault(step.name, [])
    if isinstance(step, Index):
        while len(members) <= step.at:
            members.append({})
        return members[step.at]
    for one in members:
        if _holds(one, step, constants):
            return one
    made: Resource = {}
    for condition in step.conditions:
        wanted = constants[condition.value.name] if isinstance(condition.value, Constant) else condition.value
        _set(made, condition.steps, copy.deepcopy(wanted), constants)
    members.append(made)
    return made


def _holds(element: Any, step: Choice, constants: Mapping[str, Any]) -> bool:
    """Whether a list element is the one chosen: a text by equality, a concept by any of its codes or by its text."""
    for condition in step.conditions:
        found = _get(element, condition.steps, constants)
        wanted = constants[condition.value.name] if isinstance(condition.value, Constant) else condition.value
        if isinstance(wanted, Mapping):
            codes = {one.get("code") for one in codings(wanted)}
            coded = any(one.get("code") in codes for one in codings(found))
            if not coded and not (isinstance(found, Mapping) and found.get("text") == wanted.get("text", object())):
                return False
        elif found != wanted:
            return False
    return True


def _get(element: Any, steps: Sequence[Step], constants: Mapping[str, Any]) -> Any:
    """What stands at a path, None where nothing or another shape stands on the way."""
    for step in steps:
        if not isinstance(element, Mapping):
            return None
        found = element.get(step.name)
        if isinstance(step, Index):
            found = found[step.at] if isinstance(found, list) and len(found) > step.at else None
        elif isinstance(step, Choice):
            found = next((one for one in _members(found) if _holds(one, step, constants)), None)
        element = found
    return element


def _members(value: Any) -> list[Any]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def read(lines: Iterable[Line], element: Resource, content: Content, reader: Reader) -> None:
    """Put what the lines find in a resource into `content`; what is there already stays."""
    for line in lines:
        if reader.release not in line.releases:
            continue
        match line:
            case Value(field=name, path=path, spelling=spelling):
                _put(content, name, spelling.to_record(_get(element, parse(path).steps, reader.constants)))
            case Member(field=name, path=path, spelling=spelling):
                _put(content, name, next(iter(_readable(element, path, spelling, reader)), None))
            case Members(field=name, path=path, spelling=spelling):
                _put(content, name, _readable(element, path, spelling, reader) or None)
            case Each():
                _read_each(line, element, content, reader)
            case Linked():
                _read_linked(line, element, content, reader)
            case Special():
                line.to_record(element, content, reader)


def _readable(element: Resource, path: str, spelling: Spelling, reader: Reader) -> list[Any]:
    members = _get(element, parse(path).steps, reader.constants)
    found = [spelling.to_record(one) for one in members] if isinstance(members, list) else []
    return [one for one in found if one is not None]


def _put(content: Content, name: str, value: Any) -> None:
    if value is not None and at(content, name) is None:
        put(content, name, value)


def _read_each(line: Each, element: Resource, content: Content, reader: Reader) -> None:
    found = []
    for one in _members(_get(element, parse(line.path).steps, reader.constants)):
        if line.mine(one):
            member: Content = {}
            read(line.lines, one, member, reader)
            if member:
                found.append(member)
    if found:
        _put(content, line.field, found[0] if line.single else found)


def _read_linked(line: Linked, element: Resource, content: Content, reader: Reader) -> None:
    steps = parse(line.path).steps
    if line.single:
        reference = _get(element, steps, reader.constants)
        references = reference[:1] if isinstance(reference, list) else [reference]
    else:
        members = _members(element.get(steps[0].name))
        references = [_get(one, steps[1:], reader.constants) for one in members]
    found = []
    for reference in references:
        resource = reader.resolve(reference)
        if resource is None or resource.get("resourceType") != line.kind:
            continue
        target: Content = content if not line.field else {}
        read(line.lines, resource, target, reader)
        if line.field and target:
            found.append(target)
    if found:
        _put(content, line.field, found[0] if line.single else found)
