"""The two conversions of a whole study, whole: `to_fhir` and `to_sdtm`, with residue, ledger and findings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import DoesNotFitError, UnknownNameError
from trialbridge.base.finding import Where
from trialbridge.converters.dictionary import DICTIONARY, Dictionary
from trialbridge.converters.ledger import Ledger
from trialbridge.converters.order import in_order
from trialbridge.converters.pairs import Renames, name_of, names_of, pairs_of, study_pairs
from trialbridge.converters.relrec import with_relrec
from trialbridge.converters.residue import account, account_resource, leaves, missing_of, residue_of, restored
from trialbridge.converters.to_fhir import ToFhir, native_to_fhir
from trialbridge.converters.to_sdtm import ToSdtm, native_to_sdtm
from trialbridge.fhir.bundle import pool
from trialbridge.fhir.elements import elements
from trialbridge.fhir.ids import BASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trialbridge.base.finding import Finding
    from trialbridge.fhir.bundle import Pool
    from trialbridge.fhir.located import Located
    from trialbridge.mappings.kit import Release, Resource
    from trialbridge.sdtm.table import Study


@dataclass(frozen=True, slots=True)
class Converted:
    """The outcome of a conversion: `resources` (to FHIR) or `study` (to SDTM), with findings and the ledger."""

    findings: list[Finding]
    ledger: Ledger
    resources: list[Resource]
    study: Study


def to_fhir(
    study: Study, *, base: str = BASE, release: Release = "R4", dictionary: Dictionary = DICTIONARY
) -> Converted:
    """A study as FHIR resources of one release; every cell is read, derived or carried, and the ledger says which.

    `base` is the URL under which our identifier systems and extensions stand. A study that came from FHIR brings its
    residue, which is put back. `dictionary` is the one in use: `DICTIONARY`, or a study's own. Raises DoesNotFitError
    where the residue is seen to be of another release.
    """
    done = native_to_fhir(study, base, release, dictionary)
    resources = done.resources
    if study.residue:
        resources = restored(done.resources, study.residue)
        refuse_another_release(resources, release, {})
        resources = in_order(resources, release)
    return Converted(done.findings, done.ledger, resources, study)


def to_sdtm(
    resources: Iterable[Located | Resource],
    *,
    base: str = BASE,
    release: Release | None = None,
    version: str = "3.4",
    residue: bool = True,
    dictionary: Dictionary = DICTIONARY,
) -> Converted:
    """The study that FHIR resources tell, as SDTM tables of one implementation guide (`3.4`, `3.3`).

    With `residue` the study holds what the tables cannot, and the ledger accounts for every element. `release` None
    means: told from the resources.
    """
    held = pool(resources)
    release = release or release_of(held)
    done = native_to_sdtm(held, base, release, version, dictionary)
    study = with_relrec(done)
    ledger = Ledger("to_sdtm")
    if residue:
        rebuilt = native_to_fhir(study, base, release, dictionary)
        source = _by_key(held)
        made = {name_of(one): one for one in rebuilt.resources}
        entries = tuple(residue_of(source, made, _renames(done, rebuilt, source)))
        study = replace(study, residue=entries)
        _account(ledger, source, entries, done)
    return Converted(done.findings, ledger, [], study)


def to_release(
    resources: Iterable[Located | Resource],
    release: Release,
    *,
    base: str = BASE,
    source_release: Release | None = None,
    residue: Iterable[Mapping[str, Any]] = (),
    dictionary: Dictionary = DICTIONARY,
) -> Converted:
    """FHIR resources in another release (R4 to R5, R5 to R4), by way of the tables.

    What the tables hold is written anew in that release. What they do not hold stays in the outcome's
    `study.residue`, which speaks of the source's release: give it as `residue` on the way back, and the source returns
    digit by digit.
    """
    told = to_sdtm(resources, base=base, release=source_release, dictionary=dictionary)
    made = to_fhir(replace(told.study, residue=tuple(residue)), base=base, release=release, dictionary=dictionary)
    return Converted([*told.findings, *made.findings], told.ledger, made.resources, told.study)


_R5_STUDY = frozenset(
    (
        "associatedParty classifier comparisonGroup descriptionSummary label outcomeMeasure progressStatus recruitment "
        "region result studyDesign whyStopped"
    ).split()
)
_R5_MARKS: Mapping[str, Callable[[Resource], bool]] = {
    "AdverseEvent": lambda one: "code" in one or "occurrencePeriod" in one,
    "ResearchSubject": lambda one: "subject" in one or "progress" in one,
    "ResearchStudy": lambda one: bool(_R5_STUDY & one.keys()),
    "BodyStructure": lambda one: "includedStructure" in one,
    "Procedure": lambda one: any(name.startswith("occurrence") for name in one),
    "Encounter": lambda one: isinstance(one.get("class"), list),
}
"""By type: whether a resource has an element that R4 does not have."""


def release_of(held: Pool) -> Release:
    """R5 where an element says so that R4 does not have; else R4."""
    for item in held.items:
        mark = _R5_MARKS.get(str(item.resource.get("resourceType")))
        if mark is not None and mark(item.resource):
            return "R5"
    return "R4"


def refuse_another_release(
    resources: Iterable[Resource], release: Release, marks: Mapping[str, Callable[[Resource], bool]] = _R5_MARKS
) -> None:
    """Raises DoesNotFitError where what the residue gave is of another release: it would be FHIR of none.

    By the type, and by elements of R5 (`marks`), which input that nobody checked may have in R4 too.
    """
    other: Release = "R4" if release == "R5" else "R5"
    for one in resources:
        kind = str(one.get("resourceType"))
        mark = marks.get(kind)
        if (release == "R4" and mark is not None and mark(one)) or not _is_type(kind, release):
            message = f"The residue is of FHIR {other}: this is no {kind} of {release}."
            fix = f"write {other} (--fhir-version {other}), or leave the residue out (--no-residue)"
            raise DoesNotFitError(message, Where(file="residue.ndjson", resource=f"{kind}/{one.get('id')}"), fix)


@cache
def _is_type(kind: str, release: Release) -> bool:
    try:
        elements(kind, release)
    except UnknownNameError:
        return False
    return True


def _by_key(held: Pool) -> dict[str, Resource]:
    """The pool's resources by `Type/id`, or by where they stand if they have no id."""
    found: dict[str, Resource] = {}
    for number, item in enumerate(held.items, start=1):
        resource = item.resource
        own = resource.get("id")
        key = (
            f"{resource.get('resourceType')}/{own}"
            if own
            else item.full_url or f"{resource.get('resourceType')}#{number}"
        )
        while key in found:
            key += "'"
        found[key] = resource
    return found


