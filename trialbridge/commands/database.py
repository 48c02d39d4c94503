"""`trialbridge database`: SDTM datasets and forms as tables of a database, in and out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge import api, sources
from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.commands.shell import CLEAN, Shell, guarded
from trialbridge.crf import files
from trialbridge.crf.files import sql
from trialbridge.sdtm import metadata
from trialbridge.sdtm.table import Variable, study, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialbridge.crf.model import Form, Source
    from trialbridge.sdtm.table import Study, Table

Tables = dict[str, tuple[list[tuple[str, bool]], list[tuple[Any, ...]]]]


def load(
    given: Sequence[Path], database: str, *, as_json: bool = False, quiet: bool = False, no_color: bool = False
) -> int:
    """Write datasets or forms into a database: all of them or none."""
    shell = Shell(as_json, quiet, no_color)

    def run() -> int:
        tables = _tables(given)
        rows = sql.write(Path(database), tables)
        return _told(shell, database, {name: len(its) for name, (_, its) in tables.items()}, rows)

    return guarded(shell, run)


def save(
    database: str, output: Path, kind: str, *, as_json: bool = False, quiet: bool = False, no_color: bool = False
) -> int:
    """Read the SDTM datasets of a database and write them as files of one format."""
    shell = Shell(as_json, quiet, no_color)

    def run() -> int:
        found = as_study(sql.read(Path(database)))
        api.write(found, output, kind)
        made = {one.name: one.frame.height for one in found}
        return _told(shell, str(output), made, sum(made.values()))

    return guarded(shell, run)


def _told(shell: Shell, target: str, made: dict[str, int], rows: int) -> int:
    if shell.as_json:
        shell.json({"target": target, "tables": made, "rows": rows})
    elif shell.speaks:
        shell.out.print(f"{len(made)} tables, {rows:,} rows: {target}")
    return CLEAN


def _tables(given: Sequence[Path]) -> Tables:
    """What a source holds, as tables: SDTM datasets with their types, forms as text."""
    if any(files.is_template(one) for one in given if one.is_file()):
        return {form.name: _of_form(form) for form in files.read(given)}
    found = sources.find(given)
    if found.kind == "sdtm":
        return {one.name.lower(): _of_table(one) for one in sources.read_study(found)}
    raise UnreadableInputError("FHIR is no set of tables.", fix="convert it to SDTM or to forms first")


def _of_table(one: Table) -> tuple[list[tuple[str, bool]], list[tuple[Any, ...]]]:
    return [(each.name, each.type == "Num") for each in one.variables], one.frame.rows()


def _of_form(form: Form) -> tuple[list[tuple[str, bool]], list[tuple[Any, ...]]]:
    names = [one.name for one in form.columns]
    return [(name, False) for name in names], [tuple(record.text(name) for name in names) for record in form.records]


def as_study(source: Source) -> Study:
    """The SDTM datasets among a database's tables: those with STUDYID. Raises UnreadableInputError where there are none."""
    found = [_dataset(form) for form in source if any(one.name.upper() == "STUDYID" for one in form.columns)]
    if not found:
        raise UnreadableInputError(
            "No table has STUDYID among its columns.", Where(), "convert forms with --study-file"
        )
    return study(found)


def _dataset(form: Form) -> Table:
    columns = [one for one in form.columns if one.name != sql.ORDER]
    variables = [Variable(one.name.upper(), "", "Num" if one.type == "number" else "Char") for one in columns]
    data = {
        variable.name: pl.Series(
            variable.name,
            [_value(record.cells.get(column.name), number=variable.type == "Num") for record in form.records],
            pl.Float64 if variable.type == "Num" else pl.String,
        )
        for column, variable in zip(columns, variables, strict=True)
    }
    return metadata.describe(table(form.name.upper(), pl.DataFrame(data), variables))


def _value(cell: Any, *, number: bool) -> Any:
    if cell is None:
        return None
    return float(cell.value if isinstance(cell.value, int | float) else cell.text) if number else cell.text
