"""`trialbridge packages add | list | remove`: FHIR packages in the cache that all FHIR tools share."""

from __future__ import annotations

from typing import Annotated

import typer

from trialbridge.cli_options import AsJson, NoColor

commands = typer.Typer(help="FHIR packages (mCODE and others) in ~/.fhir/packages.", no_args_is_help=True)


@commands.command("add")
def packages_add(
    *,
    package: Annotated[
        list[str],
        typer.Argument(metavar="NAME#VERSION|FILE.tgz", help="hl7.fhir.us.mcode#4.0.0, or the package's file."),
    ],
    registry: Annotated[
        str | None,
        typer.Option(
            "--registry",
            metavar="URL",
            envvar="TRIALBRIDGE_FHIR_REGISTRY",
            help="The registry to fetch from; none is asked otherwise.",
        ),
    ] = None,
    no_dependencies: Annotated[
        bool, typer.Option("--no-dependencies", help="Do not fetch what the package depends on.")
    ] = False,
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Install packages, with what they depend on, from files or from a registry."""
    from trialbridge.commands import packages as command

    raise typer.Exit(
        command.add(package, registry, dependencies=not no_dependencies, as_json=as_json, no_color=no_color)
    )


@commands.command("list")
def packages_list(*, as_json: AsJson = False, no_color: NoColor = False) -> None:
    """List the installed packages and the definitions that come with trialbridge."""
    from trialbridge.commands import packages as command

    raise typer.Exit(command.show(as_json=as_json, no_color=no_color))


@commands.command("remove")
def packages_remove(
    *,
    package: Annotated[str, typer.Argument(metavar="NAME#VERSION", help="The package to take out.")],
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Take a package out of the cache."""
    from trialbridge.commands import packages as command

    raise typer.Exit(command.remove(package, as_json=as_json, no_color=no_color))
