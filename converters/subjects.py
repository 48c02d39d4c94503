"""Who is who among resources of any origin: USUBJID of each Patient, and records that stand without their primary.

The ResearchSubject's identifier says who the subject is; a hospital's record number never does. Where there is no
ResearchSubject, the Patient's own logical id stands in, and a finding says so.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.patients import current, patient_named, replacements
from trialbridge.converters.sound import sound
from trialbridge.mappings.names import MCODE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping as MappingOf

    from trialbridge.converters.context import Context
    from trialbridge.converters.patients import Name
    from trialbridge.mappings.kit import Mapping, Resource, Row

VOLUME_MORPHOLOGIES = frozenset({"228793007", "228791009", "228792002", "1201745009", "1201746005", "1162586008"})


def enter_subjects(resources: list[Resource], ctx: Context, findings: list[Finding]) -> None:
    """Remember USUBJID and STUDYID of every Patient."""
    seen: dict[str | Name, tuple[str, str | None]] = {}
    patients = [one for one in resources if one.get("resourceType") == "Patient"]
    for patient in patients:
        ctx.patients.enter(patient)
    for resource in resources:
        if resource.get("resourceType") == "ResearchSubject":
            with sound(resource, findings):
                findings.extend(_enter(resource, ctx, seen))
    findings.extend(_enter_replaced(patients, ctx, seen))
    alone = _only_study(resources, ctx)
    for patient in sorted(patients, key=lambda one: ctx.name_of(one) in ctx.patients.current):
        if (key := ctx.name_of(patient)) in seen:
            continue
        used = ctx.patients.current.get(key)
        usubjid = ctx.usubjid({"reference": used}) if used is not None else None
        with sound(patient, findings):
            usubjid = usubjid or _identifier(patient, ctx.url("usubjid"))
        if usubjid is None and (isinstance(patient.get("id"), str) or id(patient) in ctx.full_urls):
            usubjid = str(patient.get("id") or key.removeprefix("urn:uuid:"))
            findings.append(_unnamed(patient, key))
        if usubjid:
            ctx.enter_subject(key, usubjid, alone)


def _enter_replaced(
    patients: list[Resource], ctx: Context, seen: dict[str | Name, tuple[str, str | None]]
) -> list[Finding]:
    """Remember which Patients stand for others; where one of the two is a subject, both are."""
    pairs = [
        pair
        for one in patients
        for pair in replacements(one, ctx.name_of(one), partial(_patient_at, within=one, ctx=ctx))
    ]
    ctx.patients.current = current(pairs)
    told = []
    for old, new in ctx.patients.current.items():
        known = [one for one in (new, old) if one in seen]
        if len(known) == 2 and seen[new] != seen[old]:
            continue  # two enrolments: each has its own records
        for one in known[:1]:
            for key in (new, old):
                seen.setdefault(key, seen[one])
                ctx.enter_subject(key, *seen[one])
        told.append(_merged(old, new))
    return told


def _patient_at(target: Any, within: Resource, ctx: Context) -> str | None:
    """What the Patient that a link's target means is called, also where it is not there."""
    found = ctx.resolve(target, within)
    if found is not None and found.get("resourceType") == "Patient":
        return ctx.name_of(found)
    text = target.get("reference") if isinstance(target, dict) else None
    return text if isinstance(text, str) else None


def _merged(old: str, new: str) -> Finding:
    return Finding(
        "TB-PATIENT-REPLACED",
        Severity.NOTE,
        Where(resource=old, variable="USUBJID"),
        f"This Patient was replaced by {new} (Patient.link): its records are that one's.",
    )


def _unnamed(patient: Resource, key: str) -> Finding:
    return Finding(
        "TB-SUBJECT-UNNAMED",
        Severity.WARNING,
        Where(resource=key, variable="USUBJID"),
        f"No ResearchSubject names this Patient; USUBJID is the Patient's {'logical id' if patient.get('id') else 'fullUrl'}.",
        "send the ResearchSubject with the subject's identifier",
    )


