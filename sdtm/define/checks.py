"""Checks of a study against its define: rules as those of `sdtm.rules`, which need a define beside the data.

What they ask is what Define-XML 2.1 (section 4) and FDA's Technical Conformance Guide (section 4.1.4.5) ask of a define:
that it describes the datasets as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity, Where
from trialbridge.sdtm.define.apply import NUMERIC
from trialbridge.sdtm.define.measure import PLAIN_NUMBER, iso_type
from trialbridge.sdtm.rules.data import ROW, Data, NotThereError
from trialbridge.sdtm.rules.declare import Hit, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.base.rule import Rule
    from trialbridge.sdtm.define.model import CodeList, Define, Item, ItemRef, WhereClause
    from trialbridge.sdtm.rules.data import Dataset

_SECTION = "Define-XML 2.1, 4.2; FDA Study Data Technical Conformance Guide, 4.1.4.5"
_SAME = 1e-9
"""Numbers nearer than this are one number: a codelist writes 1.2 where arithmetic left 1.2000000000000002."""
_DATES = frozenset({"date", "datetime", "partialDate", "partialDatetime"})


def _define(data: Data) -> Define:
    if data.define is None:
        raise NotThereError("no define.xml was given")
    found: Define = data.define
    return found


def _described(data: Data) -> Iterator[tuple[Dataset, ItemRef, Item]]:
    """Each variable that is both in the data and in the define."""
    define = _define(data)
    for one in data.all:
        described = define.dataset.get(one.name)
        for ref in described.items if described is not None else ():
            item = define.item.get(ref.item)
            if item is not None and item.name in one.columns:
                yield one, ref, item


@rule(
    "TB-DEFINE-0101",
    "The define does not describe the dataset.",
    "add the dataset to the define (`trialbridge define` writes one that has it)",
    section=_SECTION,
)
def dataset_described(data: Data) -> Iterator[Hit]:
    """Every dataset of the submission is described in its define."""
    define = _define(data)
    for one in data.all:
        if one.name not in define.dataset:
            yield one.hit()


@rule(
    "TB-DEFINE-0102",
    "The define describes a dataset that is not there.",
    "give the dataset's file, or take it out of the define (def:HasNoData where it has no records)",
    severity=Severity.WARNING,
    section=_SECTION,
)
def dataset_there(data: Data) -> Iterator[Hit]:
    """Every dataset that the define describes is there, unless the define says that it has no data."""
    for name, described in _define(data).dataset.items():
        if name not in data.study and not described.no_data:
            yield Hit(Where(dataset=name))


@rule(
    "TB-DEFINE-0103",
    "The define does not describe the variable.",
    "add the variable to the define, or drop it from the dataset",
    section=_SECTION,
)
def variable_described(data: Data) -> Iterator[Hit]:
    """Every variable of a dataset is described in the define."""
    known = {(one.name, item.name) for one, _, item in _described(data)}
    for one in data.all:
        if one.name in _define(data).dataset:
            for variable in one.table.variables:
                if (one.name, variable.name) not in known:
                    yield one.hit(variable.name)


@rule(
    "TB-DEFINE-0104",
    "The define describes a variable that the dataset does not have.",
    "add the variable to the dataset, or take it out of the define",
    section=_SECTION,
)
def variable_there(data: Data) -> Iterator[Hit]:
    """Every variable that the define describes is in its dataset."""
    define = _define(data)
    for one in data.all:
        described = define.dataset.get(one.name)
        for ref in described.items if described is not None else ():
            item = define.item.get(ref.item)
            if item is not None and item.name not in one.columns:
                yield one.hit(item.name)


@rule(
    "TB-DEFINE-0105",
    "The label differs from the define's.",
    "give the dataset and the define the guide's label",
    severity=Severity.WARNING,
    section=_SECTION,
)
def label_agrees(data: Data) -> Iterator[Hit]:
    """A variable has the same label in its dataset and in the define."""
    for one, _, item in _described(data):
        label = one.table.variable(item.name).label
        if label and item.label and label != item.label:
            yield one.hit(item.name)


@rule(
    "TB-DEFINE-0106",
    "The type differs from the define's.",
    "write numbers as Num where the define says integer or float, texts as Char elsewhere",
    section=_SECTION,
)
def type_agrees(data: Data) -> Iterator[Hit]:
    """A variable is Num where the define says integer or float, and Char elsewhere."""
    for one, _, item in _described(data):
        if (one.table.variable(item.name).type == "Num") != (item.type in NUMERIC):
            yield one.hit(item.name)


@rule(
    "TB-DEFINE-0107",
    "The value is longer than the define says.",
    "correct the length in the define: the longest value in the data",
    section=_SECTION,
)
def length_holds(data: Data) -> Iterator[Hit]:
    """No text is longer, in bytes, than the length that the define gives its variable."""
    for one, _, item in _described(data):
        if item.length is not None and one.table.variable(item.name).type == "Char":
            yield from one.hits(pl.col(item.name).str.len_bytes() > item.length, item.name)


@rule(
    "TB-DEFINE-0108",
    "The value is not in the define's codelist.",
    "add the term to the codelist in the define, or correct the value",
    section=_SECTION,
)
def codelist_holds(data: Data) -> Iterator[Hit]:
    """Every value of a variable with a codelist is one of its terms."""
    define = _define(data)
    for one, _, item in _described(data):
        codelist = define.codelist.get(item.codelist)
        if codelist is not None and codelist.external is None:
            yield from one.hits(_outside(one, item.name, codelist), item.name)


def _outside(one: Dataset, name: str, codelist: CodeList) -> pl.Expr:
    values = [term.value for term in codelist.terms]
    if one.table.variable(name).type == "Num":
        known = [float(text) for text in values if PLAIN_NUMBER.fullmatch(text)]
        near = [(pl.col(name) - one).abs() < _SAME for one in known]
        return ~pl.any_horizontal(near) if near else pl.col(name).is_not_null()
    return ~pl.col(name).is_in(values)


@rule(
    "TB-DEFINE-0109",
    "The value is missing, and the define says it is mandatory.",
    "give the value, or say in the define that it may be missing",
    section=_SECTION,
)
def mandatory_given(data: Data) -> Iterator[Hit]:
    """A variable that the define calls mandatory has a value in every record."""
    for one, ref, item in _described(data):
        if ref.mandatory:
            yield from one.hits(one.missing(item.name), item.name)


@rule(
    "TB-DEFINE-0110",
    "The define's key does not tell the records apart.",
    "name the variables that do, or remove the record that is there twice",
    section=_SECTION,
)
def key_unique(data: Data) -> Iterator[Hit]:
    """The key variables that the define gives a dataset tell all its records apart."""
    define = _define(data)
    for one in data.all:
        described = define.dataset.get(one.name)
        if described is None:
            continue
        names = [define.item[ref.item].name for ref in described.keys if ref.item in define.item]
        if names and one.has(*names):
            yield from one.hits(pl.struct(names).is_duplicated(), *names)


@rule(
    "TB-DEFINE-0111",
    "The value is not what the define says of this test, qualifier or parameter.",
    "correct the value, or the value-level item of the define",
    section=_SECTION,
)
def value_level_holds(data: Data) -> Iterator[Hit]:
    """A value that a where clause of the define selects has the type, length and codelist of its value-level item."""
    define = _define(data)
    for one, _, item in _described(data):
        listed = define.values.get(item.values)
        for ref in listed.items if listed is not None else ():
            inner = define.item.get(ref.item)
            masks = [_where(one, define.where[oid], define) for oid in ref.where if oid in define.where]
            usable = [mask for mask in masks if mask is not None]
            if inner is not None and usable and one.table.variable(item.name).type == "Char":
                yield from _wrong(one, item.name, inner, pl.any_horizontal(usable), define)


def _where(one: Dataset, clause: WhereClause, define: Define) -> pl.Expr | None:
    """The records of a dataset that a clause selects; None where it looks into another dataset."""
    masks = []
    for check in clause.checks:
        item = define.item.get(check.item)
        if item is None or item.name not in one.columns or define.home.get(check.item, one.name) != one.name:
            return None
        column = pl.col(item.name).cast(pl.String)
        if check.comparator in ("EQ", "IN"):
            masks.append(column.is_in(list(check.values)))
        elif check.comparator in ("NE", "NOTIN"):
            masks.append(~column.is_in(list(check.values)))
        else:
            return None
    return pl.all_horizontal(masks) if masks else None


def _wrong(one: Dataset, name: str, item: Item, mask: pl.Expr, define: Define) -> Iterator[Hit]:
    """The selected values that are not of the item's type, length or codelist."""
    rows = one.frame.filter(mask & pl.col(name).is_not_null())
    codelist = define.codelist.get(item.codelist)
    terms = {term.value for term in codelist.terms} if codelist is not None and codelist.external is None else None
    bad = [value for value in rows[name].unique().to_list() if not _fits(value, item, terms)]
    if bad:
        yield from one.hits_of(rows.filter(pl.col(name).is_in(bad)).sort(ROW), name)


