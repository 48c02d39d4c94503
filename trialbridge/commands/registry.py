"""`trialbridge registry convert`: a record as FHIR, SDTM trial design, API v2 JSON or PRS XML, in one folder."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge import api
from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.commands import registry_input
from trialbridge.commands.output import check_target, run_folder
from trialbridge.commands.shell import Shell, counts, exit_code, guarded
from trialbridge.converters.registry import fhir as registry_fhir
from trialbridge.converters.registry import sdtm as registry_sdtm
from trialbridge.converters.registry.rest import spelled
from trialbridge.fhir import files as fhir_files
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.jsontext import encode, pretty
from trialbridge.fhir.releases import release as release_named
from trialbridge.registry.files import prs, v2
from trialbridge.study_file.load import load

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trialbridge.commands.registry_input import Given
    from trialbridge.fhir.releases import Release
    from trialbridge.study_file.model import StudyFile

FINDINGS = "findings.json"
_MOST = 30
_OF_A_KIND = 3
_QUOTED = re.compile(r"'[^']*'")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. An empty `file_format`: a Bundle, or Dataset-JSON."""

    record: Path
    to: str
    output: Path
    fhir_version: str = "R5"
    file_format: str = ""
    study_file: Path | None = None
    org_name: str = ""
    contacts: bool = False
    base_url: str = ""


def convert(wanted: Wanted, *, fail_on: str, as_json: bool = False, quiet: bool = False, no_color: bool = False) -> int:
    """Read, convert, write, say; the exit code."""
    shell = Shell(as_json=as_json, quiet=quiet, no_color=no_color)
    return guarded(shell, lambda: _convert(wanted, fail_on, shell))


def _convert(wanted: Wanted, fail_on: str, shell: Shell) -> int:
    release = release_named(wanted.fhir_version)
    check_target(wanted.output, [wanted.record], ("one",))
    given = registry_input.read(wanted.record, with_contacts=wanted.contacts)
    options = {"command": "registry convert", "to": wanted.to, "fhir_version": release, "contacts": wanted.contacts}
    inputs = [one for one in (wanted.record, wanted.study_file) if one is not None]
    with run_folder(wanted.output, {"options": options}, inputs) as (folder, names):
        made, said = WRITERS[wanted.to](given, wanted, release, folder)
        findings = [*given.findings, *made]
        (folder / FINDINGS).write_bytes(pretty({"findings": [one.as_dict() for one in findings]}))
    say(shell, findings, {"to": wanted.to, "record": given.record.nct_id, **said}, names, wanted.output)
    return exit_code(findings, Severity(fail_on))


def _plan(given: Given, wanted: Wanted, findings: list[Finding]) -> StudyFile | None:
    """The study file; one of another study is a finding."""
    if wanted.study_file is None:
        return None
    plan = load(wanted.study_file)
    if plan.study.registry and given.record.nct_id and plan.study.registry != given.record.nct_id:
        message = f"The study file is of {plan.study.registry}, the record of {given.record.nct_id}."
        where = Where(file=str(wanted.study_file), path="study.registry")
        findings.append(Finding("TB-REG-OTHER-STUDY", Severity.ERROR, where, message, "give the study's own file"))
    return plan


def _to_fhir(given: Given, wanted: Wanted, release: Release, folder: Path) -> tuple[list[Finding], dict[str, Any]]:
    name = wanted.file_format or "bundle"
    if name not in fhir_files.FORMATS:
        raise UnknownNameError(f"There is no FHIR format {name!r}.", fix=f"use {', '.join(fhir_files.FORMATS)}")
    findings: list[Finding] = []
    plan = _plan(given, wanted, findings)
    studyid = plan.study.id if plan else ""
    done = registry_fhir.to_fhir(given.record, release, base=wanted.base_url or BASE, studyid=studyid)
    resources = list(done.resources)
    if given.residue and all(one.get("release") == release for one in given.residue):
        resources = registry_fhir.with_residue(given.record, given.residue, release)
    elif given.residue:
        message = f"The FHIR kept beside the record is not of {release}; it is not put back."
        where = Where(file=registry_input.RESIDUE)
        findings.append(Finding("TB-REG-RESIDUE-RELEASE", Severity.WARNING, where, message, "ask for its release"))
    fhir_files.write(resources, folder, name, release)
    kinds = dict(sorted(Counter(one["resourceType"] for one in resources).items()))
    return [*findings, *done.findings], {
        "resources": kinds,
        "values": {"in elements": done.native, "carried": done.carried},
    }


