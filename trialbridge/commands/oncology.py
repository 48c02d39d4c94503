"""`trialbridge oncology STUDY`: responses, survival, outcome tables, all pictures and the page, in one folder.

Exit codes: 0; 2 for wrong usage or unreadable input. What a study does not have (AE, PR, RS) is left out and said so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.writing import whole_folder
from trialbridge.commands import recist
from trialbridge.commands.shell import CLEAN, Shell, guarded
from trialbridge.fhir.jsontext import pretty
from trialbridge.oncology import ctcae, groups, outcomes, survival
from trialbridge.oncology.recist_criteria import DEFAULT, Choices
from trialbridge.oncology.survival_rules import PfsRules
from trialbridge.report import figures, figures_events, oncology_blocks, oncology_tables
from trialbridge.report.figures_data import reader_of, said
from trialbridge.report.oncology_page import page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trialbridge.base.finding import Finding
    from trialbridge.oncology.outcomes import Outcomes
    from trialbridge.oncology.survival import Survival
    from trialbridge.report.figures import Drawn
    from trialbridge.report.figures_data import ReaderName
    from trialbridge.report.oncology_tables import Tables
    from trialbridge.sdtm.table import Study

PAGE = "oncology.html"
OWN_FILES = (
    *recist.OWN_FILES,
    *("outcomes.json", "outcomes.csv", "survival.json", "survival.csv", "survival-curve.csv"),
    *("adverse-events.csv", "findings.json", PAGE),
)
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. `evaluator`: RSEVAL or RSEVALID of the reader drawn, default the investigator.

    `day` and `window`: days after the end of radiotherapy at which remission counts, and how far from it; `day` is also
    that of the survival rate. `dpi` of the PNG pictures.
    """

    study: Path
    criteria: str
    output: Path
    evaluator: str | None = None
    ctcae: str = "4.0"
    day: int = 91
    window: int = 28
    choices: Choices = DEFAULT
    dpi: int = 300


@dataclass(frozen=True, slots=True)
class Report:
    """All that was computed; None where the study does not have what it needs (then `missing` says what)."""

    study: Study
    tables: Tables
    reader: ReaderName
    pfs: Survival | None
    outcomes: Outcomes | None
    toxicity: tuple[Finding, ...]
    missing: tuple[str, ...]

    @property
    def findings(self) -> list[Finding]:
        """Everything doubtful, once each."""
        every = [*self.tables.done.findings, *(self.pfs.findings if self.pfs else ()), *self.toxicity]
        return list(dict.fromkeys(every))


def run(wanted: Wanted, *, as_json: bool = False, quiet: bool = False, no_color: bool = False) -> int:
    """Compute, draw, write, say; the exit code."""
    shell = Shell(as_json=as_json, quiet=quiet, no_color=no_color)
    return guarded(shell, lambda: _run(wanted, shell))


def _run(wanted: Wanted, shell: Shell) -> int:
    recist.check_folder(wanted.output, wanted.study)
    ctcae.terms(wanted.ctcae)  # a version that does not exist is wrong usage, not a thing the study lacks
    report = computed(recist.study_of(wanted.study), wanted)
    drawn = figures.pictures(report.study, report.tables.done, evaluator=wanted.evaluator, pfs=report.pfs)
    with whole_folder(wanted.output) as folder:
        _write_data(report, folder)
        _write_pictures(report, drawn, wanted, folder)
        made = sorted(one.name for one in folder.iterdir())
    pages = [one.name for kind in ("png", "svg") for one in wanted.output.glob(f"lesions-[0-9]*.{kind}")]
    pictures = [f"{name}.{kind}" for name in figures.NAMES for kind in ("png", "svg")]
    recist.remove_stale(wanted.output, made, (*OWN_FILES, *pictures, *pages))
    if shell.as_json:
        shell.json(_as_dict(report, drawn, wanted, made))
    if shell.speaks:
        _say(report, drawn, wanted, shell)
    return CLEAN


def computed(study: Study, wanted: Wanted) -> Report:
    """Everything but the pictures. Raises UnknownNameError: no TR, no such evaluator."""
    missing: list[str] = []

    def attempt(what: str, make: Callable[[], _Made]) -> _Made | None:
        try:
            return make()
        except UnknownNameError as error:
            missing.append(f"{what}: {error.message}")
            return None

    def responses(*, against_rs: bool) -> Tables:
        return oncology_tables.tables(
            study,
            wanted.criteria,
            choices=wanted.choices,
            by_group=True,
            against_rs=against_rs,
            day=wanted.day,
            window=wanted.window,
        )

    tables = responses(against_rs=False)
    tables = attempt("Comparison with the reported responses", lambda: responses(against_rs=True)) or tables
    reader = reader_of(tables.done, wanted.evaluator)
    rules = _rules(study, wanted, reader)
    pfs = attempt("Progression-free survival", lambda: survival.progression_free_survival(study, rules, day=wanted.day))
    measures = attempt("Outcome tables", lambda: _measures(study, wanted, rules))
    toxicity = attempt(f"Check by CTCAE {wanted.ctcae}", lambda: ctcae.check(study, wanted.ctcae)) or []
    return Report(study, tables, reader, pfs, measures, tuple(toxicity), tuple(missing))


