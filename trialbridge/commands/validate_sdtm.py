"""A study held against the rules of SDTM, and against its define where there is one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.fhir.jsontext import decode
from trialbridge.oncology import rules as oncology_rules
from trialbridge.report.conformance import issues_of, rules_of
from trialbridge.sdtm import define as definitions
from trialbridge.sdtm import rules as sdtm_rules
from trialbridge.sdtm import terminology
from trialbridge.sdtm.define import checks
from trialbridge.sdtm.define.apply import apply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from trialbridge.base.finding import Finding
    from trialbridge.base.rule import Checked, Rule
    from trialbridge.commands.validate_wanted import Wanted
    from trialbridge.report.conformance import Issue, RuleRun
    from trialbridge.sdtm.codelists import Terminology
    from trialbridge.sdtm.define.model import Define
    from trialbridge.sdtm.table import Study

LINEAGE = "lineage.ndjson"
Place = tuple[str, int, str]
"""Dataset, row, variable."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a run has found: `findings` are of reading, `issues` of rules; `study` is the one rows are counted in."""

    study: Study | None = None
    findings: tuple[Finding, ...] = ()
    issues: tuple[Issue, ...] = ()
    rules: tuple[RuleRun, ...] = ()
    notes: tuple[str, ...] = ()
    ct: str = ""
    define_version: str = ""
    core_version: str = ""
    types: tuple[tuple[str, int], ...] = ()
    release: str = ""
    resources: Mapping[str, Any] = field(default_factory=dict)


def all_rules() -> tuple[Rule, ...]:
    """Every rule of ours: SDTM's, those of response, and those that need a define."""
    return (*sdtm_rules.RULES, *oncology_rules.RULES, *checks.RULES)


def checked(study: Study, wanted: Wanted, version: str | None, given: Iterable[Path] = ()) -> Made:
    """What our rules say of the study. Raises UnknownNameError, UnreadableInputError."""
    define, findings = definitions.read(wanted.define) if wanted.define is not None else (None, [])
    if define is not None:
        study = apply(define, study)
    if version is not None:
        study = replace(study, version=version)
    package = _package(wanted.packages, study)
    rules = selected(wanted, define)
    ran = list(sdtm_rules.check(study, rules=rules, define=define, ct=package, most=wanted.most or None))
    wanted_cells = {place for one in ran for finding in one.findings for place in places(finding)}
    source = _from_lineage(given, wanted_cells)
    return Made(
        study=study,
        findings=tuple(findings),
        issues=tuple(_issues(ran, source)),
        rules=tuple(rules_of(ran)),
        ct=package.package,
        define_version=define.version if define is not None else "",
    )


def _issues(ran: list[Checked], source: Callable[[Finding], str] | None) -> list[Issue]:
    return [issue for one in ran for issue in issues_of(one.findings, source)]


def places(finding: Finding) -> list[Place]:
    """The cells a finding speaks of."""
    where = finding.where
    if where.dataset is None or where.row is None:
        return []
    names = [name for name, _ in finding.cells] or ([where.variable] if where.variable else [])
    return [(where.dataset, where.row, name) for name in names]


def _package(names: tuple[str, ...], study: Study) -> Terminology:
    """The package asked for; else the study's own where it is there, else the one in use. Raises UnknownNameError."""
    ours = [one for one in names if one.lower().startswith("sdtmct-")]
    if names and not ours:
        raise UnknownNameError(f"{names[0]} is no SDTM terminology.", fix="Give a package like sdtmct-2025-03-28.")
    if ours:
        return terminology.load(ours[0].lower())
    return terminology.load(study.ct) if study.ct in terminology.available() else terminology.default()


def selected(wanted: Wanted, define: Define | None) -> list[Rule]:
    """The rules asked for, by our id or the one a standard gives; those of a define only with one.

    Raises UnknownNameError.
    """
    every = all_rules() if define is not None or wanted.rules else (*sdtm_rules.RULES, *oncology_rules.RULES)
    known = {name for one in all_rules() for name in (one.id, *one.cdisc, *one.fda)}
    for name in (*wanted.rules, *wanted.excluded):
        if name not in known and not name.upper().startswith("CORE-"):
            raise UnknownNameError(f"There is no rule {name}.", fix="trialbridge rules list shows them.")
    chosen = [one for one in every if not wanted.rules or {one.id, *one.cdisc, *one.fda} & set(wanted.rules)]
    return [one for one in chosen if not {one.id, *one.cdisc, *one.fda} & set(wanted.excluded)]


def _from_lineage(given: Iterable[Path], cells: set[Place]) -> Callable[[Finding], str] | None:
    """Where cells came from in FHIR, as a lineage.ndjson beside the tables says; None where there is none."""
    homes = [one / LINEAGE for one in given if one.is_dir() and (one / LINEAGE).is_file()]
    if not homes or not cells:
        return None
    found: dict[Place, str] = {}
    for home in homes:
        for number, line in enumerate(home.read_bytes().splitlines(), start=1):
            cell = decode(line) if line.strip() else {}
            if not isinstance(cell, dict):
                raise UnreadableInputError("This is no lineage.", Where(file=str(home), line=number))
            place = (str(cell.get("dataset")), int(cell.get("row") or 0), str(cell.get("variable")))
            if place in cells:
                found[place] = source_text(cell.get("resource"), str(cell.get("path") or ""))
    return sourced(found)


def source_text(resource: str | None, path: str) -> str:
    """`Patient/p1 Patient.gender`."""
    return " ".join(part for part in (resource, path) if part)


def sourced(found: dict[Place, str]) -> Callable[[Finding], str]:
    """Of a finding, the sources of its cells, each once."""

    def source(finding: Finding) -> str:
        return "; ".join(dict.fromkeys(found[one] for one in places(finding) if found.get(one)))

    return source
