"""A registry record to FHIR's ResearchStudy and back, R4 (R4B) and R5, and the registry's own `fhir.json`.

`to_fhir` writes what the lines of `mappings.registry_study` hold, reads it back, and carries only what comes back
different, as `registry-field` extensions of the study: the round trip is exact, and the ledger says what the release
has no place for. `to_records` reads any ResearchStudy; what of it no record can say is the residue, and record and
residue together give the FHIR again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.registry import evidence as registry_evidence
from trialbridge.converters.registry import lines
from trialbridge.converters.registry.dialect import as_r5, is_ballot, with_focus
from trialbridge.converters.registry.people import without_people
from trialbridge.converters.registry.rest import Rest, generic, parsed, put_back, rest, restored, spelled
from trialbridge.converters.sound import SHAPE
from trialbridge.fhir.bundle import located, pool
from trialbridge.fhir.check import check
from trialbridge.fhir.extensions import url_of
from trialbridge.fhir.ids import BASE, resource_id
from trialbridge.fhir.jsontext import decode, encode
from trialbridge.fhir.located import name_of
from trialbridge.mappings.names import absent
from trialbridge.mappings.registry_study import PROTOCOL, WHOLE, constants
from trialbridge.registry.contacts import without_contacts
from trialbridge.registry.content import leaves
from trialbridge.registry.fields import in_order
from trialbridge.registry.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialbridge.fhir.bundle import Pool
    from trialbridge.fhir.located import Located, Resource
    from trialbridge.mappings.registry_kit import Release

EXTENSION = "registry-field"
_SUBJECTS = frozenset({"Patient", "Person", "RelatedPerson", "ResearchSubject"})
PIECE = 500_000
"""Characters of carried JSON in one string: FHIR takes a mebibyte."""


@dataclass(frozen=True, slots=True)
class Written:
    """A record as FHIR: the study first, then what it refers to. `native` and `carried` count values (JSON leaves)."""

    resources: tuple[Resource, ...]
    findings: tuple[Finding, ...]
    native: int = 0
    carried: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """A ResearchStudy as a record, and the FHIR that no record holds, as records of a residue file."""

    record: Record
    findings: tuple[Finding, ...] = ()
    residue: tuple[dict[str, Any], ...] = field(default=())


def to_fhir(record: Record, release: Release = "R5", *, base: str = BASE, studyid: str = "") -> Written:
    """A record as FHIR resources, and the ledger. The ids come from `studyid`, by default the registry's number.

    Persons travel only when the record was read with them. Values no enumeration has are reported (TB-REG-VALUE-UNKNOWN).
    """
    study, beside, findings = _native(record, release, base, studyid)
    native = _content([study, *beside], study, release)
    places = rest(record.content, native)
    url = url_of(base, EXTENSION)
    if places:
        study.setdefault("extension", []).extend(_extension(one, url) for one in places)
    carried = sum(max(1, sum(1 for _ in leaves(one.value))) for one in places if not one.absent)
    total = sum(1 for _ in leaves(record.content))
    return Written((study, *beside), (*findings, *_ledger(places, release)), total - carried, carried)


def _native(
    record: Record, release: Release, base: str, studyid: str
) -> tuple[Resource, list[Resource], list[Finding]]:
    key = studyid or record.nct_id or record.org_study_id or "study"
    writer = lines.Writer(release, base, key, constants())
    own = resource_id(base, "ResearchStudy", key)
    study: Resource = {"resourceType": "ResearchStudy", "id": own}
    protocol = record.content.get("protocolSection")
    lines.write(PROTOCOL, protocol if isinstance(protocol, dict) else {}, study, writer)
    lines.write(WHOLE, record.content, study, writer)
    results = registry_evidence.report(record.results, writer) if release == "R5" and record.results else None
    if results:
        study["result"] = [results]
    if release == "R5":
        study["status"] = "active"  # of the publication; how far the study is stands in progressStatus
    elif "status" not in study:
        study["_status"] = absent("unknown")
    return study, writer.resources, writer.findings


def _content(resources: Iterable[Located | Resource], study: Resource, release: Release) -> dict[str, Any]:
    """What the native elements alone say."""
    reader = lines.Reader(release, pool(resources), study, constants())
    protocol: dict[str, Any] = {}
    lines.read(PROTOCOL, study, protocol, reader)
    content: dict[str, Any] = {"protocolSection": protocol} if protocol else {}
    lines.read(WHOLE, study, content, reader)
    return content


def _extension(one: Rest, url: str) -> Resource:
    inside: list[Resource] = [{"url": "path", "valueString": spelled(one.path) or "$"}]
    if not one.absent:
        text = encode(one.value).decode()
        pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
        inside += [{"url": "value", "valueString": piece} for piece in pieces]
    inside.append({"url": "nativeHash", "valueString": one.hash})
    return {"url": url, "extension": inside}


def _carried(study: Resource, findings: list[Finding]) -> list[Rest]:
    """The rest that the study carries; an extension that is broken is left out, with a finding."""
    found = []
    for one in study.get("extension") or ():
        if not isinstance(one, dict) or not str(one.get("url", "")).endswith(f"/StructureDefinition/{EXTENSION}"):
            continue
        parts: dict[str, list[str]] = {}
        for part in one.get("extension") or ():
            if isinstance(part, dict) and isinstance(part.get("valueString"), str):
                parts.setdefault(str(part.get("url")), []).append(part["valueString"])
        text = "".join(parts.get("value", ()))
        place = "".join(parts.get("path", ()))
        digest = "".join(parts.get("nativeHash", ()))
        try:
            path, value = () if place == "$" else parsed(place), decode(text) if text else None
        except UnreadableInputError as error:
            where = Where(resource=name_of(study), path=place[:80])
            message = f"What is carried there cannot be read and is left out: {error.message}"
            findings.append(
                Finding("TB-REG-CARRIED-BROKEN", Severity.WARNING, where, message, "convert the record again")
            )
            continue
        found.append(Rest(path, value, not text, digest))
    return found


def _ledger(places: Iterable[Rest], release: Release) -> list[Finding]:
    """One note for each field that was carried, with how often: `[]` stands for every member of a list."""
    counts: dict[str, int] = {}
    for one in places:
        if not one.absent:
            counts[generic(one.path)] = counts.get(generic(one.path), 0) + 1
    message = f"FHIR {release} has no place for it, or holds it otherwise; {{}} carried beside the elements."
    return [
        Finding("TB-REG-CARRIED", Severity.NOTE, Where(path=path), message.format(count))
        for path, count in counts.items()
    ]


def to_records(
    resources: Iterable[Located | Resource], release: Release = "R5", *, with_contacts: bool = False, source: str = ""
) -> list[Read]:
    """Every study in the resources as a record, with findings and residue. A site's own study is no record.

    The registry's `fhir.json` (R6 ballot) is told by its content and read as the R5 it came from. Without contacts,
    persons are dropped with a note, from the record and from the residue. The residue is of the study and what it refers
    to; a Bundle's other resources (patients, say) are no part of a record. Raises UnreadableInputError, naming the
    element, where resources are not shaped as FHIR says so that no record can be read.
    """
    given = [located(one) for one in resources]
    try:
        return _records(given, release, with_contacts=with_contacts, source=source)
    except SHAPE:
        wrong = next((found for one in given for found in check(one.resource, release)), None)
        if wrong is None:
            raise
        raise UnreadableInputError(wrong.message, wrong.where, wrong.fix) from None


def _records(given: list[Located], release: Release, *, with_contacts: bool, source: str) -> list[Read]:
    findings: list[Finding] = []
    if not with_contacts:
        given, findings = without_people(given)
    plain = [one.resource for one in given]
    ballot = any(map(is_ballot, plain))
    read_as: Release = "R5" if ballot else release
    bodies = [_with_focus(one) for one in (as_r5(plain) if ballot else plain)]
    shaped = [replace(item, resource=body) for item, body in zip(given, bodies, strict=True)]
    held = pool(given)
    found = []
    for original, study in zip(plain, bodies, strict=True):
        if study.get("resourceType") != "ResearchStudy" or study.get("partOf"):
            continue
        said: list[Finding] = list(findings)
        content = restored(_content(shaped, study, read_as), _carried(study, said), said)
        if not with_contacts:
            content, dropped = without_contacts(content)
            said += dropped
        record = Record(in_order(content), source)
        residue = _residue(_of_study(original, held), name_of(original), record, read_as)
        found.append(Read(record, tuple(said), tuple(residue)))
    return found


def _with_focus(resource: Resource) -> Resource:
    return with_focus(resource) if resource.get("resourceType") == "ResearchStudy" else resource


def _of_study(study: Resource, held: Pool) -> list[Resource]:
    """The study and what it refers to, step by step; never patients: a record is none of them."""
    found, waiting = [study], [study]
    while waiting:
        resource = waiting.pop()
        for text in _references(resource):
            target = held.resolve({"reference": text}, resource)
            if target is None or target.get("resourceType") in _SUBJECTS or any(one is target for one in found):
                continue
            if not any(target is inner for inner in resource.get("contained") or ()):
                found.append(target)
                waiting.append(target)
    return found


def _references(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)


def _residue(given: list[Resource], main: str, record: Record, release: Release) -> Iterable[dict[str, Any]]:
    """What the FHIR says otherwise than the record: places of the study, other resources whole, and which are not there."""
    study, beside, _ = _native(record, release, BASE, "")
    mine = {encode(plain): name_of(plain) for plain in _plain(beside)}
    there = set()
    for resource in given:
        name = name_of(resource)
        if name == main:
            for one in rest(_without_carried(resource), study):
                yield {
                    "release": release,
                    "resource": name,
                    "path": spelled(one.path),
                    "value": one.value,
                    "absent": one.absent,
                }
        elif (text := encode(_plain([resource])[0])) in mine:
            there.add(mine[text])
        else:
            yield {"release": release, "resource": name, "path": "", "value": resource, "absent": False}
    for name in mine.values():
        if name not in there:
            yield {"release": release, "resource": name, "path": "", "value": None, "absent": True}


def _plain(resources: Iterable[Resource]) -> list[Resource]:
    """Resources with their names in one order, to compare them."""
    return [dict(sorted(one.items())) for one in resources]


def _without_carried(study: Resource) -> Mapping[str, Any]:
    kept = [
        one
        for one in study.get("extension") or ()
        if not str(one.get("url", "")).endswith(f"/StructureDefinition/{EXTENSION}")
    ]
    rest_of = {name: value for name, value in study.items() if name != "extension"}
    return {**rest_of, "extension": kept} if kept else rest_of


def with_residue(record: Record, residue: Iterable[Mapping[str, Any]], release: Release = "R5") -> list[Resource]:
    """The FHIR that a record and its residue came from, the study first; what it cannot say of the record is carried."""
    study, beside, _ = _native(record, release, BASE, "")
    made = {name_of(one): one for one in beside}
    for one in residue:
        if one["path"]:
            study = put_back(study, Rest(parsed(one["path"]), one["value"], bool(one["absent"]), ""))
        elif one["absent"]:
            made.pop(str(one["resource"]), None)
        else:
            made[str(one["resource"])] = dict(one["value"])
    resources = [study, *made.values()]
    bodies = [_with_focus(one) for one in (as_r5(resources) if any(map(is_ballot, resources)) else resources)]
    places = rest(record.content, _content(bodies, bodies[0], release))
    if places:
        study["extension"] = [
            *(study.get("extension") or ()),
            *(_extension(one, url_of(BASE, EXTENSION)) for one in places),
        ]
    return resources
