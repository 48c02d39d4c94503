"""The study file as a workbook: the same sections as sheets, for who would rather fill a table than write YAML.

    study    what, value           study.id, reading.dates, subjects.column, visits.unscheduled; any other section as YAML
    sources  name, table, …        a source a row; lists a line each
    codes    table, value, text    a text a row; the first of a value is written; way: `read` writes none
    visits   number, name, day …   a visit a row
    blocks   block, domain, from … a block a row
    lines    block, row, variable, how, value, …   a line a row; `row` numbers the rows of `each`
    rows     block, row, variable, value           rows written out

Nothing is evaluated. A mistake is told with its sheet and row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.workbook import opened
from trialbridge.base.writing import whole_file
from trialbridge.study_file.lines import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from trialbridge.study_file.model import StudyFile

Place = tuple[str | int, ...]
ARGUMENTS = (
    *("codes", "codelist", "otherwise", "separator", "part", "times", "divided_by", "decimals", "in", "by", "where"),
    *("of", "when", "direction", "label", "origin", "evaluator", "note"),
)
SHEETS: dict[str, tuple[str, ...]] = {
    "study": ("what", "value"),
    "sources": ("name", "table", "header", "keys", "number", "subject", "columns", "reading"),
    "codes": ("table", "value", "text", "way"),
    "visits": ("number", "name", "day", "epoch", "form"),
    "blocks": ("block", "domain", "from", "when", "same", "keep", "order"),
    "lines": ("block", "row", "row_when", "variable", "how", "value", *ARGUMENTS),
    "rows": ("block", "row", "variable", "value"),
}
_LISTS = frozenset({"keys", "columns", "form", "same", "keep", "order", "by", "of"})
_YAML = frozenset({"reading", "header"})
_TABULAR = frozenset({"sources", "codes", "domains"})

Row = tuple[int, dict[str, str]]


class Read:
    """What a workbook says, as YAML would; and the sheet and row of each place."""

    def __init__(self, sheets: Mapping[str, list[Row]]) -> None:
        self.data: dict[str, Any] = {}
        self.places: dict[Place, str] = {}
        self._study(sheets.get("study", []))
        self._sources(sheets.get("sources", []))
        self._codes(sheets.get("codes", []))
        self._visits(sheets.get("visits", []))
        self._blocks(sheets)

    def _at(self, place: Place, sheet: str, row: int) -> None:
        self.places.setdefault(place, f"{sheet}, row {row}")

    def _study(self, rows: Iterable[Row]) -> None:
        for number, row in rows:
            section, _, key = row.get("what", "").partition(".")
            value = (
                yaml.safe_load(row["value"])
                if not key or key in ("missing", "yes_words", "no_words")
                else row.get("value", "")
            )
            self._at((section, key) if key else (section,), "study", number)
            if key:
                self.data.setdefault(section, {})[key] = int(value) if key == "century" else value
            else:
                self.data[section] = value

    def _sources(self, rows: Iterable[Row]) -> None:
        for number, row in rows:
            name = row.get("name", "")
            self._at(("sources", name), "sources", number)
            self.data.setdefault("sources", {})[name] = _values(row, skip=("name",))

    def _codes(self, rows: Iterable[Row]) -> None:
        for number, row in rows:
            table, value = row.get("table", ""), row.get("value", "")
            self._at(("codes", table, value), "codes", number)
            texts = self.data.setdefault("codes", {}).setdefault(table, {}).setdefault(value, {"read": []})
            texts["read"].append(row.get("text", ""))
            if row.get("way") != "read" and "write" not in texts:
                texts["write"] = row.get("text", "")

    def _visits(self, rows: Iterable[Row]) -> None:
        planned = self.data.setdefault("visits", {}).setdefault("planned", [])
        for number, row in rows:
            self._at(("visits", "planned", len(planned)), "visits", number)
            planned.append(_values(row))

    def _blocks(self, sheets: Mapping[str, list[Row]]) -> None:
        blocks: dict[str, dict[str, Any]] = {}
        domains = self.data.setdefault("domains", [])
        for number, row in sheets.get("blocks", []):
            self._at(("domains", len(domains)), "blocks", number)
            blocks[row.get("block", "")] = {"at": len(domains), "each": {}, "rows": {}}
            domains.append(_values(row, skip=("block",)))
        for sheet in ("lines", "rows"):
            for number, row in sheets.get(sheet, []):
                block = blocks.get(row.get("block", ""))
                if block is None:
                    raise ValueError(f"{sheet}, row {number}: there is no block {row.get('block', '')!r}")
                self._line(domains[block["at"]], block, sheet, number, row)

    def _line(
        self, domain: dict[str, Any], block: dict[str, Any], sheet: str, number: int, row: dict[str, str]
    ) -> None:
        at, variable = block["at"], row.get("variable", "")
        if sheet == "rows":
            order = block["rows"].setdefault(row.get("row", ""), len(block["rows"]))
            written = domain.setdefault("rows", [])
            if order == len(written):
                written.append({})
            written[order][variable] = _number(row.get("value", ""))
            return
        line = _line_of(row)
        if not row.get("row"):
            self._at(("domains", at, "variables", variable), sheet, number)
            domain.setdefault("variables", {})[variable] = line
            return
        order = block["each"].setdefault(row["row"], len(block["each"]))
        each = domain.setdefault("each", [])
        if order == len(each):
            each.append({"variables": {}, **({"when": row["row_when"]} if row.get("row_when") else {})})
        self._at(("domains", at, "each", order, "variables", variable), sheet, number)
        each[order]["variables"][variable] = line


def _number(text: str) -> str | float:
    return float(text) if text.replace(".", "", 1).isdigit() else text


def _values(row: Mapping[str, str], skip: tuple[str, ...] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in row.items():
        if name not in skip and text:
            found[name] = text.split("\n") if name in _LISTS else yaml.safe_load(text) if name in _YAML else text
    return found


def _line_of(row: Mapping[str, str]) -> dict[str, Any]:
    how, value = row.get("how", ""), row.get("value", "")
    given = _values(row, ("block", "row", "row_when", "variable", "how", "value"))
    if how == "concat":
        return {**given, how: [_part(one) for one in value.split("\n")]}
    if how == "date" and "\n" in value:
        return {**given, how: dict(_pair(one) for one in value.split("\n"))}
    return {**given, how: value}


def _part(text: str) -> Any:
    """`Column`, `'text'`, or `Column :: TABLE`."""
    column, colons, table = (one.strip() for one in text.partition("::"))
    return {"column": column, "codes": table} if colons else text


def _pair(text: str) -> tuple[str, str]:
    name, _, column = text.partition(":")
    return name.strip(), column.strip()


def read(path: Path) -> Read:
    """The sheets of a workbook. Raises UnreadableInputError where it is none, or a sheet cannot be used."""
    book = opened(path, values=True)
    held = {one.title: list(one.iter_rows(values_only=True)) for one in book.worksheets if one.title in SHEETS}
    try:
        return Read({name: list(_rows(name, rows)) for name, rows in held.items()})
    except (ValueError, KeyError, yaml.YAMLError) as error:
        raise UnreadableInputError(
            f"The workbook cannot be used: {error}.", Where(file=str(path)), "mend the row"
        ) from error


def _rows(sheet: str, rows: list[tuple[Any, ...]]) -> Iterator[Row]:
    head = ["" if one is None else str(one).strip() for one in rows[0]] if rows else []
    unknown = [one for one in head if one and one not in SHEETS[sheet]]
    if unknown:
        raise ValueError(f"{sheet} has no column {', '.join(unknown)}; it has {', '.join(SHEETS[sheet])}")
    for number, row in enumerate(rows[1:], 2):
        cells = {name: _text(cell) for name, cell in zip(head, row, strict=False) if name and cell is not None}
        if any(cells.values()):
            yield number, cells


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).replace("\r\n", "\n").strip()


def write(file: StudyFile, path: Path) -> None:
    """A study file as a workbook."""
    from openpyxl import Workbook  # noqa: PLC0415 - 0.3 s that only workbooks need
    from openpyxl.styles import Alignment, Font  # noqa: PLC0415 - as above

    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets_of(file).items():
        page = book.create_sheet(name)
        page.freeze_panes = "A2"
        for at, title in enumerate(SHEETS[name], 1):
            page.cell(1, at, title).font = Font(bold=True)
            page.column_dimensions[page.cell(1, at).column_letter].width = max(12, len(title) + 2)
        for number, row in enumerate(rows, 2):
            for at, title in enumerate(SHEETS[name], 1):
                if row.get(title):
                    cell = page.cell(number, at)
                    cell.value, cell.data_type, cell.number_format = row[title], "s", "@"
                    cell.alignment = Alignment(wrap_text=True, vertical="top")
    with whole_file(path) as part:
        book.save(part)


def sheets_of(file: StudyFile) -> dict[str, list[dict[str, str]]]:
    """The rows of each sheet."""
    data = file.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    found: dict[str, list[dict[str, str]]] = {name: [] for name in SHEETS}
    for section, its in data.items():
        if section in ("study", "reading", "subjects"):
            found["study"] += [{"what": f"{section}.{key}", "value": _shown_value(value)} for key, value in its.items()]
        elif section == "visits":
            found["study"] += [
                {"what": f"visits.{key}", "value": _shown(value)} for key, value in its.items() if key != "planned"
            ]
            found["visits"] = [_cells(one) for one in its.get("planned", [])]
        elif section not in _TABULAR:
            found["study"].append(
                {"what": section, "value": yaml.safe_dump(its, default_flow_style=True, width=10_000).strip()}
            )
    found["sources"] = [{"name": name, **_cells(one)} for name, one in data.get("sources", {}).items()]
    for table, codes in data.get("codes", {}).items():
        for value, texts in codes.items():
            write_first = texts.get("write")
            order = dict.fromkeys([*([write_first] if write_first is not None else []), *texts.get("read", [])])
            found["codes"] += [
                {"table": table, "value": value, "text": text, "way": "" if write_first is not None else "read"}
                for text in order
            ]
    for number, one in enumerate(data.get("domains", []), 1):
        _block_rows(str(number), one, found)
    return found


def _block_rows(block: str, one: dict[str, Any], found: dict[str, list[dict[str, str]]]) -> None:
    plain = {key: value for key, value in one.items() if key not in ("variables", "each", "rows")}
    found["blocks"].append({"block": block, **_cells(plain)})
    for name, line in one.get("variables", {}).items():
        found["lines"].append({"block": block, "variable": name, **_shown_line(line)})
    for order, each in enumerate(one.get("each", []), 1):
        for name, line in each["variables"].items():
            place = {"block": block, "row": str(order), "row_when": each.get("when", "")}
            found["lines"].append({**place, "variable": name, **_shown_line(line)})
    for order, row in enumerate(one.get("rows", []), 1):
        found["rows"] += [
            {"block": block, "row": str(order), "variable": name, "value": _shown(value)} for name, value in row.items()
        ]


def _shown_line(line: dict[str, Any]) -> dict[str, str]:
    how = next(one for one in WORDS if one in line)
    value = line[how]
    if how == "concat":
        value = "\n".join(_shown_part(one) for one in value)
    elif isinstance(value, dict):
        value = "\n".join(f"{name}: {column}" for name, column in value.items())
    return {"how": how, "value": str(value), **_cells({key: its for key, its in line.items() if key != how})}


def _shown_part(part: Any) -> str:
    if part.get("text") is not None:
        return f"'{part['text']}'"
    return f"{part['column']} :: {part['codes']}" if part.get("codes") else str(part["column"])


def _cells(one: Mapping[str, Any]) -> dict[str, str]:
    return {
        key: yaml.safe_dump(value, default_flow_style=True).strip() if key in _YAML else _shown(value)
        for key, value in one.items()
    }


def _shown_value(value: Any) -> str:
    """A single value as it is, a list as YAML's."""
    return (
        yaml.safe_dump(value, default_flow_style=True, width=10_000).strip()
        if isinstance(value, list)
        else _shown(value)
    )


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(str(one) for one in value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
