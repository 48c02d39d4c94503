"""`trialbridge trace`: where a cell came from in FHIR, or, of an SDTM study, where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from trialbridge import sources
from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Where
from trialbridge.base.writing import whole_file
from trialbridge.commands.shell import CLEAN, Shell, guarded
from trialbridge.converters.lineage import cells, cells_to_fhir, lineage_of, lineage_to_fhir
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.releases import release as release_named
from trialbridge.report import lineage_page, traced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trialbridge.converters.origins import Cell, Lineage
    from trialbridge.sdtm.table import Study


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for: `name` is DM.SEX, DM, SEX or nothing; `row` counts from 1; `most` 0 lists all."""

    study: Path
    name: str | None = None
    subject: str | None = None
    row: int | None = None
    most: int = 10
    html: Path | None = None
    fhir_version: str | None = None
    base_url: str | None = None


@dataclass(frozen=True, slots=True)
class Traced:
    """A study whose cells can be traced: `study` has the user's own row numbers."""

    of: Lineage
    study: Study
    numbers: dict[tuple[str, int], int] | None = None

    @property
    def to_fhir(self) -> bool:
        """Whether the source is SDTM: its cells are traced to where they go."""
        return self.numbers is not None

    def cells(self, datasets: tuple[str, ...], subject: str | None) -> Iterator[Cell]:
        """The filled cells."""
        if self.numbers is None:
            return cells(self.of, datasets, subject)
        return cells_to_fhir((self.of, self.numbers), datasets, subject)


def run(wanted: Wanted, *, as_json: bool = False, no_color: bool = False) -> int:
    """The exit code: 0, or 2 where the study is unreadable or has no such dataset, variable, subject or row."""
    shell = Shell(as_json=as_json, no_color=no_color)
    return guarded(shell, lambda: _run(wanted, shell))


def _run(wanted: Wanted, shell: Shell) -> int:
    made = _traced(wanted)
    datasets, variable = _name(wanted.name, made.study)
    subject = _subject(wanted.subject, made.study)
    _check_row(wanted.row, datasets, made.study)
    found = (
        one
        for one in made.cells(datasets, subject)
        if (variable is None or variable in (one.variable, one.qnam))
        and (wanted.row is None or one.row == wanted.row)
        and not (variable is not None and one.qnam == variable and one.variable != "QVAL")
    )
    if wanted.html is not None:
        share = len(datasets) or len(made.study.tables)
        text = lineage_page.page(made.of, found, str(wanted.study), to_fhir=made.to_fhir, share=share)
        with whole_file(wanted.html) as part:
            part.write_text(text, encoding="utf-8")
        if shell.as_json:
            shell.json({"written": str(wanted.html)})
        else:
            shell.out.print(f"written: {wanted.html}", markup=False, soft_wrap=True)
        return CLEAN
    if shell.as_json:
        shell.json([one.as_dict() for one in found])
        return CLEAN
    shown = list(islice(found, wanted.most)) if wanted.most else list(found)
    traced.show(made.of, shown, shell.out, to_fhir=made.to_fhir)
    if variable is not None and not shown:
        traced.show_empty(made.of, datasets, variable, subject, wanted.row, shell.out)
    more = sum(1 for _ in found)
    if more:
        shell.out.print(f"… and {more:,} more cells (--max 0 lists all; --subject and --row choose)")
    return CLEAN


def _traced(wanted: Wanted) -> Traced:
    source = sources.find([wanted.study])
    release = release_named(wanted.fhir_version) if wanted.fhir_version else None
    base = wanted.base_url or BASE
    if source.kind == "sdtm":
        study = sources.read_study(source)
        of, numbers = lineage_to_fhir(study, base=base, release=release or "R4")
        return Traced(of, study, numbers)
    read = sources.read_resources(source, release)
    of = lineage_of(read.items, base=base, release=read.release)
    return Traced(of, of.study)


# --- what is asked for ------------------------------------------------------------------------------------------------


def _name(name: str | None, study: Study) -> tuple[tuple[str, ...], str | None]:
    """Datasets and variable of `DM.SEX`, `DM`, `SEX`. Raises UnknownNameError."""
    if name is None:
        return (), None
    dataset, _, variable = name.strip().upper().rpartition(".")
    if not dataset and variable in study:
        return (variable,), None
    if dataset and dataset not in study:
        raise UnknownNameError(f"The study has no dataset {dataset}.", fix=f"It has {', '.join(study.tables)}.")
    homes = tuple(one.name for one in study if _has(study, one.name, variable) and dataset in ("", one.name))
    if not homes:
        known = ", ".join(study[dataset].frame.columns) if dataset else ", ".join(study.tables)
        message = f"There is no variable {variable}{f' in {dataset}' if dataset else ''}."
        raise UnknownNameError(message, Where(dataset=dataset or None, variable=variable), f"There is {known}.")
    return homes, variable


def _has(study: Study, dataset: str, variable: str) -> bool:
    """Whether a dataset has the variable, or, a SUPP-- dataset, a qualifier of that name."""
    frame = study[dataset].frame
    return variable in frame.columns or ("QNAM" in frame.columns and variable in frame["QNAM"].to_list())


def _subject(text: str | None, study: Study) -> str | None:
    """The USUBJID that a user's text is, or is the end of. Raises UnknownNameError."""
    if text is None:
        return None
    known: dict[str, None] = {}
    for table in study:
        if "USUBJID" in table.frame.columns:
            known.update(dict.fromkeys(table.frame["USUBJID"].drop_nulls().unique(maintain_order=True).to_list()))
    if text in known:
        return text
    near = [one for one in known if one.endswith(text)]
    if len(near) == 1:
        return near[0]
    listed = ", ".join((near or list(known))[:10])
    said = "is the end of more than one USUBJID" if near else "is no USUBJID of this study"
    raise UnknownNameError(f"{text!r} {said}.", fix=f"There is {listed}{' …' if len(near or known) > 10 else ''}.")


def _check_row(row: int | None, datasets: tuple[str, ...], study: Study) -> None:
    """Raises UnknownNameError for a row that no dataset asked for has."""
    if row is None:
        return
    names = datasets or tuple(study.tables)
    highest = max((study[name].frame.height for name in names), default=0)
    if not 1 <= row <= highest:
        raise UnknownNameError(f"There is no row {row}.", fix=f"{', '.join(names)}: rows 1 to {highest}.")
