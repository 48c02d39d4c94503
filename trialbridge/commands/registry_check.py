"""`trialbridge registry check` and `registry page`: a record held against the registry's rules and the study's data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.base.finding import Severity
from trialbridge.commands import registry, registry_input, registry_results
from trialbridge.commands.shell import CLEAN, Shell, exit_code, guarded
from trialbridge.converters.registry.drift import RULES as DRIFT
from trialbridge.converters.registry.drift import drift
from trialbridge.registry import page as record_page
from trialbridge.registry import rules

if TYPE_CHECKING:
    from pathlib import Path


def run(
    path: Path, study: Path | None, *, fail_on: str, as_json: bool = False, quiet: bool = False, no_color: bool = False
) -> int:
    """Check and say; the exit code. Persons are looked at (prose that names them) and never shown."""
    shell = Shell(as_json=as_json, quiet=quiet, no_color=no_color)

    def checked() -> int:
        given = registry_input.read(path, with_contacts=True)
        findings = [*given.findings, *rules.check(given.record)]
        if study is not None:
            data = registry_results.study_of(study, findings)
            findings += drift(given.record, data)
        ran = len(rules.ALL) + (len(DRIFT) if study is not None else 0)
        if shell.as_json:
            shell.json({"record": given.record.nct_id, "rules": ran, "findings": [one.as_dict() for one in findings]})
        if shell.speaks:
            shell.out.print(f"{given.record.nct_id or path.name}: {ran} rules", markup=False)
            registry.show(shell, findings)
        return exit_code(findings, Severity(fail_on))

    return guarded(shell, checked)


def page(
    path: Path, output: Path, *, contacts: bool, as_json: bool = False, quiet: bool = False, no_color: bool = False
) -> int:
    """Write the page; 0."""
    shell = Shell(as_json=as_json, quiet=quiet, no_color=no_color)

    def written() -> int:
        given = registry_input.read(path, with_contacts=contacts)
        record_page.write(given.record, output, rules.check(given.record))
        if shell.as_json:
            shell.json({"written": str(output)})
        if shell.speaks:
            shell.out.print(f"written: {output}", markup=False, soft_wrap=True)
        return CLEAN

    return guarded(shell, written)
