"""The command line: names, options and help of each command, and nothing else.

A command's code is loaded when it runs, so that `trialbridge --help` needs typer alone.
"""

from __future__ import annotations

import signal
import sys
from enum import StrEnum
from importlib.metadata import version as installed
from pathlib import Path
from typing import Annotated, cast

import typer

from trialbridge import (
    cli_define,
    cli_deidentify,
    cli_dictionary,
    cli_exchange,
    cli_forms,
    cli_mapping,
    cli_oncology,
    cli_origin,
    cli_packages,
    cli_registry,
    cli_report,
    cli_rules,
    cli_serve,
    cli_validate,
)
from trialbridge.cli_options import AsJson, BaseUrl, Encoding, FhirVersion, NoColor, Quiet, SdtmVersion, StudyFile

app = typer.Typer(
    name="trialbridge",
    help="Carries a clinical trial between FHIR and CDISC SDTM, in both directions and without losing anything.",
    epilog="Exit codes: 0 clean, 1 findings (diff: differences), 2 wrong usage or unreadable input.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
terminology = typer.Typer(help="Controlled terminology: the bundled package and your own.", no_args_is_help=True)
app.add_typer(terminology, name="terminology")
app.add_typer(cli_dictionary.commands, name="dictionary")
app.add_typer(cli_validate.commands)
app.add_typer(cli_rules.commands, name="rules")
app.add_typer(cli_report.commands, name="report")
app.add_typer(cli_define.commands)
app.add_typer(cli_origin.commands)
app.add_typer(cli_deidentify.commands)
app.add_typer(cli_serve.commands)
app.add_typer(cli_oncology.commands)
app.add_typer(cli_forms.commands)
app.add_typer(cli_exchange.commands)
app.add_typer(cli_mapping.commands, name="mapping")
app.add_typer(cli_packages.commands, name="packages")
app.add_typer(cli_registry.commands, name="registry")


class Language(StrEnum):
    """What a conversion makes."""

    SDTM = "sdtm"
    FHIR = "fhir"
    FORMS = "forms"


class FailOn(StrEnum):
    """The severity from which on findings make the exit code 1."""

    ERROR = "error"
    WARNING = "warning"


def _shown(asked: bool) -> None:  # noqa: FBT001 - a typer callback
    if asked:
        typer.echo(f"trialbridge {installed('trialbridge')}")
        raise typer.Exit


@app.callback()
def main_options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_shown, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Carries a clinical trial between FHIR and CDISC SDTM, in both directions and without losing anything."""


@app.command()
def convert(
    *,
    source: Annotated[list[Path], typer.Argument(metavar="SOURCE", help="Files or folders, known by content.")],
    to: Annotated[Language, typer.Option("--to", help="The language to make.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")],
    format: Annotated[  # noqa: A002 - the user's word
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="Repeatable. SDTM: xpt, dataset-json (default), ndjson, dsjc, parquet, csv, xlsx, core-csv. "
            "FHIR: ndjson (default), bundle, transaction, xml. Forms: xlsx (default), csv, parquet.",
        ),
    ] = None,
    fhir_version: FhirVersion = None,
    version: SdtmVersion = None,
    base_url: BaseUrl = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="The study's own lines (.xlsx or .yaml).")
    ] = None,
    study_file: StudyFile = None,
    dictionary: Annotated[
        list[str] | None,
        typer.Option("--dictionary", metavar="NAME", help="To SDTM: code by meddra-27.1, whodrug-… Repeatable."),
    ] = None,
    define_xml_path: Annotated[
        Path | None,
        typer.Option("--define-xml-path", "-dxp", metavar="FILE", help="The study's define: labels, lengths, types."),
    ] = None,
    encoding: Encoding = None,
    to_release: Annotated[
        str | None, typer.Option("--to-release", metavar="R4|R5", help="FHIR to FHIR: write it in this release.")
    ] = None,
    lineage: Annotated[
        bool, typer.Option("--lineage", help="To SDTM: write lineage.ndjson, the source of every cell.")
    ] = False,
    provenance: Annotated[
        bool, typer.Option("--provenance", help="To SDTM: write provenance.ndjson, a FHIR Provenance for each row.")
    ] = False,
    adjudication: Annotated[
        Path | None,
        typer.Option(
            "--adjudication", metavar="FILE", help="From forms: the decided adjudication.xlsx of an earlier run."
        ),
    ] = None,
    from_: Annotated[
        Language | None, typer.Option("--from", help="What SOURCE is, where its content does not tell.")
    ] = None,
    no_residue: Annotated[
        bool, typer.Option("--no-residue", help="Neither write nor use residue.ndjson: FHIR without a home is lost.")
    ] = False,
    check: Annotated[
        bool | None,
        typer.Option(
            "--check/--no-check",
            show_default=False,
            help="Hold FHIR against its structure: what comes in is checked unless --no-check; what is made, with --check.",
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            help="Processes that share it: FHIR NDJSON to SDTM; SDTM to FHIR NDJSON.",
        ),
    ] = 1,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="Findings that make the exit code 1.")] = FailOn.ERROR,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Convert a study: SDTM, FHIR and a centre's own tables into one another, or into other formats of their own."""
    from trialbridge.commands import convert as command

    wanted = command.Wanted(
        sources=tuple(source),
        to=to.value,
        output=output,
        formats=tuple(format or ()),
        fhir_version=fhir_version,
        version=version,
        base_url=base_url,
        residue=not no_residue,
        check=check is not False,
        check_made=check is True,
        mapping=mapping,
        study_file=study_file,
        dictionaries=tuple(dictionary or ()),
        define=define_xml_path,
        to_release=to_release,
        encoding=encoding,
        lineage=lineage,
        provenance=provenance,
        adjudication=adjudication,
        from_=from_.value if from_ else None,
        workers=workers,
        fail_on=fail_on.value,
    )
    raise typer.Exit(command.run(wanted, as_json=as_json, quiet=quiet, no_color=no_color))


@app.command()
def diff(
    *,
    a: Annotated[Path, typer.Argument(metavar="A", help="A file or folder of SDTM or FHIR, in any format.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="What to compare it with.")],
    most: Annotated[int, typer.Option("--max", min=0, help="Differences to list; 0 lists all.")] = 50,
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Compare two studies cell by cell, or two sets of FHIR resources element by element."""
    from trialbridge.commands import diff as command

    raise typer.Exit(command.run(a, b, most, as_json=as_json, no_color=no_color))


@app.command()
def explain(
    *,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="AESER, DM.SEX, SUPPPR.PRFRACN, Patient.gender, C49498, 1217123003, …")
    ],
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Explain a variable, a FHIR path, an url or a code: its line, both spellings, codelists and source."""
    from trialbridge.commands import explain as command

    raise typer.Exit(command.run(name, as_json=as_json, no_color=no_color))


@app.command()
def doctor(*, as_json: AsJson = False, no_color: NoColor = False) -> None:
    """Show versions, packages, terminology and folders."""
    from trialbridge.commands import doctor as command

    raise typer.Exit(command.run(as_json=as_json, no_color=no_color))


@app.command()
def extensions(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")],
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="Where our identifier systems and extensions stand.")
    ] = None,
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Write our own extensions as StructureDefinitions, so that a validator knows them."""
    from trialbridge.commands import extensions as command

    raise typer.Exit(command.run(output, base_url, as_json=as_json, no_color=no_color))


@terminology.command("add")
def terminology_add(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="NCI's package: tab-separated text, XLSX or ODM-XML.")],
    package: Annotated[
        str | None, typer.Option("--package", metavar="NAME", help="sdtmct-2026-03-27, where the file does not tell.")
    ] = None,
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Install a terminology package into your folder."""
    from trialbridge.commands import terminology as command

    raise typer.Exit(command.add(file, package, as_json=as_json, no_color=no_color))


@terminology.command("list")
def terminology_list(*, as_json: AsJson = False, no_color: NoColor = False) -> None:
    """List the packages there are, and which is in use."""
    from trialbridge.commands import terminology as command

    raise typer.Exit(command.show(as_json=as_json, no_color=no_color))


@terminology.command("use")
def terminology_use(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A package's name, or `bundled`.")],
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Choose the package to use from now on."""
    from trialbridge.commands import terminology as command

    raise typer.Exit(command.use(name, as_json=as_json, no_color=no_color))


# UsageError: its module hangs on typer's version
_USAGE_ERROR = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])


def main() -> None:
    """The entry point of the `trialbridge` program."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a command that is ended leaves nothing half done
    if "--json" not in sys.argv:
        app()
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        code = 1
    except _USAGE_ERROR as error:
        from trialbridge.commands.shell import Shell, wrong_usage

        code = wrong_usage(Shell(as_json=True), error.format_message())
    sys.exit(code)
