"""All pictures of an oncology study, drawn from its assessment and its tables; what cannot be drawn is said, with why.

done = recist.assess(study, "1.0", by_group=True)
drawn = figures.pictures(study, done)
for one in drawn.pictures:
    figures.save(one, folder)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialbridge.oncology.groups import ALL, IRRADIATED, NON_IRRADIATED, irradiated_lesions
from trialbridge.oncology.recist_criteria import criteria_of
from trialbridge.oncology.recist_readers import readers
from trialbridge.oncology.survival_rules import START_WORDS
from trialbridge.report import figures_events
from trialbridge.report.figures_abscopal import abscopal, pairs_of
from trialbridge.report.figures_data import courses, origin_of, reader_of, said
from trialbridge.report.figures_lesions import lesion_maps, panels
from trialbridge.report.figures_spider import spider
from trialbridge.report.figures_style import Picture, save
from trialbridge.report.figures_survival import survival
from trialbridge.report.figures_swimmer import swimmer
from trialbridge.report.figures_swimmer_data import lanes, treatment_words
from trialbridge.report.figures_waterfall import waterfall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.oncology.recist import Assessment
    from trialbridge.oncology.survival import Survival
    from trialbridge.report.figures_data import Origin, ReaderName
    from trialbridge.sdtm.table import Study

__all__ = ["NAMES", "Drawn", "Picture", "pictures", "save"]

NAMES = ("waterfall", "waterfall-by-group", "spider", "abscopal", "swimmer", "survival", "adverse-events")
"""The pictures there may be, beside the pages of the lesion map: lesions-01, lesions-02, …"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The pictures in the order of a report, the reader whose responses they show, and what was not drawn and why."""

    pictures: tuple[Picture, ...]
    reader: ReaderName
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What all pictures are of."""

    study: Study
    done: Assessment
    reader: ReaderName
    origin: Origin
    words: str


def pictures(study: Study, done: Assessment, *, evaluator: str | None = None, pfs: Survival | None = None) -> Drawn:
    """Waterfall, spider, swimmer, survival, adverse events and lesion map, and by lesion group where `done` has groups.

    `evaluator` is an RSEVAL or RSEVALID (default: the investigator, see `reader_of`); `pfs` the survival to draw.
    Raises UnknownNameError when no reader is so named or none has lesions at baseline.
    """
    reader = reader_of(done, evaluator)
    words = f"{done.criteria.label}, {said(reader)[0].lower()}{said(reader)[1:]}"
    of = _Subject(study, done, reader, origin_of(study, done), words)
    missing: list[str] = []
    made = [*_response(of, missing), _swimmer(of)]
    if pfs is not None and pfs.curve.n:
        since = START_WORDS[pfs.rules.start]
        curve = {"Progression-free survival": pfs.curve}
        n = f"{_progression(pfs)}, n = {pfs.curve.n}, {pfs.curve.n_events} events"
        made.append(survival("survival", "Progression-free survival", curve, since, n, pfs.rate.time))
    else:
        missing.append("Progression-free survival: not given.")
    made += _events(study, missing)
    made += _lesions(of)
    return Drawn(tuple(made), reader, tuple(missing))


def _progression(pfs: Survival) -> str:
    """Whose progression counts."""
    by = criteria_of(pfs.rules.criteria).label if pfs.rules.criteria else "RS"
    how = f"Progression computed by {by}" if pfs.rules.progression == "computed" else f"Progression reported ({by})"
    return ", ".join(filter(None, (how, pfs.rules.evaluator.lower(), pfs.rules.evaluator_id.lower())))


def _response(of: _Subject, missing: list[str]) -> Iterator[Picture]:
    """Waterfall and spider, by lesion group and the abscopal view."""
    everything = courses(of.done, of.reader, of.origin)
    hit = courses(of.done, of.reader, of.origin, IRRADIATED)
    others = courses(of.done, of.reader, of.origin, NON_IRRADIATED)
    confirmed = of.done.criteria.confirmation if of.done.choices.confirmation is None else of.done.choices.confirmation
    yield waterfall("waterfall", "Best change of the target lesions", {of.words: everything}, confirmed=confirmed)
    if hit and others:
        title = "Best change of irradiated and of other target lesions"
        by_group = {f"Irradiated, {of.words}": hit, f"Not irradiated, {of.words}": others}
        yield waterfall("waterfall-by-group", title, by_group, confirmed=confirmed)
    else:
        missing.append("By lesion group: no lesion is known to be irradiated on study (PR, RELREC, SUPPTU).")
    yield spider("spider", "Change of the target lesions over time", everything, of.origin.words, of.words)
    if pairs_of(hit, others):
        yield abscopal("abscopal", "Irradiated and other lesions of the same subjects", hit, others, of.words)
    elif hit:
        missing.append("Abscopal view: no subject has evaluable sums both of irradiated and of other lesions.")


def _swimmer(of: _Subject) -> Picture:
    its = lanes(of.study, of.done, of.reader, of.origin)
    words = treatment_words(of.study)
    return swimmer("swimmer", "Course of each subject", its, of.origin.words, words, of.words)


def _events(study: Study, missing: list[str]) -> Iterator[Picture]:
    if "AE" not in study or not study["AE"].frame.height:
        missing.append("Adverse events: the study has no AE.")
        return
    by_class, by_term = figures_events.term_variables(study)
    classes = figures_events.bars(study, by_class) if by_class else []
    terms = figures_events.bars(study, by_term)
    yield figures_events.events(
        "adverse-events", "Adverse events by worst grade", classes, terms, figures_events.treated(study)
    )


def _lesions(of: _Subject) -> Iterator[Picture]:
    """The lesion map of the reader drawn, of the subjects in the assessment."""
    everyone, _ = readers(of.study, of.done.criteria, of.done.choices)
    subjects = {one[0] for one in of.done.at_risk if (one[1], one[2], one[3]) == (*of.reader, ALL)}
    mine = [one for one in everyone if (one.eval, one.evalid) == of.reader and one.usubjid in subjects]
    yield from lesion_maps("lesions", "Lesions by subject", panels(mine, irradiated_lesions(of.study)), of.words)
