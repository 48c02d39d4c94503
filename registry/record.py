"""A trial's record: the API v2 JSON of one study, kept verbatim, and a typed view that reads from it.

`Record.content` is the truth; unknown fields stay in it. The view gives what most readers want in the registry's own
words, empty where the record is silent. Persons are dropped when a record is read (`trialbridge.registry.contacts`).

>>> record = Record({"protocolSection": {"designModule": {"phases": ["PHASE1", "PHASE2"]}}})
>>> record.phases, record.nct_id
(('PHASE1', 'PHASE2'), '')

Source: structure of a study in the OpenAPI description of the ClinicalTrials.gov API v2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trialbridge.registry.content import flag, items, text, texts, whole

P = "protocolSection."


@dataclass(frozen=True, slots=True)
class RecordDate:
    """A date of the record: `2019`, `2019-07` or `2019-07-15`, and ACTUAL, ESTIMATED or empty."""

    date: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Enrollment:
    """How many participants: the count, and whether it is ACTUAL or ESTIMATED."""

    count: int | None = None
    type: str = ""


@dataclass(frozen=True, slots=True)
class Design:
    """The study's design, in API v2's values; `who_masked` lists roles."""

    allocation: str = ""
    intervention_model: str = ""
    intervention_model_description: str = ""
    primary_purpose: str = ""
    observational_model: str = ""
    time_perspective: str = ""
    masking: str = ""
    masking_description: str = ""
    who_masked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm (or group of an observational study): label, type, description, interventions as `Radiation: Name`."""

    label: str
    type: str = ""
    description: str = ""
    intervention_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Intervention:
    """An intervention: type (`RADIATION`), name, description, labels of its arms, other names."""

    type: str
    name: str
    description: str = ""
    arm_labels: tuple[str, ...] = ()
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """An outcome measure as registered; `kind` is PRIMARY, SECONDARY or OTHER."""

    kind: str
    measure: str
    time_frame: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Who may take part. Ages as `18 Years`, empty for no limit; `criteria` is the whole text."""

    criteria: str = ""
    healthy_volunteers: bool | None = None
    sex: str = ""
    gender_based: bool | None = None
    minimum_age: str = ""
    maximum_age: str = ""
    standard_ages: tuple[str, ...] = ()
    study_population: str = ""
    sampling_method: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """A facility, without persons."""

    facility: str = ""
    status: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Identifier:
    """A secondary identifier: `EUDRACT_NUMBER`, `REGISTRY` … with its issuer."""

    id: str
    type: str = ""
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Agency:
    """A sponsor or collaborator and its class (`INDUSTRY`)."""

    name: str = ""
    agency_class: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One study's record: `content` as the API gives it; `source` says where it was read."""

    content: Mapping[str, Any]
    source: str = ""

    @property
    def nct_id(self) -> str:
        """`NCT03406468`."""
        return text(self.content, P + "identificationModule.nctId")

    @property
    def org_study_id(self) -> str:
        """The sponsor's own id of the study."""
        return text(self.content, P + "identificationModule.orgStudyIdInfo.id")

    @property
    def secondary_ids(self) -> tuple[Identifier, ...]:
        """Identifiers in other registries, of grants and so on."""
        found = items(self.content, P + "identificationModule.secondaryIdInfos")
        return tuple(Identifier(text(one, "id"), text(one, "type"), text(one, "domain")) for one in found)

    @property
    def brief_title(self) -> str:
        """The title for the public."""
        return text(self.content, P + "identificationModule.briefTitle")

    @property
    def official_title(self) -> str:
        """The protocol's title."""
        return text(self.content, P + "identificationModule.officialTitle")

    @property
    def acronym(self) -> str:
        """The study's acronym."""
        return text(self.content, P + "identificationModule.acronym")

    @property
    def status(self) -> str:
        """The overall status: `RECRUITING`."""
        return text(self.content, P + "statusModule.overallStatus")

    @property
    def start(self) -> RecordDate:
        """When the first participant was, or will be, enrolled."""
        return _date(self.content, P + "statusModule.startDateStruct")

    @property
    def primary_completion(self) -> RecordDate:
        """When the last data of the primary outcome were, or will be, collected."""
        return _date(self.content, P + "statusModule.primaryCompletionDateStruct")

    @property
    def completion(self) -> RecordDate:
        """When the last data of all were, or will be, collected."""
        return _date(self.content, P + "statusModule.completionDateStruct")

    @property
    def verified(self) -> str:
        """When the record was last verified."""
        return text(self.content, P + "statusModule.statusVerifiedDate")

    @property
    def study_type(self) -> str:
        """INTERVENTIONAL, OBSERVATIONAL or EXPANDED_ACCESS."""
        return text(self.content, P + "designModule.studyType")

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases; `("PHASE1", "PHASE2")` is phase 1/2."""
        return texts(self.content, P + "designModule.phases")

    @property
    def enrollment(self) -> Enrollment:
        """The number of participants."""
        where = P + "designModule.enrollmentInfo."
        return Enrollment(whole(self.content, where + "count"), text(self.content, where + "type"))

    @property
    def design(self) -> Design:
        """The design."""
        info = P + "designModule.designInfo."
        return Design(
            allocation=text(self.content, info + "allocation"),
            intervention_model=text(self.content, info + "interventionModel"),
            intervention_model_description=text(self.content, info + "interventionModelDescription"),
            primary_purpose=text(self.content, info + "primaryPurpose"),
            observational_model=text(self.content, info + "observationalModel"),
            time_perspective=text(self.content, info + "timePerspective"),
            masking=text(self.content, info + "maskingInfo.masking"),
            masking_description=text(self.content, info + "maskingInfo.maskingDescription"),
            who_masked=texts(self.content, info + "maskingInfo.whoMasked"),
        )

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions studied."""
        return texts(self.content, P + "conditionsModule.conditions")

    @property
    def keywords(self) -> tuple[str, ...]:
        """The keywords."""
        return texts(self.content, P + "conditionsModule.keywords")

    @property
    def brief_summary(self) -> str:
        """The short description."""
        return text(self.content, P + "descriptionModule.briefSummary")

    @property
    def detailed_description(self) -> str:
        """The long description."""
        return text(self.content, P + "descriptionModule.detailedDescription")

    @property
    def lead_sponsor(self) -> Agency:
        """The lead sponsor."""
        where = P + "sponsorCollaboratorsModule.leadSponsor."
        return Agency(text(self.content, where + "name"), text(self.content, where + "class"))

    @property
    def collaborators(self) -> tuple[Agency, ...]:
        """The collaborators."""
        found = items(self.content, P + "sponsorCollaboratorsModule.collaborators")
        return tuple(Agency(text(one, "name"), text(one, "class")) for one in found)

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms or groups, in order."""
        found = items(self.content, P + "armsInterventionsModule.armGroups")
        return tuple(
            Arm(text(one, "label"), text(one, "type"), text(one, "description"), texts(one, "interventionNames"))
            for one in found
        )

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        """The interventions, in order."""
        return tuple(
            Intervention(
                type=text(one, "type"),
                name=text(one, "name"),
                description=text(one, "description"),
                arm_labels=texts(one, "armGroupLabels"),
                other_names=texts(one, "otherNames"),
            )
            for one in items(self.content, P + "armsInterventionsModule.interventions")
        )

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """All registered outcome measures: primary, secondary, other, in order."""
        return tuple(
            Outcome(kind, text(one, "measure"), text(one, "timeFrame"), text(one, "description"))
            for kind in ("PRIMARY", "SECONDARY", "OTHER")
            for one in items(self.content, f"{P}outcomesModule.{kind.lower()}Outcomes")
        )

    @property
    def eligibility(self) -> Eligibility:
        """Who may take part."""
        where = P + "eligibilityModule."
        return Eligibility(
            criteria=text(self.content, where + "eligibilityCriteria"),
            healthy_volunteers=flag(self.content, where + "healthyVolunteers"),
            sex=text(self.content, where + "sex"),
            gender_based=flag(self.content, where + "genderBased"),
            minimum_age=text(self.content, where + "minimumAge"),
            maximum_age=text(self.content, where + "maximumAge"),
            standard_ages=texts(self.content, where + "stdAges"),
            study_population=text(self.content, where + "studyPopulation"),
            sampling_method=text(self.content, where + "samplingMethod"),
        )

    @property
    def locations(self) -> tuple[Location, ...]:
        """The facilities, without persons."""
        names = ("facility", "status", "city", "state", "zip", "country")
        found = items(self.content, P + "contactsLocationsModule.locations")
        return tuple(Location(*(text(one, name) for name in names)) for one in found)

    @property
    def results(self) -> Mapping[str, Any]:
        """The results section as it stands, empty if there is none (`trialbridge.registry.results` reads it)."""
        found = self.content.get("resultsSection")
        return found if isinstance(found, Mapping) else {}


def _date(content: Mapping[str, Any], path: str) -> RecordDate:
    return RecordDate(text(content, path + ".date"), text(content, path + ".type"))
