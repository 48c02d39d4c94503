"""Where each cell made from forms came from: file, table, row, columns and the text as it stands there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.converters.forms.rows import Made
    from trialbridge.converters.forms.view import View

RULES = frozenset({"STUDYID", "DOMAIN", "USUBJID"})


def lines(made: Mapping[str, list[Made]]) -> Iterator[dict[str, Any]]:
    """One object a filled cell, by dataset and row (from 1, as written): READ from cells, DERIVED, or ASSIGNED."""
    for dataset in made:
        for one in sorted(made[dataset], key=lambda each: each.record.number if each.record else 0):
            yield from _of_row(dataset, one)


def _of_row(dataset: str, one: Made) -> Iterator[dict[str, Any]]:
    number = one.record.number if one.record is not None else None
    for variable, value in one.row.items():
        if value is None:
            continue
        cell: dict[str, Any] = {"dataset": dataset, "row": number, "variable": variable, "value": value}
        sources = [place for view, columns in one.origins.get(variable, []) for place in _places(view, columns)]
        if variable in one.derived:
            yield {**cell, "derivation": "DERIVED", "note": one.derived[variable]}
        elif sources:
            yield {**cell, "derivation": "READ", "sources": sources}
        elif one.view is not None and variable == "USUBJID":
            yield {**cell, "derivation": "READ", "sources": list(_places(one.view, _subject(one.view)))}
        else:
            note = "the study file" if variable not in RULES else "the same for every row"
            yield {**cell, "derivation": "ASSIGNED", "note": note}


def _subject(view: View) -> tuple[str, ...]:
    return tuple(
        one.name for one in view.form.columns if view.subject is not None and view.get(one.name) == view.subject
    )[:1]


def _places(view: View, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for name in columns:
        cell = view.record.cells.get(name)
        if cell is None:
            continue
        place = next((one.place for one in view.form.columns if one.name == name), name)
        yield {
            "file": view.form.file or None,
            "table": view.form.name,
            "row": view.record.row,
            "column": name,
            "cell": f"{place}{view.record.row}" if place.isupper() and len(place) <= 3 else None,
            "text": cell.text,
        }
