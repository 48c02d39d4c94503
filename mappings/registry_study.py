"""A registry record and FHIR's ResearchStudy, line by line, for R4 (and R4B) and R5.

Fields are those below `protocolSection` of the ClinicalTrials.gov API v2. The places follow HL7's own mapping
"clinicaltrials-gov" in both StructureDefinitions, and for what it leaves open the layout of the public converters as
HL7's R5 example `example-ctgov-study-record` shows it. R4 has no place for labels, parties, progress and exposures;
dates stand there in HL7's extension researchStudy-studyRegistration, which R5 does not need. What no line holds travels
in the `registry-field` extension and is counted in the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.mappings import registry_arms as arms
from trialbridge.mappings import registry_dates as dates
from trialbridge.mappings import registry_group as group
from trialbridge.mappings import registry_places as places
from trialbridge.mappings.registry_kit import Each, Line, Linked, Member, Members, Release, Spelling, Value
from trialbridge.mappings.registry_spellings import (
    BOOLEAN,
    CONCEPT_TEXT,
    NCT_SYSTEM,
    NCT_SYSTEMS,
    R5_CORE,
    TEXT,
    code,
    codings,
    concept,
    has_code,
    labelled,
    moved,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.mappings.kit import Resource

R4_ONLY: tuple[Release, ...] = ("R4",)
R5_ONLY: tuple[Release, ...] = ("R5",)
ID, STATUS = "identificationModule.", "statusModule."
SPONSOR, DESIGN = "sponsorCollaboratorsModule.", "designModule."
INFO, IPD = "designModule.designInfo.", "ipdSharingStatementModule."
MESH = "http://id.nlm.nih.gov/mesh"
ROLES = R5_CORE + "research-study-party-role"
PUBMED = "https://pubmed.ncbi.nlm.nih.gov/"
ORG_STUDY_ID = "Organization's unique study identifier"


def constants() -> dict[str, Any]:
    """What `%name` stands for in the paths of this module."""
    found: dict[str, Any] = {
        name: {"coding": [{"system": ROLES, "code": name}]} for name in ("sponsor", "lead-sponsor", "collaborator")
    }
    for name in ("official", "acronym"):
        shown = {"official": "Official Title", "acronym": "Acronym"}[name]
        found[name] = {"coding": [{"system": R5_CORE + "title-type", "code": name}], "text": shown}
    return found


def _nct(value: Any, _release: Release) -> Resource | None:
    return {"use": "official", "system": NCT_SYSTEM, "value": value} if isinstance(value, str) and value else None


def _is_nct(element: Any) -> str | None:
    found = isinstance(element, dict) and element.get("system") in NCT_SYSTEMS
    value = element.get("value") if found else None
    return value if isinstance(value, str) else None


def _org_id(value: Any, _release: Release) -> Resource | None:
    return {"type": {"text": ORG_STUDY_ID}, "value": value} if isinstance(value, str) and value.strip() else None


def _is_org_id(element: Any) -> str | None:
    """Ours by its type; the public converters' by having an assigner and neither type nor system."""
    if not isinstance(element, dict) or not isinstance(element.get("value"), str):
        return None
    ours = text_of(element.get("type")) == ORG_STUDY_ID
    theirs = "assigner" in element and "type" not in element and "system" not in element
    return str(element["value"]) if ours or theirs else None


NCT_ID = Spelling("NCT number", _nct, _is_nct)
ORG_ID = Spelling("sponsor's study id", _org_id, _is_org_id)
_SECONDARY_TYPE = concept("SecondaryIdType")


def _is_secondary(element: Resource) -> bool:
    kind = element.get("type")
    return _is_nct(element) is None and _is_org_id(element) is None and _SECONDARY_TYPE.to_record(kind) is not None


