"""Define-XML 2.1 in memory: what a submission says of its datasets, variables, values, codelists and methods.

A record here is one element of the standard (Define-XML 2.1 specification, section 5), with its attributes under plain
names; OIDs are kept as they stand, so that a file that is read and written again refers to itself in the same way. An
attribute that is not there is empty text, None or False.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NCI_CODE = "nci:ExtCodeID"
"""The context of an alias that holds an NCI code."""
_SAS_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,7}", re.ASCII)


def sas_name(name: str) -> str:
    """A name as SASFieldName and SASDatasetName may have it; empty where it is none (the schema refuses it then).

    >>> sas_name("LBTESTCD"), sas_name("A NAME")
    ('LBTESTCD', '')
    """
    return name if _SAS_NAME.fullmatch(name) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Pages of a document: `refs` separated by blanks, or from `first` to `last`."""

    type: str = "PhysicalRef"
    refs: str = ""
    first: int | None = None
    last: int | None = None
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReference:
    """A place in a document (`Document.id`)."""

    leaf: str
    pages: tuple[Pages, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file beside the define: its place relative to it, and its title (def:leaf)."""

    id: str
    href: str
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Another name in some context."""

    context: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """A standard the study follows: an implementation guide (IG) or a terminology package (CT)."""

    oid: str
    name: str
    type: str
    version: str
    publishing_set: str = ""
    status: str = "Final"
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment, for whatever refers to its OID."""

    oid: str
    text: str = ""
    documents: tuple[DocumentReference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """The code of a method in a language (`context`)."""

    context: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How a variable is derived: Computation or Imputation."""

    oid: str
    name: str
    type: str = "Computation"
    text: str = ""
    expressions: tuple[Expression, ...] = ()
    documents: tuple[DocumentReference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a value comes from (Collected, Derived, Assigned, Protocol, Predecessor, Not Available), and who gave it."""

    type: str
    source: str = ""
    text: str = ""
    documents: tuple[DocumentReference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One value of a codelist; `decode` None is an enumerated item. `extended`: the sponsor's addition to the CT."""

    value: str
    decode: str | None = None
    rank: str = ""
    order: int | None = None
    extended: bool = False
    text: str = ""
    aliases: tuple[Alias, ...] = ()

    @property
    def code(self) -> str:
        """Its NCI code, if it has one."""
        return next((one.name for one in self.aliases if one.context == NCI_CODE), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """A dictionary too large, or not ours, to list: MedDRA, WHODrug, ISO 3166."""

    dictionary: str
    version: str = ""
    href: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """The values a variable may have: terms, or an external dictionary."""

    oid: str
    name: str
    type: str = "text"
    sas_format: str = ""
    standard: str = ""
    nonstandard: bool = False
    comment: str = ""
    text: str = ""
    terms: tuple[Term, ...] = ()
    external: External | None = None
    aliases: tuple[Alias, ...] = ()

    @property
    def code(self) -> str:
        """Its NCI code, if it has one."""
        return next((one.name for one in self.aliases if one.context == NCI_CODE), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A variable or a value-level item (ItemDef): its type, length in bytes, digits after the point, origins."""

    oid: str
    name: str
    type: str
    length: int | None = None
    digits: int | None = None
    sas_name: str = ""
    format: str = ""
    comment: str = ""
    label: str = ""
    codelist: str = ""
    aliases: tuple[Alias, ...] = ()
    origins: tuple[Origin, ...] = ()
    values: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRef:
    """A variable's place in a dataset, or an item's in a value list; `where` are the OIDs of its where clauses."""

    item: str
    order: int | None = None
    mandatory: bool = False
    key: int | None = None
    method: str = ""
    role: str = ""
    role_codelist: str = ""
    nonstandard: bool = False
    no_data: bool = False
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One condition: the item compared (EQ, NE, IN, NOTIN, LT, LE, GT, GE) with values."""

    item: str
    comparator: str = "EQ"
    soft: str = "Soft"
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WhereClause:
    """When a value-level item applies: where all its checks hold."""

    oid: str
    comment: str = ""
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueList:
    """The value-level items of a variable."""

    oid: str
    text: str = ""
    items: tuple[ItemRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubClass:
    """A part of a class of datasets."""

    name: str
    parent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetClass:
    """The class of a dataset: FINDINGS, EVENTS, INTERVENTIONS, SPECIAL PURPOSE, RELATIONSHIP, TRIAL DESIGN and so on."""

    name: str
    parts: tuple[SubClass, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A dataset (ItemGroupDef): its class, structure, file (`archive` is the id of `file`) and variables in order."""

    oid: str
    name: str
    repeating: bool = True
    reference: bool = False
    sas_name: str = ""
    domain: str = ""
    purpose: str = "Tabulation"
    structure: str = ""
    archive: str = ""
    standard: str = ""
    nonstandard: bool = False
    no_data: bool = False
    comment: str = ""
    label: str = ""
    items: tuple[ItemRef, ...] = ()
    aliases: tuple[Alias, ...] = ()
    cls: DatasetClass | None = None
    file: Document | None = None

    @property
    def keys(self) -> tuple[ItemRef, ...]:
        """The references of its key variables, in their order."""
        return tuple(sorted((one for one in self.items if one.key is not None), key=lambda one: one.key or 0))


@dataclass(frozen=True, kw_only=True)  # not slotted: its indexes are made on first use and kept in the instance
class Define:
    """A whole define: file, study, and the metadata version with all that is in it."""

    file_oid: str
    created: str
    study_oid: str
    study_name: str
    study_text: str
    protocol: str
    oid: str
    name: str
    text: str = ""
    version: str = "2.1.0"
    context: str = "Other"
    originator: str = ""
    source_system: str = ""
    source_system_version: str = ""
    as_of: str = ""
    comment: str = ""
    standards: tuple[Standard, ...] = ()
    crf: tuple[DocumentReference, ...] = ()
    supplements: tuple[DocumentReference, ...] = ()
    value_lists: tuple[ValueList, ...] = ()
    where_clauses: tuple[WhereClause, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    items: tuple[Item, ...] = ()
    codelists: tuple[CodeList, ...] = ()
    methods: tuple[Method, ...] = ()
    comments: tuple[Comment, ...] = ()
    documents: tuple[Document, ...] = field(default=())

    @cached_property
    def item(self) -> Mapping[str, Item]:
        """The items by OID."""
        return {one.oid: one for one in self.items}

    @cached_property
    def codelist(self) -> Mapping[str, CodeList]:
        """The codelists by OID."""
        return {one.oid: one for one in self.codelists}

    @cached_property
    def method(self) -> Mapping[str, Method]:
        """The methods by OID."""
        return {one.oid: one for one in self.methods}

    @cached_property
    def remark(self) -> Mapping[str, Comment]:
        """The comments by OID."""
        return {one.oid: one for one in self.comments}

    @cached_property
    def where(self) -> Mapping[str, WhereClause]:
        """The where clauses by OID."""
        return {one.oid: one for one in self.where_clauses}

    @cached_property
    def values(self) -> Mapping[str, ValueList]:
        """The value lists by OID."""
        return {one.oid: one for one in self.value_lists}

    @cached_property
    def dataset(self) -> Mapping[str, Dataset]:
        """The datasets by name."""
        return {one.name: one for one in self.datasets}

    @cached_property
    def home(self) -> Mapping[str, str]:
        """The name of the dataset of each item that is a variable, by the item's OID."""
        return {ref.item: one.name for one in self.datasets for ref in one.items}

    def references(self) -> list[tuple[str, ItemRef]]:
        """Every reference to an item, with the OID of the dataset or value list it stands in."""
        datasets = [(one.oid, ref) for one in self.datasets for ref in one.items]
        return datasets + [(one.oid, ref) for one in self.value_lists for ref in one.items]

    def remarks(self) -> list[tuple[str, str]]:
        """The OID of everything that has a comment, with the comment's."""
        found = [(one.oid, one.comment) for one in self.items]
        found += [(one.oid, one.comment) for one in self.datasets]
        found += [(one.oid, one.comment) for one in self.codelists]
        found += [(one.oid, one.comment) for one in self.where_clauses]
        found += [(one.oid, one.comment) for one in self.standards]
        return [(oid, comment) for oid, comment in (*found, (self.oid, self.comment)) if comment]

    def guide(self) -> Standard | None:
        """The implementation guide: SDTMIG and its version."""
        return next((one for one in self.standards if one.type == "IG"), None)

    def packages(self) -> tuple[str, ...]:
        """The terminology packages: `sdtmct-2025-03-28`."""
        return tuple(
            f"{(one.publishing_set or 'SDTM').lower()}ct-{one.version}" for one in self.standards if one.type == "CT"
        )
