"""What the swimmer plot shows, by subject: time on study, radiotherapy, treatment, responses, toxicity, death.

Sources: SDTMIG 3.4, DM (RFPENDTC, DTHDTC), PR (radiotherapy), EX (treatment), AE (AETOXGR), DS (DEATH).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialbridge.oncology.groups import radiotherapy
from trialbridge.oncology.recist_input import records
from trialbridge.report.figures_data import Origin, courses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialbridge.oncology.recist import Assessment
    from trialbridge.report.figures_data import ReaderName
    from trialbridge.sdtm.table import Study

Span = tuple[int, int]
"""First and last day, from day 0."""
_SEVERE = ("3", "4", "5")


@dataclass(frozen=True, slots=True)
class Lane:
    """One subject's lane, in days from day 0. `ended` is false where DM names no end of participation.

    `events` are days and CTCAE grades of adverse events of grade 3 and more; `responses` days and overall responses.
    """

    usubjid: str
    start: int
    end: int
    ended: bool
    radiotherapy: tuple[Span, ...]
    treatment: tuple[Span, ...]
    responses: tuple[tuple[int, str], ...]
    events: tuple[tuple[int, int], ...]
    death: int | None


def lanes(study: Study, assessment: Assessment, reader: ReaderName, origin: Origin) -> list[Lane]:
    """A lane for every subject with a day 0, longest first. Records without a whole date are not in it."""
    irradiated = _spans(origin, ((row["USUBJID"], row["PRSTDTC"], row["PRENDTC"]) for row in radiotherapy(study)))
    given = records(study, "EX", ("USUBJID", "EXSTDTC", "EXENDTC", "EXOCCUR"))
    treatment = _spans(
        origin, ((row["USUBJID"], row["EXSTDTC"], row["EXENDTC"]) for row in given if row["EXOCCUR"] != "N")
    )
    events = _events(study, origin)
    responses = {
        one.usubjid: tuple((point.days, point.overall) for point in one.points if point.days is not None)
        for one in courses(assessment, reader, origin)
    }
    deaths, ends = _deaths(study, origin), _ends(study, origin)
    made = []
    for usubjid in origin.dates:
        spans = (*irradiated.get(usubjid, ()), *treatment.get(usubjid, ()))
        seen = [0, *(day for day, _ in responses.get(usubjid, ())), *(day for day, _ in events.get(usubjid, ()))]
        seen += [day for span in spans for day in span]
        death = deaths.get(usubjid)
        ended = ends.get(usubjid)
        last = max([*seen, *(one for one in (death, ended) if one is not None)])
        end = death if death is not None else ended if ended is not None else last
        made.append(
            Lane(
                usubjid,
                min(0, *(span[0] for span in irradiated.get(usubjid, ((0, 0),)))),
                end,
                death is not None or ended is not None,
                tuple(irradiated.get(usubjid, ())),
                tuple(treatment.get(usubjid, ())),
                responses.get(usubjid, ()),
                tuple(events.get(usubjid, ())),
                death,
            )
        )
    return sorted(made, key=lambda one: (-one.end, one.usubjid))


def treatment_words(study: Study) -> str:
    """What EX holds, in its own words where they are one: `Background immune therapy`; else `Treatment`."""
    words = {row["EXCAT"] or row["EXTRT"] for row in records(study, "EX", ("EXCAT", "EXTRT"))} - {""}
    return words.pop().capitalize() if len(words) == 1 else "Treatment"


def _spans(origin: Origin, rows: Iterable[tuple[str, str, str]]) -> Mapping[str, list[Span]]:
    """Spans by subject; one without an end lasts its first day."""
    found: dict[str, list[Span]] = defaultdict(list)
    for usubjid, first, last in rows:
        start = origin.days(usubjid, first)
        if start is not None:
            end = origin.days(usubjid, last)
            found[usubjid].append((start, start if end is None else max(start, end)))
    return found


def _events(study: Study, origin: Origin) -> Mapping[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in records(study, "AE", ("USUBJID", "AETOXGR", "AESTDTC")):
        day = origin.days(row["USUBJID"], row["AESTDTC"])
        if row["AETOXGR"] in _SEVERE and day is not None:
            found[row["USUBJID"]].append((day, int(row["AETOXGR"])))
    return found


def _deaths(study: Study, origin: Origin) -> dict[str, int]:
    """Day of death, from DM, else from DS."""
    rows = [
        (row["USUBJID"], row["DSSTDTC"])
        for row in records(study, "DS", ("USUBJID", "DSDECOD", "DSSTDTC"))
        if row["DSDECOD"] == "DEATH"
    ]
    rows += [(row["USUBJID"], row["DTHDTC"]) for row in records(study, "DM", ("USUBJID", "DTHDTC"))]
    return {usubjid: day for usubjid, dtc in rows if (day := origin.days(usubjid, dtc)) is not None}


def _ends(study: Study, origin: Origin) -> dict[str, int]:
    """Day of the end of participation."""
    rows = records(study, "DM", ("USUBJID", "RFPENDTC"))
    return {row["USUBJID"]: day for row in rows if (day := origin.days(row["USUBJID"], row["RFPENDTC"])) is not None}