IDS: tuple[Line, ...] = (
    Member(ID + "nctId", "ResearchStudy.identifier", NCT_ID, source="HL7 mapping clinicaltrials-gov: identifier"),
    Member(ID + "orgStudyIdInfo.id", "ResearchStudy.identifier", ORG_ID),
    Each(
        ID + "secondaryIdInfos",
        "ResearchStudy.identifier",
        (
            Value("type", "Each.type", _SECONDARY_TYPE),
            Value("id", "Each.value", TEXT),
            Value("domain", "Each.assigner.display", TEXT),
        ),
        mine=_is_secondary,
    ),
    Value(ID + "briefTitle", "ResearchStudy.title", TEXT),
    Value(ID + "officialTitle", "ResearchStudy.label.where(type=%official).value", TEXT, R5_ONLY),
    Value(ID + "acronym", "ResearchStudy.label.where(type=%acronym).value", TEXT, R5_ONLY),
)
_AGENCY = concept("AgencyClass")
_ORGANIZATION: tuple[Line, ...] = (
    Value("name", "Organization.name", TEXT),
    Value("class", "Organization.type[0]", _AGENCY),
)


def _party(role: str) -> Callable[[Resource], bool]:
    return lambda element: has_code(element.get("role"), role)


def _associated(field: str, role: str, name: str = "name", *, single: bool = False) -> Each:
    return Each(
        field,
        "ResearchStudy.associatedParty",
        (
            Value(name, "Each.name", TEXT),
            Value("class", "Each.classifier[0]", _AGENCY),
            *(places.PARTY if name == "name" else ()),
        ),
        {"role": {"coding": [{"system": ROLES, "code": role}]}},
        _party(role),
        R5_ONLY,
        single=single,
    )


SPONSORS: tuple[Line, ...] = (
    Linked(SPONSOR + "leadSponsor", "ResearchStudy.sponsor", "Organization", _ORGANIZATION, {}, R4_ONLY, single=True),
    _associated(ID + "organization", "sponsor", "fullName", single=True),
    _associated(SPONSOR + "leadSponsor", "lead-sponsor", single=True),
    _associated(SPONSOR + "collaborators", "collaborator"),
    *places.PEOPLE,
)


def _both(field: str, spelling: Spelling) -> tuple[Line, ...]:
    """A field among R4's categories and R5's study designs."""
    return (
        Member(field, "ResearchStudy.category", spelling, R4_ONLY),
        Member(field, "ResearchStudy.studyDesign", spelling, R5_ONLY),
    )


def _classified(field: str, spelling: Spelling) -> tuple[Line, ...]:
    """A field among R4's categories and R5's classifiers."""
    return (
        Member(field, "ResearchStudy.category", spelling, R4_ONLY),
        Member(field, "ResearchStudy.classifier", spelling, R5_ONLY),
    )


_STUDY_DESIGN: dict[Release, str] = {"R4": "", "R5": R5_CORE + "study-design"}
_WHO = concept("WhoMasked", "Design Who Masked", _STUDY_DESIGN)
_PHASES = concept("Phases", "", moved("research-study-phase"))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) and one for one in value)


