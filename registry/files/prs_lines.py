"""The protocol part of PRS upload XML, line by line: which element holds which field of the record.

Paths are those below protocolSection. The order is the schema's (ProtocolRecordSchema 2018.05.08, whose comments name
the values); elements that the schema requires are written even when empty. Elements marked deprecated there are read
where API v2 still has their field and never written otherwise.
"""

from __future__ import annotations

from trialbridge.registry.files import prs_specials as special
from trialbridge.registry.files.spelling import DATE, NUMBER, YES_NO, code, phases
from trialbridge.registry.files.xmllines import Each, EachText, Leaf, Line, Nest, Special

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

IDS: tuple[Line, ...] = (
    Leaf("org_name", ID + "organization.fullName", always=True),
    Leaf("org_study_id", ID + "orgStudyIdInfo.id", always=True),
    Each(
        "secondary_id",
        ID + "secondaryIdInfos",
        (
            Leaf("id", "id", always=True),
            Leaf("id_type", "type", code("SecondaryIdType", "prs")),
            Leaf("id_domain", "domain"),
        ),
    ),
)

RESPONSIBLE: tuple[Line, ...] = (
    Leaf("resp_party_type", SPONSOR + "responsibleParty.type", code("ResponsiblePartyType", "prs")),
    Leaf("investigator_title", SPONSOR + "responsibleParty.investigatorTitle"),
    Leaf("investigator_affiliation", SPONSOR + "responsibleParty.investigatorAffiliation"),
    Leaf("name_title", SPONSOR + "responsibleParty.oldNameTitle"),
    Leaf("organization", SPONSOR + "responsibleParty.oldOrganization"),
)

SPONSORS: tuple[Line, ...] = (
    Nest("lead_sponsor", (Leaf("agency", SPONSOR + "leadSponsor.name", always=True),)),
    Each("collaborator", SPONSOR + "collaborators", (Leaf("agency", "name", always=True),)),
    Special(special.write_responsible(RESPONSIBLE), special.read_nest("resp_party", RESPONSIBLE)),
)

OVERSIGHTS: tuple[Line, ...] = (
    Leaf("has_dmc", OVERSIGHT + "oversightHasDmc", YES_NO),
    Leaf("fda_regulated_drug", OVERSIGHT + "isFdaRegulatedDrug", YES_NO),
    Leaf("fda_regulated_device", OVERSIGHT + "isFdaRegulatedDevice", YES_NO),
    Leaf("exported_from_us", OVERSIGHT + "isUsExport", YES_NO),
    Leaf("ped_postmarket_surv", OVERSIGHT + "isPpsd", YES_NO),
)

INTERVENTIONAL: tuple[Line, ...] = (
    Leaf("interventional_subtype", INFO + "primaryPurpose", code("PrimaryPurpose", "prs"), always=True),
    Leaf("phase", DESIGN + "phases", phases("prs"), always=True),
    Leaf("assignment", INFO + "interventionModel", code("InterventionalAssignment", "prs")),
    Leaf("model_description", INFO + "interventionModelDescription", block=True),
    Leaf("allocation", INFO + "allocation", code("DesignAllocation", "prs"), always=True),
    Special(special.write_masking, special.read_masking),
    Leaf("masking_description", INFO + "maskingInfo.maskingDescription", block=True),
    Special(special.write_number_of("number_of_arms"), special.nothing),
)

OBSERVATIONAL: tuple[Line, ...] = (
    Leaf("observational_study_design", INFO + "observationalModel", code("ObservationalModel", "prs"), always=True),
    Leaf("biospecimen_retention", DESIGN + "bioSpec.retention", code("BioSpecRetention", "prs"), always=True),
    Leaf("biospecimen_description", DESIGN + "bioSpec.description", block=True),
    Leaf("timing", INFO + "timePerspective", code("DesignTimePerspective", "prs"), always=True),
    Special(special.write_number_of("number_of_groups"), special.nothing),
    Leaf("patient_registry", DESIGN + "patientRegistry", YES_NO),
    Special(special.write_duration, special.read_duration),
)

STUDY_DESIGN: tuple[Line, ...] = (
    Leaf("study_type", DESIGN + "studyType", code("StudyType", "prs"), always=True),
    Special(
        special.write_if("INTERVENTIONAL", "interventional_design", INTERVENTIONAL),
        special.read_nest("interventional_design", INTERVENTIONAL),
    ),
    Special(
        special.write_if("OBSERVATIONAL", "observational_design", OBSERVATIONAL),
        special.read_nest("observational_design", OBSERVATIONAL),
    ),
    Leaf("exp_acc_type_individual", DESIGN + "expandedAccessTypes.individual", YES_NO),
    Leaf("exp_acc_type_intermediate", DESIGN + "expandedAccessTypes.intermediate", YES_NO),
    Leaf("exp_acc_type_treatment", DESIGN + "expandedAccessTypes.treatment", YES_NO),
)

OUTCOME: tuple[Line, ...] = (
    Leaf("outcome_measure", "measure", always=True),
    Leaf("outcome_time_frame", "timeFrame"),
    Leaf("outcome_description", "description", block=True),
)

ARM: tuple[Line, ...] = (
    Leaf("arm_group_label", "label", always=True),
    Leaf("arm_type", "type", code("ArmGroupType", "prs")),
    Leaf("arm_group_description", "description", block=True),
)

