"""A define of the data, told again by a sponsor's own: what people say wins, what was measured stays.

From the specification come labels, structures, keys, origins, methods, comments, documents, codelists' names and
decodes, standards; from the data come types, lengths, digits, order, and the values used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trialbridge.base.finding import Finding, Severity, Where

if TYPE_CHECKING:
    from trialbridge.sdtm.define.model import CodeList, Dataset, Define, Item, ItemRef, WhereClause


def overlay(define: Define, spec: Define, file: str = "") -> tuple[Define, list[Finding]]:
    """The define with what the specification says, and a finding for each thing it says of nothing in the data."""
    items = {_key(spec, dataset, ref): spec.item.get(ref.item) for dataset in spec.datasets for ref in dataset.items}
    values = _values(spec)
    own = {one.item.oid: one for its in _values(define).values() for one in its}
    keys = {ref.item: _key(define, dataset, ref) for dataset in define.datasets for ref in dataset.items}
    renamed: dict[str, str] = {}
    new_items = []
    for item in define.items:
        said = items.get(keys[item.oid]) if item.oid in keys else _said(own.get(item.oid), values)
        if said is not None and said.codelist and item.codelist:
            renamed[item.codelist] = said.codelist
        new_items.append(_item(item, said))
    methods = {one.oid: one for one in (*define.methods, *spec.methods)}
    comments = {one.oid: one for one in (*define.comments, *spec.comments)}
    made = replace(
        define,
        study_name=spec.study_name,
        study_text=spec.study_text,
        protocol=spec.protocol,
        standards=spec.standards or define.standards,
        crf=spec.crf or define.crf,
        supplements=spec.supplements or define.supplements,
        documents=spec.documents or define.documents,
        datasets=tuple(_dataset(one, define, spec) for one in define.datasets),
        items=tuple(new_items),
        codelists=tuple(_codelist(one, spec.codelist.get(renamed.get(one.oid, one.oid))) for one in define.codelists),
        methods=tuple(methods[oid] for oid in sorted(methods)),
        comments=tuple(comments[oid] for oid in sorted(comments)),
    )
    return _without_unused(made), list(_unused(define, spec, file))


def _key(define: Define, dataset: Dataset, ref: ItemRef) -> tuple[str, str]:
    item = define.item.get(ref.item)
    return dataset.name, item.name if item is not None else ref.item


@dataclass(frozen=True, slots=True)
class _Value:
    """A value-level item with its variable (`LB.LBORRES`) and what its where clauses ask, each by variable."""

    variable: str
    item: Item
    clauses: tuple[dict[str, tuple[str, ...]], ...]


def _values(define: Define) -> dict[str, list[_Value]]:
    """The value-level items by variable; those whose clauses compare otherwise than by equality are left out."""
    found: dict[str, list[_Value]] = {}
    for dataset in define.datasets:
        for ref in dataset.items:
            variable = define.item.get(ref.item)
            listed = define.values.get(variable.values) if variable is not None else None
            if listed is None or variable is None:
                continue
            home = f"{dataset.name}.{variable.name}"
            for inner in listed.items:
                clauses = [define.where[oid] for oid in inner.where if oid in define.where]
                plain = tuple(_asked(one, define) for one in clauses if _by_equality(one))
                if inner.item in define.item and plain:
                    found.setdefault(home, []).append(_Value(home, define.item[inner.item], plain))
    return found


def _by_equality(clause: WhereClause) -> bool:
    return all(one.comparator in ("EQ", "IN") for one in clause.checks)


def _asked(clause: WhereClause, define: Define) -> dict[str, tuple[str, ...]]:
    return {define.item[one.item].name: one.values for one in clause.checks if one.item in define.item}


def _said(own: _Value | None, values: dict[str, list[_Value]]) -> Item | None:
    """What the specification says of the records of an item of ours: the item one of whose clauses selects them.

    A clause of several tests (`IN`) selects each of them; names of items do not matter, for every tool has its own.
    """
    if own is None:
        return None
    for one in values.get(own.variable, ()):
        for theirs in one.clauses:
            for ours in own.clauses:
                if theirs and all(set(ours.get(name, ())) <= set(its) and name in ours for name, its in theirs.items()):
                    return one.item
    return None


def _item(item: Item, said: Item | None) -> Item:
    if said is None:
        return item
    return replace(
        item,
        label=said.label or item.label,
        origins=said.origins or item.origins,
        comment=said.comment or item.comment,
        format=said.format or item.format,
    )


def _dataset(dataset: Dataset, define: Define, spec: Define) -> Dataset:
    said = spec.dataset.get(dataset.name)
    if said is None:
        return dataset
    refs = {_key(spec, said, one)[1]: one for one in said.items}
    keys = {_key(spec, said, one)[1]: number for number, one in enumerate(said.keys, start=1)}
    its = []
    for ref in dataset.items:
        name = _key(define, dataset, ref)[1]
        one = refs.get(name)
        ref = replace(ref, key=keys.get(name)) if keys else ref  # noqa: PLW2901 - told again
        if one is not None:
            derived = one.method or ("" if _not_derived(spec, one) else ref.method)
            ref = replace(ref, method=derived, mandatory=one.mandatory, role=one.role or ref.role)  # noqa: PLW2901 - as above
        its.append(ref)
    return replace(
        dataset,
        items=tuple(its),
        label=said.label or dataset.label,
        structure=said.structure or dataset.structure,
        cls=said.cls or dataset.cls,
        comment=said.comment or dataset.comment,
        repeating=said.repeating,
        reference=said.reference,
    )


def _not_derived(spec: Define, ref: ItemRef) -> bool:
    origins = spec.item[ref.item].origins if ref.item in spec.item else ()
    return bool(origins) and all(one.type != "Derived" for one in origins)


def _codelist(codelist: CodeList, said: CodeList | None) -> CodeList:
    """The values used, with the sponsor's name and decodes."""
    if said is None:
        return codelist
    if codelist.external is not None and said.external is not None:
        return replace(codelist, external=said.external, name=said.name)
    decodes = {one.value: one for one in said.terms}
    decoded = any(one.decode is not None for one in (*codelist.terms, *said.terms))
    terms = []
    for one in codelist.terms:
        told = decodes.get(one.value)
        decode = (told.decode if told is not None else None) or one.decode
        terms.append(
            replace(one, decode=(decode or one.value) if decoded else None, rank=told.rank if told else one.rank)
        )
    return replace(codelist, name=said.name, terms=tuple(terms), comment=said.comment or codelist.comment)


def _without_unused(define: Define) -> Define:
    """Without methods and comments that nothing refers to."""
    methods = {ref.method for _, ref in define.references()}
    remarks = {comment for _, comment in define.remarks()}
    return replace(
        define,
        methods=tuple(one for one in define.methods if one.oid in methods),
        comments=tuple(one for one in define.comments if one.oid in remarks),
    )


def _unused(define: Define, spec: Define, file: str) -> list[Finding]:
    found = []
    for dataset in spec.datasets:
        own = define.dataset.get(dataset.name)
        if own is None:
            where = Where(file=file, dataset=dataset.name)
            message = "The specification has a dataset that the data do not have."
            found.append(
                Finding("TB-DEFINE-0008", Severity.WARNING, where, message, "give its file, or remove it there")
            )
            continue
        names = {_key(define, own, one)[1] for one in own.items}
        for ref in dataset.items:
            name = _key(spec, dataset, ref)[1]
            if name not in names:
                where = Where(file=file, dataset=dataset.name, variable=name)
                message = "The specification has a variable that the data do not have."
                found.append(Finding("TB-DEFINE-0008", Severity.WARNING, where, message, "add it, or remove it there"))
    return found
