"""Who is in it: the study with its sites, the subjects, the trial's design, found on a server.

A study is named by an identifier or by `ResearchStudy/id`; its subjects are those of its ResearchSubjects. A group's are
its members. Subjects may be named one by one. Whatever way, the ResearchSubjects and studies come along.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import ServerError, UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.http import shown
from trialbridge.exchange.kinds import local, patients
from trialbridge.fhir.located import name_of
from trialbridge.fhir.server.client import RefusedError
from trialbridge.fhir.server.search import by_ids, escaped, matches, token
from trialbridge.mappings.names import constants
from trialbridge.mappings.spellings import record_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.server.client import Parameters, Server

_SOME = 20
_DATASETS = "CodeSystem/sdtm-dataset"
_MISSING = ("subject:missing", "true")


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose resources are wanted. With a study and others, only subjects of both."""

    study: str | None = None
    group: str | None = None
    subjects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse to pull whoever is there. Raises UnknownNameError."""
        if not (self.study or self.group or self.subjects):
            fix = "give --study ID, --group ID or --subjects FILE"
            raise UnknownNameError("It is not said whose resources are wanted.", fix=fix)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"study": self.study, "group": self.group, "subjects": list(self.subjects)}


@dataclass(slots=True)
class Found:
    """Studies, ResearchSubjects and design by `Type/id`, and the patients (`Patient/id`) in their order."""

    resources: dict[str, Resource] = field(default_factory=dict)
    patients: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def take(self, resources: Iterable[Resource]) -> list[Resource]:
        """Take resources in; the same, as a list."""
        listed = list(resources)
        self.resources.update((name_of(one), one) for one in listed)
        return listed


def find(server: Server, scope: Scope, base: str) -> Found:
    """The study, its subjects and its design. Raises ServerError where the server cannot tell, or knows none."""
    found = Found()
    enrolled: list[str] | None = None
    if scope.study:
        studies = found.take(_studies(server, scope.study))
        subjects = found.take(_of_studies(server, [name_of(one) for one in studies]))
        enrolled = _patients(subjects)
    named = _named(server, scope, found) if scope.group or scope.subjects else None
    found.patients = [one for one in enrolled or () if named is None or one in named] if scope.study else named or []
    if scope.study and named is not None:
        strangers = [one for one in named if one not in (enrolled or ())]
        if strangers:
            found.findings.append(_strangers(strangers))
        _keep_subjects_of(found)
    elif not scope.study:
        _enrolments(server, found)
    found.take(_design(server, found, base))
    return found


def _studies(server: Server, wanted: str) -> list[Resource]:
    """The study and the site studies that are part of it. Raises ServerError for none, or for several."""
    can = server.capabilities().of_type("ResearchStudy")
    if not can.interactions:
        raise _cannot(server, "The server has no ResearchStudy", "give --group ID or --subjects FILE")
    if wanted.startswith("ResearchStudy/"):
        study = server.read(wanted)
        whole = [study] if study is not None else []
    elif "identifier" in can.parameters:
        system, bar, value = wanted.rpartition("|")
        whole = list(matches(server, "ResearchStudy", (("identifier", token(system if bar else None, value)),)))
    else:
        whole = [one for one in matches(server, "ResearchStudy") if _identified(one, wanted)]
    if len(whole) != 1:
        listed = ", ".join(name_of(one) for one in whole[:5])
        message = (
            f"The server has {len(whole) or 'no'} ResearchStudy of identifier {wanted}{': ' if whole else ''}{listed}"
        )
        raise _cannot(server, message, "give --study ResearchStudy/ID")
    return [whole[0], *_parts(server, name_of(whole[0]), can.first("partof", "part-of"))]


def _parts(server: Server, whole: str, parameter: str | None, depth: int = 0) -> Iterator[Resource]:
    """The studies that are part of one, at whatever depth (five at the most)."""
    found = matches(server, "ResearchStudy", ((parameter, whole),) if parameter else ())
    for one in [one for one in found if whole in _links(one.get("partOf"))]:
        yield one
        if depth < 5:
            yield from _parts(server, name_of(one), parameter, depth + 1)


def _of_studies(server: Server, studies: list[str]) -> Iterator[Resource]:
    """The ResearchSubjects of these studies."""
    can = server.capabilities().of_type("ResearchSubject")
    if not can.searchable:
        message = "The server cannot say who takes part in a study (no search of ResearchSubject)"
        raise _cannot(server, message, "give --group ID or --subjects FILE")
    parameter = can.first("study")
    given = _each(server, "ResearchSubject", parameter, studies) if parameter else matches(server, "ResearchSubject")
    for one in given:
        if _links(one.get("study")) & set(studies):
            yield one


def _each(server: Server, kind: str, parameter: str, values: list[str], private: bool = False) -> Iterator[Resource]:  # noqa: FBT001, FBT002 - as in search
    """A search for several values of one parameter, some at a time."""
    for at in range(0, len(values), _SOME):
        asked = ((parameter, ",".join(values[at : at + _SOME])),)
        yield from matches(server, kind, asked, private=private)


def _patients(subjects: Iterable[Resource]) -> list[str]:
    return list(dict.fromkeys(patient for one in subjects for patient in sorted(patients(one))))


def _named(server: Server, scope: Scope, found: Found) -> list[str]:
    """The patients of the group and of the list."""
    named: dict[str, None] = {}
    if scope.group:
        group = server.read(f"Group/{scope.group.removeprefix('Group/')}")
        if group is None:
            raise _cannot(server, f"The server has no Group/{scope.group}", "give the group's id")
        for member in group.get("member") or ():
            if not member.get("inactive"):
                named.update(
                    dict.fromkeys(one for one in sorted(_links(member.get("entity"))) if one[:8] == "Patient/")
                )
    direct = [one for one in scope.subjects if one.startswith("Patient/")]
    named.update(dict.fromkeys(direct))
    others = [one for one in scope.subjects if one not in direct]
    if others:
        named.update(dict.fromkeys(_by_identifier(server, others, found)))
    return list(named)


def _by_identifier(server: Server, wanted: list[str], found: Found) -> list[str]:
    """The patients with these identifiers, of their own or of their ResearchSubject."""
    asked = {token(*_parted(one)): one for one in wanted}
    left = dict(asked)
    named: list[str] = []
    for kind in ("Patient", "ResearchSubject"):
        if "identifier" not in server.capabilities().of_type(kind).parameters or not left:
            continue
        for resource in list(_each(server, kind, "identifier", list(left), private=True)):
            named.extend(sorted(patients(resource)))
            left = {key: one for key, one in left.items() if not _identified(resource, one)}
    if left:
        message = (
            f"{len(left)} of {len(asked)} subjects asked for are not known to the server: {', '.join(left.values())}."
        )
        where = Where(resource="Patient")
        found.findings.append(Finding("TB-PULL-SUBJECT", Severity.ERROR, where, message, "check the list of subjects"))
    return named


def _enrolments(server: Server, found: Found) -> None:
    """The ResearchSubjects of patients, and the studies they name."""
    can = server.capabilities().of_type("ResearchSubject")
    parameter = can.first("individual", "patient", "subject")
    if parameter is None:
        message = (
            "The server cannot say in which study its patients are: ResearchSubject cannot be searched by patient."
        )
        where = Where(resource="ResearchSubject")
        found.findings.append(Finding("TB-PULL-TYPE", Severity.WARNING, where, message, "give --study as well"))
        return
    given = found.take(
        one
        for one in _each(server, "ResearchSubject", parameter, found.patients)
        if patients(one) & set(found.patients)
    )
    wanted = {study for one in given for study in _links(one.get("study"))}
    for _ in range(5):
        missing = sorted(one.partition("/")[2] for one in wanted if one not in found.resources)
        if not missing:
            break
        wanted = {
            whole for one in found.take(by_ids(server, "ResearchStudy", missing)) for whole in _links(one.get("partOf"))
        }


def _keep_subjects_of(found: Found) -> None:
    """Leave out the ResearchSubjects of subjects that were not asked for."""
    kept = set(found.patients)
    for name, one in list(found.resources.items()):
        if one["resourceType"] == "ResearchSubject" and not patients(one) & kept:
            del found.resources[name]


def _design(server: Server, found: Found, base: str) -> Iterator[Resource]:
    """What our conversion wrote of the trial itself: plans, criteria, and rows that travel whole (TS, TE …)."""
    studies = {
        str(identifier.get("value"))
        for one in found.resources.values()
        if one["resourceType"] == "ResearchStudy"
        for identifier in one.get("identifier") or ()
    }
    records = constants(base)["sdtm-record"]
    capabilities = server.capabilities()
    for kind in ("PlanDefinition", "Group"):
        if "identifier" in capabilities.of_type(kind).parameters:
            given = _lenient(server, kind, (("identifier", f"{escaped(records)}|"),), ())
            yield from (one for one in given if _record_of(one, records) in studies)
    if "code" in capabilities.of_type("Basic").parameters:
        datasets = f"{base.rstrip('/')}/{_DATASETS}"
        asked = (("code", f"{escaped(datasets)}|"),)
        for one in _lenient(server, "Basic", asked, (_MISSING,)):
            if "subject" not in one and _studyid(one) in studies:
                yield one


def _lenient(server: Server, kind: str, asked: Parameters, finer: Parameters) -> list[Resource]:
    """A search with a finer parameter, without it where the server refuses."""
    try:
        return list(matches(server, kind, (*asked, *finer)))
    except RefusedError:
        if not finer:
            raise
        return list(matches(server, kind, asked))


def _record_of(resource: Resource, system: str) -> str | None:
    """STUDYID in our record identifier (`STUDY|TV||`)."""
    for one in resource.get("identifier") or ():
        if one.get("system") == system:
            parts = record_parts(one.get("value"))
            return parts[0] if parts else None
    return None


def _studyid(basic: Resource) -> str | None:
    """STUDYID of a row that travels whole."""
    for outer in basic.get("extension") or ():
        inner = {one.get("url"): one for one in outer.get("extension") or ()}
        if inner.get("name", {}).get("valueCode") == "STUDYID":
            return str(inner.get("value", {}).get("valueString"))
    return None


def _links(value: Any) -> set[str]:
    """`Type/id` of a Reference, or of each in a list."""
    listed = value if isinstance(value, list) else [value]
    texts = (one.get("reference") for one in listed if isinstance(one, dict))
    return {named for text in texts if isinstance(text, str) and (named := local(text))}


def _parted(wanted: str) -> tuple[str | None, str]:
    system, bar, value = wanted.rpartition("|")
    return (system if bar else None), value


def _identified(resource: Resource, wanted: str) -> bool:
    system, value = _parted(wanted)
    listed = resource.get("identifier") or ()
    return any(one.get("value") == value and system in (None, one.get("system")) for one in listed)


def _strangers(names: list[str]) -> Finding:
    message = f"{len(names)} of the subjects asked for are not in the study: {', '.join(names)}."
    return Finding("TB-PULL-SUBJECT", Severity.ERROR, Where(resource="Patient"), message, "check the list of subjects")


def _cannot(server: Server, message: str, fix: str) -> ServerError:
    return ServerError(f"{message}.", Where(file=shown(server.url)), fix)