INTERVENTION: tuple[Line, ...] = (
    Leaf("intervention_type", "type", code("InterventionType", "prs")),
    Leaf("intervention_name", "name", always=True),
    Leaf("intervention_description", "description", block=True),
    EachText("arm_group_label", "armGroupLabels"),
    EachText("intervention_other_name", "otherNames"),
)

ELIGIBLE: tuple[Line, ...] = (
    Leaf("study_population", ELIGIBILITY + "studyPopulation", block=True),
    Leaf("sampling_method", ELIGIBILITY + "samplingMethod", code("SamplingMethod", "prs")),
    Leaf("criteria", ELIGIBILITY + "eligibilityCriteria", block=True, always=True),
    Leaf("healthy_volunteers", ELIGIBILITY + "healthyVolunteers", YES_NO),
    Leaf("gender", ELIGIBILITY + "sex", code("Sex", "prs"), always=True),
    Leaf("gender_based", ELIGIBILITY + "genderBased", YES_NO),
    Leaf("gender_description", ELIGIBILITY + "genderDescription", block=True),
    Leaf("minimum_age", ELIGIBILITY + "minimumAge", always=True, empty=N_A),
    Leaf("maximum_age", ELIGIBILITY + "maximumAge", always=True, empty=N_A),
)

LOCATION: tuple[Line, ...] = (
    Nest(
        "facility",
        (
            Leaf("name", "facility", always=True),
            Nest("address", tuple(Leaf(name, name) for name in ("city", "state", "country", "zip")), always=True),
        ),
    ),
    Leaf("status", "status", code("RecruitmentStatus", "prs")),
    Special(special.write_location_contacts, special.read_location_contacts),
)

OFFICIAL: tuple[Line, ...] = (
    Leaf("last_name", "name", always=True),
    Leaf("role", "role", code("OfficialRole", "prs")),
    Leaf("affiliation", "affiliation"),
)

SHARING: tuple[Line, ...] = (
    Leaf("sharing_ipd", IPD + "ipdSharing", code("IpdSharing", "prs")),
    Leaf("ipd_description", IPD + "description", block=True),
    Special(special.write_info_types, special.read_info_types),
    Leaf("ipd_time_frame", IPD + "timeFrame", block=True),
    Leaf("ipd_access_criteria", IPD + "accessCriteria", block=True),
    Leaf("ipd_url", IPD + "url"),
)

REFERENCE: tuple[Line, ...] = (
    Leaf("citation", "citation"),
    Leaf("pubmed_id", "pmid"),
    Leaf("is_results_ref", "type", code("ReferenceType", "prs")),
)

STUDY: tuple[Line, ...] = (
    Nest("id_info", IDS, always=True),
    Leaf("delayed_posting", OVERSIGHT + "isUnapprovedDevice", YES_NO),
    Leaf("brief_title", ID + "briefTitle", always=True),
    Leaf("acronym", ID + "acronym"),
    Leaf("official_title", ID + "officialTitle"),
    Nest("sponsors", SPONSORS),
    Nest("oversight_info", OVERSIGHTS),
    Leaf("brief_summary", "descriptionModule.briefSummary", block=True),
    Leaf("detailed_description", "descriptionModule.detailedDescription", block=True),
    Special(special.write_status("overall_status"), special.read_status("overall_status")),
    Leaf("why_stopped", STATUS + "whyStopped"),
    Special(special.write_status("expanded_access_status"), special.read_status("expanded_access_status")),
    Leaf("verification_date", STATUS + "statusVerifiedDate", DATE),
    Leaf("start_date", STATUS + "startDateStruct.date", DATE),
    Leaf("start_date_type", STATUS + "startDateStruct.type", code("DateType", "prs")),
    Leaf("last_follow_up_date", STATUS + "completionDateStruct.date", DATE),
    Leaf("last_follow_up_date_type", STATUS + "completionDateStruct.type", code("DateType", "prs")),
    Leaf("primary_compl_date", STATUS + "primaryCompletionDateStruct.date", DATE),
    Leaf("primary_compl_date_type", STATUS + "primaryCompletionDateStruct.type", code("DateType", "prs")),
    Nest("study_design", STUDY_DESIGN),
    Each("primary_outcome", "outcomesModule.primaryOutcomes", OUTCOME),
    Each("secondary_outcome", "outcomesModule.secondaryOutcomes", OUTCOME),
    Each("other_outcome", "outcomesModule.otherOutcomes", OUTCOME),
    Leaf("enrollment", DESIGN + "enrollmentInfo.count", NUMBER),
    Leaf("enrollment_type", DESIGN + "enrollmentInfo.type", code("EnrollmentType", "prs")),
    EachText("condition", "conditionsModule.conditions"),
    EachText("keyword", "conditionsModule.keywords"),
    Each("arm_group", "armsInterventionsModule.armGroups", ARM),
    Each("intervention", "armsInterventionsModule.interventions", INTERVENTION),
    Nest("eligibility", ELIGIBLE, always=True),
    Each("overall_official", PLACES + "overallOfficials", OFFICIAL),
    Special(special.write_central_contacts, special.read_central_contacts),
    Each("location", PLACES + "locations", LOCATION),
    Nest("ipd_sharing_statement", SHARING),
    Each(
        "link",
        "referencesModule.seeAlsoLinks",
        (Leaf("url", "url", always=True), Leaf("description", "label", always=True)),
    ),
    Each("reference", "referencesModule.references", REFERENCE, choose=special.is_sponsors_reference),
    Special(special.write_documents, special.read_documents),
)
