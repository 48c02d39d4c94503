"""A registry record and TS: which field each trial summary parameter comes from, and how it is spelled both ways.

Values of codelists are tables of pairs that invert; a table that does not says what it loses. Their NCI codes are of
SDTM terminology 2025-03-28. What no record holds is not here: it comes from the study file.
Sources: SDTMIG 3.4 section 7.6 and CDISC's TS codetable (parameters, codelists); protocol registration data element
definitions (fields); FDA's Technical Conformance Guide, appendix B (what is expected).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.mappings.kit import codes
from trialbridge.mappings.registry_countries import alpha3, name_of
from trialbridge.registry.markup import plain

if TYPE_CHECKING:
    from trialbridge.mappings.kit import Spelling

CDISC, ISO_8601, ISO_3166, REGISTRY = "CDISC CT", "ISO 8601", "ISO 3166-1 alpha-3", "ClinicalTrials.gov"
P = "protocolSection."
Nci = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TsValue:
    """A row of TS: TSVAL or TSVALNF, and TSVALCD, TSVCDREF, TSVCDVER, TSGRPID."""

    value: str = ""
    null_flavor: str = ""
    code: str = ""
    reference: str = ""
    version: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Coded:
    """A codelist's table: registry value -> submission value by `pairs`, submission value -> NCI code by `nci`."""

    pairs: Spelling
    nci: Nci


def _coded(name: str, table: Mapping[str, tuple[str, str]], loses: str = "") -> Coded:
    """From registry value -> (submission value, NCI code)."""
    pairs = codes(name, {value: submission for value, (submission, _) in table.items()}, loses)
    return Coded(pairs, dict(table.values()))


