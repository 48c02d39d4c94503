"""Lineage: for each filled cell of a conversion the resource, path, raw value, line and code pair it came from.

The conversion is not slowed down by it: what it has done is walked again, record by record (`converters.tracing`).
Every filled cell gives one `Cell`; a cell whose origin is no single element says so in its note, and none is left out.

Four derivations. READ: a line of the dictionary read it. DERIVED: computed, by the standard's rule or the mapping's own
(`inputs` are the variables it was computed from). CARRIED: it travelled in an `sdtm-variable` extension, for no
element says it. ASSIGNED: --SEQ given by the conversion.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trialbridge.converters.context import Context
from trialbridge.converters.dictionary import DICTIONARY, Dictionary
from trialbridge.converters.generic import from_basic
from trialbridge.converters.origins import Cell, Lineage, cell_of, extensions, origin
from trialbridge.converters.package import learn_arms
from trialbridge.converters.records import filled, supplemental
from trialbridge.converters.relrec import with_relrec
from trialbridge.converters.sound import sound
from trialbridge.converters.subjects import enter_subjects, learn_subject
from trialbridge.converters.to_fhir import native_to_fhir
from trialbridge.converters.to_sdtm import native_to_sdtm
from trialbridge.converters.tracing import homes, named
from trialbridge.fhir.bundle import pool
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.jsontext import encode
from trialbridge.mappings.ts import TOLD_AT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from trialbridge.converters.to_sdtm import Source, ToSdtm
    from trialbridge.fhir.bundle import Pool
    from trialbridge.fhir.located import Located
    from trialbridge.mappings.kit import Release, Resource, Row
    from trialbridge.sdtm.table import Study

_OF_PARENT = frozenset({"STUDYID", "USUBJID"})
_SUPP_NOTES = {
    "RDOMAIN": "the domain of the parent record",
    "IDVAR": "--SEQ names the parent record",
    "IDVARVAL": "--SEQ of the parent record",
    "QNAM": "the line's variable",
    "QLABEL": "the label the dictionary gives the qualifier",
    "QORIG": "the origin the dictionary gives the qualifier",
    "QEVAL": "the evaluator the dictionary gives the qualifier",
}
_SUMMARY = "TS and ResearchStudy (mappings/ts.py): the values of an element in their order are TSSEQ 1, 2, …"
_WHOLE = "made by the conversion from the study as a whole: no single element says it"
_RELREC = "made by the conversion from references and link ids that FHIR holds (SDTMIG 3.4 section 8.3)"


def lineage_of(
    resources: Iterable[Located | Resource],
    *,
    base: str = BASE,
    release: Release,
    version: str = "3.4",
    dictionary: Dictionary = DICTIONARY,
) -> Lineage:
    """The lineage of what `converters.study.to_sdtm` makes of these resources: the same rows in the same order."""
    held = pool(resources)
    return lineage(native_to_sdtm(held, base, release, version, dictionary), held, base, release, dictionary)


def lineage(
    done: ToSdtm, held: Pool, base: str = BASE, release: Release = "R4", dictionary: Dictionary = DICTIONARY
) -> Lineage:
    """The lineage of a conversion at hand, made of the resources of a pool."""
    study = with_relrec(done)
    ctx = Context(base, release, dictionary=dictionary, elsewhere=held.resolve)
    ctx.enter_full_urls(held.items)
    resources = [item.resource for item in held.items]
    for one in resources:
        if one.get("resourceType") == "ResearchStudy":
            with sound(one, []):  # the conversion has told of it
                if studyid := ctx.studyid_of(one):
                    learn_arms(one, studyid, ctx)
    enter_subjects(resources, ctx, [])
    ctx.enter_design(*(study[name].rows() if name in study else () for name in ("SE", "TV")))
    ctx.enter_exposure(study["EX"].rows() if "EX" in study else ())
    for source in done.sources:
        row = source.record.row
        if source.mapping.domain == "DM" and row.get("USUBJID"):
            learn_subject(row, ctx)
            ctx.learn("reference start", row["USUBJID"], value=row.get("RFSTDTC"))
        if source.mapping.after_read is not None:
            source.mapping.after_read(dict(row), source.parts, ctx)
    return Lineage(done, study, held, ctx)


def as_lines(found: Iterable[Cell]) -> Iterator[bytes]:
    """NDJSON, a line a cell."""
    for cell in found:
        yield encode(cell.as_dict()) + b"\n"


def cells(of: Lineage, datasets: Collection[str] = (), subject: str | None = None) -> Iterator[Cell]:
    """Every filled cell, by dataset, row and column; of some datasets, of one subject (USUBJID) alone if asked."""
    sources = of.sources
    plain = _plain_rows(of, sources)
    for table in of.study:
        name = table.name
        if datasets and name not in datasets:
            continue
        known = {one.record.number: one for one in sources.get(name, ())}
        qualified = _qualified_rows(of, name, sources, subject) if name.startswith("SUPP") else {}
        for number, row in enumerate(table.rows(), start=1):
            if subject is not None and row.get("USUBJID") != subject:
                continue
            found: Iterable[Cell]
            if number in known:
                found = _of_record(of, known[number], name)
            elif number in qualified:
                source, qnam = qualified[number]
                found = _of_qualifier(of, source, qnam, name, number, row)
            elif number in plain.get(name, {}):
                found = _of_basic(of, plain[name][number], name, number, row)
            elif name == "TS" and row.get("TSPARMCD") in TOLD_AT:
                found = _of_summary(of, number, row)
            else:
                note = _RELREC if name == "RELREC" else _WHOLE
                found = (cell_of(name, number, row, one, "DERIVED", note=note) for one in filled(row))
            by_name = {one.variable: one for one in found}
            yield from (by_name[column] for column in table.frame.columns if column in by_name)


def _of_summary(of: Lineage, number: int, row: Row) -> Iterator[Cell]:
    """A parameter of TS that the study's element tells."""
    studies = [item.resource for item in of.held.items if item.resource.get("resourceType") == "ResearchStudy"]
    mine = [one for one in studies if not one.get("partOf") and of.ctx.studyid_of(one) == row.get("STUDYID")]
    resource = f"ResearchStudy/{mine[0].get('id')}" if mine else None
    for variable in filled(row):
        told = variable.startswith("TSVAL") or variable in {"TSVCDREF", "STUDYID"}
        cell = cell_of("TS", number, row, variable, "READ" if told else "DERIVED", note=_SUMMARY)
        path = "ResearchStudy.identifier" if variable == "STUDYID" else TOLD_AT[row["TSPARMCD"]]
        yield replace(cell, resource=resource, path=path, mapping="TS") if told else cell


