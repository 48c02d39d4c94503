"""Records to tables: columns in the package's order or the standard's, --SEQ given where it is missing, SUPP-- apart."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.records import Record, supplemental
from trialbridge.mappings.spellings import number_text
from trialbridge.sdtm import metadata
from trialbridge.sdtm.model_variables import WHOSE
from trialbridge.sdtm.table import Study, Table, Variable, study, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.converters.package import Declared, Package
    from trialbridge.mappings.kit import Row

IDENTIFIERS = ("STUDYID", "DOMAIN", "USUBJID")


def tables_of(rows: dict[str, list[Record]], package: Package | None, version: str, findings: list[Finding]) -> Study:
    """The study of these records."""
    version = package.version if package else version
    datasets, numbered = datasets_of(rows, package)
    findings.extend(numbered_note(dataset, count) for dataset, count in numbered.items())
    for dataset, found in datasets.items():
        count = sum(all(one.row.get(name) is None for name in WHOSE) for one in found)
        findings.extend(unnamed_note(dataset, count))
    declared = package.datasets if package else {}
    made = [_table(name, found, declared.get(name), version) for name, found in datasets.items()]
    return study(made, version=version, **about(package))


def about(package: Package | None) -> dict[str, str]:
    """What a package says of the study beside its version: standard and CT package."""
    return {"standard": package.standard, "ct": package.ct} if package else {}


def datasets_of(
    rows: dict[str, list[Record]], package: Package | None
) -> tuple[dict[str, list[Record]], dict[str, int]]:
    """Records by dataset, supplemental qualifiers as rows of their own; and how many were given a --SEQ.

    Datasets that the package declares come first, in its order; a dataset that nobody declared must have a record.
    """
    datasets: dict[str, list[Record]] = {name: [] for name in package.datasets} if package else {}
    numbered: dict[str, int] = {}
    for dataset, found in rows.items():
        if package is None or dataset not in package.datasets:
            count = number(dataset, found)
            if count:
                numbered[dataset] = count
        datasets.setdefault(dataset, []).extend(found)
        extra = [row for one in found for row in supplemental(dataset[:2], one)]
        if extra:
            supp = f"SUPP{dataset}"
            datasets.setdefault(supp, []).extend(Record(supp, 0, row) for row in extra)
    kept = {name: found for name, found in datasets.items() if found or (package and name in package.datasets)}
    return kept, numbered


def numbered_note(dataset: str, count: int) -> Finding:
    """The note on records that were given a --SEQ."""
    name = f"{dataset[:2]}SEQ"
    return Finding(
        "TB-SEQ-GIVEN",
        Severity.NOTE,
        Where(dataset=dataset, variable=name),
        f"{count} records had no {name}; they were numbered within each subject.",
    )


def unnamed_note(dataset: str, count: int) -> list[Finding]:
    """The finding on so many records that do not say whose they are (WHOSE), where the standard requires USUBJID."""
    if not count or not _requires_subject(dataset):
        return []
    where = Where(dataset=dataset, variable="USUBJID")
    named = "1 record names" if count == 1 else f"{count:,} records name"
    message = f"{named} no subject: what hangs on one (study days, EPOCH) is not told."
    return [Finding("TB-NO-SUBJECT", Severity.WARNING, where, message, "give their resources a subject")]


@lru_cache(maxsize=512)
def _requires_subject(dataset: str) -> bool:
    try:
        return not dataset.startswith("SUPP") and metadata.variable("USUBJID", domain=dataset).core == "Req"
    except UnknownNameError:
        return False


def number(dataset: str, found: list[Record]) -> int:
    """Give --SEQ to records without one: after the subject's highest, by the records' natural order (SDTMIG 3.4, 4.1.5).

    The order in which a server sends its resources has no say, so that the next export gives the same numbers.
    """
    name = sequence_of(dataset)
    if name is None:
        return 0
    highest: dict[Any, float] = {}
    for one in found:
        subject, given = one.row.get("USUBJID"), one.row.get(name)
        if isinstance(given, float):
            highest[subject] = max(highest.get(subject, 0.0), given)
    count = 0
    for one in sorted((one for one in found if one.row.get(name) is None), key=lambda one: _natural(one.row, dataset)):
        subject = one.row.get("USUBJID")
        highest[subject] = one.row[name] = highest.get(subject, 0.0) + 1
        count += 1
    return count


@lru_cache(maxsize=512)
def sequence_of(dataset: str) -> str | None:
    """The dataset's --SEQ, None where the standard gives it none."""
    name = f"{dataset[:2]}SEQ"
    try:
        return name if name in metadata.domain(dataset) else None
    except UnknownNameError:
        return None


