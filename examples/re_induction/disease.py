"""The disease as it truly is: the lesions a subject has, how they grow or shrink, and which are new.

Each diameter follows an exponential course of its own; what evaluators make of it stands in `lesions.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from re_induction.cohort import between, weighted
from re_induction.design import RESPONSE_VISITS, SCREENING
from re_induction.terms import ORGANS, Organ

if TYPE_CHECKING:
    from random import Random

    from re_induction.cohort import Subject

TARGETS_AN_ORGAN = 5  # and 10 in all, more than any subject here has lesions (RECIST 1.0, section 3.1.1)
MEASURABLE = 10  # mm on spiral CT (RECIST 1.0, section 2.2)
# Relative change of a diameter in six weeks (mean, standard deviation of its logarithm).
GROWTH = {"RESPONDER": (-0.30, 0.12), "STABLE": (-0.02, 0.05), "PROGRESSOR": (0.15, 0.08), "IRRADIATED": (-0.38, 0.2)}
# Chance at each scan of a new lesion, of unequivocal growth and of disappearance of a non-target lesion.
EVENTS = {"RESPONDER": (0.01, 0.005, 0.15), "STABLE": (0.04, 0.015, 0.01), "PROGRESSOR": (0.16, 0.10, 0.0)}


@dataclass(slots=True)
class Lesion:
    """A lesion as it truly is: its organ, diameter (mm) at baseline, course, and its states at the visits."""

    organ: Organ
    diameter: float
    rate: float
    target: bool
    irradiated: bool
    appears: int = SCREENING  # VISITNUM at which it is first seen
    states: dict[int, str] = field(default_factory=dict)

    def at(self, weeks: float) -> float:
        """The true longest diameter (mm) so many weeks after the first fraction."""
        return self.diameter * math.exp(self.rate * weeks / 6)


def draw(subject: Subject) -> list[Lesion]:
    """The subject's 3 to 7 lesions at baseline, the irradiated one first; at least one is a target."""
    rng = subject.rng
    allowed = [(one, one.weight) for one in ORGANS if one.group in subject.fractionation.groups]
    irradiated = _lesion(rng, weighted(rng, allowed), subject.course, irradiated=True)
    others = [
        _lesion(rng, weighted(rng, [(one, one.weight) for one in ORGANS]), subject.course)
        for _ in range(between(rng, 2, 6))
    ]
    found = [irradiated, *others]
    if not any(one.target for one in found):
        found[1] = _lesion(rng, ORGANS[between(rng, 0, 3)], subject.course, least=MEASURABLE + 2)
    held: dict[str, int] = {}
    for one in found:
        held[one.organ.group] = held.get(one.organ.group, 0) + one.target
        one.target = one.target and held[one.organ.group] <= TARGETS_AN_ORGAN
    return found


def _lesion(rng: Random, organ: Organ, course: str, *, irradiated: bool = False, least: int = 0) -> Lesion:
    size = max(least or 6, min(organ.largest or 40, rng.lognormvariate(3.15, 0.45)))
    if irradiated and organ.largest:
        size = max(MEASURABLE + 2, size)
    mean, deviation = GROWTH["IRRADIATED" if irradiated and rng.random() > 0.07 else course]
    return Lesion(organ, size, rng.gauss(mean, deviation), bool(organ.largest) and size >= MEASURABLE, irradiated)


def evolve(subject: Subject, lesions: list[Lesion]) -> None:
    """Draw the states of the non-target lesions at each visit, and the new lesions, which join the list."""
    rng = subject.rng
    new, worse, gone = EVENTS[subject.course]
    for visit in RESPONSE_VISITS:
        for one in lesions:
            last = one.states.get(visit.number - 1, "PRESENT")
            drop = rng.random()
            vanishes = 0.25 if one.irradiated else gone
            grows = 0.01 if one.irradiated else worse
            if last == "PRESENT":
                last = "UNEQUIVOCAL" if drop < grows else "ABSENT" if drop > 1 - vanishes else last
            one.states[visit.number] = last
        if rng.random() < new:
            organ = weighted(rng, [(each, each.weight) for each in ORGANS])
            lesions.append(Lesion(organ, 12.0, 0.1, target=False, irradiated=False, appears=visit.number))
