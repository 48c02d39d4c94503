"""`trialbridge report`: what is done with conformance reports after they are made."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trialbridge.cli_options import AsJson, NoColor

commands = typer.Typer(help="Conformance reports: ours, CDISC CORE's, Pinnacle 21's.", no_args_is_help=True)
ReportFile = Annotated[
    Path, typer.Argument(metavar="REPORT", help="JSON or XLSX of trialbridge or CORE, XLSX of Pinnacle 21.")
]


class Choice(StrEnum):
    """What a person decides about a kind of issue."""

    OPEN = "open"
    FIX = "fix"
    DOCUMENT = "document"
    WAIVE = "waive"


@commands.command("show")
def show(*, report: ReportFile, as_json: AsJson = False, no_color: NoColor = False) -> None:
    """Show a report in the terminal, without any cell."""
    from trialbridge.commands import report as command

    raise typer.Exit(command.show(report, as_json=as_json, no_color=no_color))


@commands.command("merge")
def merge(
    *,
    reports: Annotated[list[Path], typer.Argument(metavar="REPORT", help="Reports, of any of the kinds.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="NAME", help="The report's name, without ending.")],
    output_format: Annotated[
        list[str] | None, typer.Option("--output-format", "-of", metavar="json|xlsx|csv|html", help="Repeatable.")
    ] = None,
    max_report_rows: Annotated[int, typer.Option("--max-report-rows", "-mr", min=0, help="0: all.")] = 1000,
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Put reports together, or one into other formats."""
    from trialbridge.commands import report as command

    formats = tuple(output_format or ())
    raise typer.Exit(
        command.merge(tuple(reports), output, formats, max_report_rows, as_json=as_json, no_color=no_color)
    )


@commands.command("diff")
def diff(
    *,
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The earlier report.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The later report.")],
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Say what is new, gone, and still there; exit code 1 where something is new."""
    from trialbridge.commands import report as command

    raise typer.Exit(command.diff(old, new, as_json=as_json, no_color=no_color))


@commands.command("decide")
def decide(
    *,
    report: ReportFile,
    key: Annotated[str, typer.Argument(metavar="KEY", help="RULE, RULE|DOMAIN or RULE|DOMAIN|VARIABLES.")],
    disposition: Annotated[Choice, typer.Argument(metavar="open|fix|document|waive")],
    comment: Annotated[str, typer.Option("--comment", help="Why; it goes into the reviewer's guide.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who has decided.")] = "",
    date: Annotated[str, typer.Option("--date", help="When. Default: today.")] = "",
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Decide about issues of a kind; kept in REPORT.triage.json and carried to the next run."""
    from trialbridge.commands import report as command
    from trialbridge.report.conformance import Decision, Disposition

    decision = Decision(Disposition(disposition.value), comment, by, date)
    raise typer.Exit(command.decide(report, key, decision, as_json=as_json, no_color=no_color))


@commands.command("guide")
def guide(
    *,
    report: ReportFile,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Markdown. Default: standard output.")
    ] = None,
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Write section 5 of the study data reviewer's guide: inputs, issues, explanations."""
    from trialbridge.commands import report as command

    raise typer.Exit(command.guide(report, output, as_json=as_json, no_color=no_color))
