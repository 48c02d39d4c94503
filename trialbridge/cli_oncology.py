"""`trialbridge recist` and `trialbridge oncology`: what the trial computes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trialbridge.cli_options import AsJson, NoColor, Quiet, StudySource

commands = typer.Typer()


class ResponseCriteria(StrEnum):
    """The version of the response criteria; it is always named, never guessed."""

    RECIST_1_0 = "1.0"
    RECIST_1_1 = "1.1"
    IRECIST = "irecist"


CriteriaOption = Annotated[ResponseCriteria, typer.Option("--criteria", help="The version the protocol uses.")]
Confirmation = Annotated[
    bool | None,
    typer.Option(
        "--confirmation/--no-confirmation", help="Must CR and PR be confirmed? Default: as the version has it."
    ),
]
ConfirmationDays = Annotated[int, typer.Option("--confirmation-days", min=0, help="Least days until confirmation.")]
RemissionDay = Annotated[
    int, typer.Option("--day", min=1, help="Days after the end of radiotherapy at which remission counts.")
]
RemissionWindow = Annotated[int, typer.Option("--window", min=0, help="Days around --day.")]


@commands.command()
def recist(
    *,
    study: StudySource,
    criteria: CriteriaOption,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder, or a file ending in .json, .csv or .xlsx.")
    ] = None,
    by_group: Annotated[
        bool, typer.Option("--by-group", help="Also for the irradiated and for the other lesions.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="rs", help="Compare with the reported responses; exit 1 if they differ."),
    ] = None,
    confirmation: Confirmation = None,
    confirmation_days: ConfirmationDays = 28,
    day: RemissionDay = 91,
    window: RemissionWindow = 28,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Compute responses by RECIST 1.0, RECIST 1.1 or iRECIST, each with its reason."""
    from trialbridge.commands import recist as command

    choices = command.choices(confirmation=confirmation, confirmation_days=confirmation_days)
    wanted = command.Wanted(study, criteria.value, output, by_group, against, day, window, choices)
    raise typer.Exit(command.run(wanted, as_json=as_json, quiet=quiet, no_color=no_color))


@commands.command()
def oncology(
    *,
    study: StudySource,
    criteria: CriteriaOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")],
    evaluator: Annotated[
        str | None,
        typer.Option("--evaluator", help="RSEVAL or RSEVALID of the reader shown. Default: the investigator."),
    ] = None,
    ctcae: Annotated[
        str, typer.Option("--ctcae", metavar="4.0|4.03|5.0", help="The version the grades are of.")
    ] = "4.0",
    confirmation: Confirmation = None,
    confirmation_days: ConfirmationDays = 28,
    day: RemissionDay = 91,
    window: RemissionWindow = 28,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Responses, survival, outcome tables, all pictures and a page with them, in one folder."""
    from trialbridge.commands import oncology as command
    from trialbridge.commands.recist import choices as chosen

    choices = chosen(confirmation=confirmation, confirmation_days=confirmation_days)
    wanted = command.Wanted(study, criteria.value, output, evaluator, ctcae, day, window, choices)
    raise typer.Exit(command.run(wanted, as_json=as_json, quiet=quiet, no_color=no_color))