PHASE = _coded(
    "phases and TPHASE (C66737)",
    {
        "NA": ("NOT APPLICABLE", "C48660"),
        "EARLY_PHASE1": ("EARLY PHASE I", "C54721"),
        "PHASE1": ("PHASE I TRIAL", "C15600"),
        "PHASE1,PHASE2": ("PHASE I/II TRIAL", "C15693"),
        "PHASE2": ("PHASE II TRIAL", "C15601"),
        "PHASE2,PHASE3": ("PHASE II/III TRIAL", "C15694"),
        "PHASE3": ("PHASE III TRIAL", "C15602"),
        "PHASE4": ("PHASE IV TRIAL", "C15603"),
    },
)
STUDY_TYPE = _coded(
    "studyType and STYPE (C99077)",
    {
        "INTERVENTIONAL": ("INTERVENTIONAL", "C98388"),
        "OBSERVATIONAL": ("OBSERVATIONAL", "C16084"),
        "EXPANDED_ACCESS": ("EXPANDED ACCESS", "C98722"),
        "PATIENT_REGISTRY": ("PATIENT REGISTRY", "C129000"),
    },
)
INTERVENTION_TYPE = _coded(
    "type of an intervention and INTTYPE (C99078)",
    {
        "BEHAVIORAL": ("BEHAVIORAL THERAPY", "C15184"),
        "BIOLOGICAL": ("BIOLOGIC", "C307"),
        "COMBINATION_PRODUCT": ("COMBINATION PRODUCT", "C54696"),
        "DEVICE": ("DEVICE", "C16830"),
        "DIAGNOSTIC_TEST": ("DIAGNOSTIC TEST", "C18020"),
        "DIETARY_SUPPLEMENT": ("DIETARY SUPPLEMENT", "C1505"),
        "DRUG": ("DRUG", "C1909"),
        "GENETIC": ("GENETIC", "C15238"),
        "PROCEDURE": ("PROCEDURE", "C98769"),
        "RADIATION": ("RADIATION", "C15313"),
    },
)
MODEL = _coded(
    "interventionModel and INTMODEL (C99076)",
    {
        "SINGLE_GROUP": ("SINGLE GROUP", "C82640"),
        "PARALLEL": ("PARALLEL", "C82639"),
        "CROSSOVER": ("CROSS-OVER", "C82637"),
        "FACTORIAL": ("FACTORIAL", "C82638"),
        "SEQUENTIAL": ("SEQUENTIAL", "C142568"),
    },
)
BLINDING = _coded(
    "masking and TBLIND (C66735)",
    {
        "NONE": ("OPEN LABEL", "C49659"),
        "SINGLE": ("SINGLE BLIND", "C28233"),
        "DOUBLE": ("DOUBLE BLIND", "C15228"),
        "TRIPLE": ("DOUBLE BLIND", "C15228"),
        "QUADRUPLE": ("DOUBLE BLIND", "C15228"),
    },
    loses="TBLIND does not tell double, triple and quadruple masking apart",
)
PURPOSE = _coded(
    "primaryPurpose and TINDTP (C66736)",
    {
        "TREATMENT": ("TREATMENT", "C49656"),
        "PREVENTION": ("PREVENTION", "C49657"),
        "DIAGNOSTIC": ("DIAGNOSIS", "C49653"),
        "SUPPORTIVE_CARE": ("SUPPORTIVE CARE", "C71486"),
        "SCREENING": ("SCREENING", "C71485"),
        "HEALTH_SERVICES_RESEARCH": ("HEALTH SERVICES RESEARCH", "C15245"),
        "BASIC_SCIENCE": ("BASIC SCIENCE", "C15714"),
        "DEVICE_FEASIBILITY": ("DEVICE FEASIBILITY", "C139174"),
    },
)
SEX = _coded("sex and SEXPOP (C66732)", {"ALL": ("BOTH", "C49636"), "FEMALE": ("F", "C16576"), "MALE": ("M", "C20197")})
OBSERVATIONAL_MODEL = _coded(
    "observationalModel and OBSMODEL (C127259)",
    {
        "COHORT": ("COHORT", "C15208"),
        "CASE_CONTROL": ("CASE CONTROL", "C15197"),
        "CASE_ONLY": ("CASE ONLY", "C15362"),
        "CASE_CROSSOVER": ("CASE CROSSOVER", "C127779"),
        "ECOLOGIC_OR_COMMUNITY": ("ECOLOGIC OR COMMUNITY", "C127780"),
        "FAMILY_BASED": ("FAMILY BASED", "C15407"),
    },
)
TIME_PERSPECTIVE = _coded(
    "timePerspective and OBSTIMP (C127261)",
    {
        "RETROSPECTIVE": ("RETROSPECTIVE", "C53312"),
        "PROSPECTIVE": ("PROSPECTIVE", "C15273"),
        "CROSS_SECTIONAL": ("CROSS SECTIONAL", "C53310"),
    },
)
SAMPLING = _coded(
    "samplingMethod and OBSTSMM (C127260)",
    {
        "PROBABILITY_SAMPLE": ("PROBABILITY SAMPLE", "C71517"),
        "NON_PROBABILITY_SAMPLE": ("NON-PROBABILITY SAMPLE", "C127781"),
    },
)
ACCESS = codes(
    "statusForNctId and EXPASTAT",
    {
        "AVAILABLE": "AVAILABLE",
        "NO_LONGER_AVAILABLE": "NO LONGER AVAILABLE",
        "TEMPORARILY_NOT_AVAILABLE": "TEMPORARILY NOT AVAILABLE",
        "APPROVED_FOR_MARKETING": "APPROVED FOR MARKETING",
    },
)
CONTROL: Nci = {"PLACEBO": "C49648", "ACTIVE": "C49649", "SHAM": "C184727", "NONE": "C41132"}
"""TCNTRL (C66785)."""
NO_YES: Nci = {"Y": "C49488", "N": "C49487"}
AGE_UNITS = {"Year": "P{}Y", "Month": "P{}M", "Week": "P{}W", "Day": "P{}D", "Hour": "PT{}H", "Minute": "PT{}M"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: its field, how the field's value becomes rows of TS, and how rows become the value again.

    `rows(value)` gives the rows, `value(rows)` the field's value or None; `value` is missing where `loses` says why
    nothing is read back.
    """

    code: str
    field: str
    rows: Callable[[Any], list[TsValue]]
    value: Callable[[list[TsValue]], Any] | None = None
    loses: str = ""
    of_none: bool = False
    """Whether a silent field says something too (no limit of age)."""


def single(text: Any) -> str:
    """A text on one line, without markdown's escapes."""
    return " ".join(plain(text).split()) if isinstance(text, str) else ""


def text(code: str, field: str) -> Parameter:
    """A text as it stands."""
    return Parameter(
        code,
        field,
        lambda value: [TsValue(single(value))] if single(value) else [],
        lambda rows: rows[0].value if rows and rows[0].value else None,
    )


def texts(code: str, field: str) -> Parameter:
    """A list of texts, a row each."""
    return Parameter(
        code,
        field,
        lambda value: [TsValue(single(one)) for one in value if single(one)] if isinstance(value, list) else [],
        lambda rows: [one.value for one in rows if one.value] or None,
    )


def ct(value: str, nci: Nci) -> TsValue:
    """A submission value with its NCI code; the package's version is added when rows are made."""
    return TsValue(value, code=nci.get(value, ""), reference=CDISC if value in nci else "")


def coded(code: str, field: str, table: Coded) -> Parameter:
    """A value of an enumeration by its table."""

    def rows(value: Any) -> list[TsValue]:
        found = table.pairs.to_fhir(value, None) if isinstance(value, str) else None
        return [ct(found, table.nci)] if found else []

    return Parameter(
        code, field, rows, lambda given: table.pairs.to_sdtm(given[0].value, None) if given else None, table.pairs.loses
    )


def flag(code: str, field: str) -> Parameter:
    """A yes or no."""
    return Parameter(
        code,
        field,
        lambda value: [ct("Y" if value else "N", NO_YES)] if isinstance(value, bool) else [],
        lambda rows: {"Y": True, "N": False}.get(rows[0].value) if rows else None,
    )


def age(code: str, field: str, without: str) -> Parameter:
    """An age as a duration; no limit is a null flavour."""

    def rows(value: Any) -> list[TsValue]:
        if value is None:
            return [TsValue(null_flavor=without)]
        number, _, unit = value.partition(" ") if isinstance(value, str) else ("", "", "")
        shape = AGE_UNITS.get(unit.removesuffix("s"))
        return [TsValue(shape.format(number), reference=ISO_8601)] if shape and number.isdigit() else []

    def back(given: list[TsValue]) -> str | None:
        for unit, shape in AGE_UNITS.items():
            before, after = shape.split("{}")
            said = given[0].value if given else ""
            number = said.removeprefix(before).removesuffix(after)
            if said.startswith(before) and said.endswith(after) and number.isdigit():
                return f"{number} {unit}{'' if number == '1' else 's'}"
        return None

    return Parameter(code, field, rows, back, of_none=True)


def _members(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; none of anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _named(value: Any, field: str) -> list[str]:
    """The texts of one field of a list's objects, each once, in order."""
    return list(dict.fromkeys(said for one in _members(value) if isinstance(said := one.get(field), str)))


def _countries(value: Any) -> list[TsValue]:
    found = [alpha3(name) for name in _named(value, "country")]
    return [TsValue(one, reference=ISO_3166) for one in found if one]


def _country_places(rows: list[TsValue]) -> list[dict[str, str]] | None:
    return [{"country": name_of(one.value)} for one in rows if one.value] or None


def _outcome(one: Any) -> str:
    """`Progression free survival, 3 months after end of radiotherapy`: the measure and its time frame."""
    parts = (single(one.get("measure")), single(one.get("timeFrame"))) if isinstance(one, dict) else ()
    return ", ".join(part for part in parts if part)


def _outcomes(code: str, kind: str) -> Parameter:
    return Parameter(
        code,
        f"{P}outcomesModule.{kind}Outcomes",
        lambda value: [TsValue(said) for one in value if (said := _outcome(one))] if isinstance(value, list) else [],
        lambda rows: [{"measure": one.value} for one in rows if one.value] or None,
        loses="measure and time frame stand in one text; descriptions have no parameter",
    )


def _types(value: Any) -> list[TsValue]:
    """The terms of the types, each once; OTH where none of them has a term."""
    said = [INTERVENTION_TYPE.pairs.to_fhir(kind, None) for kind in _named(value, "type")]
    found = [ct(one, INTERVENTION_TYPE.nci) for one in said if one]
    return found or ([TsValue(null_flavor="OTH")] if _members(value) else [])


I, S, D, E = P + "identificationModule.", P + "statusModule.", P + "designModule.", P + "eligibilityModule."  # noqa: E741 - initials of the modules
O, A = P + "oversightModule.", P + "armsInterventionsModule."  # noqa: E741 - as above
INFO = D + "designInfo."
PARAMETERS: tuple[Parameter, ...] = (
    age("AGEMAX", E + "maximumAge", "PINF"),
    age("AGEMIN", E + "minimumAge", "NINF"),
    flag("DMCIND", O + "oversightHasDmc"),
    text("EXPARECN", S + "expandedAccessInfo.nctId"),
    Parameter(
        "EXPASTAT",
        S + "expandedAccessInfo.statusForNctId",
        lambda value: [TsValue(said)] if isinstance(value, str) and (said := ACCESS.to_fhir(value, None)) else [],
        lambda rows: ACCESS.to_sdtm(rows[0].value, None) if rows else None,
    ),
    Parameter(
        "FCNTRY",
        P + "contactsLocationsModule.locations",
        _countries,
        _country_places,
        loses="countries are named, facilities are not",
    ),
    flag("FDADEIND", O + "isFdaRegulatedDevice"),
    flag("FDADRIND", O + "isFdaRegulatedDrug"),
    flag("HLTSUBJI", E + "healthyVolunteers"),
    texts("INDIC", P + "conditionsModule.conditions"),
    coded("INTMODEL", INFO + "interventionModel", MODEL),
    Parameter("INTTYPE", A + "interventions", _types, loses="which intervention is of which type"),
    texts("KEYWORD", P + "conditionsModule.keywords"),
    coded("OBSMODEL", INFO + "observationalModel", OBSERVATIONAL_MODEL),
    coded("OBSTIMP", INFO + "timePerspective", TIME_PERSPECTIVE),
    text("OBSTPOPD", E + "studyPopulation"),
    coded("OBSTSMM", E + "samplingMethod", SAMPLING),
    _outcomes("OUTMSEXP", "other"),
    _outcomes("OUTMSPRI", "primary"),
    _outcomes("OUTMSSEC", "secondary"),
    flag("PDPSTIND", O + "isPpsd"),
    text("RTSPCDES", D + "bioSpec.description"),
    coded("SEXPOP", E + "sex", SEX),
    text("SPONSOR", P + "sponsorCollaboratorsModule.leadSponsor.name"),
    text("SPREFID", I + "orgStudyIdInfo.id"),
    coded("TBLIND", INFO + "maskingInfo.masking", BLINDING),
    coded("TINDTP", INFO + "primaryPurpose", PURPOSE),
    text("TITLE", I + "officialTitle"),
)
"""Parameters of one field each; those of several fields are in `registry_ts_derived`."""
FDA_EXPECTED = tuple(
    (
        "ACTSUB ADAPT ADDON AGEMAX AGEMIN COMPTRT DCUTDESC DCUTDTC EXTTIND FCNTRY HLTSUBJI LENGTH NARMS NCOHORT OBJPRIM "
        "OBJSEC ONGOSIND OUTMSPRI PDPSTIND PDSTIND PIPIND PLANSUB RDIND REGID SENDTC SEXPOP SPONSOR SDTMVER SDTIGVER "
        "STOPRULE SSTDTC STYPE TBLIND TCNTRL THERAREA TITLE TPHASE TTYPE INDIC RANDQT"
    ).split()
)
"""Parameters of the Technical Conformance Guide's appendix B that hold for every trial (rule FB1102)."""
REQUIRED_OF_INTERVENTIONAL = tuple("INTTYPE INTMODEL RANDOM TINDTP TRT TDIGRP CURTRT PCLAS STRATFCT".split())
"""Parameters that the older guide's appendix C1 asked of interventional trials beyond these (rule CG0287)."""
