"""Participant flow from DM and DS: who started, who completed, and why the others did not.

A subject's disposition is the last DISPOSITION EVENT of DS (by date, then DSSEQ); where DS tells study participation
from study treatment (DSSCAT), that of participation. Screen failures stand before the flow.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.registry.subjects import rows, text
from trialbridge.mappings.registry_terms import COMPLETED, NO_REASON, REASONS
from trialbridge.registry.flow import participant_flow, period

if TYPE_CHECKING:
    from trialbridge.converters.registry.subjects import Arms, Row
    from trialbridge.registry.flow import ParticipantFlow
    from trialbridge.sdtm.table import Study

PARTICIPATION = "STUDY PARTICIPATION"


def flow(study: Study, arms: Arms, findings: list[Finding]) -> ParticipantFlow:
    """The flow by planned arm, in one period."""
    ends = dispositions(study)
    completed: dict[str, int] = {}
    reasons: dict[str, Counter[str]] = {}
    without = 0
    for title, subjects in arms.planned.items():
        said = [ends.get(text(one, "USUBJID"), "") for one in subjects]
        completed[title] = said.count(COMPLETED)
        for one in said:
            without += not one
            if one != COMPLETED:
                reasons.setdefault(_reason(one), Counter())[title] += 1
    if without:
        message = f"{without} subjects have no disposition event; they count as not completed ({NO_REASON})."
        where = Where(dataset="DS", variable="DSDECOD")
        findings.append(Finding("TB-REG-DISPOSITION-MISSING", Severity.WARNING, where, message, "complete DS"))
    order = [*dict.fromkeys(REASONS.values()), *sorted(set(reasons) - set(REASONS.values()))]
    counted = {reason: reasons[reason] for reason in order if reason in reasons}
    started = {title: len(subjects) for title, subjects in arms.planned.items()}
    return participant_flow(
        {title: arms.titles[title] for title in arms.planned},
        [period("Overall Study", started, completed, counted)],
        pre_assignment_details=_before(arms),
        recruitment_details=_recruited(arms),
    )


def dispositions(study: Study) -> dict[str, str]:
    """USUBJID -> DSDECOD of the last disposition event, in capitals."""
    found: dict[str, list[Row]] = {}
    for row in rows(study, "DS"):
        category = text(row, "DSCAT").upper()
        if category in ("", "DISPOSITION EVENT") and text(row, "DSDECOD"):
            found.setdefault(text(row, "USUBJID"), []).append(row)
    ends = {}
    for usubjid, events in found.items():
        own = [one for one in events if text(one, "DSSCAT").upper() == PARTICIPATION] or events
        last = max(own, key=lambda one: (text(one, "DSSTDTC"), float(one.get("DSSEQ") or 0)))
        ends[usubjid] = text(last, "DSDECOD").upper()
    return ends


def _reason(decoded: str) -> str:
    return REASONS.get(decoded, decoded.capitalize() or NO_REASON)


def _before(arms: Arms) -> str:
    if not arms.unassigned:
        return ""
    return f"{arms.unassigned + arms.started} participants were screened, {arms.unassigned} of them were not assigned."


def _recruited(arms: Arms) -> str:
    """From when to when participants gave consent, or began where consent is not dated."""
    everyone = [one for subjects in arms.planned.values() for one in subjects]
    for variable, what in (("RFICDTC", "informed consent"), ("RFSTDTC", "start")):
        days = sorted(filter(None, (text(one, variable)[:10] for one in everyone)))
        if days:
            sites = {text(one, "SITEID") for one in everyone} - {""}
            where = f" at {len(sites)} sites" if len(sites) > 1 else ""
            return f"Participants were enrolled{where} from {days[0]} to {days[-1]} (dates of {what})."
    return ""