def _to_sdtm(given: Given, wanted: Wanted, _release: Release, folder: Path) -> tuple[list[Finding], dict[str, Any]]:
    findings: list[Finding] = []
    plan = _plan(given, wanted, findings)
    done = registry_sdtm.to_tables(
        given.record,
        plan.design if plan else None,
        plan.visits if plan else None,
        studyid=plan.study.id if plan else "",
    )
    api.write(done.study, folder, wanted.file_format or "dataset-json")
    lines = [
        {"path": spelled(one.path), "value": one.value, "absent": one.absent, "hash": one.hash} for one in done.rest
    ]
    _ndjson(folder / registry_input.REST, lines)
    return [*findings, *done.findings], {"rows": {one.name: one.frame.height for one in done.study}, "rest": len(lines)}


def _to_v2(given: Given, _wanted: Wanted, _release: Release, folder: Path) -> tuple[list[Finding], dict[str, Any]]:
    v2.write(given.record, folder / registry_input.RECORD)
    if given.residue:
        _ndjson(folder / registry_input.RESIDUE, given.residue)
    return [], {"residue": len(given.residue)}


def _to_prs(given: Given, wanted: Wanted, _release: Release, folder: Path) -> tuple[list[Finding], dict[str, Any]]:
    return prs.write(given.record, folder / registry_input.PRS, org_name=wanted.org_name), {}


WRITERS = {"fhir": _to_fhir, "sdtm": _to_sdtm, "v2": _to_v2, "prs": _to_prs}


def _ndjson(path: Path, lines: Iterable[Any]) -> None:
    path.write_bytes(b"".join(encode(one) + b"\n" for one in lines))


def say(shell: Shell, findings: list[Finding], about: dict[str, Any], names: list[str], output: Path) -> None:
    """The summary, for people or as JSON."""
    if shell.as_json:
        shell.json({**about, "written": names, "findings": [one.as_dict() for one in findings]})
    if not shell.speaks:
        return
    for name, value in about.items():
        if value:
            shown = ", ".join(f"{key} {count}" for key, count in value.items()) if isinstance(value, dict) else value
            shell.out.print(f"{name}: {shown}", markup=False)
    show(shell, findings)
    shell.out.print(f"written to {output}: {', '.join(names)}", markup=False, soft_wrap=True)


def show(shell: Shell, findings: Iterable[Finding]) -> None:
    """The findings from the worst on, one a line, many of a kind told by the first; notes counted only."""
    listed = list(findings)
    worth = [one for severity in (Severity.ERROR, Severity.WARNING) for one in listed if one.severity == severity]
    kinds: dict[tuple[str, ...], list[Finding]] = {}
    for one in worth:
        kinds.setdefault(_kind(one), []).append(one)
    lines = [line for those in kinds.values() for line in _told(those)]
    for line in lines[:_MOST]:
        shell.out.print(line, markup=False, soft_wrap=True)
    if len(lines) > _MOST:
        shell.out.print(f"… and {len(lines) - _MOST} more; all are in {FINDINGS} or in --json", markup=False)
    told = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts(listed).items())
    shell.out.print(f"findings: {told}", markup=False)


def _kind(one: Finding) -> tuple[str, ...]:
    """What a finding says but for what it says it of: a variable, what it quotes."""
    said = (one.id, _QUOTED.sub("…", one.message), one.fix)
    return said if one.where.variable is None else tuple(text.replace(one.where.variable, "…") for text in said)


def _told(those: list[Finding]) -> list[str]:
    """Findings of one kind: each, or of many the first, and where else it is so."""
    if len(those) <= _OF_A_KIND:
        return [str(one) for one in those]
    places = {str(one.where) for one in those}
    others = [_QUOTED.findall(one.message) for one in those[1:]]
    if len(places) > 1 or not all(others):
        named = [str(one.where.variable or one.where.path or one.where) for one in those[1:]]
    else:
        named = [", ".join(quoted) for quoted in others]
    return [f"{those[0]}", f"  likewise {', '.join(named)}"]
