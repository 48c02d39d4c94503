"""The CSV layout that CDISC's rules engine CORE takes as input, one folder a study.

`_datasets.csv` (Filename,Label), `_variables.csv` (dataset,variable,label,type,length), `<dataset>.csv` and `.env` with
PRODUCT=SDTMIG, VERSION=3-4 and CT=sdtmct-…; as in the test cases of the cdisc-open-rules project. Labels, types and lengths are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.writing import whole_folder
from trialbridge.sdtm.files import column_types, csv_rows, folder, sniffing
from trialbridge.sdtm.table import Variable, study, table

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from trialbridge.sdtm.table import Study, Table, VariableType

ENVIRONMENT = ".env"
DATASETS_NAMES = ("Filename", "Label")
VARIABLES_NAMES = ("dataset", "variable", "label", "type", "length")
TYPES: dict[str, VariableType] = {"char": "Char", "text": "Char", "num": "Num", "numeric": "Num"}


def read(path: Path) -> Study:
    """The study of a folder (or of its `_datasets.csv`). Raises UnreadableInputError naming file and line."""
    home = path if path.is_dir() else path.parent
    labels = {
        _stem(row["Filename"]): row["Label"] or "" for row in _listing(home, sniffing.CORE_TABLES, DATASETS_NAMES)
    }
    variables: dict[str, list[Variable]] = {}
    for line, row in enumerate(_listing(home, sniffing.CORE_VARIABLES, VARIABLES_NAMES), 2):
        variables.setdefault(_stem(row["dataset"]), []).append(_variable(row, line))
    tables = (_read_table(home, name, label, variables.get(name, [])) for name, label in labels.items())
    return study(tables, **_environment(home), source=str(home), notes=tuple(_unlisted(home, labels)))


def _unlisted(home: Path, listed: Container[str]) -> Iterator[Finding]:
    """TB-FILE-0001 for each dataset of the folder that `_datasets.csv` does not list: it is not read."""
    for file in sorted(one for one in home.iterdir() if one.is_file() and one.suffix.lower() == ".csv"):
        if _stem(file.name) not in listed and sniffing.is_csv(file, sniffing.head_of(file)):
            message = f"A dataset that {sniffing.CORE_TABLES} does not list: passed over."
            yield Finding(
                "TB-FILE-0001",
                Severity.WARNING,
                Where(file=file.name),
                message,
                "list it, or take it out of the folder",
            )


def _stem(name: str | None) -> str:
    return (name or "").lower().removesuffix(".csv")


def _listing(home: Path, name: str, wanted: tuple[str, ...]) -> Iterator[dict[str, str | None]]:
    file = home / name
    if not file.is_file():
        raise UnreadableInputError("The file is missing.", Where(file=name), f"CORE's layout has it in {home}")
    columns = {column.name.lower(): column for column in csv_rows.read(file)}
    lacking = [column for column in wanted if column.lower() not in columns]
    if lacking:
        raise UnreadableInputError(
            f"There is no column {lacking[0]}.", Where(file=name, line=1), f"its first line is {','.join(wanted)}"
        )
    yield from pl.DataFrame([columns[column.lower()].alias(column) for column in wanted]).iter_rows(named=True)


def _variable(row: dict[str, str | None], line: int) -> Variable:
    kind, length = (row["type"] or "").lower(), row["length"] or ""
    if kind not in TYPES or not row["variable"] or not (length.isdecimal() or not length):
        raise UnreadableInputError(
            f"{row['variable']!r} of type {row['type']!r} and length {length!r} is no variable.",
            Where(file=sniffing.CORE_VARIABLES, line=line, variable=row["variable"]),
            "give a name, Char or Num, and a length in bytes or none",
        )
    return Variable(row["variable"], row["label"] or "", TYPES[kind], int(length) if length else None)


def _read_table(home: Path, name: str, label: str, variables: list[Variable]) -> Table:
    file = next((one for one in sorted(home.iterdir()) if one.name.lower() == f"{name}.csv"), None)
    if file is None:
        raise UnreadableInputError(
            f"{name}.csv is missing.",
            Where(file=sniffing.CORE_TABLES, dataset=name.upper()),
            "add it, or strike it out",
        )
    types = {variable.name: variable.type for variable in variables}
    columns = [column_types.typed(name.upper(), one, types.get(one.name)) for one in csv_rows.read(file)]
    return table(name, pl.DataFrame(columns), variables, label)


def _environment(home: Path) -> dict[str, Any]:
    file = home / ENVIRONMENT
    if not file.is_file():
        return {}
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableInputError("The file is not UTF-8.", Where(file=ENVIRONMENT), "save it as UTF-8") from error
    lines = (line.partition("=") for line in text.splitlines() if "=" in line)
    said = {key.strip().upper(): value.strip().strip("'\"") for key, _, value in lines}
    about = {
        "standard": said.get("PRODUCT", "").upper(),
        "version": said.get("VERSION", "").replace("-", "."),
        "ct": said.get("CT", ""),
    }
    return {key: value for key, value in about.items() if value}


def write(of: Study, target: Path) -> list[Path]:
    """The study into the folder `target`. Raises DoesNotFitError."""
    names = [folder.file_name(one) for one in of]
    variables = [
        (name, variable.name, variable.label or None, variable.type, variable.length)
        for name, one in zip(names, of, strict=True)
        for variable in one.variables
    ]
    labels = [(name, one.label or None) for name, one in zip(names, of, strict=True)]
    with whole_folder(target) as part:
        for name, one in zip(names, of, strict=True):
            csv_rows.write(one.frame, part / f"{name}.csv")
        csv_rows.write(
            pl.DataFrame(labels, dict.fromkeys(DATASETS_NAMES, pl.String), orient="row"), part / sniffing.CORE_TABLES
        )
        schema = {**dict.fromkeys(VARIABLES_NAMES, pl.String), "length": pl.Int64}
        csv_rows.write(pl.DataFrame(variables, schema, orient="row"), part / sniffing.CORE_VARIABLES)
        (part / ENVIRONMENT).write_text(_environment_text(of), "utf-8", newline="\n")
    return [
        target / name
        for name in (*(f"{name}.csv" for name in names), sniffing.CORE_TABLES, sniffing.CORE_VARIABLES, ENVIRONMENT)
    ]


def _environment_text(of: Study) -> str:
    ct = f"CT={of.ct}\n" if of.ct else ""
    return f"PRODUCT={of.standard}\nVERSION={of.version.replace('.', '-')}\n{ct}"
