"""Parts of a specification workbook that stand by themselves: codelists, dictionaries, methods; and how cells are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.sdtm.define.model import (
    NCI_CODE,
    Alias,
    CodeList,
    DocumentReference,
    Expression,
    External,
    Item,
    ItemRef,
    Method,
    Pages,
    Standard,
    Term,
    WhereClause,
)

if TYPE_CHECKING:
    from trialbridge.sdtm.define.sheets import Row


@dataclass(slots=True)
class Read:
    """What a workbook's sheets give, gathered."""

    file: str
    items: list[Item] = field(default_factory=list)
    value_lists: dict[str, list[ItemRef]] = field(default_factory=dict)
    where: dict[str, WhereClause] = field(default_factory=dict)
    older: dict[str, list[Row]] = field(default_factory=dict)
    oids: set[str] = field(default_factory=set)
    crf: str = ""
    findings: list[Finding] = field(default_factory=list)


def oid_of(prefix: str, text: str) -> str:
    """An ID with its prefix: `SEX` -> `CL.SEX`; none stays none."""
    return text if not text or text.startswith(f"{prefix}.") else f"{prefix}.{text}"


def whole(row: Row, column: str, held: Read, sheet: str, number: int) -> int | None:
    """A whole number of a cell; what is none becomes a finding, and is left out."""
    text = row.get(column, "")
    if not text:
        return None
    if not text.isdigit():
        where = Where(file=held.file, dataset=sheet, row=number, variable=column)
        held.findings.append(
            Finding("TB-DEFINE-0004", Severity.ERROR, where, f"{text!r} is no whole number; left out.", "correct it")
        )
        return None
    return int(text)


def yes(text: str) -> bool:
    """Whether a cell says yes."""
    return text.strip().lower() in ("yes", "y", "true", "1")


def pages_of(text: str) -> Pages:
    """Pages as people write them: `6 7`, `6, 7`, `6-9`, or a named destination."""
    first, dash, last = text.partition("-")
    if dash and first.strip().isdigit() and last.strip().isdigit():
        return Pages(first=int(first), last=int(last))
    refs = " ".join(text.replace(",", " ").split())
    return Pages(type="PhysicalRef" if refs.replace(" ", "").isdigit() else "NamedDestination", refs=refs)


def documents_of(row: Row) -> tuple[DocumentReference, ...]:
    """The document a row names, with its pages."""
    if not row.get("Document"):
        return ()
    pages = (pages_of(row["Pages"]),) if row.get("Pages") else ()
    return (DocumentReference(leaf=oid_of("LF", row["Document"]), pages=pages),)


def codelists(rows: list[Row], standards: tuple[Standard, ...], held: Read) -> list[CodeList]:
    """The codelists, a row a term."""
    by_id: dict[str, list[Row]] = {}
    for row in rows:
        by_id.setdefault(row.get("ID", ""), []).append(row)
    package = next((one.oid for one in standards if one.type == "CT"), "")
    found = []
    for name, its in by_id.items():
        head = its[0]
        code = head.get("NCI Codelist Code", "")
        decoded = any(row.get("Decoded Value") for row in its)
        terms = [
            _term(row, number, held, decoded=decoded) for number, row in enumerate(its, start=1) if row.get("Term")
        ]
        found.append(
            CodeList(
                oid=oid_of("CL", name),
                name=head.get("Name", "") or name,
                type=head.get("Data Type", "") or "text",
                standard=package if code else "",
                nonstandard=not code,
                comment=oid_of("COM", head.get("Comment", "")),
                terms=tuple(terms),
                aliases=_nci(code),
            )
        )
    return found


def _term(row: Row, number: int, held: Read, *, decoded: bool) -> Term:
    return Term(
        value=row.get("Term", ""),
        decode=(row.get("Decoded Value") or row.get("Term", "")) if decoded else None,
        order=whole(row, "Order", held, "Codelists", number) or number,
        extended=yes(row.get("Extended Value", "")),
        aliases=_nci(row.get("NCI Term Code", "")),
    )


def _nci(code: str) -> tuple[Alias, ...]:
    return (Alias(context=NCI_CODE, name=code),) if code else ()


def dictionaries(rows: list[Row]) -> list[CodeList]:
    """The external dictionaries."""
    return [
        CodeList(
            oid=oid_of("CL", row.get("ID", "")),
            name=row.get("Name", "") or row.get("ID", ""),
            type=row.get("Data Type", "") or "text",
            external=External(
                dictionary=row.get("Dictionary", ""),
                version=row.get("Version", ""),
                href=row.get("Href", ""),
                ref=row.get("Ref", ""),
            ),
        )
        for row in rows
    ]


def methods(rows: list[Row]) -> tuple[Method, ...]:
    """The methods."""
    return tuple(
        Method(
            oid=oid_of("MT", row.get("ID", "")),
            name=row.get("Name", "") or row.get("ID", ""),
            type=row.get("Type", "") or "Computation",
            text=row.get("Description", ""),
            expressions=(Expression(context=row.get("Expression Context", ""), code=row["Expression Code"]),)
            if row.get("Expression Code")
            else (),
            documents=documents_of(row),
        )
        for row in rows
    )
