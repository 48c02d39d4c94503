"""Resources of any origin from FHIR to SDTM.

Each resource goes to the mapping that knows it; what it carries is believed while the elements still say what they said
when it was written. Records entered in error are skipped; what no mapping reads is left to the residue.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.carry import Carried, Qualifier, hash_of, kept_by
from trialbridge.converters.coder import coded_note
from trialbridge.converters.compile import compiled
from trialbridge.converters.context import Context
from trialbridge.converters.dictionary import DICTIONARY, Dictionary
from trialbridge.converters.generic import kept_in
from trialbridge.converters.native import walk
from trialbridge.converters.package import Package, learn_arms, package_of
from trialbridge.converters.records import Record
from trialbridge.converters.sound import sound
from trialbridge.converters.subjects import enter_subjects, learn_subject, not_records, orphans
from trialbridge.converters.tables import tables_of
from trialbridge.converters.trial_summary import ct_date, summary_to_sdtm
from trialbridge.mappings.pr import COURSE_SUMMARY
from trialbridge.mappings.qualifiers import DEFAULTS
from trialbridge.mappings.route import domain_named

if TYPE_CHECKING:
    from trialbridge.fhir.bundle import Pool
    from trialbridge.mappings.kit import Mapping, Release, Resource, Row
    from trialbridge.sdtm.table import Study


STANDING_IN = {
    "DM": frozenset({"STUDYID", "DOMAIN", "USUBJID", "RFSTDTC", "RFXSTDTC", "RFXENDTC"}),
    "SV": frozenset({"STUDYID", "DOMAIN", "USUBJID", "VISITNUM", "VISIT", "VISITDY"}),
}
"""What a resource says that other records need although the package has no such row: a subject's, a visit's."""


OnStale = Callable[["Resource", str, Any], None]
"""`on_stale(element that carries, variable, what its elements say now)`."""


@dataclass(slots=True)
class Source:
    """Where a record was read: its primary resource, the list element if it is one, and the parts by name."""

    record: Record
    mapping: Mapping
    primary: Resource
    each: Resource | None
    parts: dict[str, Resource | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToSdtm:
    """What a conversion to SDTM gives: the study, findings, and the source of each record."""

    study: Study
    findings: list[Finding]
    sources: list[Source]
    skipped: list[Resource]
    package: Package | None


class Beside(Protocol):
    """What reads resources that are not in the pool, in the same surroundings (`columnar`)."""

    datasets: Collection[str]
    passive: MappingOf[int, int]
    """The id() of resources that stand in the pool for others only: their records are read beside it."""

    def begin(self, ctx: Context, package: Package | None, left_out: Collection[int]) -> None:
        """Find out which mapping reads each: subjects and studies are known now. Those `left_out` (id()) are no records."""
        ...

    def focused(self, ctx: Context) -> MappingOf[str, set[int]]:
        """The id() of the resources in the pool that their first `focus` points at, by dataset."""
        ...

    def exposure(self, ctx: Context) -> list[Row]:
        """The rows of EX, as far as they are known before DM."""
        ...

    def read(self, dataset: str, ctx: Context, findings: list[Finding]) -> None:
        """Read a dataset's rows: those it hangs on were read before."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """What resources tell before it is put into tables: records by dataset, and as in `ToSdtm`."""

    rows: dict[str, list[Record]]
    findings: list[Finding]
    sources: list[Source]
    skipped: list[Resource]
    package: Package | None


def native_to_sdtm(
    pool: Pool,
    base: str,
    release: Release,
    version: str = "3.4",
    dictionary: Dictionary = DICTIONARY,
    on_stale: OnStale | None = None,
) -> ToSdtm:
    """The study that the resources of a pool tell, without its residue.

    `on_stale`, where given, is told of each carried value whose elements changed, and the carried value is believed.
    """
    told = records_told(pool, base, release, dictionary, on_stale)
    study = tables_of(told.rows, told.package, version, told.findings)
    return ToSdtm(study, told.findings, told.sources, told.skipped, told.package)


