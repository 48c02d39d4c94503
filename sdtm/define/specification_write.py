"""Writing the specification workbook that sponsors keep a define in (Pinnacle 21's layout)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.writing import whole_file
from trialbridge.sdtm.define import sheets, where_text
from trialbridge.sdtm.define.model import (
    CodeList,
    Dataset,
    Define,
    DocumentReference,
    Expression,
    Item,
    ItemRef,
    Method,
    Pages,
    Standard,
    WhereClause,
)
from trialbridge.sdtm.files.xlsx_write import write_workbook

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.sdtm.define.sheets import Row


def write(define: Define, target: Path) -> Path:
    """The workbook, whole or not at all: every sheet, texts as texts."""
    rows = {
        "Define": [{"Attribute": name, "Value": str(getattr(define, of))} for name, of in sheets.ATTRIBUTES.items()],
        "Standards": [_standard_row(one) for one in define.standards],
        "Datasets": [_dataset_row(one, define) for one in define.datasets],
        "Variables": [_variable_row(ref, one, define) for one in define.datasets for ref in one.items],
        "ValueLevel": [row for one in define.datasets for ref in one.items for row in _value_rows(ref, one, define)],
        "WhereClauses": [],
        "Codelists": [row for one in define.codelists if one.external is None for row in _codelist_rows(one)],
        "Dictionaries": [row for one in define.codelists if one.external is not None for row in _dictionary_rows(one)],
        "Methods": [_method_row(one) for one in define.methods],
        "Comments": [
            {"ID": _id("COM", one.oid), "Description": one.text, **_document_cells(one.documents)}
            for one in define.comments
        ],
        "Documents": [{"ID": _id("LF", one.id), "Title": one.title, "Href": one.href} for one in define.documents],
    }
    frames = {
        sheet: pl.DataFrame(
            {name: [row.get(name) or None for row in its] for name in sheets.SHEETS[sheet]},
            schema=dict.fromkeys(sheets.SHEETS[sheet], pl.String),
        )
        for sheet, its in rows.items()
    }
    with whole_file(target) as part:
        write_workbook(frames, part)
    return target


def _id(prefix: str, oid: str) -> str:
    return oid.removeprefix(f"{prefix}.")


def _said(value: bool) -> str:  # noqa: FBT001 - a formatter
    return "Yes" if value else ""


def _standard_row(one: Standard) -> Row:
    return {
        "ID": _id("STD", one.oid),
        "Name": one.name,
        "Type": one.type,
        "Publishing Set": one.publishing_set,
        "Version": one.version,
        "Status": one.status,
        "Comment": _id("COM", one.comment),
    }


def _dataset_row(one: Dataset, define: Define) -> Row:
    return {
        "Dataset": one.name,
        "Label": one.label,
        "Class": one.cls.name if one.cls is not None else "",
        "SubClass": "; ".join(part.name for part in one.cls.parts) if one.cls is not None else "",
        "Structure": one.structure,
        "Key Variables": ", ".join(define.item[ref.item].name for ref in one.keys if ref.item in define.item),
        "Standard": _id("STD", one.standard),
        "Has No Data": _said(one.no_data),
        "Repeating": "Yes" if one.repeating else "No",
        "Reference Data": "Yes" if one.reference else "No",
        "Domain": one.domain,
        "Comment": _id("COM", one.comment),
        "File": one.file.href if one.file is not None else "",
    }


def _variable_row(ref: ItemRef, dataset: Dataset, define: Define) -> Row:
    item = define.item.get(ref.item) or Item(oid=ref.item, name=ref.item, type="text")
    return {
        **_item_cells(item, ref),
        "Dataset": dataset.name,
        "Variable": item.name,
        "Label": item.label,
        "Role": ref.role,
        "Has No Data": _said(ref.no_data),
        "Non Standard": _said(ref.nonstandard),
    }


def _value_rows(ref: ItemRef, dataset: Dataset, define: Define) -> list[Row]:
    variable = define.item.get(ref.item)
    if variable is None or not variable.values:
        return []
    found: list[Row] = []
    listed = define.values.get(variable.values)
    for inner in listed.items if listed is not None else ():
        item = define.item.get(inner.item) or Item(oid=inner.item, name=inner.item, type="text")
        found.extend(
            {
                **_item_cells(item, inner),
                "Dataset": dataset.name,
                "Variable": variable.name,
                "Description": item.label,
                **_clause_cells(oid, dataset.name, define),
            }
            for oid in inner.where
        )
    return found


def _clause_cells(oid: str, dataset: str, define: Define) -> Row:
    """A where clause in words; one that the define does not have by its OID, so that its row is not lost."""
    clause = define.where.get(oid)
    if clause is None:
        return {"Where Clause": oid}
    asked = where_text.shown(conditions(clause, dataset, define))
    return {"Where Clause": asked, "Join Comment": _id("COM", clause.comment)}


def conditions(clause: WhereClause, dataset: str, define: Define) -> tuple[where_text.Condition, ...]:
    """The conditions of a clause by variables' names, with the dataset before those of another."""
    found = []
    for check in clause.checks:
        item = define.item.get(check.item)
        name = item.name if item is not None else check.item
        home = define.home.get(check.item, dataset)
        found.append((name if home == dataset else f"{home}.{name}", check.comparator, check.values))
    return tuple(found)


