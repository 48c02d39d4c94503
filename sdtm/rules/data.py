"""What a rule sees of a study: `Data`, its `Dataset`s with row numbers and metadata, and how hits are made of rows.

A rule asks for the datasets and variables it needs; where they are absent `NotThereError` is raised, and the run notes the
rule as skipped with that reason. Variables may be named as the model names them: `--DTC` is AEDTC in AE.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Where
from trialbridge.sdtm import metadata
from trialbridge.sdtm.files import exact
from trialbridge.sdtm.rules.declare import Hit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trialbridge.sdtm.codelists import Terminology
    from trialbridge.sdtm.metadata import DomainMetadata
    from trialbridge.sdtm.table import Study, Table

ROW = "#row"
"""The column with the record's number, from 1; no SDTM variable can have this name."""
INTERVENTIONS, EVENTS, FINDINGS = "Interventions", "Events", "Findings"
FINDINGS_ABOUT, SPECIAL = "Findings About", "Special-Purpose"
TRIAL_DESIGN, RELATIONSHIP = "Trial Design", "Relationship"
OBSERVATIONS = (INTERVENTIONS, EVENTS, FINDINGS, FINDINGS_ABOUT)
_TOPIC = {"TRT": INTERVENTIONS, "TERM": EVENTS, "TESTCD": FINDINGS}


class NotThereError(Exception):
    """What a rule needs is not in the study; its text says what."""


@dataclass(frozen=True)  # not slotted: the frame with row numbers is kept in the instance
class Dataset:
    """One dataset of the study as rules see it; `standard` is the guide's description, None where it has none."""

    table: Table
    standard: DomainMetadata | None
    cls: str
    prefix: str

    @property
    def name(self) -> str:
        """The dataset's name, `SUPPAE`."""
        return self.table.name

    @cached_property
    def frame(self) -> pl.DataFrame:
        """The records with their numbers in `ROW`; VISITNUM without the noise of binary fractions (1.3000000000000003).

        A column that is Num where the guide has Char is text here, and the other way round where all its values are
        numbers: TB-STR-0006 tells it of the table, the other rules still run.
        """
        frame = self.table.frame.with_row_index(ROW, offset=1)
        frame = frame.with_columns(self._as_the_guide_has_it(frame[name]) for name in self.table.frame.columns)
        if frame.schema.get("VISITNUM") == pl.Float64:
            frame = frame.with_columns(pl.col("VISITNUM").round(6))
        return frame

    def _as_the_guide_has_it(self, column: pl.Series) -> pl.Series:
        known = self.standard.by_name.get(column.name) if self.standard else None
        if known is None or (known.type == "Char") == (column.dtype == pl.String):
            return column
        if known.type == "Char":
            return exact.decimal_texts(column)
        numbers = column.cast(pl.Float64, strict=False)
        return numbers if numbers.null_count() == column.null_count() else column

    @cached_property
    def columns(self) -> frozenset[str]:
        """The names of the variables that are there."""
        return frozenset(self.table.frame.columns)

    def of(self, name: str) -> str:
        """The variable's name here: `--DTC` is `AEDTC` in AE.

        >>> Dataset(None, None, "", "AE").of("--DTC")
        'AEDTC'
        """
        return self.prefix + name[2:] if name.startswith("--") else name

    def has(self, *names: str) -> bool:
        """Whether all these variables are there."""
        return all(self.of(name) in self.columns for name in names)

    def col(self, name: str) -> pl.Expr:
        """The variable as an expression; missing values throughout where it is not there."""
        real = self.of(name)
        return pl.col(real) if real in self.columns else pl.lit(None, dtype=pl.String)

    def text(self, name: str) -> pl.Expr:
        """The variable as text, empty where missing."""
        return self.col(name).cast(pl.String).fill_null("")

    def given(self, name: str) -> pl.Expr:
        """Whether the variable has a value."""
        return self.col(name).is_not_null()

    def missing(self, name: str) -> pl.Expr:
        """Whether the variable has no value, or is not there."""
        return self.col(name).is_null()

    def hits(self, mask: pl.Expr, *variables: str, message: str = "", fix: str = "") -> Iterator[Hit]:
        """A hit for each record where the mask is true, with these variables' values."""
        return self.hits_of(self.frame.filter(mask), *variables, message=message, fix=fix)

    def hits_of(self, rows: pl.DataFrame, *variables: str, message: str = "", fix: str = "") -> Iterator[Hit]:
        """A hit for each of these rows, which have `ROW` and may have columns from other datasets."""
        if rows.is_empty():
            return
        names = [self.of(name) for name in variables]
        seq = f"{self.prefix}SEQ"
        wanted = dict.fromkeys(name for name in (ROW, "USUBJID", seq, *names) if name in rows.columns)
        for row in rows.select(*wanted).sort(ROW).iter_rows(named=True):
            where = Where(
                dataset=self.name,
                subject=row.get("USUBJID"),
                row=row[ROW],
                variable=names[0] if names else None,
                seq=written(row[seq]) if row.get(seq) is not None else None,
            )
            yield Hit(where, tuple((name, written(row.get(name))) for name in names), message, fix)

    def hit(self, variable: str = "", message: str = "") -> Hit:
        """A hit on the dataset as a whole, or on one of its variables."""
        name = self.of(variable)
        cells = ((name, ""),) if name else ()
        return Hit(Where(dataset=self.name, variable=name or None), cells, message)


