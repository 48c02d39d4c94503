"""De-identification of a whole study, as tables or as resources: who is who, each value by its rule, and a last look.

Both ways say the same: what the de-identified resources convert to is what the de-identified tables hold. The last
look searches the outcome for every subject's own ids and names; one that is left is an error, and nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from trialbridge.base.deidentify import REMOVED, Person, Tally, person
from trialbridge.base.errors import TrialbridgeError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.carry import extension, rehash
from trialbridge.converters.context import Context
from trialbridge.converters.deidentify.aged import aged
from trialbridge.converters.deidentify.check import left_in_resources, left_in_tables, twice
from trialbridge.converters.deidentify.ours import surroundings
from trialbridge.converters.patients import made_literal
from trialbridge.converters.subjects import enter_subjects
from trialbridge.converters.to_sdtm import native_to_sdtm
from trialbridge.fhir.bundle import pool, relative_references
from trialbridge.fhir.deidentify import Surroundings, deidentified
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.located import name_of
from trialbridge.sdtm.deidentify import deidentified_study
from trialbridge.sdtm.deidentify_ages import last_day, too_old

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialbridge.base.pseudonyms import Key
    from trialbridge.converters.deidentify.rules import RuleSet
    from trialbridge.converters.to_sdtm import ToSdtm
    from trialbridge.fhir.located import Located, Resource
    from trialbridge.fhir.releases import Release
    from trialbridge.sdtm.table import Study

_LINKS = ("subject", "patient", "individual")
_SHORTEST = 4
"""Characters of a number below which it is no safe sign of a person."""


@dataclass(frozen=True, slots=True)
class Deidentified:
    """The outcome: a study or resources, who is who (the linkage, to be kept apart), what was done, findings."""

    people: tuple[Person, ...]
    tally: Tally
    findings: list[Finding] = field(default_factory=list)
    study: Study | None = None
    resources: tuple[Resource, ...] = ()

    def check(self) -> None:
        """Raises TrialbridgeError where the last look found something: the outcome must not go out."""
        found = [one for one in self.findings if one.severity is Severity.ERROR]
        if found:
            places = ", ".join(str(one.where) for one in found[:5])
            raise TrialbridgeError(f"{found[0].message} ({len(found)}: {places}). Nothing went out.", fix=found[0].fix)


def deidentify_study(study: Study, key: Key, rules: RuleSet) -> Deidentified:
    """The tables of a study without what tells who its subjects are.

    Raises UnreadableInputError for a DM without USUBJID: whose its ages and numbers are could not be told.
    """
    if "DM" in study and "USUBJID" not in study["DM"].frame.columns:
        where = Where(file=study.source or None, dataset="DM", variable="USUBJID")
        raise UnreadableInputError("DM does not say whose its rows are; nobody can be hidden.", where, "add USUBJID")
    people = _people_of(study, key, rules, {})
    tally = Tally()
    old = too_old(study, rules.for_ages(), _today())
    made = deidentified_study(study, rules.for_sdtm(), people, key.code, old, tally)
    return Deidentified(tuple(people.values()), tally, [*twice(people), *left_in_tables(made, people)], made)


def deidentify_resources(
    given: Iterable[Located | Resource], key: Key, rules: RuleSet, *, base: str = BASE, release: Release = "R4"
) -> Deidentified:
    """FHIR resources without what tells who their subjects are.

    A resource of a subject that names none, and types the rules do not keep, are left out; findings say so.
    """
    held = pool(_literal(relative_references(given), base, release))
    resources = [item.resource for item in held.items]
    findings: list[Finding] = []
    ctx = Context(base, release, elsewhere=held.resolve)
    enter_subjects(resources, ctx, [])
    before = native_to_sdtm(held, base, release)
    people = _people_of(before.study, key, rules, _names(resources, ctx))
    old = set(too_old(before.study, rules.for_ages(), _today()))
    made, tally, left_out = _all(resources, before, key, rules, ctx, people, old, release)
    findings.extend(left_out)
    _settle(made, before.study, people, old, base, release)
    findings.extend(twice(people))
    findings.extend(left_in_resources(made, people, rules))
    return Deidentified(tuple(people.values()), tally, findings, None, tuple(made))


def _literal(resources: list[Resource], base: str, release: Release) -> list[Resource]:
    """The resources with Patients named by an identifier referred to by what stays: their id, or USUBJID."""

    @cache
    def around() -> Context:  # most studies name nobody so, and need none
        ctx = Context(base, release, elsewhere=pool(resources).resolve)
        enter_subjects(resources, ctx, [])
        return ctx

    def found(reference: Resource) -> Resource | None:
        ctx = around()
        patient = ctx.patients.named(reference)
        if patient is not None and "id" in patient:
            return {"reference": name_of(patient)}
        usubjid = ctx.usubjid(reference)
        return {"identifier": {"system": ctx.url("usubjid"), "value": usubjid}} if usubjid else None

    return [made_literal(one, found) for one in resources]


# --- who is who -------------------------------------------------------------------------------------------------------


def _people_of(study: Study, key: Key, rules: RuleSet, names: Mapping[str, set[str]]) -> dict[str, Person]:
    """Every USUBJID of the study (and of the resources) as a Person."""
    studies: dict[str, str] = {}
    numbers: dict[str, str] = {}
    for table in study:
        if "USUBJID" not in table.frame.columns:
            continue
        wanted = [one for one in ("USUBJID", "STUDYID", "SUBJID") if one in table.frame.columns]
        for row in table.frame.select(wanted).unique(maintain_order=True).iter_rows(named=True):
            if row["USUBJID"]:
                studies.setdefault(row["USUBJID"], row.get("STUDYID") or "")
                if row.get("SUBJID"):
                    numbers[row["USUBJID"]] = row["SUBJID"]
    for usubjid in names:
        studies.setdefault(usubjid, "")
    people = {}
    days = last_day(study)
    for usubjid, studyid in studies.items():
        code = key.code("subject", usubjid)
        words = {one: REMOVED for one in names.get(usubjid, ()) if one != usubjid}
        if len(numbers.get(usubjid, "")) >= _SHORTEST:
            words[numbers[usubjid]] = code
        since = _years_before(days.get(usubjid), rules.ages.most + 1)
        people[usubjid] = person(key, usubjid, most=rules.dates.most, prefix=studyid, words=words, since=since)
    return people


def _years_before(day: str | None, years: int) -> str:
    return f"{int(day[:4]) - years:04}{day[4:10]}" if day else ""


def _names(resources: list[Resource], ctx: Context) -> dict[str, set[str]]:
    """Names and record numbers of each subject, from the Patient."""
    found: dict[str, set[str]] = {}
    ours = {ctx.url("usubjid"), ctx.url("subjid"), ctx.url("siteid"), ctx.url("sdtm-record")}
    for resource in resources:
        if resource.get("resourceType") != "Patient":
            continue
        usubjid = ctx.usubjid({"reference": name_of(resource)})
        if usubjid is None:
            continue
        words = found.setdefault(usubjid, set())
        contacts = resource.get("contact") or ()
        for name in [*(resource.get("name") or ()), *(one["name"] for one in contacts if one.get("name"))]:
            words.update(_words_of(name))
        for one in [*(resource.get("identifier") or ()), *(resource.get("telecom") or ())]:
            value = one.get("value")
            if one.get("system") not in ours and isinstance(value, str) and len(value) >= _SHORTEST:
                words.add(value)
        for one in resource.get("address") or ():
            words.update(line for line in one.get("line") or () if isinstance(line, str) and len(line) >= _SHORTEST)
    return found


def _words_of(name: Mapping[str, Any]) -> set[str]:
    """What a HumanName may stand as in a text: whole, and each capitalised word of it (initials and particles aside)."""
    given = [name.get("family"), name.get("text"), *(name.get("given") or ())]
    parts = [one for one in given if isinstance(one, str) and one]
    single = {word.strip(".,;") for one in parts for word in one.split()}
    return {one for one in parts if len(one) > 1} | {one for one in single if len(one) > 1 and not one[0].islower()}


def _today() -> str:
    return datetime.now(tz=UTC).date().isoformat()


# --- resources --------------------------------------------------------------------------------------------------------


def _all(
    resources: list[Resource],
    before: ToSdtm,
    key: Key,
    rules: RuleSet,
    ctx: Context,
    people: Mapping[str, Person],
    old: set[str],
    release: Release,
) -> tuple[list[Resource], Tally, list[Finding]]:
    """All resources; once more where the walk found a subject to be `old` whose other resources may have passed already."""
    while True:
        known = len(old)
        tally = Tally()
        findings: list[Finding] = []
        ages = aged(resources, before, ctx, rules.for_ages(), old)
        around = surroundings(key, rules, ctx, people, old, ages, tally, release)
        made = [_one(resource, around, ctx, people, findings) for resource in resources]
        if len(old) == known:
            return [one for one in made if one is not None], tally, findings


def _one(
    resource: Resource,
    around: Surroundings,
    ctx: Context,
    people: Mapping[str, Person],
    findings: list[Finding],
) -> Resource | None:
    """One resource, or None where it is left out."""
    kind = str(resource.get("resourceType"))
    usubjid = _subject_of(resource, ctx)
    rules = around.rules
    whose = people.get(usubjid) if usubjid else None
    if kind == "Group" and resource.get("member"):
        whose = _crowd(people)
    if kind not in rules.subject_resources | rules.study_resources:
        around.tally.add(kind, "left out")
        findings.append(_left_out(resource, "The rules keep no resource of this type.", Severity.NOTE))
        return None
    if whose is None and kind in rules.subject_resources and not _of_the_trial(resource, kind):
        around.tally.add(kind, "left out")
        fix = "give it a subject that is among the resources"
        findings.append(_left_out(resource, "It names no subject that is known here.", Severity.WARNING, fix))
        return None
    if id(resource) in around.ages and kind == "Basic":  # a qualifier's row of its own
        around.tally.add(kind, "age")
        findings.append(_left_out(resource, "It tells an age above the limit.", Severity.NOTE, "see ages in the rules"))
        return None
    if kind == "Patient" and usubjid in around.too_old:
        around.tally.add("Patient.birthDate", "age", int("birthDate" in resource))
        resource = {name: one for name, one in resource.items() if name not in ("birthDate", "_birthDate")}
    made = deidentified(resource, whose, around)
    if isinstance(resource.get("id"), str):
        made = {"resourceType": kind, "id": around.reference(name_of(resource)).partition("/")[2], **made}
    return made


def _crowd(people: Mapping[str, Person]) -> Person:
    """All subjects as one, for a list of them: anyone's names go from its texts, no date moves."""
    return Person("", "", 0, {word: stands for one in people.values() for word, stands in one.words.items()})