def records_told(
    pool: Pool,
    base: str,
    release: Release,
    dictionary: Dictionary = DICTIONARY,
    on_stale: OnStale | None = None,
    context: frozenset[int] = frozenset(),
    beside: Beside | None = None,
) -> Told:
    """The records that the resources of a pool tell, by dataset, in the order read.

    Resources whose id() is in `context` are read for what others need of them; their own records are left out.
    `beside` reads further resources, each dataset of them when its turn comes.
    """
    findings: list[Finding] = list(pool.findings)
    resources = [item.resource for item in pool.items]
    ctx = Context(base, release, dictionary=dictionary, elsewhere=pool.resolve)
    ctx.enter_full_urls(pool.items)
    package = _prepare(resources, ctx, findings)
    rows, aside = _plain_rows(resources, ctx, package, findings, context)
    ctx.enter_design(*([record.row for record in rows.get(name, ())] for name in ("SE", "TV")))
    if aside:
        rows = {name: [one for one in found if id(one.row) not in aside] for name, found in rows.items()}
    passive = beside.passive if beside is not None else {}
    components = not_records(resources, ctx, findings)
    if beside is not None:
        beside.begin(ctx, package, components)
    routed, skipped = _route([one for one in resources if id(one) not in components], ctx, findings, passive)
    focused = beside.focused(ctx) if beside is not None else {}
    enrolled = [one for one in resources if id(one) in passive and one.get("resourceType") == "ResearchSubject"]
    routed = {**routed, **orphans(routed, resources, ctx, findings, focused, enrolled)}
    _enter_exposure(routed, rows, ctx, package, on_stale, beside.exposure(ctx) if beside is not None else [])
    sources: list[Source] = []
    there = {*routed, *(beside.datasets if beside is not None else ())}
    for dataset in sorted(
        there, key=lambda one: (dictionary.rank(one), list(routed).index(one) if one in routed else -1)
    ):
        if beside is not None and dataset in beside.datasets:
            beside.read(dataset, ctx, findings)
            rows.setdefault(dataset, [])
        for mapping, primary, each in routed.get(dataset, ()):
            with sound(primary, findings):
                source = _read(dataset, mapping, primary, each, ctx, package, findings, on_stale)
                if source is not None and id(primary) not in context:
                    sources.append(source)
                    rows.setdefault(dataset, []).append(source.record)
    return Told(rows, findings, sources, skipped, package)


def _plain_rows(
    resources: list[Resource], ctx: Context, package: Package | None, findings: list[Finding], context: frozenset[int]
) -> tuple[dict[str, list[Record]], set[int]]:
    """The rows that travelled as they are, and those of TS, which the studies tell too; and the id() of the context's."""
    rows: dict[str, list[Record]] = {}
    aside: set[int] = set()
    summary: list[tuple[Resource, list[Carried]]] = []
    studies: list[tuple[str, Resource]] = []
    for resource in resources:
        with sound(resource, findings):
            known = id(resource) in context
            if resource.get("resourceType") == "ResearchStudy" and not (known or resource.get("partOf")):
                studyid = ctx.studyid_of(resource)
                studies += [(studyid, resource)] if studyid else []
            found = kept_in(resource, ctx) if resource.get("resourceType") == "Basic" else None
            if found is not None and found[0] == "TS":
                summary += [] if known else [(resource, found[1])]
            elif found is not None:
                row = {one.name: one.value for one in found[1] if one.value is not None}
                rows.setdefault(found[0], []).append(Record(found[0], len(rows.get(found[0], ())) + 1, row))
                aside |= {id(row)} if known else set()
    if package is None or "TS" in package.datasets:
        told = summary_to_sdtm(studies, summary, ctx, ct_date(package.ct if package else ""), findings)
        if told:
            rows["TS"] = told
    return rows, aside


