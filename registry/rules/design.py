"""Design, arms and interventions agree with one another.

Sources: protocol registration data element definitions (Interventional Study Model, Allocation, Masking, Arms,
Interventions); NLM's Major Comment that information is inconsistent with other parts of the record.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trialbridge.registry.enums import enumeration
from trialbridge.registry.rules.say import error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.base.finding import Finding
    from trialbridge.registry.record import Record

P = "protocolSection."
ARMS = P + "armsInterventionsModule.armGroups"
INTERVENTIONS = P + "armsInterventionsModule.interventions"
INFO = P + "designModule.designInfo."
MASKED_ROLES = {"NONE": 0, "SINGLE": 1, "DOUBLE": 2, "TRIPLE": 3, "QUADRUPLE": 4}
SEVERAL = ("PARALLEL", "CROSSOVER", "FACTORIAL")
_RANDOMISED = re.compile(r"\brandomi[sz]ed\b", re.IGNORECASE)
_NOT_RANDOMISED = re.compile(r"\b(?:non|not)[ -]?randomi[sz]ed\b", re.IGNORECASE)
_BLIND = re.compile(r"\b(?:double|triple|single)[ -](?:blind|mask)", re.IGNORECASE)
_OPEN = re.compile(r"\bopen[ -]label\b", re.IGNORECASE)


def model_fits_arms(record: Record) -> Iterator[Finding]:
    """A single group study has one arm, a parallel, crossover or factorial one at least two. Source: study model."""
    model, count = record.design.intervention_model, len(record.arms)
    if model == "SINGLE_GROUP" and count > 1:
        yield error("MODEL-ARMS", ARMS, f"A single group study has one arm, not {count}.", "correct model or arms")
    if model in SEVERAL and count == 1:
        yield error("MODEL-ARMS", ARMS, f"A {model} study has at least two arms, not 1.", "correct model or arms")


def allocation_fits_arms(record: Record) -> Iterator[Finding]:
    """Participants are randomised between at least two arms; with one arm allocation does not apply. Source: Allocation."""
    allocation, count = record.design.allocation, len(record.arms)
    if allocation == "RANDOMIZED" and count == 1:
        yield error("ALLOCATION", INFO + "allocation", "Nobody can be randomised to one arm.", "set NA or add the arm")
    if allocation == "NA" and count > 1:
        yield error("ALLOCATION", INFO + "allocation", f"With {count} arms allocation applies.", "say how it is done")


def masking_fits_roles(record: Record) -> Iterator[Finding]:
    """Masking names as many roles as are masked: none, one … four. Source: Masking."""
    masking, roles = record.design.masking, record.design.who_masked
    if masking in MASKED_ROLES and (roles or masking == "NONE") and MASKED_ROLES[masking] != len(roles):
        message = f"{masking} masks {MASKED_ROLES[masking]} roles, but {len(roles)} are named."
        yield error("MASKING", INFO + "maskingInfo", message, "name the masked roles")


def type_fits_design(record: Record) -> Iterator[Finding]:
    """An observational study has neither phases nor arms' types nor masking; "not applicable" stands alone among phases.

    Source: definitions of the study types and of Study Phase.
    """
    path = P + "designModule.phases"
    if record.study_type == "OBSERVATIONAL" and record.phases:
        yield error("TYPE-DESIGN", path, "An observational study has no phase.", "remove the phase")
    if "NA" in record.phases and len(record.phases) > 1:
        yield error("TYPE-DESIGN", path, "A phase stands beside 'not applicable'.", "keep one")
    if record.study_type == "OBSERVATIONAL" and (record.design.masking or record.design.allocation):
        yield error(
            "TYPE-DESIGN", INFO + "maskingInfo", "An observational study has no masking or allocation.", "remove it"
        )
    if record.study_type == "OBSERVATIONAL" and any(arm.type for arm in record.arms):
        yield error("TYPE-DESIGN", ARMS, "A group of an observational study has no arm type.", "remove it")


def title_fits_design(record: Record) -> Iterator[Finding]:
    """What the titles say of randomisation and masking is what the design says.

    Source: NLM Major Comment on information inconsistent with other parts of the record.
    """
    title = f"{record.brief_title} {record.official_title}"
    if record.study_type != "INTERVENTIONAL":
        return
    says = bool(_RANDOMISED.search(title)) and not _NOT_RANDOMISED.search(title)
    if says and record.design.allocation in ("NON_RANDOMIZED", "NA"):
        yield error(
            "TITLE-DESIGN", INFO + "allocation", "The title says randomised, the allocation does not.", "correct one"
        )
    if _BLIND.search(title) and record.design.masking == "NONE":
        yield error("TITLE-DESIGN", INFO + "maskingInfo", "The title says blind, the masking is none.", "correct one")
    if _OPEN.search(title) and record.design.masking in ("DOUBLE", "TRIPLE", "QUADRUPLE") and not _BLIND.search(title):
        yield warning(
            "TITLE-DESIGN", INFO + "maskingInfo", "The title says open label, yet roles are masked.", "explain it"
        )


def labels_are_unique(record: Record) -> Iterator[Finding]:
    """No two arms have the same label, no two interventions the same type and name. Source: Arm Title, Intervention Name."""
    seen: set[str] = set()
    for number, arm in enumerate(record.arms):
        if arm.label.casefold() in seen:
            yield error(
                "ARM-TWICE", f"{ARMS}[{number}].label", f"{arm.label!r} is an arm twice.", "rename or remove one"
            )
        seen.add(arm.label.casefold())
    named: set[tuple[str, str]] = set()
    for number, one in enumerate(record.interventions):
        key = (one.type, one.name.casefold())
        if key in named:
            message = f"{one.name!r} is an intervention twice."
            yield error("INTERVENTION-TWICE", f"{INTERVENTIONS}[{number}].name", message, "remove one")
        named.add(key)


def arms_and_interventions_meet(record: Record) -> Iterator[Finding]:
    """Each intervention names arms that exist and at least one; each arm has an intervention unless it is without.

    Source: Arm/Group-Intervention Cross-Reference.
    """
    labels = {arm.label for arm in record.arms}
    for number, one in enumerate(record.interventions):
        path = f"{INTERVENTIONS}[{number}].armGroupLabels"
        for label in one.arm_labels:
            if label not in labels:
                yield error("CROSS-REFERENCE", path, f"There is no arm {label!r}.", "use the arm's own label")
        if labels and not one.arm_labels:
            yield error("CROSS-REFERENCE", path, f"{one.name!r} belongs to no arm.", "name its arms")
    if record.study_type != "INTERVENTIONAL":
        return
    for number, arm in enumerate(record.arms):
        has = any(arm.label in one.arm_labels for one in record.interventions)
        if not has and arm.type != "NO_INTERVENTION" and record.interventions:
            message = f"The arm {arm.label!r} has no intervention."
            yield error("CROSS-REFERENCE", f"{ARMS}[{number}]", message, "name it at its intervention")
        if has and arm.type == "NO_INTERVENTION":
            message = f"The arm {arm.label!r} is without intervention, yet one names it."
            yield error("CROSS-REFERENCE", f"{ARMS}[{number}]", message, "correct its type")


def arms_name_their_interventions(record: Record) -> Iterator[Finding]:
    """The names repeated at an arm (`Drug: X`) are those of the interventions that name it. Source: structure of the API."""
    shown = enumeration("InterventionType").writes["public"]
    for number, arm in enumerate(record.arms):
        names = {
            f"{shown.get(one.type, one.type)}: {one.name}"
            for one in record.interventions
            if arm.label in one.arm_labels
        }
        if arm.intervention_names and set(arm.intervention_names) != names:
            message = f"The arm {arm.label!r} repeats other interventions than those that name it."
            yield warning("ARM-NAMES", f"{ARMS}[{number}].interventionNames", message, "derive them anew")


def comparators_have_something_to_compare(record: Record) -> Iterator[Finding]:
    """A placebo or sham arm stands beside another arm, and somebody is masked. Source: Arm Type."""
    for number, arm in enumerate(record.arms):
        if arm.type in ("PLACEBO_COMPARATOR", "SHAM_COMPARATOR"):
            path = f"{ARMS}[{number}].type"
            if len(record.arms) == 1:
                yield error("COMPARATOR", path, "A comparator stands alone.", "add the arm it is compared with")
            elif record.design.masking == "NONE":
                yield warning("COMPARATOR", path, "A placebo or sham arm, yet nobody is masked.", "correct the masking")