def _of_the_trial(resource: Resource, kind: str) -> bool:
    """A row of trial design travels as Basic without a subject; a medication may belong to none."""
    return kind == "Basic" and "subject" not in resource


def _subject_of(resource: Resource, ctx: Context) -> str | None:
    if resource.get("resourceType") in {"Patient", "ResearchSubject"}:
        found = ctx.usubjid({"reference": name_of(resource)})
        if found:
            return found
    for link in _LINKS:
        found = ctx.usubjid(resource.get(link))
        if found:
            return found
    return None


def _left_out(resource: Resource, message: str, severity: Severity, fix: str = "name its type in the rules") -> Finding:
    return Finding("TB-DEID-LEFT-OUT", severity, Where(resource=name_of(resource)), message, fix)


def _settle(
    made: list[Resource],
    before: Study,
    people: Mapping[str, Person],
    old: set[str],
    base: str,
    release: Release,
) -> None:
    """Carried values are believed beside the new elements; an age that the moved birth date tells otherwise is carried."""
    url = Context(base, release).url("x-sdtm-variable")
    after = native_to_sdtm(
        pool(made), base, release, on_stale=lambda home, name, native: rehash(home, url, name, native)
    )
    if "DM" not in before or "AGE" not in before["DM"].frame.columns:
        return
    frame = before["DM"].frame.select("USUBJID", "AGE")
    ages = {people[usubjid].pseudonym: age for usubjid, age in frame.iter_rows() if usubjid and usubjid not in old}
    for source in after.sources:
        row = source.record.row
        age = ages.get(str(row.get("USUBJID"))) if source.record.dataset == "DM" else None
        if age is not None and row.get("AGE") != age and "identifier" in source.primary:
            source.primary.setdefault("extension", []).append(extension(url, "AGE", age, row.get("AGE")))