# --- records that a mapping reads -------------------------------------------------------------------------------------


def _of_record(of: Lineage, source: Source, dataset: str) -> Iterator[Cell]:
    places = homes(source, of.ctx, of.held)
    for variable, value in source.record.row.items():
        if value not in (None, "") and not variable.startswith("SUPP."):
            yield origin(of, source, places, variable, dataset, source.record.number)


# --- qualifiers, and rows that travel whole ---------------------------------------------------------------------------


def _qualified_rows(
    of: Lineage, name: str, sources: dict[str, list[Source]], subject: str | None
) -> dict[int, tuple[Source, str]]:
    """The parent and QNAM of each row of a SUPP-- dataset that is a qualifier of a record read."""
    rows = _Rows(of.study[name].rows())
    found: dict[int, tuple[Source, str]] = {}
    for source in sources.get(name.removeprefix("SUPP"), ()):
        record = source.record
        if subject is not None and record.row.get("USUBJID") != subject:
            continue
        for row in supplemental(record.dataset[:2], record):
            number = rows.take(row)
            if number is not None:
                found[number] = (source, row["QNAM"])
    return found


def _of_qualifier(of: Lineage, source: Source, qnam: str, name: str, number: int, row: Row) -> Iterator[Cell]:
    places = homes(source, of.ctx, of.held)
    about = replace(origin(of, source, places, f"SUPP.{qnam}", name, number), qnam=qnam, seq=row.get("IDVARVAL"))
    for variable, value in filled(row).items():
        if variable == "QVAL":
            yield replace(about, variable="QVAL", value=value)
        elif variable in _OF_PARENT and variable in source.record.row:
            own = origin(of, source, places, variable, source.record.dataset, number)
            yield replace(own, dataset=name, seq=row.get("IDVARVAL"), qnam=qnam)
        elif about.derivation == "CARRIED":
            path = about.path.rpartition(".extension[")[0]
            yield replace(about, variable=variable, value=value, path=path, raw=None)
        else:
            note = _SUPP_NOTES.get(variable, "")
            cell = cell_of(name, number, row, variable, "DERIVED", source=source, note=note)
            yield replace(cell, resource=about.resource, qnam=qnam)


