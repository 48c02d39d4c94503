"""Reading the specification workbook that sponsors keep a define in (Pinnacle 21's layout).

OIDs are the workbook's IDs with their usual prefix (`CL.`, `MT.`, `COM.`, `LF.`, `WC.`); variables are known by dataset
and name. Where clauses are texts, or the older way rows of WhereClauses: several rows with one ID are joined.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.sdtm.define import sheets, where_text
from trialbridge.sdtm.define.model import (
    Check,
    Comment,
    Dataset,
    DatasetClass,
    Define,
    Document,
    DocumentReference,
    Item,
    ItemRef,
    Origin,
    Standard,
    SubClass,
    ValueList,
    WhereClause,
    sas_name,
)
from trialbridge.sdtm.define.specification_lists import (
    Read,
    codelists,
    dictionaries,
    documents_of,
    methods,
    oid_of,
    pages_of,
    whole,
    yes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trialbridge.sdtm.define.sheets import Row


def is_specification(path: Path) -> bool:
    """Whether a workbook has the sheets of a specification."""
    try:
        return bool(sheets.read(path))
    except (UnreadableInputError, OSError):
        return False


def read(path: Path) -> tuple[Define, list[Finding]]:
    """The define of a workbook, and findings on what in it could not be taken. Raises UnreadableInputError."""
    book = sheets.read(path)
    held = Read(path.name)
    for row in book.get("WhereClauses", []):
        held.older.setdefault(row.get("ID", ""), []).append(row)
    documents = tuple(
        Document(id=oid_of("LF", row.get("ID", "")), href=row.get("Href", ""), title=row.get("Title", ""))
        for row in book.get("Documents", [])
    )
    held.crf = next((one.id for one in documents if "crf" in f"{one.id} {one.title}".lower()), "")
    refs: dict[str, list[ItemRef]] = {}
    for number, row in enumerate(book["Variables"], start=1):
        _variable(row, number, held, refs)
    for number, row in enumerate(book.get("ValueLevel", []), start=1):
        _value(row, number, held)
    lists = tuple(ValueList(oid=oid, items=tuple(its)) for oid, its in held.value_lists.items())
    items = tuple(_with_values(one, f"VL.{one.oid.removeprefix('IT.')}", held.value_lists) for one in held.items)
    standards = _standards(book)
    told = {row.get("Attribute", ""): row.get("Value", "") for row in book.get("Define", [])}
    study = told.get("StudyName", "") or "STUDY"
    about = {of: told[name] for name, of in sheets.ATTRIBUTES.items() if told.get(name)}
    used = {one.id for one in documents if one.id == held.crf}
    given = {
        "file_oid": f"DEFINE.{study}",
        "created": "1960-01-01T00:00:00",
        "study_oid": f"STDY.{study}",
        "study_name": study,
        "study_text": study,
        "protocol": study,
        "oid": f"MDV.{study}",
        "name": f"Study {study}, Data Definitions",
        **about,
    }
    define = Define(
        **given,
        standards=standards,
        crf=tuple(DocumentReference(leaf=one) for one in used),
        supplements=tuple(DocumentReference(leaf=one.id) for one in documents if one.id not in used),
        value_lists=lists,
        where_clauses=tuple(held.where.values()),
        datasets=tuple(_dataset(row, refs, standards, held) for row in book["Datasets"]),
        items=items,
        codelists=(
            *codelists(book.get("Codelists", []), standards, held),
            *dictionaries(book.get("Dictionaries", [])),
        ),
        methods=methods(book.get("Methods", [])),
        comments=tuple(
            Comment(oid=oid_of("COM", row.get("ID", "")), text=row.get("Description", ""), documents=documents_of(row))
            for row in book.get("Comments", [])
        ),
        documents=documents,
    )
    return define, [*held.findings, *_dangling(define, held)]


def _with_values(item: Item, oid: str, lists: dict[str, list[ItemRef]]) -> Item:
    return replace(item, values=oid) if oid in lists else item


def _standards(book: dict[str, list[Row]]) -> tuple[Standard, ...]:
    rows = book.get("Standards", [])
    if rows:
        return tuple(
            Standard(
                oid=oid_of("STD", row.get("ID", "") or str(number)),
                name=row.get("Name", ""),
                type=row.get("Type", "") or "IG",
                version=row.get("Version", ""),
                publishing_set=row.get("Publishing Set", ""),
                status=row.get("Status", "") or "Final",
                comment=oid_of("COM", row.get("Comment", "")),
            )
            for number, row in enumerate(rows, start=1)
        )
    told = {row.get("Attribute", ""): row.get("Value", "") for row in book.get("Define", [])}
    name = told.get("StandardName", "").replace("SDTM-IG", "SDTMIG")
    return (Standard(oid="STD.1", name=name, type="IG", version=told.get("StandardVersion", "")),) if name else ()


def _variable(row: Row, number: int, held: Read, refs: dict[str, list[ItemRef]]) -> None:
    dataset, name = row.get("Dataset", "").upper(), row.get("Variable", "").upper()
    if not dataset or not name:
        where = Where(file=held.file, dataset="Variables", row=number)
        raise UnreadableInputError("A variable wants its Dataset and Variable.", where, "fill both columns")
    oid = f"IT.{dataset}.{name}"
    held.items.append(_item(row, oid, name, number, "Variables", held))
    refs.setdefault(dataset, []).append(
        ItemRef(
            item=oid,
            order=whole(row, "Order", held, "Variables", number) or len(refs.get(dataset, ())) + 1,
            mandatory=yes(row.get("Mandatory", "")),
            method=oid_of("MT", row.get("Method", "")),
            role=row.get("Role", ""),
            nonstandard=yes(row.get("Non Standard", "")),
            no_data=yes(row.get("Has No Data", "")),
        )
    )


def _item(row: Row, oid: str, name: str, number: int, sheet: str, held: Read) -> Item:
    return Item(
        oid=oid,
        name=name,
        type=row.get("Data Type", "") or "text",
        length=whole(row, "Length", held, sheet, number),
        digits=whole(row, "Significant Digits", held, sheet, number),
        sas_name=sas_name(name) if sheet == "Variables" else "",
        format=row.get("Format", ""),
        comment=oid_of("COM", row.get("Comment", "")),
        label=row.get("Label" if sheet == "Variables" else "Description", ""),
        codelist=oid_of("CL", row.get("Codelist", "")),
        origins=_origins(row, held),
    )


def _origins(row: Row, held: Read) -> tuple[Origin, ...]:
    written = row.get("Origin", "")
    if not written:
        return ()
    kind, source = {"CRF": ("Collected", ""), "eDT": ("Collected", "Vendor")}.get(written, (written, ""))
    text = row.get("Predecessor", "") if kind == "Predecessor" else row.get("Origin Description", "")
    pages = row.get("Pages", "")
    documents = (DocumentReference(leaf=held.crf, pages=(pages_of(pages),)),) if pages and held.crf else ()
    return (Origin(type=kind, source=row.get("Source", "") or source, text=text, documents=documents),)


def _value(row: Row, number: int, held: Read) -> None:
    dataset, name = row.get("Dataset", "").upper(), row.get("Variable", "").upper()
    written = row.get("Where Clause", "")
    conditions = _conditions(written, dataset, held)
    if conditions is None:
        where = Where(file=held.file, dataset="ValueLevel", row=number, variable="Where Clause")
        message = (
            "The where clause is neither an ID of WhereClauses nor of the form VARIABLE EQ VALUE; the row is left out."
        )
        held.findings.append(Finding("TB-DEFINE-0005", Severity.ERROR, where, message, 'write LBTESTCD EQ "ALT"'))
        return
    values = [value for _, _, its in conditions for value in its]
    tail = ".".join(re.sub(r"[^A-Za-z0-9_]+", "_", value) for value in values)
    first = conditions[0][0].rpartition(".")[2]
    clause = WhereClause(
        oid=f"WC.{dataset}.{first}.{tail}",
        comment=oid_of("COM", row.get("Join Comment", "")),
        checks=tuple(
            Check(item=_condition_item(variable, dataset), comparator=comparator, values=its)
            for variable, comparator, its in conditions
        ),
    )
    clause = _once(clause, held)
    oid = _free(f"IT.{dataset}.{name}.{tail}", held)
    held.items.append(_item(row, oid, values[0], number, "ValueLevel", held))
    its = held.value_lists.setdefault(f"VL.{dataset}.{name}", [])
    its.append(
        ItemRef(
            item=oid,
            order=whole(row, "Order", held, "ValueLevel", number) or len(its) + 1,
            mandatory=yes(row.get("Mandatory", "")),
            method=oid_of("MT", row.get("Method", "")),
            where=(clause.oid,),
        )
    )


def _once(clause: WhereClause, held: Read) -> WhereClause:
    """The clause as it is kept: one that asks the same is the same, one that only has its OID gets another."""
    for oid in _numbered(clause.oid):
        clause = replace(clause, oid=oid)
        if held.where.setdefault(oid, clause) == clause:
            break
    return clause


def _free(oid: str, held: Read) -> str:
    """An item's OID, with a number where another has it."""
    free = next(one for one in _numbered(oid) if one not in held.oids)
    held.oids.add(free)
    return free


