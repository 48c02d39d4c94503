"""Where one cell of a record came from: read by a line, carried, derived, or given.

`Cell` is the answer; `Lineage` is what must be at hand to give it. `converters.lineage` asks for whole studies.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from trialbridge.converters.carry import carried
from trialbridge.converters.tracing import found_by_line
from trialbridge.mappings.spellings import number_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping as MappingOf

    from trialbridge.converters.context import Context
    from trialbridge.converters.to_sdtm import Source, ToSdtm
    from trialbridge.converters.tracing import Home, Trace
    from trialbridge.fhir.bundle import Pool
    from trialbridge.mappings.kit import Context as Asked
    from trialbridge.mappings.kit import Derived, Resource, Row
    from trialbridge.sdtm.table import Study

Derivation = Literal["READ", "DERIVED", "CARRIED", "ASSIGNED"]

FACTS = {
    "rfstdtc": "DM.RFSTDTC",
    "epoch": "SE.EPOCH",
    "visitdy": "TV.VISITDY",
    "visitnum": "TV.VISITNUM",
    "visit": "TV.VISIT",
    "rfxstdtc": "EX.EXSTDTC",
    "rfxendtc": "EX.EXENDTC",
    "reference start": "the study file's reference start",
    "studyid": "DM.STUDYID",
    "lesion class": "TU.TUSTRESC",
}
"""Where what the study knows by key (`Context.fact`) stands in SDTM."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One filled cell and its origin. `row` counts from 1; `seq` is the record's --SEQ as text.

    `resource` is `Type/id`, `path` the place in it, `raw` what stands there. `mapping` and `line` name the line of
    the dictionary (`Patient.gender`), `pair` the codes it was translated by, `link` the reference that led from the
    record's own resource to this one. `qnam` is set in a SUPP-- dataset.
    """

    dataset: str
    row: int
    usubjid: str | None
    seq: str | None
    variable: str
    value: str | float
    derivation: Derivation
    resource: str | None = None
    path: str = ""
    raw: Any = None
    mapping: str = ""
    line: str = ""
    spelling: str = ""
    pair: MappingOf[str, Any] | None = None
    link: str = ""
    inputs: tuple[str, ...] = ()
    qnam: str = ""
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON, without what is not known."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name in self.__slots__
            if (value := getattr(self, name)) not in (None, "", ())
        }


@dataclass(frozen=True, slots=True)
class Lineage:
    """A conversion and the surroundings it was made in, made again so that it can be asked."""

    done: ToSdtm
    study: Study
    held: Pool
    ctx: Context

    @property
    def sources(self) -> dict[str, list[Source]]:
        """The sources of each dataset's records, by row."""
        found: dict[str, list[Source]] = defaultdict(list)
        for one in self.done.sources:
            found[one.record.dataset].append(one)
        return {name: sorted(its, key=lambda one: one.record.number) for name, its in found.items()}


def origin(of: Lineage, source: Source, places: MappingOf[str, Home], variable: str, dataset: str, number: int) -> Cell:
    """Where one variable of a record came from (`SUPP.<QNAM>` for a qualifier)."""
    row = source.record.row
    value = row[variable]
    blank = cell_of(dataset, number, row, variable, "DERIVED", source=source)
    trace = found_by_line(source, places, variable, value, of.ctx)
    if trace is not None and trace.home.resource is not None:
        return _read(blank, trace, source)
    kept = _kept(of, source, variable, value)
    if kept is not None:
        path, own = kept
        home = places["Each" if source.each is not None else source.mapping.resource]
        note = "carried in the sdtm-variable extension: no element says it"
        return replace(
            blank, derivation="CARRIED", resource=home.resource, path=f"{home.path}.{path}", raw=own, note=note
        )
    if trace is not None:
        return _stood_in(blank, trace, source, places, of)
    return _computed(replace(blank, resource=places[source.mapping.resource].resource), variable, source, of.ctx)


def _computed(cell: Cell, variable: str, source: Source, ctx: Context) -> Cell:
    """A value that no element says: derived, or given."""
    derived = next((one for one in source.mapping.derived if one.variable == variable), None)
    if derived is not None:
        _, inputs = asked(derived, source.record.row, ctx)
        note = " · ".join(text for text in (derived.note, derived.source) if text)
        return replace(cell, note=note, inputs=inputs)
    if variable == f"{source.record.dataset[:2]}SEQ":
        note = "given by the conversion: numbered within the subject, in the order read (SDTMIG 3.4 section 4.1.5)"
        return replace(cell, derivation="ASSIGNED", note=note)
    known = variable == "DOMAIN"
    return replace(cell, note="the domain of the mapping that reads the resource" if known else "set by the mapping")