def _plain_rows(of: Lineage, sources: dict[str, list[Source]]) -> dict[str, dict[int, Resource]]:
    """The Basic resource of each row that travelled whole, by dataset and row."""
    left: dict[str, _Rows] = {}
    found: dict[str, dict[int, Resource]] = defaultdict(dict)
    for item in of.held.items:
        row = None
        if item.resource.get("resourceType") == "Basic":
            with sound(item.resource, []):
                row = from_basic(item.resource, of.ctx)
        if row is None or row[0] not in of.study:
            continue
        name = row[0]
        if name not in left:
            left[name] = _Rows(of.study[name].rows(), {one.record.number for one in sources.get(name, ())})
        number = left[name].take(row[1])
        if number is not None:
            found[name][number] = item.resource
    return found


def _of_basic(of: Lineage, resource: Resource, name: str, number: int, row: Row) -> Iterator[Cell]:
    places = {variable: (path, value) for path, variable, value in extensions(resource, of.ctx)}
    for variable in filled(row):
        path, raw = places.get(variable, ("", None))
        note = "the row travels whole in a Basic resource: the dictionary has no mapping for it"
        cell = cell_of(name, number, row, variable, "CARRIED", note=note)
        yield replace(cell, resource=named(resource, of.held), path=f"Basic.{path}" if path else "", raw=raw)


class _Rows:
    """The rows of a table by what they say, to be taken one by one."""

    def __init__(self, rows: Iterable[Row], taken: Collection[int] = ()) -> None:
        self._numbers: dict[frozenset[tuple[str, Any]], deque[int]] = defaultdict(deque)
        for number, row in enumerate(rows, start=1):
            if number not in taken:
                self._numbers[frozenset(filled(row).items())].append(number)

    def take(self, row: Row) -> int | None:
        """The number of the first row left that says the same."""
        numbers = self._numbers.get(frozenset((key, value) for key, value in row.items() if value not in (None, "")))
        return numbers.popleft() if numbers else None


# --- from SDTM to FHIR ------------------------------------------------------------------------------------------------


def lineage_to_fhir(
    study: Study, *, base: str = BASE, release: Release = "R4", dictionary: Dictionary = DICTIONARY
) -> tuple[Lineage, dict[tuple[str, int], int]]:
    """Where each cell of a study goes in FHIR: the lineage of its resources read back, which gives the same cells.

    The rows read back stand in the standard's order: the second value gives the study's row number by (dataset, row
    read back).
    """
    resources = native_to_fhir(study, base, release, dictionary).resources
    back = lineage_of(resources, base=base, release=release, version=study.version, dictionary=dictionary)
    numbers: dict[tuple[str, int], int] = {}
    for table in back.study:
        if table.name not in study:
            continue
        rows = _Rows(study[table.name].rows())
        for number, row in enumerate(table.rows(), start=1):
            own = rows.take(filled(row))
            if own is not None:
                numbers[table.name, number] = own
    return back, numbers


def cells_to_fhir(
    of: tuple[Lineage, dict[tuple[str, int], int]], datasets: Collection[str] = (), subject: str | None = None
) -> Iterator[Cell]:
    """Every filled cell of a study and the element it is written to, with the study's own row numbers."""
    back, numbers = of
    for cell in cells(back, datasets, subject):
        number = numbers.get((cell.dataset, cell.row))
        if number is not None:
            yield replace(cell, row=number)