PHASES = Spelling(
    "phases",
    lambda value, release: _PHASES.to_fhir(",".join(value), release) if _are_texts(value) else None,
    lambda element: found.split(",") if (found := _PHASES.to_record(element)) else None,
    "Phase",
)
DESIGNS: tuple[Line, ...] = (
    *_both(INFO + "maskingInfo.masking", concept("DesignMasking", "Design Masking", _STUDY_DESIGN)),
    Members(INFO + "maskingInfo.whoMasked", "ResearchStudy.category", _WHO, R4_ONLY),
    Members(INFO + "maskingInfo.whoMasked", "ResearchStudy.studyDesign", _WHO, R5_ONLY),
    *_both(INFO + "allocation", concept("DesignAllocation", "Design Allocation", _STUDY_DESIGN)),
    *_both(
        INFO + "interventionModel",
        concept("InterventionalAssignment", "Design Intervention Model", _STUDY_DESIGN),
    ),
    *_both(INFO + "observationalModel", concept("ObservationalModel", "Design Observational Model", _STUDY_DESIGN)),
    *_both(INFO + "timePerspective", concept("DesignTimePerspective", "Design Time Perspective", _STUDY_DESIGN)),
    *_both(DESIGN + "studyType", concept("StudyType", "CT.gov StudyType", _STUDY_DESIGN, raw=True)),
    *_both(INFO + "interventionModelDescription", labelled("Design Intervention Model Description")),
    *_both(INFO + "maskingInfo.maskingDescription", labelled("Design Masking Description")),
    *_both(DESIGN + "patientRegistry", labelled("Patient Registry", BOOLEAN)),
    *_both(DESIGN + "targetDuration", labelled("Target Follow-Up Duration")),
    Value(DESIGN + "phases", "ResearchStudy.phase", PHASES),
    Value(
        INFO + "primaryPurpose",
        "ResearchStudy.primaryPurposeType",
        concept("PrimaryPurpose", "", moved("research-study-prim-purp-type")),
    ),
)
FLAGS = ("oversightHasDmc", "isFdaRegulatedDrug", "isFdaRegulatedDevice", "isUnapprovedDevice", "isPpsd", "isUsExport")
EXPANDED = ("individual", "intermediate", "treatment")
CLASSIFIERS: tuple[Line, ...] = (
    *(
        line
        for name in FLAGS
        for line in _classified("oversightModule." + name, labelled(f"Oversight Classifier: {name} ", BOOLEAN))
    ),
    *_classified(
        STATUS + "expandedAccessInfo.hasExpandedAccess", labelled("Expanded Access: hasExpandedAccess ", BOOLEAN)
    ),
    *_classified(STATUS + "expandedAccessInfo.nctId", labelled("Expanded Access Record")),
    *_classified(
        STATUS + "expandedAccessInfo.statusForNctId", concept("ExpandedAccessStatus", "Expanded Access Status")
    ),
    *(
        line
        for name in EXPANDED
        for line in _classified(
            DESIGN + "expandedAccessTypes." + name, labelled(f"Expanded Access Type: {name} ", BOOLEAN)
        )
    ),
    *_classified(SPONSOR + "responsibleParty.type", concept("ResponsiblePartyType", "Responsible Party")),
    *_classified(DESIGN + "bioSpec.retention", concept("BioSpecRetention", "Biospecimen Retention")),
    *_classified(DESIGN + "bioSpec.description", labelled("Biospecimen Description")),
    *_classified(IPD + "ipdSharing", concept("IpdSharing", "IPDSharing")),
    *_classified(IPD + "description", labelled("IPDSharing Description")),
    Members(
        IPD + "infoTypes", "ResearchStudy.category", concept("IpdSharingInfoType", "IPDSharing Information"), R4_ONLY
    ),
    Members(
        IPD + "infoTypes", "ResearchStudy.classifier", concept("IpdSharingInfoType", "IPDSharing Information"), R5_ONLY
    ),
    *_classified(IPD + "timeFrame", labelled("IPDSharing Time Frame")),
    *_classified(IPD + "accessCriteria", labelled("IPDSharing Access Criteria")),
    *_classified(IPD + "url", labelled("IPDSharing URL")),
)


def _is_mesh(element: Any) -> bool:
    return any(one.get("system") == MESH for one in codings(element))


CONDITION = Spelling(
    "condition",
    CONCEPT_TEXT.to_fhir,
    lambda element: None if _is_mesh(element) and not text_of(element) else CONCEPT_TEXT.to_record(element),
)
SUBJECT: tuple[Line, ...] = (
    Value("descriptionModule.briefSummary", "ResearchStudy.descriptionSummary", TEXT, R5_ONLY),
    Value("descriptionModule.detailedDescription", "ResearchStudy.description", TEXT),
    Members("conditionsModule.conditions", "ResearchStudy.condition", CONDITION),
    Members("conditionsModule.keywords", "ResearchStudy.keyword", CONCEPT_TEXT),
)