def _natural(row: Row, dataset: str) -> tuple[Any, ...]:
    """The natural order of records without --SEQ: their keys, their dates, then all they say."""
    domain = dataset[:2]
    names = [*(name for name in keys_of(dataset) if name != f"{domain}SEQ"), f"{domain}STDTC", f"{domain}DTC"]
    return (*(_comparable(row.get(name), name) for name in names), repr(sorted(row.items(), key=lambda cell: cell[0])))


def sort_key(row: Row, name: str) -> tuple[Any, ...]:
    """The order of a dataset's rows: by the variables that tell its records apart."""
    return tuple(_comparable(row.get(key), key) for key in keys_of(name))


def sort_columns(frame: pl.DataFrame, name: str) -> list[pl.Expr]:
    """The same order as expressions over a frame: sort by them with empty cells first."""
    found: list[pl.Expr] = []
    for key in keys_of(name):
        if key not in frame.columns:
            continue
        if key == "IDVARVAL" and frame.schema[key] == pl.String:
            number = pl.col(key).str.contains(r"^\p{Nd}+$")  # numbers before texts, in their order
            found += [number.not_(), pl.when(number).then(pl.col(key)).cast(pl.Float64, strict=False)]
            found.append(pl.when(number).then(None).otherwise(pl.col(key)))
        else:
            found.append(pl.col(key))
    return found


@lru_cache(maxsize=512)
def keys_of(name: str) -> tuple[str, ...]:
    """The variables that tell a dataset's records apart."""
    try:
        return metadata.keys(name)
    except UnknownNameError:
        return ("USUBJID", f"{name[:2]}SEQ")


def _comparable(value: Any, key: str) -> tuple[int, float, str]:
    if isinstance(value, float):
        return (1, value, "")
    if key == "IDVARVAL" and isinstance(value, str) and value.isdigit():
        return (1, float(value), "")
    return (0, 0.0, "") if value is None else (2, 0.0, str(value))


def _table(name: str, found: list[Record], declared: Declared | None, version: str) -> Table:
    """A table of records: declared columns first, then any others that have a value, in the standard's order.

    The records get the numbers of their rows.
    """
    rows = in_order(name, found)
    present = {variable for row in rows for variable in row if not variable.startswith("SUPP.")}

    def numeric(variable: str) -> bool:
        return any(isinstance(row.get(variable), float) for row in rows)

    variables = layout(name, present, numeric, declared, version)
    columns = {one.name: column(one, [row.get(one.name) for row in rows]) for one in variables}
    made = table(name, pl.DataFrame(columns), variables, declared.label if declared else "")
    return made if declared else metadata.describe(made, version)


def in_order(name: str, found: list[Record]) -> list[Row]:
    """The rows of a dataset in their order; the records are sorted and numbered in place."""
    found.sort(key=lambda one: sort_key(one.row, name))
    for number, one in enumerate(found, start=1):
        one.number = number
    return [one.row for one in found]


def layout(
    name: str, present: set[str], numeric: Callable[[str], bool], declared: Declared | None, version: str
) -> list[Variable]:
    """The columns of a dataset: `present` are those with a value; `numeric` tells whether one holds a number."""
    known = {one.name: one for one in declared.variables} if declared else {}
    if declared:
        names = [*known, *metadata_order(name, sorted(present - set(known)), version)]
    else:
        names = metadata_order(name, sorted(present | _wanted(name, version)), version)
    return [known.get(one) or _standard(one, name, version, numeric) for one in names]


def column(variable: Variable, values: list[Any]) -> pl.Series:
    """A column of its variable's type; of text where a value is not what the variable promises (nothing is cut)."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {float} and (variable.type == "Num" or kinds):
        return pl.Series(variable.name, values, dtype=pl.Float64)
    texts = [number_text(one) if isinstance(one, float) else one if isinstance(one, str) else None for one in values]
    return pl.Series(variable.name, texts, dtype=pl.String)


def metadata_order(name: str, names: list[str], version: str) -> list[str]:
    """The names in the standard's order; a dataset the standard does not know keeps identifiers first."""
    try:
        return metadata.ordered(name, names, version)
    except UnknownNameError:
        return sorted(names, key=lambda one: (IDENTIFIERS.index(one) if one in IDENTIFIERS else 9, one))


def _wanted(name: str, version: str) -> set[str]:
    """The variables a dataset must have: required and expected ones."""
    try:
        return {one.name for one in metadata.domain(name, version).variables if one.core in {"Req", "Exp"}}
    except UnknownNameError:
        return set()


def _standard(variable: str, name: str, version: str, numeric: Callable[[str], bool]) -> Variable:
    """Metadata of a column nobody declared: the standard's type, or what its values are."""
    try:
        kind = metadata.variable(variable, version, name).type
    except UnknownNameError:
        kind = "Num" if numeric(variable) else "Char"
    return Variable(variable, "", "Num" if kind == "Num" else "Char")