def cell_of(
    dataset: str,
    number: int,
    row: Row,
    variable: str,
    derivation: Derivation,
    *,
    source: Source | None = None,
    note: str = "",
) -> Cell:
    """A cell of a row of which no more is known yet than its derivation."""
    sequence = row.get(f"{dataset.removeprefix('SUPP')[:2]}SEQ")
    seq = number_text(sequence) if isinstance(sequence, float) else row.get("IDVARVAL")
    mapping = source.mapping.name if source is not None else ""
    shown = variable.removeprefix("SUPP.")
    return Cell(dataset, number, row.get("USUBJID"), seq, shown, row[variable], derivation, mapping=mapping, note=note)


def _read(cell: Cell, trace: Trace, source: Source) -> Cell:
    line = f"{trace.line.variable} {trace.line_path}"
    note = trace.line.note if trace.line_path == trace.line.path else "read from one of the line's other paths"
    return replace(
        cell,
        derivation="READ",
        resource=trace.home.resource,
        path=trace.path,
        raw=trace.raw,
        line=line,
        spelling=trace.spelling,
        pair=trace.pair.as_dict() if trace.pair else None,
        link=trace.home.link if trace.home.element is not source.primary else "",
        note=note,
    )


def _stood_in(cell: Cell, trace: Trace, source: Source, places: MappingOf[str, Home], of: Lineage) -> Cell:
    """A value that a stand-in says: the resource it stands for is not in the source, the one it points at is."""
    real = next((home for home in places.values() if home.resource is not None), None)
    kind = source.mapping.resource if trace.home.element is source.primary else trace.home.path
    note = f"the source has no {kind} for this record"
    if real is None:
        return replace(cell, line=f"{trace.line.variable} {trace.line_path}", note=note)
    path, raw = real.path, None
    if cell.value == real.element.get("id"):
        path, raw = f"{real.path}.id", cell.value
    for number, one in enumerate(real.element.get("identifier") or ()):
        if isinstance(one, dict) and one.get("value") == cell.value:
            path, raw = f"{real.path}.identifier[{number}].value", cell.value
    for name in ("patient", "subject"):
        if isinstance(real.element.get(name), dict) and of.ctx.usubjid(real.element[name]) == cell.value:
            path, raw = f"{real.path}.{name}", real.element[name]
    return replace(cell, resource=real.resource, path=path, raw=raw, note=f"{note}; taken from {real.resource}")


def _kept(of: Lineage, source: Source, variable: str, value: Any) -> tuple[str, Any] | None:
    """Path (below the record's element) and value of the extension that carries a variable, if it gave the value."""
    home = source.primary if source.each is None else source.each
    for path, name, own in extensions(home, of.ctx):
        if name == variable and own == value:
            return path, own
    return None


def extensions(home: Resource, ctx: Context) -> Iterator[tuple[str, str, Any]]:
    """Path, variable (`SUPP.<QNAM>` for a qualifier) and value of each variable an element carries."""
    url = ctx.url("x-sdtm-variable")
    for number, extension in enumerate(home.get("extension") or ()):
        for one in carried({"extension": [extension]}, url):
            path = f"extension[{number}]{_value_path(extension)}"
            yield path, f"SUPP.{one.name}" if one.qualifier else one.name, one.value


def _value_path(extension: Resource) -> str:
    """Where in an `sdtm-variable` extension the value is."""
    for number, part in enumerate(extension["extension"]):
        if isinstance(part, dict) and part.get("url") == "value":
            return f".extension[{number}].{next(key for key in part if key.startswith('value'))}"
    return ""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A row, or a context, that remembers what it was asked."""

    of: Any
    names: list[str]

    def get(self, name: str, default: Any = None) -> Any:
        self.names.append(name)
        return self.of.get(name, default)

    def __getitem__(self, name: str) -> Any:
        self.names.append(name)
        return self.of[name]

    def __contains__(self, name: object) -> bool:
        return name in self.of

    def fact(self, kind: str, *key: Any) -> Any:
        self.names.append(FACTS.get(kind, f"({kind})"))
        return self.of.fact(kind, *key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.of, name)


def asked(derived: Derived, row: Row, ctx: Asked) -> tuple[Any, tuple[str, ...]]:
    """What a derivation gives for a row, and the variables and facts it asked for (`DM.RFSTDTC`), USUBJID left out."""
    names: list[str] = []
    value = derived.how(cast("Row", _Seen(row, names)), cast("Asked", _Seen(ctx, names)))
    return value, tuple(dict.fromkeys(one for one in names if one != "USUBJID"))