def _outcome(kind: str, code_: str) -> tuple[Line, ...]:
    typed = {"coding": [{"system": moved("research-study-objective-type")["R4"], "code": code_}]}
    return (
        Each(
            f"outcomesModule.{kind}Outcomes",
            "ResearchStudy.objective",
            (Value("measure", "Each.name", TEXT),),
            {"type": typed},
            lambda element: has_code(element.get("type"), code_),
            R4_ONLY,
        ),
        Each(
            f"outcomesModule.{kind}Outcomes",
            "ResearchStudy.outcomeMeasure",
            (Value("measure", "Each.name", TEXT), Value("description", "Each.description", TEXT), *arms.TIME_FRAME),
            {"type": [{"coding": [{"system": moved("research-study-objective-type")["R5"], "code": code_}]}]},
            lambda element: any(has_code(one, code_) for one in element.get("type") or ()),
            R5_ONLY,
        ),
    )


OUTCOMES: tuple[Line, ...] = (
    *_outcome("primary", "primary"),
    *_outcome("secondary", "secondary"),
    *_outcome("other", "exploratory"),
)
PUBMED_ID = Spelling(
    "PubMed number",
    lambda value, _release: PUBMED + value if isinstance(value, str) and value.isdigit() else None,
    lambda element: element.removeprefix(PUBMED) if isinstance(element, str) and element.startswith(PUBMED) else None,
)
_REFERENCE_TYPES = frozenset({"BACKGROUND", "RESULT", "DERIVED"})
REFERENCES: tuple[Line, ...] = (
    *(
        Each(
            "referencesModule.references",
            "ResearchStudy.relatedArtifact",
            (
                Value("type", "Each.label", TEXT),
                Value("citation", "Each.citation", TEXT),
                Value("pmid", path, PUBMED_ID),
            ),
            {"type": "citation"},
            lambda element: element.get("type") == "citation" and element.get("label") in _REFERENCE_TYPES,
            releases,
        )
        for path, releases in (("Each.url", R4_ONLY), ("Each.document.url", R5_ONLY))
    ),
    *(
        Each(
            "referencesModule.seeAlsoLinks",
            "ResearchStudy.relatedArtifact",
            (Value("label", "Each.display", TEXT), Value("url", path, TEXT)),
            {"type": "documentation"},
            lambda element: element.get("type") == "documentation",
            releases,
        )
        for path, releases in (("Each.url", R4_ONLY), ("Each.document.url", R5_ONLY))
    ),
)
PROTOCOL: tuple[Line, ...] = (
    *IDS,
    Value(STATUS + "overallStatus", "ResearchStudy.status", code("Status"), R4_ONLY),
    Member(STATUS + "overallStatus", "ResearchStudy.progressStatus", dates.STATE, R5_ONLY),
    Value(STATUS + "whyStopped", "ResearchStudy.reasonStopped.text", TEXT, R4_ONLY),
    Value(STATUS + "whyStopped", "ResearchStudy.whyStopped.text", TEXT, R5_ONLY),
    *dates.LINES,
    *DESIGNS,
    *CLASSIFIERS,
    *SUBJECT,
    *SPONSORS,
    *arms.LINES,
    *OUTCOMES,
    *group.LINES,
    *places.LINES,
    *REFERENCES,
)
WHOLE: tuple[Line, ...] = (
    *_classified("hasResults", labelled("Has Results", BOOLEAN)),
    Each(
        "derivedSection.conditionBrowseModule.meshes",
        "ResearchStudy.condition",
        (Value("id", "Each.coding[0].code", TEXT), Value("term", "Each.coding[0].display", TEXT)),
        {"coding": [{"system": MESH}]},
        lambda element: _is_mesh(element) and not text_of(element),
    ),
)
"""Lines of the study's other sections; fields below the whole record."""