def _numbered(oid: str) -> Iterator[str]:
    yield oid
    yield from (f"{oid}.{number}" for number in count(2))


def _condition_item(variable: str, dataset: str) -> str:
    home, dot, name = variable.upper().rpartition(".")
    return f"IT.{home if dot else dataset}.{name}"


def _conditions(text: str, dataset: str, held: Read) -> tuple[where_text.Condition, ...] | None:
    rows = held.older.get(text)
    if rows is None:
        return where_text.parse(text)
    found = []
    for row in rows:
        home = row.get("Dataset", "").upper() or dataset
        variable = row.get("Variable", "") if home == dataset else f"{home}.{row.get('Variable', '')}"
        comparator = row.get("Comparator", "").upper() or "EQ"
        one = where_text.parse(f"{variable} {comparator} ({row.get('Value', '')})")
        plain = (row.get("Value", ""),) if comparator not in ("IN", "NOTIN") else (one[0][2] if one else ())
        found.append((variable, comparator, plain))
    return tuple(found)


def _dataset(row: Row, refs: dict[str, list[ItemRef]], standards: tuple[Standard, ...], held: Read) -> Dataset:
    name = row.get("Dataset", "").upper()
    keys = {
        one.upper(): number
        for number, one in enumerate(row.get("Key Variables", "").replace(",", " ").split(), start=1)
    }
    its = [replace(one, key=keys.get(one.item.rpartition(".")[2])) for one in refs.get(name, [])]
    if not its:
        where = Where(file=held.file, dataset="Datasets")
        message = f"{name} has no row in Variables."
        held.findings.append(Finding("TB-DEFINE-0006", Severity.WARNING, where, message, "describe its variables"))
    guide = next((one.oid for one in standards if one.type == "IG"), "")
    file = row.get("File", "") or f"{name.lower()}.xpt"
    parts = tuple(SubClass(name=one.strip()) for one in row.get("SubClass", "").split(";") if one.strip())
    reference = row.get("Reference Data", "")
    return Dataset(
        oid=f"IG.{name}",
        name=name,
        repeating=yes(row.get("Repeating", "")) if row.get("Repeating") else set(keys) != {"STUDYID", "USUBJID"},
        reference=yes(reference) if reference else row.get("Class", "").upper() == "TRIAL DESIGN",
        sas_name=sas_name(name),
        domain=row.get("Domain", "") or (name if name.startswith("REL") else name.removeprefix("SUPP")[:2]),
        structure=row.get("Structure", ""),
        archive=f"LF.{name}",
        standard=oid_of("STD", row["Standard"]) if row.get("Standard") in _ids(standards) else guide,
        no_data=yes(row.get("Has No Data", "")),
        comment=oid_of("COM", row.get("Comment", "")),
        label=row.get("Label", ""),
        items=tuple(sorted(its, key=lambda one: one.order or 0)),
        cls=DatasetClass(name=row["Class"].upper(), parts=parts) if row.get("Class") else None,
        file=Document(id=f"LF.{name}", href=file, title=file),
    )


def _ids(standards: tuple[Standard, ...]) -> set[str]:
    return {one.oid.removeprefix("STD.") for one in standards} | {one.oid for one in standards}


def _dangling(define: Define, held: Read) -> list[Finding]:
    """Codelists, methods and comments that are referred to and are not there."""
    used = {
        "codelist": {one.codelist for one in define.items},
        "method": {ref.method for _, ref in define.references()},
        "comment": {comment for _, comment in define.remarks()},
    }
    known = {"codelist": set(define.codelist), "method": set(define.method), "comment": set(define.remark)}
    return [
        Finding(
            "TB-DEFINE-0007",
            Severity.ERROR,
            Where(file=held.file, path=oid),
            f"The {kind} {oid} is referred to and is not described.",
            f"add it to its sheet, or correct the name of the {kind}",
        )
        for kind, oids in used.items()
        for oid in sorted(oids - known[kind] - {""})
    ]
