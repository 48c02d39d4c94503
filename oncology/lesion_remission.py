"""Remission lesion by lesion: how many irradiated, and how many other, target lesions are in remission at a time.

A lesion has gone when it is absent, 0 mm, or, a node by RECIST 1.1, below 10 mm; it is in partial remission when its
diameter is at most 70 % of its own at baseline (the criteria's fall of 30 %, Therasse 2000 and Eisenhauer 2009, applied
to one lesion instead of the sum). Of the visits within the window the nearest counts. Lesions not measured then count
as not in remission. Lesions without a size at baseline are listed and are not measurable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialbridge.oncology.groups import IRRADIATED, NON_IRRADIATED, irradiated_lesions
from trialbridge.oncology.lesions import Kind, State, roots
from trialbridge.oncology.recist_criteria import DEFAULT, NODE_NORMAL_MM, PR_FALL, criteria_of
from trialbridge.oncology.recist_days import bounds
from trialbridge.oncology.recist_readers import readers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialbridge.oncology.lesions import Lesion, Reader, Reading, TimePoint
    from trialbridge.sdtm.table import Study


@dataclass(frozen=True, slots=True)
class LesionRemission:
    """One lesion at baseline: whose, its link id and its group.

    `measurable`: a target lesion with a size at baseline; `assessed` within the window; in `remission` then.
    """

    usubjid: str
    lnkid: str
    group: str
    measurable: bool
    assessed: bool
    remission: bool


def lesion_remissions(
    study: Study,
    criteria: str,
    ends: Mapping[str, str],
    *,
    evaluator: str = "INVESTIGATOR",
    day: int = 91,
    window: int = 28,
) -> list[LesionRemission]:
    """Every lesion at baseline as one evaluator read it, `day` days after the end of radiotherapy.

    `ends`: subject -> end of radiotherapy (`groups.end_of_radiotherapy`); others are left out. Raises UnknownNameError
    for unknown criteria.
    """
    treated = irradiated_lesions(study)
    everyone, _ = readers(study, criteria_of(criteria), DEFAULT)
    found: list[LesionRemission] = []
    for reader in everyone:
        named = reader.eval.upper() == evaluator.upper() or not reader.eval
        if named and reader.usubjid in ends:
            visit = _nearest(reader.visits, ends[reader.usubjid], day, window)
            marked = treated.get(reader.usubjid, frozenset())
            hit = {root for one in marked if one in reader.lesions for root in roots(one, reader.lesions.keys())}
            found += _of_reader(reader, visit, hit, is_1_0=criteria == "1.0")
    return found


def _of_reader(reader: Reader, visit: TimePoint | None, hit: set[str], *, is_1_0: bool) -> Iterable[LesionRemission]:
    for lnkid, lesion in reader.lesions.items():
        if lesion.kind is Kind.NEW:
            continue
        group = IRRADIATED if lnkid in hit else NON_IRRADIATED
        first = next((one.readings[lnkid] for one in reader.baseline if lnkid in one.readings), None)
        if lesion.kind is not Kind.TARGET or first is None or not first.mm:
            yield LesionRemission(reader.usubjid, lnkid, group, measurable=False, assessed=False, remission=False)
            continue
        now = visit.readings.get(lnkid) if visit else None
        assessed = now is not None and (now.mm is not None or now.state is State.ABSENT)
        remission = now is not None and assessed and _remits(lesion, first, now, is_1_0=is_1_0)
        yield LesionRemission(reader.usubjid, lnkid, group, measurable=True, assessed=assessed, remission=remission)


def _remits(lesion: Lesion, first: Reading, now: Reading, *, is_1_0: bool) -> bool:
    if now.state is State.ABSENT or now.mm == 0:
        return True
    if now.mm is None or first.mm is None:
        return False
    gone = lesion.node and not is_1_0 and now.mm < NODE_NORMAL_MM
    return gone or now.mm * 100 <= first.mm * (100 - PR_FALL)


def _nearest(visits: Iterable[TimePoint], end: str, day: int, window: int) -> TimePoint | None:
    """The visit nearest to the day, within the window; of two equally near the earlier."""
    best: tuple[tuple[int, int], TimePoint] | None = None
    for one in visits:
        start, seen = bounds(end), bounds(one.first)
        if start is None or seen is None or start[0] != start[1] or seen[0] != seen[1]:
            continue
        days = (seen[0] - start[0]).days
        place = (abs(days - day), days)
        if abs(days - day) <= window and (best is None or place < best[0]):
            best = (place, one)
    return best[1] if best else None
