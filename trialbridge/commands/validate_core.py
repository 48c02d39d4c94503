"""CDISC CORE beside our rules, where the user asks for it (`--engine core`): its findings under its own ids."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.rule import Status
from trialbridge.engines import core
from trialbridge.report.conformance import RuleRun, issues_of, rules_of

if TYPE_CHECKING:
    from trialbridge.commands.validate_sdtm import Made
    from trialbridge.commands.validate_wanted import Wanted

CORE = "CDISC CORE"
ENGINES = ("ours", "core", "both")
"""`core` and `both` are one: CORE beside our rules."""


def engine_of(wanted: Wanted) -> core.Core | None:
    """The CORE to run, found before anything else is done; None where only ours is asked for. Raises UnknownNameError."""
    if wanted.engine not in ENGINES:
        raise UnknownNameError(f"There is no engine {wanted.engine}.", fix=f"Use one of {', '.join(ENGINES)}.")
    return core.find(wanted.core_path, wanted.core_cache) if wanted.engine != "ours" else None


def joined(made: Made, wanted: Wanted, engine: core.Core | None) -> Made:
    """What ours have found, and after it what CORE says of the same study; where CORE did not run, that and why."""
    if engine is None or made.study is None:
        return made
    asked = [one for one in wanted.rules if one.upper().startswith("CORE-")]
    done = core.run(
        made.study,
        engine,
        version=made.study.version,
        ct=[made.ct] if made.ct else [],
        define=wanted.define,
        rules=asked,
    )
    if done.why:
        note = f"{CORE} did not run: {done.why}."
        broken = RuleRun(CORE, f"{CORE} did not run.", Status.EXECUTION_ERROR, engine=CORE, why=done.why)
        return replace(made, notes=(*made.notes, note), rules=(*made.rules, broken))
    kept = [one for one in done.checked if one.rule.id not in wanted.excluded]
    if wanted.most:
        kept = [replace(one, findings=one.findings[: wanted.most]) for one in kept]
    return replace(
        made,
        issues=(*made.issues, *(issue for one in kept for issue in issues_of(one.findings))),
        rules=(*made.rules, *rules_of(kept, CORE)),
        core_version=done.version,
        notes=(*made.notes, f"{CORE} {done.version} ran with {done.ct or 'its own terminology'}."),
    )