def _item_cells(item: Item, ref: ItemRef) -> Row:
    origin = item.origins[0] if item.origins else None
    pages = [page for one in origin.documents for page in one.pages] if origin is not None else []
    predecessor = origin is not None and origin.type == "Predecessor"
    return {
        "Order": "" if ref.order is None else str(ref.order),
        "Data Type": item.type,
        "Length": "" if item.length is None else str(item.length),
        "Significant Digits": "" if item.digits is None else str(item.digits),
        "Format": item.format,
        "Mandatory": "Yes" if ref.mandatory else "No",
        "Codelist": _id("CL", item.codelist),
        "Origin": origin.type if origin is not None else "",
        "Source": origin.source if origin is not None else "",
        "Pages": _pages_text(pages),
        "Method": _id("MT", ref.method),
        "Predecessor": origin.text if origin is not None and predecessor else "",
        "Origin Description": origin.text if origin is not None and not predecessor else "",
        "Comment": _id("COM", item.comment),
    }


def _pages_text(pages: list[Pages]) -> str:
    parts = [f"{one.first}-{one.last}" if one.first is not None else one.refs for one in pages]
    return " ".join(one for one in parts if one)


def _codelist_rows(one: CodeList) -> list[Row]:
    head = {
        "ID": _id("CL", one.oid),
        "Name": one.name,
        "NCI Codelist Code": one.code,
        "Data Type": one.type,
        "Terminology": _id("STD", one.standard),
        "Comment": _id("COM", one.comment),
    }
    return [
        {
            **head,
            "Order": "" if term.order is None else str(term.order),
            "Term": term.value,
            "NCI Term Code": term.code,
            "Decoded Value": term.decode or "",
            "Extended Value": _said(term.extended),
        }
        for term in one.terms
    ]


def _dictionary_rows(one: CodeList) -> list[Row]:
    if one.external is None:
        return []
    external = one.external
    return [
        {
            "ID": _id("CL", one.oid),
            "Name": one.name,
            "Data Type": one.type,
            "Dictionary": external.dictionary,
            "Version": external.version,
            "Href": external.href,
            "Ref": external.ref,
        }
    ]


def _method_row(one: Method) -> Row:
    expression = one.expressions[0] if one.expressions else Expression()
    return {
        "ID": _id("MT", one.oid),
        "Name": one.name,
        "Type": one.type,
        "Description": one.text,
        "Expression Context": expression.context,
        "Expression Code": expression.code,
        **_document_cells(one.documents),
    }


def _document_cells(documents: tuple[DocumentReference, ...]) -> Row:
    if not documents:
        return {}
    return {"Document": _id("LF", documents[0].leaf), "Pages": _pages_text(list(documents[0].pages))}