def _measures(study: Study, wanted: Wanted, rules: PfsRules) -> Outcomes:
    """The outcome tables. Raises UnknownNameError where nobody is in their population: they would have no column."""
    made = outcomes.outcomes(study, wanted.criteria, wanted.ctcae, rules=rules, day=wanted.day, window=wanted.window)
    if not any(one.groups for one in made.measures):
        message = "they are of participants who received radiotherapy, and PR tells of none."
        raise UnknownNameError(message, fix="add PR")
    return made


def _rules(study: Study, wanted: Wanted, reader: ReaderName) -> PfsRules:
    """Progression computed by the criteria named, for the reader drawn; from radiotherapy where there is any."""
    irradiated = any(row["PRSTDTC"] for row in groups.radiotherapy(study))
    return PfsRules(
        start="radiotherapy" if irradiated else "reference start",
        progression="computed",
        criteria=wanted.criteria,
        evaluator=reader[0] or "INVESTIGATOR",
        evaluator_id=reader[1],
    )


def _write_data(report: Report, folder: Path) -> None:
    oncology_tables.write(report.tables, folder)
    found = [one.as_dict() for one in report.findings]
    (folder / "findings.json").write_bytes(pretty({"findings": found, "missing": list(report.missing)}))
    if report.outcomes is not None:
        (folder / "outcomes.json").write_bytes(pretty({"outcomes": report.outcomes.as_dicts()}))
        oncology_tables.outcomes_frame(report.outcomes.measures).write_csv(folder / "outcomes.csv")
    if report.pfs is not None:
        (folder / "survival.json").write_bytes(pretty(_survival(report.pfs)))
        report.pfs.as_frame().write_csv(folder / "survival.csv")
        oncology_tables.curve_frame(report.pfs.curve).write_csv(folder / "survival-curve.csv")
    if "AE" in report.study and report.study["AE"].frame.height:
        _, term = figures_events.term_variables(report.study)
        ctcae.worst_grades(report.study, by=term).write_csv(folder / "adverse-events.csv")


def _survival(pfs: Survival) -> dict[str, Any]:
    return {
        "rules": asdict(pfs.rules),
        "summary": pfs.sentence(),
        "rate": asdict(pfs.rate),
        "curve": asdict(pfs.curve),
        "subjects": [asdict(one) for one in pfs.results],
    }


def _write_pictures(report: Report, drawn: Drawn, wanted: Wanted, folder: Path) -> None:
    """The pictures, and the page with their SVG inside."""
    images = {one.name: figures.save(one, folder, dpi=wanted.dpi)[1] for one in drawn.pictures}
    blocks = [oncology_blocks.best(report.tables.done)]
    if report.tables.rates:
        blocks.append(oncology_blocks.rates(report.tables, wanted.day, wanted.window))
    if report.outcomes is not None:
        blocks += oncology_blocks.outcomes(report.outcomes.measures)
    if report.tables.agreement is not None:
        blocks.append(oncology_blocks.disagreements(report.tables))
    if report.pfs is not None:
        blocks.append(oncology_blocks.survival(report.pfs))
    blocks.append(oncology_blocks.findings(report.findings))
    missing = _missing(report, drawn)
    label = report.tables.done.criteria.label
    subjects = len({one.usubjid for one in report.tables.done.responses})
    lead = f"{label}; pictures: {said(report.reader)}; {subjects} subjects assessed; toxicity by CTCAE {wanted.ctcae}."
    foot = (
        "Computed by trialbridge from the study's tables. Nothing here was collected, and nothing is written into them."
    )
    text = page(_title(report.study), lead, drawn.pictures, images, blocks, missing=missing, foot=foot)
    (folder / PAGE).write_text(text, encoding="utf-8", newline="\n")


def _missing(report: Report, drawn: Drawn) -> list[str]:
    """What is not there, each thing once."""
    said_already = {one.partition(":")[0] for one in report.missing}
    return [*report.missing, *(one for one in drawn.missing if one.partition(":")[0] not in said_already)]


def _title(study: Study) -> str:
    ids = sorted(
        {value for one in study if "STUDYID" in one.frame.columns for value in one.frame["STUDYID"].unique() if value}
    )
    return f"Response and toxicity: {', '.join(ids[:3])}" if ids else "Response and toxicity"


def _as_dict(report: Report, drawn: Drawn, wanted: Wanted, made: list[str]) -> dict[str, Any]:
    return {
        "criteria": report.tables.done.criteria.label,
        "evaluator": {"RSEVAL": report.reader[0] or None, "RSEVALID": report.reader[1] or None},
        "output": str(wanted.output),
        "files": made,
        "survival": None if report.pfs is None else report.pfs.sentence(),
        "disagreements": None if report.tables.agreement is None else report.tables.disagreements.height,
        "missing": _missing(report, drawn),
        "findings": len(report.findings),
    }


def _say(report: Report, drawn: Drawn, wanted: Wanted, shell: Shell) -> None:
    from rich.markup import escape  # noqa: PLC0415 - only where a summary is wanted

    out = shell.out
    label = report.tables.done.criteria.label
    out.print(f"[bold]{label}[/]: {len(drawn.pictures)} pictures of {escape(said(report.reader))}")
    if report.pfs is not None:
        out.print(f"  {escape(report.pfs.sentence())}", soft_wrap=True)
    if report.tables.agreement is not None:
        out.print(
            f"  {report.tables.disagreements.height} of {report.tables.compared} reported rows disagree with the data"
        )
    recist.say_assumed(report.tables, shell)
    for one in _missing(report, drawn):
        out.print(f"  not there: {escape(one)}", soft_wrap=True)
    out.print(f"Written to {escape(str(wanted.output))}; open {PAGE}")
