"""`trialbridge recist STUDY`: responses by RECIST 1.0, 1.1 or iRECIST, each with its reason, compared with RS.

Exit codes: 0; 1 where RS was compared and disagrees; 2 for wrong usage or unreadable input.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trialbridge import api
from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.writing import whole_file, whole_folder
from trialbridge.commands.output import check_target
from trialbridge.commands.shell import CLEAN, FOUND, Shell, guarded
from trialbridge.oncology.groups import ALL
from trialbridge.oncology.recist_criteria import DEFAULT, Choices
from trialbridge.report import oncology_tables
from trialbridge.report.figures_data import counted, said
from trialbridge.report.figures_style import plain
from trialbridge.sdtm.table import Study

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trialbridge.report.oncology_tables import Tables

_FILES = {".json", ".csv", ".xlsx"}
_MOST = 20
OWN_FILES = ("recist.json", "recist.xlsx", "responses.csv", "best.csv", "remission.csv", "agreement.csv")
"""What the command may write into a folder; of an earlier run, what this one has not made again is removed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. `output`: a folder, or a file that ends in .json, .csv or .xlsx; None: JSON to the terminal.

    `day` and `window`: days after the end of radiotherapy at which remission counts, and how far from it.
    """

    study: Path
    criteria: str
    output: Path | None = None
    by_group: bool = False
    against: str | None = None
    day: int = 91
    window: int = 28
    choices: Choices = DEFAULT


def choices(*, confirmation: bool | None = None, confirmation_days: int = DEFAULT.confirmation_days) -> Choices:
    """What the protocol decides, as far as the command line asks for it."""
    return replace(DEFAULT, confirmation=confirmation, confirmation_days=confirmation_days)


def run(wanted: Wanted, *, as_json: bool = False, quiet: bool = False, no_color: bool = False) -> int:
    """Compute, write, say; the exit code."""
    shell = Shell(as_json=as_json, quiet=quiet, no_color=no_color)
    return guarded(shell, lambda: _run(wanted, shell))


def _run(wanted: Wanted, shell: Shell) -> int:
    if wanted.against is not None and wanted.against.lower() != "rs":
        raise UnknownNameError(f"--against {wanted.against} is not known.", fix="use --against rs")
    if wanted.output is not None:
        check_output(wanted.output, wanted.study)
    study = study_of(wanted.study)
    found = oncology_tables.tables(
        study,
        wanted.criteria,
        choices=wanted.choices,
        by_group=wanted.by_group,
        against_rs=wanted.against is not None,
        day=wanted.day,
        window=wanted.window,
    )
    if wanted.output is not None:
        _write(found, wanted.output)
    if shell.as_json:
        shell.json(oncology_tables.as_dict(found))
    if shell.speaks:
        _say(found, wanted, shell)
    return FOUND if found.disagreements.height else CLEAN


def study_of(path: Path) -> Study:
    """The study of a file or folder: SDTM as it stands, FHIR converted. Raises UnreadableInputError."""
    data = api.read(path)
    if isinstance(data, Study):
        return data
    made = api.to_sdtm(data).study
    return replace(made, source=str(path))


def check_output(output: Path, given: Path) -> None:
    """Refuses to write over the input or among it. Raises UnreadableInputError."""
    if output.suffix.lower() not in _FILES:
        check_folder(output, given)
    elif output.is_dir():
        raise UnreadableInputError("The output is a folder.", Where(file=str(output)), "Give another name with -o.")
    elif given.resolve() in (output.resolve(), output.resolve().parent):
        message = "The output stands where the input does."
        raise UnreadableInputError(message, Where(file=str(output)), "Give another place with -o.")


def check_folder(output: Path, given: Path) -> None:
    """Refuses a file, and the folder of the input. Raises UnreadableInputError."""
    check_target(output, [given], ("all",))


def _write(found: Tables, output: Path) -> None:
    if output.suffix.lower() in _FILES:
        with whole_file(output) as part:
            named = part.with_suffix(output.suffix)
            try:
                oncology_tables.write_one(found, named)
                named.replace(part)
            finally:
                named.unlink(missing_ok=True)
        return
    with whole_folder(output) as folder:
        made = {one.name for one in oncology_tables.write(found, folder)}
    remove_stale(output, made, OWN_FILES)


def remove_stale(folder: Path, made: Iterable[str], own: Iterable[str]) -> None:
    """Remove what an earlier run of ours left and this one has not made: a folder never mixes two runs."""
    for name in set(own) - set(made):
        (folder / name).unlink(missing_ok=True)


def say_assumed(found: Tables, shell: Shell) -> None:
    """Say where the baseline is assumed: every response hangs on it."""
    from rich.markup import escape  # noqa: PLC0415 - only where a summary is wanted

    for one in found.done.findings:
        if one.id == "TB-RECIST-012":
            shell.out.print(f"[yellow]warning:[/] {escape(one.message)}", soft_wrap=True)


def _say(found: Tables, wanted: Wanted, shell: Shell) -> None:
    """The summary for people."""
    from rich.markup import escape  # noqa: PLC0415 - only where a summary is wanted

    done, out = found.done, shell.out
    subjects = len({one.usubjid for one in done.responses})
    out.print(f"[bold]{done.criteria.label}[/]: {len(done.responses)} responses of {subjects} subjects")
    readers = Counter((one.eval, one.evalid, one.group) for one in done.best)
    for (evaluator, evalid, group), count in sorted(readers.items()):
        words = (
            plain(one.response) for one in done.best if (one.eval, one.evalid, one.group) == (evaluator, evalid, group)
        )
        best = ", ".join(f"{response} {number}" for response, number in counted(words).items())
        named = said((evaluator, evalid)) + ("" if group == ALL and not wanted.by_group else f", {group.lower()}")
        out.print(f"  best response, {escape(named)} ({count}): {best}")
    for rate in found.rates:
        out.print(f"  {escape(said((rate.eval, rate.evalid)))}, {escape(rate.text)}")
    if found.agreement is not None:
        agree = found.compared - found.disagreements.height
        out.print(f"Reported and computed agree in {agree} of {found.compared} rows of RS")
        for row in found.disagreements.head(_MOST).iter_rows(named=True):
            place = " ".join(
                str(row[one]) for one in ("USUBJID", "RSEVAL", "RSEVALID", "VISIT", "RSTESTCD") if row[one]
            )
            out.print(f"  {escape(place)}: {escape(row['EXPLANATION'])}", soft_wrap=True)
        if found.disagreements.height > _MOST:
            out.print(f"  and {found.disagreements.height - _MOST} more")
    say_assumed(found, shell)
    if done.findings:
        out.print(f"{len(done.findings)} findings on the data (in the JSON)")
    if wanted.output is not None:
        out.print(f"Written to {escape(str(wanted.output))}")
