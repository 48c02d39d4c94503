"""The protocol part of the older public XML, line by line; read only, as the registry no longer gives or takes it.

Paths are those below protocolSection. Source: schema public_2019.02.14 and the change notes in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.registry import enums
from trialbridge.registry.content import put
from trialbridge.registry.files.spelling import NUMBER, TEXT, WORDY_DATE, YES_NO, Spelling, code, phases
from trialbridge.registry.files.xmllines import Each, EachText, Leaf, Line, Nest, Special, read
from trialbridge.registry.files.xmltree import child_text
from trialbridge.registry.markup import plain, relaid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lxml import etree

    from trialbridge.registry.files.xmllines import Findings

ID = "identificationModule."
STATUS = "statusModule."
SPONSOR = "sponsorCollaboratorsModule."
OVERSIGHT = "oversightModule."
DESIGN = "designModule."
INFO = "designModule.designInfo."
ELIGIBILITY = "eligibilityModule."
PLACES = "contactsLocationsModule."
IPD = "ipdSharingStatementModule."
N_A = "N/A"
PROSE = Spelling("text", plain, relaid)
HEALTHY = Spelling(
    "yes or no",
    lambda value: "Accepts Healthy Volunteers" if value else "No",
    lambda text: {"no": False, "accepts healthy volunteers": True, "yes": True}.get(text.casefold()),
)
INFO_TYPE = code("IpdSharingInfoType", "public")
_MASKING = re.compile(r"(?P<how>[^()]+?(?: \(Open Label\))?)(?: \((?P<who>[^()]*)\))?")


def _unwritten(_source: Mapping[str, Any], _parent: etree._Element, _findings: Findings) -> None:
    """The public XML is not written."""


def reads(function: Callable[[etree._Element, dict[str, Any], Findings], None], *tags: str) -> Special:
    """A line that is only read, from these elements."""
    return Special(_unwritten, function, tags)


def dated(tag: str, path: str, spelling: Spelling = WORDY_DATE, value: str = "date") -> Special:
    """An element with a value and whether it is actual, in its attribute `type`."""

    def function(element: etree._Element, target: dict[str, Any], findings: Findings) -> None:
        found = element.find(tag)
        if found is None:
            return
        read((Leaf(tag, f"{path}.{value}", spelling),), element, target, findings)
        if found.get("type"):
            kind, more = enums.read("DateType", str(found.get("type")), "public")
            findings += more
            put(target, f"{path}.type", kind or found.get("type"))

    return reads(function, tag)


def _masking(element: etree._Element, target: dict[str, Any], findings: Findings) -> None:
    """`Double (Participant, Investigator)` as masking and roles."""
    text = child_text(element, "masking")
    match = _MASKING.fullmatch(text)
    if not text:
        return
    if match is None:
        put(target, INFO + "maskingInfo.masking", text)
        where = Where(path=INFO + "maskingInfo.masking")
        message = "This is not the masking as the format knows it; kept as it stands."
        findings.append(Finding("TB-REG-VALUE-UNKNOWN", Severity.WARNING, where, message, "correct the record"))
        return
    how, more = enums.read("DesignMasking", match["how"], "public")
    findings += more
    put(target, INFO + "maskingInfo.masking", how or match["how"])
    who = []
    for role in filter(None, re.split(r", *", match["who"] or "")):
        name, more = enums.read("WhoMasked", role, "public")
        findings += more
        who.append(name or role)
    if who:
        put(target, INFO + "maskingInfo.whoMasked", who)


def _patient_registry(element: etree._Element, target: dict[str, Any], _findings: Findings) -> None:
    if "Patient Registry" in child_text(element, "study_type"):
        put(target, DESIGN + "patientRegistry", value=True)


def _ids(element: etree._Element, target: dict[str, Any], _findings: Findings) -> None:
    """Secondary ids: the public XML gives their text alone."""
    found = [{"id": text} for one in element.findall("secondary_id") if (text := (one.text or "").strip())]
    if found:
        put(target, ID + "secondaryIdInfos", found)


def _contact(element: etree._Element, role: str) -> dict[str, Any]:
    names = (child_text(element, tag) for tag in ("first_name", "middle_name", "last_name"))
    name = ", ".join(filter(None, (" ".join(filter(None, names)), child_text(element, "degrees"))))
    given = {
        "name": name,
        "role": role,
        "affiliation": child_text(element, "affiliation"),
        "phone": child_text(element, "phone"),
        "phoneExt": child_text(element, "phone_ext"),
        "email": child_text(element, "email"),
    }
    return {field: value for field, value in given.items() if value}


def _people(path: str, tags: tuple[str, ...]) -> Special:
    """Contacts and officials, whose names come in parts."""

    def function(element: etree._Element, target: dict[str, Any], _findings: Findings) -> None:
        people = []
        for one in (one for tag in tags for one in element.findall(tag)):
            role = enums.read("ContactRole", child_text(one, "role") or "Contact", "public")[0]
            people.append(_contact(one, role or ""))
        if people:
            put(target, path, people)

    return reads(function, *tags)


def _outcome(tag: str, path: str) -> Each:
    lines: tuple[Line, ...] = (
        Leaf("measure", "measure", PROSE),
        Leaf("time_frame", "timeFrame", PROSE),
        Leaf("description", "description", PROSE),
    )
    return Each(tag, path, lines)


def _agency(path: str) -> tuple[Line, ...]:
    return (Leaf("agency", path + "name"), Leaf("agency_class", path + "class", code("AgencyClass", "public")))


DESIGN_INFO: tuple[Line, ...] = (
    Leaf("allocation", INFO + "allocation", code("DesignAllocation", "public")),
    Leaf("intervention_model", INFO + "interventionModel", code("InterventionalAssignment", "public")),
    Leaf("intervention_model_description", INFO + "interventionModelDescription", PROSE),
    Leaf("primary_purpose", INFO + "primaryPurpose", code("PrimaryPurpose", "public")),
    Leaf("observational_model", INFO + "observationalModel", code("ObservationalModel", "public")),
    Leaf("time_perspective", INFO + "timePerspective", code("DesignTimePerspective", "public")),
    reads(_masking, "masking"),
    Leaf("masking_description", INFO + "maskingInfo.maskingDescription", PROSE),
)
ELIGIBLE: tuple[Line, ...] = (
    Leaf("study_pop", ELIGIBILITY + "studyPopulation", PROSE, block=True),
    Leaf("sampling_method", ELIGIBILITY + "samplingMethod", code("SamplingMethod", "public")),
    Leaf("criteria", ELIGIBILITY + "eligibilityCriteria", PROSE, block=True),
    Leaf("gender", ELIGIBILITY + "sex", code("Sex", "public")),
    Leaf("gender_based", ELIGIBILITY + "genderBased", YES_NO),
    Leaf("gender_description", ELIGIBILITY + "genderDescription", PROSE),
    Leaf("minimum_age", ELIGIBILITY + "minimumAge", empty=N_A),
    Leaf("maximum_age", ELIGIBILITY + "maximumAge", empty=N_A),
    Leaf("healthy_volunteers", ELIGIBILITY + "healthyVolunteers", HEALTHY),
)
RESPONSIBLE: tuple[Line, ...] = (
    Leaf("name_title", SPONSOR + "responsibleParty.oldNameTitle"),
    Leaf("organization", SPONSOR + "responsibleParty.oldOrganization"),
    Leaf("responsible_party_type", SPONSOR + "responsibleParty.type", code("ResponsiblePartyType", "public")),
    Leaf("investigator_affiliation", SPONSOR + "responsibleParty.investigatorAffiliation"),
    Leaf("investigator_full_name", SPONSOR + "responsibleParty.investigatorFullName"),
    Leaf("investigator_title", SPONSOR + "responsibleParty.investigatorTitle"),
)
LOCATION: tuple[Line, ...] = (
    Nest(
        "facility",
        (
            Leaf("name", "facility"),
            Nest("address", tuple(Leaf(name, name) for name in ("city", "state", "zip", "country"))),
        ),
    ),
    Leaf("status", "status", code("RecruitmentStatus", "public")),
    _people("contacts", ("contact", "contact_backup", "investigator")),
)
STUDY: tuple[Line, ...] = (
    Nest(
        "id_info",
        (
            Leaf("nct_id", ID + "nctId"),
            EachText("nct_alias", ID + "nctIdAliases"),
            Leaf("org_study_id", ID + "orgStudyIdInfo.id"),
            reads(_ids, "secondary_id"),
        ),
    ),
    Leaf("source", ID + "organization.fullName"),
    Leaf("brief_title", ID + "briefTitle"),
    Leaf("official_title", ID + "officialTitle"),
    Leaf("acronym", ID + "acronym"),
    Leaf("verification_date", STATUS + "statusVerifiedDate", WORDY_DATE),
    Leaf("overall_status", STATUS + "overallStatus", code("Status", "public")),
    Leaf("last_known_status", STATUS + "lastKnownStatus", code("Status", "public")),
    Leaf("why_stopped", STATUS + "whyStopped", PROSE),
    Leaf("has_expanded_access", STATUS + "expandedAccessInfo.hasExpandedAccess", YES_NO),
    dated("start_date", STATUS + "startDateStruct"),
    dated("primary_completion_date", STATUS + "primaryCompletionDateStruct"),
    dated("completion_date", STATUS + "completionDateStruct"),
    Leaf("study_first_submitted", STATUS + "studyFirstSubmitDate", WORDY_DATE),
    Leaf("study_first_submitted_qc", STATUS + "studyFirstSubmitQcDate", WORDY_DATE),
    dated("study_first_posted", STATUS + "studyFirstPostDateStruct"),
    Leaf("results_first_submitted", STATUS + "resultsFirstSubmitDate", WORDY_DATE),
    Leaf("results_first_submitted_qc", STATUS + "resultsFirstSubmitQcDate", WORDY_DATE),
    dated("results_first_posted", STATUS + "resultsFirstPostDateStruct"),
    Leaf("disposition_first_submitted", STATUS + "dispFirstSubmitDate", WORDY_DATE),
    Leaf("disposition_first_submitted_qc", STATUS + "dispFirstSubmitQcDate", WORDY_DATE),
    dated("disposition_first_posted", STATUS + "dispFirstPostDateStruct"),
    Leaf("last_update_submitted", STATUS + "lastUpdateSubmitDate", WORDY_DATE),
    dated("last_update_posted", STATUS + "lastUpdatePostDateStruct"),
    Nest("responsible_party", RESPONSIBLE),
    Nest("sponsors", (Nest("lead_sponsor", _agency(SPONSOR + "leadSponsor.")),)),
    Nest("sponsors", (Each("collaborator", SPONSOR + "collaborators", _agency("")),)),
    Nest(
        "oversight_info",
        (
            Leaf("has_dmc", OVERSIGHT + "oversightHasDmc", YES_NO),
            Leaf("is_fda_regulated_drug", OVERSIGHT + "isFdaRegulatedDrug", YES_NO),
            Leaf("is_fda_regulated_device", OVERSIGHT + "isFdaRegulatedDevice", YES_NO),
            Leaf("is_unapproved_device", OVERSIGHT + "isUnapprovedDevice", YES_NO),
            Leaf("is_ppsd", OVERSIGHT + "isPpsd", YES_NO),
            Leaf("is_us_export", OVERSIGHT + "isUsExport", YES_NO),
        ),
    ),
    Leaf("brief_summary", "descriptionModule.briefSummary", PROSE, block=True),
    Leaf("detailed_description", "descriptionModule.detailedDescription", PROSE, block=True),
    EachText("condition", "conditionsModule.conditions"),
    EachText("keyword", "conditionsModule.keywords"),
    Leaf("study_type", DESIGN + "studyType", code("StudyType", "public")),
    reads(_patient_registry),
    Nest(
        "expanded_access_info",
        tuple(
            Leaf(f"expanded_access_type_{name}", f"{DESIGN}expandedAccessTypes.{name}", YES_NO)
            for name in ("individual", "intermediate", "treatment")
        ),
    ),
    Leaf("target_duration", DESIGN + "targetDuration"),
    Leaf("phase", DESIGN + "phases", phases("public")),
    Nest("study_design_info", DESIGN_INFO),
    Leaf("biospec_retention", DESIGN + "bioSpec.retention", code("BioSpecRetention", "public")),
    Leaf("biospec_descr", DESIGN + "bioSpec.description", PROSE, block=True),
    dated("enrollment", DESIGN + "enrollmentInfo", NUMBER, "count"),
    Each(
        "arm_group",
        "armsInterventionsModule.armGroups",
        (
            Leaf("arm_group_label", "label"),
            Leaf("arm_group_type", "type", code("ArmGroupType", "public")),
            Leaf("description", "description", PROSE),
        ),
    ),
    Each(
        "intervention",
        "armsInterventionsModule.interventions",
        (
            Leaf("intervention_type", "type", code("InterventionType", "public")),
            Leaf("intervention_name", "name"),
            Leaf("description", "description", PROSE),
            EachText("arm_group_label", "armGroupLabels"),
            EachText("other_name", "otherNames"),
        ),
    ),
    _outcome("primary_outcome", "outcomesModule.primaryOutcomes"),
    _outcome("secondary_outcome", "outcomesModule.secondaryOutcomes"),
    _outcome("other_outcome", "outcomesModule.otherOutcomes"),
    Nest("eligibility", ELIGIBLE),
    _people(PLACES + "centralContacts", ("overall_contact", "overall_contact_backup")),
    _people(PLACES + "overallOfficials", ("overall_official",)),
    Each("location", PLACES + "locations", LOCATION),
    Each("reference", "referencesModule.references", (Leaf("PMID", "pmid"), Leaf("citation", "citation", PROSE))),
    Each(
        "results_reference",
        "referencesModule.references",
        (
            Leaf("PMID", "pmid"),
            reads(lambda _element, target, _findings: put(target, "type", "RESULT")),
            Leaf("citation", "citation", PROSE),
        ),
    ),
    Each("link", "referencesModule.seeAlsoLinks", (Leaf("description", "label"), Leaf("url", "url"))),
    Nest(
        "study_docs",
        (
            Each(
                "study_doc",
                "referencesModule.availIpds",
                (
                    Leaf("doc_id", "id"),
                    Leaf("doc_type", "type"),
                    Leaf("doc_url", "url"),
                    Leaf("doc_comment", "comment", PROSE),
                ),
            ),
        ),
    ),
    Nest(
        "patient_data",
        (
            Leaf("sharing_ipd", IPD + "ipdSharing", code("IpdSharing", "public")),
            Leaf("ipd_description", IPD + "description", PROSE),
            EachText("ipd_info_type", IPD + "infoTypes", INFO_TYPE),
            Leaf("ipd_time_frame", IPD + "timeFrame", PROSE),
            Leaf("ipd_access_criteria", IPD + "accessCriteria", PROSE),
            Leaf("ipd_url", IPD + "url", TEXT),
        ),
    ),
)
