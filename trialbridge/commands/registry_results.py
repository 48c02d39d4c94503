"""`trialbridge registry results`: the results section from a study's data, ready for the registries, in one folder.

record.json (the record with its results), prs.xml (protocol and results), prs-results.xml (results alone, a partial
upload), eudract.xml (adverse events), record.html, findings.json.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trialbridge import api, sources
from trialbridge.base.errors import DoesNotFitError
from trialbridge.base.finding import Finding, Severity
from trialbridge.commands import registry, registry_input
from trialbridge.commands.output import check_target, run_folder
from trialbridge.commands.shell import Shell, exit_code, guarded
from trialbridge.converters.registry import results as registry_results
from trialbridge.converters.registry.events import Wanted as Events
from trialbridge.fhir.jsontext import pretty
from trialbridge.registry import page, rules
from trialbridge.registry.adverse_events import NON_SYSTEMATIC, SYSTEMATIC
from trialbridge.registry.files import eudract, prs, v2

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.converters.registry.results import Computed
    from trialbridge.registry.record import Record
    from trialbridge.sdtm.table import Study


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for, as the command line names it."""

    study: Path
    record: Path
    output: Path
    vocabulary: str = ""
    threshold: float = 5
    assessment: str = "systematic"
    time_frame: str = ""
    criteria: str = "1.0"
    ctcae: str = "4.0"
    day: int = 91
    window: int = 28
    evaluator: str = "INVESTIGATOR"
    org_name: str = ""
    contacts: bool = False


def run(wanted: Wanted, *, fail_on: str, as_json: bool = False, quiet: bool = False, no_color: bool = False) -> int:
    """Compute, check, write, say; the exit code."""
    shell = Shell(as_json=as_json, quiet=quiet, no_color=no_color)
    return guarded(shell, lambda: _run(wanted, fail_on, shell))


def study_of(path: Path, findings: list[Finding]) -> Study:
    """The SDTM of a path; FHIR is converted, with what was found then (notes apart)."""
    if sources.find([path]).kind == "sdtm":
        return api.read(path, kind="sdtm")
    done = api.to_sdtm(path)
    findings += [one for one in done.findings if one.severity is not Severity.NOTE]
    return done.study


def _options(wanted: Wanted) -> dict[str, Any]:
    """What was asked for, without paths: for the manifest."""
    return {name: value for name, value in asdict(wanted).items() if name not in ("study", "record", "output")}


def _run(wanted: Wanted, fail_on: str, shell: Shell) -> int:
    check_target(wanted.output, [wanted.record, wanted.study], ("one",))
    given = registry_input.read(wanted.record, with_contacts=wanted.contacts)
    asked = SYSTEMATIC if wanted.assessment == "systematic" else NON_SYSTEMATIC
    events = Events(wanted.threshold, wanted.vocabulary, asked, wanted.time_frame)
    options = registry_results.Options(
        events, wanted.criteria, wanted.ctcae, wanted.day, wanted.window, wanted.evaluator
    )
    read: list[Finding] = []
    done = registry_results.compute(study_of(wanted.study, read), given.record, options)
    record = done.with_results(given.record)
    findings = [*given.findings, *read, *done.findings, *(found for rule in rules.RESULTS for found in rule(record))]
    about = {"options": {"command": "registry results", **_options(wanted)}}
    with run_folder(wanted.output, about, [wanted.study, wanted.record]) as (folder, names):
        findings += _write(done, record, wanted, folder)
        page.write(record, folder / "record.html", findings)
        (folder / registry.FINDINGS).write_bytes(pretty({"findings": [one.as_dict() for one in findings]}))
    registry.say(shell, findings, {"record": record.nct_id, "participants": _participants(done)}, names, wanted.output)
    return exit_code(findings, Severity(fail_on))


def _participants(done: Computed) -> dict[str, str]:
    """Arm -> started, completed."""
    flow = done.results.participant_flow_module
    if flow is None or not flow.periods:
        return {}
    started, completed = (one.achievements for one in flow.periods[0].milestones[:2])
    titles = {one.id: one.title for one in flow.groups}
    return {
        titles[one.group_id]: f"{one.num_subjects} started, {other.num_subjects} completed"
        for one, other in zip(started, completed, strict=True)
    }


def _write(done: Computed, record: Record, wanted: Wanted, folder: Path) -> list[Finding]:
    v2.write(record, folder / "record.json")
    findings = prs.write(record, folder / "prs.xml", org_name=wanted.org_name)
    if record.org_study_id:
        alone, _ = prs.serialize_results(
            record.results, org_name=wanted.org_name or record.lead_sponsor.name, org_study_id=record.org_study_id
        )
        (folder / "prs-results.xml").write_bytes(alone)
    if done.events is not None:
        try:
            findings += eudract.write(done.events, folder / "eudract.xml", done.causality)
        except DoesNotFitError as error:
            message = f"EudraCT's file is not written: {error.message}"
            findings.append(Finding("TB-REG-EU-NOT-WRITTEN", Severity.WARNING, error.where, message, error.fix))
    return findings