def written(value: object) -> str:
    """A cell as a viewer shows it.

    >>> written(3.0), written(0.5), written(None)
    ('3', '0.5', '')
    """
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


@dataclass(frozen=True)  # not slotted: its datasets are made on first use
class Data:
    """A study for its rules: the datasets, the terminology in use, the guide's version, and the define where there is one."""

    study: Study
    terminology: Terminology
    define: Any = None
    version: str = field(default=metadata.LATEST)
    _made: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What several rules share: made for the first of them, kept for the run."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    @property
    def all(self) -> tuple[Dataset, ...]:
        """Every dataset of the study, in its order. Raises NotThereError if there is none."""
        if not self._by_name:
            raise NotThereError("the study has no dataset")
        return tuple(self._by_name.values())

    @cached_property
    def _by_name(self) -> dict[str, Dataset]:
        return {one.name: _dataset(one, self.version) for one in self.study}

    def has(self, name: str, *variables: str) -> bool:
        """Whether the dataset is there with these variables."""
        return name in self._by_name and self._by_name[name].has(*variables)

    def dataset(self, name: str, *needs: str) -> Dataset:
        """The dataset of that name with these variables. Raises NotThereError."""
        if name not in self._by_name:
            raise NotThereError(f"there is no dataset {name}")
        one = self._by_name[name]
        lacking = [one.of(need) for need in needs if not one.has(need)]
        if lacking:
            raise NotThereError(f"{name} has no {', '.join(lacking)}")
        return one

    def named(self, names: Iterable[str], *needs: str) -> list[Dataset]:
        """Those datasets of these names that are there with these variables. Raises NotThereError if none is."""
        names = tuple(names)
        found = [self._by_name[name] for name in names if self.has(name, *needs)]
        if not found:
            having = f" with {', '.join(needs)}" if needs else ""
            raise NotThereError(f"there is no dataset {' or '.join(names)}{having}")
        return found

    def datasets(
        self, *needs: str, classes: Iterable[str] = (), only: Iterable[str] = (), but: Iterable[str] = ()
    ) -> list[Dataset]:
        """The datasets that have all these variables, of these classes and domains. Raises NotThereError if there are none.

        `only` and `but` are domains (`QS` takes QSCS too), of the observations themselves: never SUPP--.
        """
        classes, only, but = tuple(classes), tuple(only), tuple(but)
        found = [
            one
            for one in self.all
            if (not classes or one.cls in classes)
            and (not only or one.prefix in only)
            and one.prefix not in but
            and not one.name.startswith("SUPP")
            and one.has(*needs)
        ]
        if not found:
            where = " or ".join(only or classes) or "study"
            having = f" with {', '.join(needs)}" if needs else ""
            raise NotThereError(f"the study has no {f'{where} ' if where != 'study' else ''}dataset{having}")
        return found

    def with_subject(self, one: Dataset, *variables: str) -> pl.DataFrame:
        """The dataset's rows with these variables of DM beside them. Raises NotThereError."""
        if not one.has("USUBJID"):
            raise NotThereError(f"{one.name} has no USUBJID")
        return one.frame.join(self.subjects(*variables), on="USUBJID", how="left", maintain_order="left")

    def subjects(self, *variables: str) -> pl.DataFrame:
        """DM's records, one a USUBJID, with these variables. Raises NotThereError."""
        dm = self.dataset("DM", "USUBJID", *variables)
        return dm.frame.select("USUBJID", *variables).unique("USUBJID", keep="first", maintain_order=True)


def _dataset(table: Table, version: str) -> Dataset:
    prefix = table.name[2:4] if table.name.startswith("AP") and len(table.name) == 4 else table.domain
    columns = table.frame.columns
    standard = _standard(table.name, version)
    if standard is None and "DOMAIN" in columns and table.frame["DOMAIN"].drop_nulls().first() == prefix:
        standard = _standard(prefix, version)  # a name of the sponsor's own, judged as what it says it is
    if standard is not None:
        return Dataset(table, standard, standard.cls, prefix)
    cls = next((cls for topic, cls in _TOPIC.items() if f"{prefix}{topic}" in columns), "")
    return Dataset(table, None, cls, prefix)


def _standard(name: str, version: str) -> DomainMetadata | None:
    try:
        return metadata.domain(name, version)
    except UnknownNameError:
        return None
