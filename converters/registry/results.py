"""A registry's results section from a study's data: participant flow, baseline, outcome measures, adverse events.

Everything is counted from SDTM (DM, DS, AE, and for the outcomes TU, TR, PR, RS); what the data do not say (a
vocabulary, an agreement with investigators, a contact) is a finding. `with_results` gives the record with the section,
whose numbers `registry.rules` then checks like those of any record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.registry import baseline as registry_baseline
from trialbridge.converters.registry import events as registry_events
from trialbridge.converters.registry import flow as registry_flow
from trialbridge.converters.registry import outcomes as registry_outcomes
from trialbridge.converters.registry.events import Wanted
from trialbridge.converters.registry.subjects import arms as arms_of
from trialbridge.converters.registry.subjects import rows, text
from trialbridge.registry import results
from trialbridge.registry.files.eudract import NO_CAUSALITY
from trialbridge.registry.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.registry.adverse_events import AdverseEvents
    from trialbridge.registry.files.eudract import Causality
    from trialbridge.sdtm.table import Study


EVENTS = Wanted()
_NCT = re.compile(r"NCT\d{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Options:
    """How results are computed. `day` and `window`: days after the end of radiotherapy at which remission counts.

    `evaluator`: RSEVAL and TREVAL whose readings count.
    """

    events: Wanted = EVENTS
    criteria: str = "1.0"
    ctcae: str = "4.0"
    day: int = 91
    window: int = 28
    evaluator: str = "INVESTIGATOR"


@dataclass(frozen=True, slots=True)
class Computed:
    """The results, the causality of events for EudraCT, and what is missing or doubtful."""

    results: results.Results
    causality: Causality
    findings: tuple[Finding, ...]

    @property
    def events(self) -> AdverseEvents | None:
        """The adverse events, for EudraCT's file."""
        return self.results.adverse_events_module

    def with_results(self, record: Record) -> Record:
        """The record with this results section in place of its own; agreement, contact and limitations stay."""
        section: dict[str, Any] = results.write(self.results)
        kept = record.results.get("moreInfoModule")
        if kept:
            section["moreInfoModule"] = kept
        content = {key: value for key, value in record.content.items() if key not in ("resultsSection", "hasResults")}
        placed: dict[str, Any] = {}
        for key, value in content.items():
            placed[key] = value
            if key == "protocolSection":
                placed["resultsSection"] = section
        placed.setdefault("resultsSection", section)
        placed["hasResults"] = True
        return Record(placed, record.source)


def compute(study: Study, record: Record, options: Options | None = None) -> Computed:
    """The results of a study for its record.

    Raises UnknownNameError without DM or for criteria that do not exist, DoesNotFitError for a threshold over 5 %.
    """
    wanted = options or Options()
    findings: list[Finding] = list(_of_another(study, record))
    arms = arms_of(study, record, findings)
    events = registry_events.adverse_events(study, arms, wanted.events, findings)
    measures = registry_outcomes.outcome_measures(
        study,
        record,
        arms,
        findings,
        criteria=wanted.criteria,
        ctcae=wanted.ctcae,
        day=wanted.day,
        window=wanted.window,
        evaluator=wanted.evaluator,
    )
    made = results.Results(
        registry_flow.flow(study, arms, findings),
        registry_baseline.baseline(arms, findings),
        measures if measures.outcome_measures else None,
        events[0] if events else None,
    )
    if not record.results.get("moreInfoModule"):
        message = "Agreement with investigators and point of contact are not in the data; the registry wants both."
        where = Where(path="resultsSection.moreInfoModule")
        findings.append(Finding("TB-REG-MORE-INFO", Severity.NOTE, where, message, "enter them in PRS"))
    return Computed(made, events[1] if events else NO_CAUSALITY, tuple(dict.fromkeys(findings)))


def _of_another(study: Study, record: Record) -> Iterator[Finding]:
    """An error where the study's own NCT numbers (TS.REGID, STUDYID) do not have the record's."""
    said = [text(row, "TSVAL") for row in rows(study, "TS") if text(row, "TSPARMCD") == "REGID"]
    said += [text(row, "STUDYID") for row in rows(study, "DM")[:1]]
    numbers = dict.fromkeys(one for one in said if _NCT.fullmatch(one))
    if record.nct_id and numbers and record.nct_id not in numbers:
        where = Where(path="protocolSection.identificationModule.nctId")
        message = f"The record is {record.nct_id}'s; the data say that the study is {', '.join(numbers)}."
        yield Finding("TB-REG-OTHER-STUDY", Severity.ERROR, where, message, "give the study's own record")