def _fits(value: str, item: Item, terms: set[str] | None) -> bool:
    if item.type in NUMERIC:
        found = PLAIN_NUMBER.fullmatch(value)
        return found is not None and (item.type != "integer" or found[1] is None)
    if item.type in _DATES:
        return bool(iso_type([value]))
    return (item.length is None or len(value.encode()) <= item.length) and (terms is None or value in terms)


@rule(
    "TB-DEFINE-0112",
    "The define refers to something that it does not have.",
    "correct the OID, or add what it names",
    section="Define-XML 2.1, 5",
)
def references_hold(data: Data) -> Iterator[Hit]:
    """Every codelist, value list, where clause, method and comment that a define refers to is in it."""
    define = _define(data)
    refs = define.references()
    wanted = [
        *((home, ref.item, ref.item in define.item) for home, ref in refs),
        *((ref.item, ref.method, not ref.method or ref.method in define.method) for _, ref in refs),
        *((ref.item, oid, oid in define.where) for _, ref in refs for oid in ref.where),
        *((one.oid, one.codelist, not one.codelist or one.codelist in define.codelist) for one in define.items),
        *((one.oid, one.values, not one.values or one.values in define.values) for one in define.items),
        *((home, comment, comment in define.remark) for home, comment in define.remarks()),
    ]
    for home, oid, there in wanted:
        if not there:
            yield Hit(Where(path=home), (("OID", oid),), f"{home} refers to {oid}, which the define does not have.")


@rule(
    "TB-DEFINE-0113",
    "The define's codelist has a term that the terminology package does not have.",
    "mark the term as the sponsor's own (def:ExtendedValue) if the codelist may be extended, else use the package's",
    section="Define-XML 2.1, 5.3.12",
)
def terms_known(data: Data) -> Iterator[Hit]:
    """A term of a CDISC codelist is in the terminology package, or is marked as an addition to an extensible codelist."""
    for one in _define(data).codelists:
        if one.code not in data.terminology:
            continue
        known = data.terminology.codelist(one.code)
        for term in one.terms:
            if term.value not in known and not (term.extended and known.extensible):
                text = f"{one.oid} has a term that {known.submission_value} does not have."
                yield Hit(Where(path=one.oid), (("CodedValue", term.value),), text)


RULES: tuple[Rule, ...] = (
    dataset_described,
    dataset_there,
    variable_described,
    variable_there,
    label_agrees,
    type_agrees,
    length_holds,
    codelist_holds,
    mandatory_given,
    key_unique,
    value_level_holds,
    references_hold,
    terms_known,
)
