"""Resources held against their release and profiles, and what they say as SDTM against the rules of SDTM."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trialbridge import sources
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.rule import Status
from trialbridge.commands import validate_sdtm
from trialbridge.commands.validate_sdtm import Made, source_text, sourced
from trialbridge.converters.chosen import chosen
from trialbridge.converters.lineage import cells, lineage_of
from trialbridge.converters.study import to_sdtm
from trialbridge.fhir import packages
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.jsontext import decode
from trialbridge.fhir.located import Located, name_of
from trialbridge.fhir.profiles import Validator
from trialbridge.fhir.profiles.report import FIXES
from trialbridge.fhir.releases import release as release_named
from trialbridge.report.conformance import Issue, RuleRun, issues_of
from trialbridge.sdtm import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trialbridge.commands.validate_wanted import Wanted
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.sources import Resources, Source

ENGINE = "trialbridge FHIR"
WORDS = {
    "TYPE": "An element has the type its definition gives it.",
    "UNKNOWN": "A resource has no element that its definition does not have.",
    "EMPTY": "An element that is there has a value or children.",
    "CARDINALITY": "An element is there as often as its definition asks.",
    "VALUE": "A value has the form of its type.",
    "FIXED": "A value is the one the profile fixes.",
    "PATTERN": "A value has what the profile's pattern has.",
    "SLICE": "A list has the members that the profile's slices ask for.",
    "BINDING": "A code is of the value set its element is bound to.",
    "REFERENCE": "A reference points at a resource of a type its definition allows.",
    "INVARIANT": "The constraints of the definitions hold.",
    "EXTENSION": "An extension stands where and as its definition has it.",
    "PROFILE": "A profile that is claimed is of the resource's type.",
    "BUNDLE": "A Bundle and its entries are as the Bundle's type asks.",
    "XHTML": "A narrative is of the XHTML that FHIR allows.",
    "UNCHECKED": "What could not be checked, for want of a definition or a code system.",
}


def checked(found: Source, wanted: Wanted, version: str | None) -> Made:
    """What is wrong with the resources of a source."""
    release = release_named(wanted.fhir_version) if wanted.fhir_version else None
    read = sources.read_resources(found, release)
    base = wanted.base_url or BASE
    validator = Validator(read.release, packages.load(wanted.igs), wanted.profiles, base=base)
    in_fhir = list(validator.findings(_items(found.paths, read)))
    made = Made(
        findings=(*found.findings, *read.findings),
        issues=tuple(issues_of(in_fhir)),
        rules=tuple(_rules(in_fhir)),
        release=read.release,
        resources={name_of(one): one for one in read},
        types=tuple(sorted(Counter(str(one.get("resourceType")) for one in read).items())),
    )
    return made if wanted.fhir_only else _with_sdtm(made, read, wanted, version, base)


def _items(paths: Iterable[Path], read: Resources) -> list[Located]:
    """The resources, Bundles whole: a Bundle has rules of its own."""
    bundles: dict[str, Any] = {}
    for path in paths:
        if path.suffix.lower() == ".json":
            value = decode(path.read_bytes())
            if isinstance(value, dict) and value.get("resourceType") == "Bundle":
                bundles[path.name] = value
    items = [one for one in read.items if one.file not in bundles]
    return items + [Located(value, file=name) for name, value in bundles.items()]


def _rules(findings: list[Finding]) -> list[RuleRun]:
    """The kinds of FHIR's own checks, and what became of each."""
    reported = {one.id for one in findings}
    return [
        RuleRun(
            id=f"TB-FHIR-{kind}",
            message=WORDS[kind],
            status=Status.ISSUE_REPORTED if f"TB-FHIR-{kind}" in reported else Status.SUCCESS,
            severity=Severity.NOTE if kind == "UNCHECKED" else Severity.ERROR,
            text=WORDS[kind],
            fix=fix,
            engine=ENGINE,
        )
        for kind, fix in FIXES.items()
    ]


def _with_sdtm(made: Made, read: Resources, wanted: Wanted, version: str | None, base: str) -> Made:
    """What our rules say of the study that the resources tell, each issue with the element it came from."""
    dictionary = chosen(wanted.mapping, wanted.study_file)
    of = version or metadata.LATEST
    study = to_sdtm(read.items, base=base, release=read.release, version=of, residue=False, dictionary=dictionary).study
    if not study.tables:
        note = "The rules of SDTM were not run: the resources tell of no study's records."
        return replace(made, notes=(*made.notes, note))
    of_rules = validate_sdtm.checked(study, wanted, version)
    return replace(
        of_rules,
        findings=(*made.findings, *of_rules.findings),
        issues=(*made.issues, *_traced(of_rules, read, base, of, dictionary)),
        rules=(*made.rules, *of_rules.rules),
        types=made.types,
        release=made.release,
        resources=made.resources,
    )


def _traced(made: Made, read: Resources, base: str, version: str, dictionary: Dictionary) -> tuple[Issue, ...]:
    """The issues with the FHIR source of their cells."""
    wanted = {(one.dataset, one.row, name) for one in made.issues if one.row for name in one.variables}
    if not wanted:
        return made.issues
    of = lineage_of(read.items, base=base, release=read.release, version=version, dictionary=dictionary)
    found = {
        (cell.dataset, cell.row, cell.variable): source_text(cell.resource, cell.path)
        for cell in cells(of, {dataset for dataset, _, _ in wanted})
        if (cell.dataset, cell.row, cell.variable) in wanted
    }
    source = sourced(found)
    return tuple(replace(one, source=source(_finding(one.dataset, one.row, one.variables))) for one in made.issues)


def _finding(dataset: str, row: int | None, names: tuple[str, ...]) -> Finding:
    return Finding("", Severity.NOTE, Where(dataset=dataset, row=row), "", cells=tuple((name, "") for name in names))