def _enter(subject: Resource, ctx: Context, seen: dict[str | Name, tuple[str, str | None]]) -> list[Finding]:
    """Remember a ResearchSubject's Patient by the names it goes by; that it is another subject already is a finding."""
    link = subject.get("individual") or subject.get("subject")
    patient = ctx.resolve(link, subject)
    studyid = ctx.studyid(subject.get("study"))
    usubjid = _identifier(subject, ctx.url("usubjid")) or (patient and _identifier(patient, ctx.url("usubjid")))
    usubjid = usubjid or _first_identifier(subject) or subject.get("id")
    if usubjid is None:
        return []
    keys = _keys(patient, link, ctx)
    for key in (*keys, ctx.name_of(subject)):
        ctx.enter_subject(key, str(usubjid), studyid)
    told = [
        _of_two(key, seen[key][0], subject)
        for key in keys[:1]
        if seen.get(key, (usubjid, studyid)) != (usubjid, studyid)
    ]
    for key in keys:
        seen.setdefault(key, (str(usubjid), studyid))
    return told


def _of_two(patient: str | Name, first: str, subject: Resource) -> Finding:
    return Finding(
        "TB-SUBJECT-TWO",
        Severity.ERROR,
        Where(resource=f"ResearchSubject/{subject.get('id')}", variable="USUBJID"),
        f"{patient if isinstance(patient, str) else 'Its Patient'} is the subject {first} already, of this or another study: all its records are given to that one.",
        "convert one study, and one enrolment, at a time: leave the other ResearchSubject out",
    )


def _keys(patient: Resource | None, link: Any, ctx: Context) -> list[str | Name]:
    named = patient is not None and (patient.get("id") or id(patient) in ctx.full_urls)
    keys: list[str | Name] = [ctx.name_of(patient)] if patient is not None and named else []
    text = link.get("reference") if isinstance(link, dict) else None
    name = text if isinstance(text, str) else None if named else patient_named(link)
    return [*keys, name] if name is not None and name not in keys else keys


def learn_subject(row: Row, ctx: Context) -> None:
    """Remember what other records ask of a subject's row of DM."""
    usubjid = row.get("USUBJID")
    if usubjid:
        for name in ("RFSTDTC", "RFICDTC"):
            if row.get(name) is not None:  # a second row of the subject may say less
                ctx.learn(name.lower(), usubjid, value=row[name])


def _only_study(resources: list[Resource], ctx: Context) -> str | None:
    """STUDYID where all studies among the resources are one."""
    found = {ctx.studyid_of(one) for one in resources if one.get("resourceType") == "ResearchStudy"}
    return found.pop() if len(found) == 1 else None


def _identifier(resource: Resource, system: str) -> str | None:
    for one in resource.get("identifier") or ():
        if isinstance(one, dict) and one.get("system") == system and one.get("value"):
            return str(one["value"])
    return None


def _first_identifier(resource: Resource) -> str | None:
    for one in resource.get("identifier") or ():
        if isinstance(one, dict) and one.get("value"):
            return str(one["value"])
    return None


Routed = dict[str, list[tuple["Mapping", "Resource", "Resource | None"]]]


def orphans(
    routed: Routed,
    resources: list[Resource],
    ctx: Context,
    findings: list[Finding],
    focused: MappingOf[str, set[int]],
    enrolled: Iterable[Resource],
) -> Routed:
    """Patients without a ResearchSubject and lesions without an identification, each under a stand-in primary.

    The stand-in holds the reference alone, so that the part's lines read; it is no resource of the source.
    `focused` has the id() of what further records of TU and TR point at; `enrolled` are further ResearchSubjects.
    """
    used = ctx.patients.current
    named = {_target(one, ctx) for one in (*enrolled, *(one for _, one, _ in routed.get("DM", ())))}
    named |= {used[one] for one in named if one in used}
    subjects = list(routed.get("DM", ()))
    patients = [one for one in resources if one.get("resourceType") == "Patient"]
    for patient in sorted(patients, key=lambda one: ctx.name_of(one) in used):
        key = ctx.name_of(patient)
        if key not in named and used.get(key, key) not in named:
            if key in used.values():
                named.add(key)
            link = "individual" if ctx.release == "R4" else "subject"
            stand_in: Resource = {"resourceType": "ResearchSubject", link: {"reference": key}}
            stand_in["identifier"] = [{"system": ctx.url("usubjid"), "value": ctx.usubjid({"reference": key})}]
            subjects.append((ctx.dictionary.domains["DM"][0], stand_in, None))
    identified = focused.get("TU", set()) | {
        id(ctx.resolve(focus, one)) for _, one, _ in routed.get("TU", ()) for focus in (one.get("focus") or ())[:1]
    }
    measured = focused.get("TR", set()) | {
        id(ctx.resolve(focus, one)) for _, one, _ in routed.get("TR", ()) for focus in (one.get("focus") or ())[:1]
    }
    lesions = list(routed.get("TU", ()))
    for resource in resources:
        if resource.get("resourceType") != "BodyStructure" or id(resource) in identified:
            continue
        tumour = False
        with sound(resource, findings):
            tumour = id(resource) in measured or _is_lesion(resource, ctx)
        if tumour:
            lesion: Resource = {
                "resourceType": "Observation",
                "subject": resource.get("patient"),
                "focus": [{"reference": f"BodyStructure/{resource.get('id')}"}],
            }
            lesions.append((ctx.dictionary.domains["TU"][0], lesion, None))
    found: Routed = {}
    if subjects:
        found["DM"] = subjects
    if lesions:
        found["TU"] = lesions
    return found


