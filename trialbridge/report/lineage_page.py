"""A page that shows tables whose cells open their source: one HTML file that needs nothing else.

The cells' lineage and the resources they came from are in the file, so it is bounded: `ROWS_IN_ALL` rows, shared out
evenly, and at most `ROWS` a dataset, said on the page where they are cut. Data are set as text, never as markup.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError
from trialbridge.converters.tracing import named
from trialbridge.fhir.jsontext import encode
from trialbridge.report.lineage_template import TEMPLATE
from trialbridge.sdtm import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.converters.origins import Cell, Lineage
    from trialbridge.sdtm.table import Study

ROWS = 1_000
ROWS_IN_ALL = 2_000
_FIELDS = ("derivation", "resource", "path", "line", "mapping", "spelling", "link", "note")


class _Texts:
    """Texts that repeat, each kept once."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        """The place of a text in the list; -1 for none."""
        if not text:
            return -1
        if text not in self._places:
            self._places[text] = len(self.all)
            self.all.append(text)
        return self._places[text]


def page(
    of: Lineage,
    found: Iterable[Cell],
    title: str,
    *,
    to_fhir: bool = False,
    share: int = 1,
    rows: int = ROWS,
    rows_in_all: int = ROWS_IN_ALL,
) -> str:
    """The HTML of the cells given (in their order: by dataset, row, column), which are of `share` datasets."""
    texts = _Texts()
    datasets: dict[str, dict[str, Any]] = {}
    used: set[str] = set()
    most = min(rows, max(1, rows_in_all // max(1, share)))
    for cell in found:
        dataset = datasets.setdefault(cell.dataset, _dataset(of.study, cell.dataset))
        if cell.row not in dataset["rows"]:
            dataset["seen"].add(cell.row)
            if len(dataset["rows"]) >= most:
                continue
            dataset["rows"][cell.row] = {}
        dataset["rows"][cell.row][cell.variable] = _cell(cell, texts)
        if cell.resource is not None:
            used.add(cell.resource)
    resources = {
        name: _exact(item.resource)
        for item in of.held.items
        if (name := named(item.resource, of.held)) is not None and name in used
    }
    data = {
        "title": title,
        "toFhir": to_fhir,
        "texts": texts.all,
        "datasets": [_finished(one) for one in datasets.values()],
        "resources": resources,
    }
    # a "<" in the data could end the script element, or begin a comment in it
    return TEMPLATE.replace("/*DATA*/null", encode(data).decode().replace("<", "\\u003c"))


def _exact(value: Any) -> Any:
    """JSON in which decimals that a script's numbers would spell otherwise (23.50) are `{"#": "23.50"}`."""
    if isinstance(value, dict):
        return {key: _exact(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_exact(inner) for inner in value]
    if isinstance(value, Decimal) and str(value) != repr(float(value)):
        return {"#": str(value)}
    return value


def _dataset(study: Study, name: str) -> dict[str, Any]:
    table = study[name]
    try:
        labels = {one.name: one.label for one in metadata.domain(name).variables}
        label = table.label or metadata.domain(name).label
    except UnknownNameError:
        labels, label = {}, table.label
    columns = [[one.name, one.label or labels.get(one.name, "")] for one in table.variables]
    return {"name": name, "label": label, "columns": columns, "seen": set(), "rows": {}}


def _finished(dataset: dict[str, Any]) -> dict[str, Any]:
    """The dataset with its rows as lists: row number, then a cell or 0 a column; columns without any value left out."""
    filled = {variable for row in dataset["rows"].values() for variable in row}
    columns = [one for one in dataset["columns"] if one[0] in filled]
    return {
        "name": dataset["name"],
        "label": dataset["label"],
        "columns": columns,
        "total": len(dataset["seen"]),
        "rows": [
            [number, *(row.get(name, 0) for name, _ in columns)] for number, row in sorted(dataset["rows"].items())
        ],
    }


def _cell(cell: Cell, texts: _Texts) -> list[Any]:
    """Value, the places of its texts by `_FIELDS`, then pair and inputs if there are any."""
    made: list[Any] = [cell.value, [texts.place(str(getattr(cell, field) or "")) for field in _FIELDS]]
    if cell.pair or cell.inputs:
        made.append(dict(cell.pair) if cell.pair else 0)
    if cell.inputs:
        made.append(list(cell.inputs))
    return made
