"""A study's tables as SDTM has them: `Study`, `Table`, `Variable`.

One normal form, so that every reader and writer agrees:

* a Char column is polars String, a Num column polars Float64 (SDTM knows no other types: SDTMIG 4.1.5, XPT v5);
* a missing value is null, never an empty string (XPT and SDTM do not tell the two apart);
* text is kept verbatim, leading blanks included; trailing blanks carry no meaning in XPT and are dropped by its reader only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Where
from trialbridge.sdtm import temporal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trialbridge.base.finding import Finding

VariableType = Literal["Char", "Num"]
NOTHING: Mapping[str, Any] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    return NOTHING


@dataclass(frozen=True, slots=True)
class Variable:
    """One column's metadata: name (8), label (40), Char or Num, length in bytes where known.

    `extra` holds what a format knows beyond this and must give back: Dataset-JSON's itemOID, dataType,
    targetDataType, displayFormat, keySequence; XPT's format and informat.
    """

    name: str
    label: str = ""
    type: VariableType = "Char"
    length: int | None = None
    extra: Mapping[str, Any] = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True)
class Table:
    """One dataset: its name (`DM`, `SUPPAE`), label, rows as a polars frame and one `Variable` per column, in order.

    `extra` holds what a format knows about the dataset and must give back (Dataset-JSON's top-level attributes,
    the dates in an XPT header).
    """

    name: str
    frame: pl.DataFrame
    variables: tuple[Variable, ...]
    label: str = ""
    extra: Mapping[str, Any] = field(default_factory=_nothing)

    @property
    def domain(self) -> str:
        """The two letters variables begin with: `AE` for AE and SUPPAE alike."""
        return self.name[4:6] if self.name.startswith("SUPP") else self.name[:2]

    def variable(self, name: str) -> Variable:
        """The metadata of one column. Raises UnknownNameError."""
        for variable in self.variables:
            if variable.name == name:
                return variable
        raise UnknownNameError(f"{self.name} has no variable {name}.", Where(dataset=self.name, variable=name))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each row as variable -> str, float or None."""
        return self.frame.iter_rows(named=True)


def table(
    name: str,
    frame: pl.DataFrame,
    variables: Iterable[Variable] = (),
    label: str = "",
    extra: Mapping[str, Any] = NOTHING,
) -> Table:
    """A `Table` in normal form from any polars frame.

    Numeric, boolean and decimal columns become Float64, all others String (dates, times and spans as ISO 8601); empty
    strings become null.
    Metadata given for a column is kept; a column without any gets its name and type alone.
    """
    known = {variable.name: variable for variable in variables}
    columns = []
    frame = frame.with_columns(temporal.text(name, kind) for name, kind in frame.schema.items() if kind.is_temporal())
    for column, kind in frame.schema.items():
        numeric = kind.is_numeric() or kind == pl.Boolean
        if kind == pl.Null:
            numeric = column in known and known[column].type == "Num"
        if numeric:
            columns.append(pl.col(column).cast(pl.Float64))
        else:
            text = pl.col(column).cast(pl.String)
            columns.append(pl.when(text == "").then(None).otherwise(text).alias(column))
    normal = frame.select(columns)
    given: list[Variable] = []
    for column, kind in normal.schema.items():
        of: VariableType = "Num" if kind == pl.Float64 else "Char"
        given.append(replace(known.get(column, Variable(column)), type=of))
    return Table(name.upper(), normal, tuple(given), label, extra)


@dataclass(frozen=True, slots=True)
class Study:
    """A study: its tables by name, and what belongs to none of them.

    `standard` is `SDTMIG`, `version` like `3.4`, `ct` a package like `sdtmct-2025-03-28`; `source` says where
    the tables were read. `residue` holds FHIR content that has no home in SDTM, as records of `residue.ndjson`:
    tables and residue together give the FHIR back. `notes` is what its reader has to say (a sheet that is no dataset).
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    standard: str = "SDTMIG"
    version: str = "3.4"
    ct: str = ""
    source: str = ""
    residue: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[Finding, ...] = ()

    def __getitem__(self, name: str) -> Table:
        """The table of that name. Raises UnknownNameError."""
        try:
            return self.tables[name]
        except KeyError:
            raise UnknownNameError(f"The study has no dataset {name}; it has {', '.join(self.tables)}.") from None

    def __contains__(self, name: object) -> bool:
        """Whether the study has a dataset of that name."""
        return name in self.tables

    def __iter__(self) -> Iterator[Table]:
        """The tables, in their order."""
        return iter(self.tables.values())

    def with_tables(self, tables: Iterable[Table]) -> Study:
        """The same study with these tables added or replaced."""
        return replace(self, tables={**self.tables, **{one.name: one for one in tables}})


def study(tables: Iterable[Table], **about: Any) -> Study:
    """A `Study` of these tables. Keywords as `Study`'s own fields. Raises UnknownNameError on a name given twice."""
    by_name: dict[str, Table] = {}
    for one in tables:
        if one.name in by_name:
            raise UnknownNameError(
                f"Dataset {one.name} is given twice.", Where(dataset=one.name), "keep one file a dataset"
            )
        by_name[one.name] = one
    return Study(tables=by_name, **about)