def _renames(done: ToSdtm, rebuilt: ToFhir, source: dict[str, Resource]) -> dict[str, str]:
    """Made resource -> source resource, for those that are the same one: by record, part by part; and by study."""
    keys = {id(resource): key for key, resource in source.items()}
    found = Renames()
    for one in done.sources:
        parts = rebuilt.made.get((one.record.dataset, one.record.number), {})
        for made, mine in pairs_of(one, names_of(parts), keys):
            found.pair(made, mine)
    for made, mine in study_pairs(rebuilt.resources, source):
        found.pair(made, mine)
    return found.of


def _account(ledger: Ledger, source: dict[str, Resource], entries: Iterable[Any], done: ToSdtm) -> None:
    """Every element of the source: read, or residue, or skipped."""
    skipped = {id(one) for one in done.skipped}
    left: dict[str, list[Any]] = {}
    for entry in entries:
        left.setdefault(entry["resource"], []).append(entry)
    whole: dict[str, Counter[str]] = {}
    for key, resource in source.items():
        kind = str(resource.get("resourceType"))
        missing = missing_of(left.get(key, ()))
        account_resource(ledger, kind, missing)
        if missing:
            account(ledger, kind, Counter(leaves(resource, kind)), missing, skipped=id(resource) in skipped)
        else:
            whole.setdefault(kind, Counter()).update(leaves(resource, kind))
    for kind, paths in whole.items():
        account(ledger, kind, paths, Counter(), skipped=False)