def _enter_exposure(
    routed: Routed,
    rows: dict[str, list[Record]],
    ctx: Context,
    package: Package | None,
    on_stale: OnStale | None,
    further: list[Row],
) -> None:
    """The subjects' exposure, which DM tells of and is read before EX; and the reference start a study file names."""

    def read(dataset: str, wanted: Callable[[Mapping], bool] = lambda _: True) -> list[Row]:
        found = [record.row for record in rows.get(dataset, ())]
        for mapping, primary, each in routed.get(dataset, ()):
            if wanted(mapping):
                with sound(primary, []):  # told of when the record itself is read
                    source = _read(dataset, mapping, primary, each, ctx, package, [], on_stale)
                    found += [source.record.row] if source is not None else []
        return found

    ctx.enter_exposure([*read("EX"), *further])
    wanted = ctx.dictionary.tailoring.reference_start if ctx.dictionary.tailoring is not None else "collected"
    starts = ctx.facts("rfxstdtc") if wanted == "first-exposure" else {}
    if wanted == "first-radiotherapy":
        for row in read("PR", lambda mapping: mapping is COURSE_SUMMARY):
            key, start = (row.get("USUBJID"),), row.get("PRSTDTC")
            if start:
                starts[key] = min(starts.get(key, start), start)
    for (usubjid,), start in starts.items():
        ctx.learn("reference start", usubjid, value=start)


def _prepare(resources: list[Resource], ctx: Context, findings: list[Finding]) -> Package | None:
    """Studies, arms and subjects, before any record is read."""
    package = None
    for resource in resources:
        if resource.get("resourceType") == "ResearchStudy":
            with sound(resource, findings):
                studyid = ctx.studyid_of(resource)
                if studyid:
                    learn_arms(resource, studyid, ctx)
                package = package or package_of(resource, ctx.url("x-sdtm-package"))
    enter_subjects(resources, ctx, findings)
    return package


Routed = dict[str, list[tuple["Mapping", "Resource", "Resource | None"]]]


def _route(
    resources: list[Resource], ctx: Context, findings: list[Finding], passive: Container[int]
) -> tuple[Routed, list[Resource]]:
    """Each resource to the mapping that reads it, by dataset; and the records entered in error."""
    routed: Routed = {}
    skipped: list[Resource] = []
    read = ctx.dictionary.read_types
    for resource in resources:
        if id(resource) in passive:
            continue
        with sound(resource, findings):
            if in_error(resource, ctx):
                skipped.append(resource)
                findings.append(_error_note(resource))
            elif resource.get("resourceType") in read:
                _route_one(resource, ctx, routed)
    return routed, skipped


def _route_one(resource: Resource, ctx: Context, routed: Routed) -> None:
    if resource.get("resourceType") == "ResearchSubject":
        routed.setdefault("DM", []).append((ctx.dictionary.domains["DM"][0], resource, None))
    for mapping, element in ctx.dictionary.elements_of(resource, ctx.release, ctx.base):
        routed.setdefault(mapping.domain, []).append((mapping, resource, element))
    if resource.get("resourceType") == "ResearchSubject":
        return
    found = ctx.dictionary.for_resource(resource, ctx.url("sdtm-record"), ctx.resolve)
    if found is not None:
        routed.setdefault(found[0], []).append((found[1], resource, None))
    for mapping in ctx.dictionary.beside(resource, ctx.url("sdtm-record")):
        routed.setdefault(mapping.domain, []).append((mapping, resource, None))


def _error_note(resource: Resource) -> Finding:
    return Finding(
        "TB-ENTERED-IN-ERROR",
        Severity.NOTE,
        Where(resource=f"{resource.get('resourceType')}/{resource.get('id')}"),
        "Entered in error: it gives no record; it is kept in the residue.",
    )


