"""CO, comments: Observations whose text is the comment and whose focus is the record commented on.

The focus is a logical reference: the business identifier that the record's own resource bears, whatever that is. A
hospital's notes are not the trial's comments, so only our own are read. Source: SDTMIG 3.4, CO.
"""

from __future__ import annotations

from typing import Any

from trialbridge.mappings.common import STUDY_EXTENSION, STUDYID, collected, day, evaluator
from trialbridge.mappings.kit import Context, Extra, Mapping, Resource, Row, Spelling, line
from trialbridge.mappings.names import LOINC, coding, concept
from trialbridge.mappings.spellings import RECORD, STUDY, SUBJECT, TEXT, record_id, record_parts

COMMENT = coding(LOINC, "48767-8", "Annotation comment [Interpretation] Narrative")
_FOCUS = "Observation.focus[0].identifier"
_evaluator = evaluator("CO", "Observation.performer[0]")


def _commented(row: Row) -> bool:
    """Whether the comment names one record by its --SEQ."""
    domain = row.get("RDOMAIN")
    return bool(domain and row.get("IDVAR") == f"{domain}SEQ" and row.get("IDVARVAL"))


def _record(value: str, ctx: Context) -> str | None:
    row = ctx.row
    return record_id(row.get("STUDYID"), row["RDOMAIN"], row.get("USUBJID"), value) if _commented(row) else None


def _part(at: int, suffix: str = "") -> Any:
    def to_sdtm(value: Any, _ctx: Context) -> str | None:
        parts = record_parts(value)
        return f"{parts[at]}{suffix}" if parts else None

    return to_sdtm


def _never(_resource: Resource) -> bool:
    return False


RELATED = Spelling("--SEQ of the record commented on, in its business identifier", _part(3), _record)
DOMAIN = Spelling("domain of the record commented on, in its business identifier", _part(1), lambda _value, _ctx: None)
IDVAR = Spelling("--SEQ of the domain commented on", _part(1, "SEQ"), lambda _value, _ctx: None)
CO = Mapping(
    domain="CO",
    name="CO",
    resource="Observation",
    key=("STUDYID", "DOMAIN", "USUBJID", "COSEQ"),
    when=_never,
    parts=(_evaluator.part,),
    lines=(
        line("USUBJID", "Observation.subject", SUBJECT),
        line("STUDYID", f"Observation.{STUDY_EXTENSION}", STUDY),
        line("COSEQ", "Observation.identifier.where(system=%sdtm-record).value", RECORD),
        line("IDVARVAL", f"{_FOCUS}.value", RELATED),
        line("RDOMAIN", f"{_FOCUS}.value", DOMAIN, direction="to_sdtm"),
        line("IDVAR", f"{_FOCUS}.value", IDVAR, direction="to_sdtm"),
        line("COREF", "Observation.identifier.where(system=%refid).value", TEXT),
        line("COVAL", "Observation.value.ofType(string)", TEXT),
        collected("CO"),
        *_evaluator.lines,
    ),
    fixed={"status": "final", "code": concept(COMMENT)},
    extras=(Extra(f"{_FOCUS}.system", lambda row, ctx: ctx.url("sdtm-record") if _commented(row) else None),),
    derived=(STUDYID, day("CODY", "CODTC")),
)
