"""Required fields, dates in order, and what the recruitment status says of dates and enrolment.

Sources: protocol registration data element definitions (what is required, what a status means); 42 CFR 11.28 and 11.64.
"Today" is the day the record was last verified or updated, so that a check gives the same findings tomorrow.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from trialbridge.registry.content import at, text
from trialbridge.registry.dates import is_partial_date, surely_before
from trialbridge.registry.rules.say import error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.base.finding import Finding
    from trialbridge.registry.record import Record

P = "protocolSection."
ALWAYS = (
    "identificationModule.orgStudyIdInfo.id",
    "identificationModule.briefTitle",
    "identificationModule.officialTitle",
    "statusModule.overallStatus",
    "statusModule.statusVerifiedDate",
    "sponsorCollaboratorsModule.responsibleParty.type",
    "sponsorCollaboratorsModule.leadSponsor.name",
    "descriptionModule.briefSummary",
    "conditionsModule.conditions",
    "designModule.studyType",
    "eligibilityModule.eligibilityCriteria",
    "eligibilityModule.sex",
)
STUDIES = (
    "statusModule.startDateStruct.date",
    "statusModule.primaryCompletionDateStruct.date",
    "statusModule.completionDateStruct.date",
    "designModule.enrollmentInfo.count",
    "outcomesModule.primaryOutcomes",
    "armsInterventionsModule.armGroups",
    "eligibilityModule.healthyVolunteers",
)
REQUIRED = {
    "INTERVENTIONAL": (
        *ALWAYS,
        *STUDIES,
        "designModule.phases",
        "designModule.designInfo.primaryPurpose",
        "designModule.designInfo.interventionModel",
        "designModule.designInfo.allocation",
        "designModule.designInfo.maskingInfo.masking",
        "armsInterventionsModule.interventions",
    ),
    "OBSERVATIONAL": (
        *ALWAYS,
        *STUDIES,
        "designModule.designInfo.observationalModel",
        "designModule.designInfo.timePerspective",
        "eligibilityModule.studyPopulation",
        "eligibilityModule.samplingMethod",
    ),
}
DATES = ("startDateStruct", "primaryCompletionDateStruct", "completionDateStruct")
STOPPED = ("SUSPENDED", "TERMINATED", "WITHDRAWN")
ENDED = ("COMPLETED", "TERMINATED")
BEGUN = ("RECRUITING", "ENROLLING_BY_INVITATION", "ACTIVE_NOT_RECRUITING", "SUSPENDED", *ENDED)


def required_fields(record: Record) -> Iterator[Finding]:
    """A record has what the registry requires for its type of study. Source: data element definitions, marked required."""
    for path in REQUIRED.get(record.study_type, ALWAYS):
        if at(record.content, P + path) in (None, "", [], {}):
            yield error("REQUIRED", P + path, "The registry requires this field.", "fill it in")


def dates_in_order(record: Record) -> Iterator[Finding]:
    """A study starts before its primary completion, and that is not after its completion. Source: definitions of the dates."""
    for earlier, later in pairwise(DATES):
        one, other = (text(record.content, f"{P}statusModule.{name}.date") for name in (earlier, later))
        if one and other and surely_before(other, one):
            message = f"{other} lies before {one} ({earlier})."
            yield error("DATE-ORDER", f"{P}statusModule.{later}.date", message, "correct one of the dates")


def actual_dates_have_passed(record: Record) -> Iterator[Finding]:
    """A date called actual is not after the day the record was verified; one called estimated does not lie before it.

    Source: definitions of the date types; 42 CFR 11.64 (updates within 30 days).
    """
    today = _today(record)
    for name in DATES:
        path = f"{P}statusModule.{name}"
        day, kind = text(record.content, path + ".date"), text(record.content, path + ".type")
        if not today or not is_partial_date(day):
            continue
        if kind == "ACTUAL" and surely_before(today, day):
            message = f"{day} is called actual but lies after {today}, when the record was last verified."
            yield error("DATE-ACTUAL", path, message, "call it estimated or correct it")
        if kind == "ESTIMATED" and surely_before(day, today):
            message = f"{day} is called estimated but lies before {today}, when the record was last verified."
            yield warning("DATE-ESTIMATED", path, message, "give the actual date or a new estimate")


def _today(record: Record) -> str:
    """The later of the dates of verification and of the last update, as far as they are known."""
    update = text(record.content, P + "statusModule.lastUpdateSubmitDate")
    return max(filter(is_partial_date, (record.verified, update)), default="")


def status_fits_start(record: Record) -> Iterator[Finding]:
    """A study that is not yet recruiting has not started; one that recruits or has ended has. Source: status definitions."""
    path = P + "statusModule.startDateStruct.type"
    if record.status == "NOT_YET_RECRUITING" and record.start.type == "ACTUAL":
        yield error(
            "STATUS-START", path, "The study is not yet recruiting, yet its start is actual.", "update the status"
        )
    if record.status in BEGUN and record.start.type == "ESTIMATED":
        yield error(
            "STATUS-START", path, f"The study is {record.status}, yet its start is estimated.", "give the start"
        )


def status_fits_end(record: Record) -> Iterator[Finding]:
    """A completed or terminated study has an actual completion date; one still recruiting has none. Source: status definitions."""
    path = P + "statusModule.completionDateStruct.type"
    if record.status in ENDED and record.completion.type == "ESTIMATED":
        yield error(
            "STATUS-END", path, f"The study is {record.status}, yet its completion is estimated.", "give the date"
        )
    if record.status in ("NOT_YET_RECRUITING", "RECRUITING", "ENROLLING_BY_INVITATION") and (
        record.completion.type == "ACTUAL"
    ):
        yield error("STATUS-END", path, f"The study is {record.status}, yet it is complete.", "update the status")


def stopped_says_why(record: Record) -> Iterator[Finding]:
    """A suspended, terminated or withdrawn study says why; no other does. Source: definition of Why Study Stopped."""
    path = P + "statusModule.whyStopped"
    why = text(record.content, path)
    if record.status in STOPPED and not why:
        yield error("WHY-STOPPED", path, f"The study is {record.status} and does not say why.", "say why it stopped")
    if why and record.status and record.status not in (*STOPPED, "UNKNOWN"):
        yield warning("WHY-STOPPED", path, f"The study is {record.status}, yet it says why it stopped.", "remove it")


def enrolment_fits_status(record: Record) -> Iterator[Finding]:
    """Nobody is enrolled exactly in a withdrawn study; a study that has ended gives the actual number.

    Source: definitions of Enrollment and of the status Withdrawn.
    """
    path = P + "designModule.enrollmentInfo"
    count, kind = record.enrollment.count, record.enrollment.type
    if record.status == "WITHDRAWN" and count not in (None, 0):
        yield error(
            "ENROLMENT", path, f"The study is withdrawn, yet {count} were enrolled.", "set 0 or call it terminated"
        )
    if count == 0 and record.status and record.status != "WITHDRAWN":
        yield error(
            "ENROLMENT", path, f"Nobody is enrolled, yet the study is {record.status}.", "correct number or status"
        )
    if record.status in ENDED and kind == "ESTIMATED":
        yield error(
            "ENROLMENT", path, f"The study is {record.status}, yet enrolment is estimated.", "give the actual number"
        )
    if record.status == "NOT_YET_RECRUITING" and kind == "ACTUAL":
        yield error("ENROLMENT", path, "The study is not yet recruiting, yet enrolment is actual.", "call it estimated")