def in_error(resource: Resource, ctx: Context) -> bool:
    """Whether a record was entered in error: by its status, its verification, or ae-research's modifier."""
    if resource.get("status") == "entered-in-error":
        return True
    verification = resource.get("verificationStatus")
    codings = verification.get("coding") or () if isinstance(verification, dict) else ()
    if any(one.get("code") == "entered-in-error" for one in codings):
        return True
    modifiers = resource.get("modifierExtension") or ()
    return any(
        one.get("url") == ctx.url("ae-status") and one.get("valueCode") == "entered-in-error" for one in modifiers
    )


def _read(
    dataset: str,
    mapping: Mapping,
    primary: Resource,
    each: Resource | None,
    ctx: Context,
    package: Package | None,
    findings: list[Finding],
    on_stale: OnStale | None = None,
) -> Source | None:
    """Read one record; None for a subject or visit that the package's DM or SV does not list."""
    functions = compiled(mapping, ctx.release, ctx.base)
    domain = mapping.domain
    declared = package.datasets.get(dataset) if package else None
    home = primary if each is None else each
    kept = kept_by(home, ctx.url("x-sdtm-variable")) if "extension" in home else {}
    record = Record(dataset, 0, {})

    def settle(variable: str, native: Any, _derived: bool) -> Any:  # noqa: FBT001 - the shape of Settle
        one = kept.get(variable)
        value, qualifier = native, None
        if one is not None and one.native_hash == hash_of(native):
            value, qualifier = one.value, one.qualifier
        elif one is not None and on_stale is not None:
            on_stale(home, one.name, native)
            value, qualifier = one.value, one.qualifier
        elif one is not None:
            findings.append(stale_note(variable, primary))
        if variable.startswith("SUPP."):
            name = variable.removeprefix("SUPP.")
            if qualifier is None and value is not None:
                qualifier = Qualifier(name, value, *DEFAULTS.get(name, ()))
            if qualifier is not None and value is not None:
                record.qualifiers[name] = qualifier
        return value

    columns = declared.columns if declared else None
    record.row, parts = walk(functions, primary, each, ctx, columns, kept, settle, only_others=True)
    if package is not None and _stands_in(domain, primary, record.row, ctx):
        return None
    if ctx.dictionary.tailoring is not None and not ctx.dictionary.tailoring.keeps(domain, record.row, ctx):
        findings.append(_not_the_studys(domain, primary))
        return None
    if ctx.dictionary.coder is not None and package is None:
        name = ctx.dictionary.coder.fill(domain, record.row, primary)
        if name is not None:
            findings.append(coded_note(name, domain, primary))
    if domain == "DM":
        learn_subject(record.row, ctx)
    named = dict(zip(functions.names, parts, strict=True))
    if mapping.after_read is not None:
        mapping.after_read(record.row, named, ctx)
    return Source(record, mapping, primary, each, named)


def _not_the_studys(domain: str, primary: Resource) -> Finding:
    return Finding(
        "TB-NOT-THE-STUDYS",
        Severity.NOTE,
        Where(dataset=domain, resource=f"{primary.get('resourceType')}/{primary.get('id')}"),
        "By the study file this is no record of the study; it is kept in the residue.",
    )


def _stands_in(domain: str, primary: Resource, row: Row, ctx: Context) -> bool:
    """Whether a subject or visit was only made for others to point at: it bears no record identifier."""
    if domain not in STANDING_IN or set(row) - STANDING_IN[domain]:
        return False
    return domain_named(primary, ctx.url("sdtm-record")) is None


def stale_note(variable: str, primary: Resource) -> Finding:
    """The warning that what a resource carries of a variable is out of date."""
    return Finding(
        "TB-CARRIED-STALE",
        Severity.WARNING,
        Where(resource=f"{primary.get('resourceType')}/{primary.get('id')}", variable=variable),
        "The element was changed after the value was carried along; the element's value is used.",
        "check which of the two is right",
    )
