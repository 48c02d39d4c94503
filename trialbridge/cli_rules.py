"""`trialbridge rules`: the rules there are."""

from __future__ import annotations

from typing import Annotated

import typer

from trialbridge.cli_options import AsJson, NoColor

commands = typer.Typer(help="The rules that `validate` holds a study against.", no_args_is_help=True)


@commands.command("list")
def list_rules(
    *,
    domain: Annotated[
        str | None, typer.Option("--domain", metavar="DOMAIN", help="Those that this domain meets.")
    ] = None,
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """List the rules: id, severity, domains, the standards' ids, what they find."""
    from trialbridge.commands import rules as command

    raise typer.Exit(command.show_all(domain, as_json=as_json, no_color=no_color))


@commands.command("show")
def show(
    *,
    name: Annotated[str, typer.Argument(metavar="ID", help="TB-DM-0002, CG0151, FB0101, TB-FHIR-BINDING, …")],
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Show a rule in full: its text, source, and how to mend what it finds."""
    from trialbridge.commands import rules as command

    raise typer.Exit(command.show_one(name, as_json=as_json, no_color=no_color))
