"""`trialbridge validate`: what is wrong with a study, where, why and how to mend it; SDTM or FHIR, offline, in one run.

SDTM is held against our rules, its define, and CDISC CORE where it is asked for. FHIR is held against its release and
profiles; what the resources say as SDTM is held against the rules too, and each issue names the element it came from.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from trialbridge import sources
from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Severity
from trialbridge.base.rule import Status
from trialbridge.commands import validate_core, validate_details, validate_fhir, validate_sdtm
from trialbridge.commands.shell import CLEAN, FOUND, Shell, guarded
from trialbridge.commands.validate_wanted import STANDARD, Wanted
from trialbridge.report import conformance, conformance_files, conformance_text, triage
from trialbridge.sdtm.metadata import VERSIONS

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.commands.validate_sdtm import Made
    from trialbridge.report.conformance import Report

__all__ = ["Wanted", "checked", "run"]


def run(wanted: Wanted, *, as_json: bool = False, quiet: bool = False, no_color: bool = False) -> int:
    """The exit code: 0, 1 where an issue that nobody has settled is as bad as `--fail-on`, 2 where it is unreadable."""
    shell = Shell(as_json=as_json, quiet=quiet, no_color=no_color)
    return guarded(shell, lambda: _run(wanted, shell))


def _run(wanted: Wanted, shell: Shell) -> int:
    _check(wanted)
    formats = conformance_files.checked_formats(wanted.formats)
    if wanted.formats and wanted.output is None:
        named = " ".join(f"-of {one}" for one in wanted.formats)
        raise UnknownNameError(f"{named} has no file to go to.", fix="Add -o NAME; --json prints the report.")
    decisions = wanted.triage or (triage.beside(wanted.output) if wanted.output is not None else None)
    earlier = triage.read(decisions) if decisions is not None else {}
    report, made = checked(wanted)
    report = triage.carried(report, earlier)
    written: list[Path] = []
    if wanted.output is not None:
        written = conformance_files.write(report, wanted.output, formats, made.study, wanted.rows, made.resources)
        triage.write(report.decisions, triage.beside(wanted.output))
    if shell.as_json:
        shell.json({**conformance.plain(report), "files": [str(one) for one in written]})
    elif shell.speaks:
        conformance_text.show(report, shell.out)
        if written:
            shell.out.print(f"written: {', '.join(str(one) for one in written)}", markup=False, soft_wrap=True)
        elif report.issues:
            shell.out.print("[dim]every record: -o NAME -of html -of xlsx -of json -of csv[/]")
    return exit_code(report, Severity(wanted.fail_on))


def _check(wanted: Wanted) -> None:
    """Raises UnknownNameError for what we do not know."""
    if wanted.standard.lower() != STANDARD:
        raise UnknownNameError(f"There are no rules for {wanted.standard}.", fix=f"Use -s {STANDARD}.")
    if wanted.version is not None and _dotted(wanted.version) not in VERSIONS:
        known = ", ".join(one.replace(".", "-") for one in VERSIONS)
        raise UnknownNameError(f"There are no rules for SDTMIG {wanted.version}.", fix=f"Use -v with one of {known}.")
    if not wanted.sources:
        raise UnknownNameError("There is nothing to validate.", fix="Name files or folders, or give -d or -dp.")


def _dotted(version: str) -> str:
    return version.replace("-", ".")


def checked(wanted: Wanted) -> tuple[Report, Made]:
    """The report of one run, and what it was made of: the study its rows are counted in, the resources."""
    began = time.monotonic()
    engine = validate_core.engine_of(wanted)
    found = sources.find(wanted.sources)
    version = _dotted(wanted.version) if wanted.version else None
    if found.kind == "sdtm":
        made = validate_sdtm.checked(sources.read_study(found, wanted.encoding), wanted, version, found.given)
        made = replace(made, findings=(*found.findings, *made.findings))
    else:
        made = validate_fhir.checked(found, wanted, version)
    made = validate_core.joined(made, wanted, engine)
    details = validate_details.details(wanted, made, time.monotonic() - began)
    issues = (*conformance.issues_of(made.findings), *made.issues)
    report = conformance.Report(
        details=details,
        datasets=validate_details.datasets(found, made),
        issues=issues,
        rules=made.rules,
        notes=made.notes,
    )
    return report, made


def exit_code(report: Report, fail_on: Severity) -> int:
    """1 where an issue not settled is as bad as `fail_on`, one of our rules failed, or CORE did not run; else 0.

    A single rule of CORE's that fails is CORE's own fault and is shown; it does not make a clean study an unclean one.
    """
    bad = {Severity.ERROR} if fail_on is Severity.ERROR else {Severity.ERROR, Severity.WARNING}
    if any(one.severity in bad for one in report.open_issues()):
        return FOUND
    broken = [one for one in report.rules if one.status is Status.EXECUTION_ERROR]
    return FOUND if any(one.engine != validate_core.CORE or one.id == validate_core.CORE for one in broken) else CLEAN