def not_records(resources: list[Resource], ctx: Context, findings: list[Finding]) -> set[int]:
    """The id() of resources that are parts of another's record: effects of adverse events, phases of a course.

    The condition an AdverseEvent resulted in is no medical history; a radiotherapy phase or fraction that is part of a
    course is counted in the course's dose already (CodeX Radiation Therapy).
    """
    found: set[int] = set()
    for resource in resources:
        kind = resource.get("resourceType")
        if kind == "AdverseEvent":
            for effect in [*(resource.get("resultingCondition") or ()), *(resource.get("resultingEffect") or ())]:
                target = ctx.resolve(effect, resource)
                if target is not None:
                    found.add(id(target))
        elif kind == "Procedure":
            whole = [ctx.resolve(one, resource) for one in resource.get("partOf") or ()]
            if any(one is not None and one.get("resourceType") == "Procedure" for one in whole) and _is_rt(resource):
                found.add(id(resource))
                findings.append(
                    Finding(
                        "TB-PART-OF-COURSE",
                        Severity.NOTE,
                        Where(resource=f"Procedure/{resource.get('id')}"),
                        "A phase or fraction of a radiotherapy course: counted in the course, kept in the residue.",
                    )
                )
    return found


RADIOTHERAPY_CODES = frozenset({"1217123003", "1222565005", "108290001", "33195004", "1156505006", "1156506007"})


def _is_rt(procedure: Resource) -> bool:
    """Whether a Procedure is radiotherapy: by CodeX or mCODE profile, or by code (SNOMED CT)."""
    profiles = (procedure.get("meta") or {}).get("profile") or ()
    if any("radiotherapy" in str(one) for one in profiles):
        return True
    code = procedure.get("code")
    codings = (code.get("coding") or ()) if isinstance(code, dict) else ()
    return any(isinstance(one, dict) and one.get("code") in RADIOTHERAPY_CODES for one in codings)


def _target(subject: Resource, ctx: Context) -> str | None:
    patient = ctx.resolve(subject.get("individual") or subject.get("subject"), subject)
    return ctx.name_of(patient) if patient is not None else None


def _is_lesion(structure: Resource, ctx: Context) -> bool:
    """Whether a BodyStructure is a tumour: by our identifier, by mCODE's profile, identifier type or related condition."""
    if _is_volume(structure):
        return False
    profiles = (structure.get("meta") or {}).get("profile") or ()
    if any(str(one).endswith("/mcode-tumor") for one in profiles):
        return True
    if any(one.get("url") == MCODE + "mcode-related-condition" for one in structure.get("extension") or ()):
        return True
    return any(one.get("system") == ctx.url("tulnkid") for one in structure.get("identifier") or ())


def _is_volume(structure: Resource) -> bool:
    """Whether a BodyStructure is a radiotherapy volume (mCODE's morphologies), not a lesion."""
    profiles = (structure.get("meta") or {}).get("profile") or ()
    if any(str(one).endswith("mcode-radiotherapy-volume") for one in profiles):
        return True
    morphology = structure.get("morphology")
    codings = (morphology.get("coding") or ()) if isinstance(morphology, dict) else ()
    return any(isinstance(one, dict) and one.get("code") in VOLUME_MORPHOLOGIES for one in codings)
