"""How each record of the model is spelt in XML: one declaration, read and written by `xml`.

Names are those of ODM 1.3.2 and Define-XML 2.1 (its schema's order of elements); `def:` and `xlink:` are their prefixes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from trialbridge.sdtm.define import model

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["text", "integer", "yes", "yes-no"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field that is an attribute: `yes` is there or not (def:HasNoData), `yes-no` always says either."""

    field: str
    name: str
    kind: Kind = "text"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Child:
    """A field that is made of elements `name` (`Outer/Inner` has one wrapper around all).

    `of` an Element: records. `text`: a Description with its text in one language. `content`: the elements' own text.
    An attribute's name: the elements only refer, by that attribute. `many`: the field is a tuple. `when`: of a field
    spelt in two ways, which of its records are spelt like this.
    """

    field: str
    name: str
    of: Element | str
    many: bool = False
    when: Callable[[Any], bool] | None = None


@dataclass(frozen=True, slots=True)
class Element:
    """A record's element; `content` is the field that is its own text."""

    record: type[Any]
    attributes: tuple[Attribute, ...] = ()
    children: tuple[Child, ...] = ()
    content: str = ""


_OID = Attribute("oid", "OID", required=True)
_TEXT = Child("text", "Description", "text")
_NONSTANDARD = Attribute("nonstandard", "def:IsNonStandard", "yes")
_NO_DATA = Attribute("no_data", "def:HasNoData", "yes")
_COMMENT = Attribute("comment", "def:CommentOID")
_STANDARD = Attribute("standard", "def:StandardOID")

PAGES = Element(
    model.Pages,
    (
        Attribute("type", "Type", required=True),
        Attribute("refs", "PageRefs"),
        Attribute("first", "FirstPage", "integer"),
        Attribute("last", "LastPage", "integer"),
        Attribute("title", "Title"),
    ),
)
REFERENCE = Element(
    model.DocumentReference,
    (Attribute("leaf", "leafID", required=True),),
    (Child("pages", "def:PDFPageRef", PAGES, many=True),),
)
_DOCUMENTS = Child("documents", "def:DocumentRef", REFERENCE, many=True)
LEAF = Element(
    model.Document,
    (Attribute("id", "ID", required=True), Attribute("href", "xlink:href", required=True)),
    (Child("title", "def:title", "content"),),
)
ALIAS = Element(model.Alias, (Attribute("context", "Context", required=True), Attribute("name", "Name", required=True)))
_ALIASES = Child("aliases", "Alias", ALIAS, many=True)
STANDARD = Element(
    model.Standard,
    (
        _OID,
        Attribute("name", "Name", required=True),
        Attribute("type", "Type", required=True),
        Attribute("publishing_set", "PublishingSet"),
        Attribute("version", "Version", required=True),
        Attribute("status", "Status", required=True),
        _COMMENT,
    ),
)
COMMENT = Element(model.Comment, (_OID,), (_TEXT, _DOCUMENTS))
METHOD = Element(
    model.Method,
    (_OID, Attribute("name", "Name", required=True), Attribute("type", "Type")),
    (
        _TEXT,
        Child(
            "expressions",
            "FormalExpression",
            Element(model.Expression, (Attribute("context", "Context"),), content="code"),
            many=True,
        ),
        _DOCUMENTS,
    ),
)
ORIGIN = Element(
    model.Origin, (Attribute("type", "Type", required=True), Attribute("source", "Source")), (_TEXT, _DOCUMENTS)
)
_TERM = (
    Attribute("value", "CodedValue", required=True),
    Attribute("rank", "Rank"),
    Attribute("order", "OrderNumber", "integer"),
    Attribute("extended", "def:ExtendedValue", "yes"),
)
DECODED = Element(model.Term, _TERM, (Child("decode", "Decode", "text"), _ALIASES, _TEXT))
ENUMERATED = Element(model.Term, _TERM, (_ALIASES, _TEXT))
EXTERNAL = Element(
    model.External,
    (
        Attribute("dictionary", "Dictionary", required=True),
        Attribute("version", "Version"),
        Attribute("href", "href"),
        Attribute("ref", "ref"),
    ),
)
CODELIST = Element(
    model.CodeList,
    (
        _OID,
        Attribute("name", "Name", required=True),
        Attribute("type", "DataType", required=True),
        Attribute("sas_format", "SASFormatName"),
        _STANDARD,
        _NONSTANDARD,
        _COMMENT,
    ),
    (
        _TEXT,
        Child("terms", "CodeListItem", DECODED, many=True, when=lambda one: one.decode is not None),
        Child("external", "ExternalCodeList", EXTERNAL),
        Child("terms", "EnumeratedItem", ENUMERATED, many=True, when=lambda one: one.decode is None),
        _ALIASES,
    ),
)
ITEM = Element(
    model.Item,
    (
        _OID,
        Attribute("name", "Name", required=True),
        Attribute("type", "DataType", required=True),
        Attribute("length", "Length", "integer"),
        Attribute("digits", "SignificantDigits", "integer"),
        Attribute("sas_name", "SASFieldName"),
        Attribute("format", "def:DisplayFormat"),
        _COMMENT,
    ),
    (
        Child("label", "Description", "text"),
        Child("codelist", "CodeListRef", "CodeListOID"),
        _ALIASES,
        Child("origins", "def:Origin", ORIGIN, many=True),
        Child("values", "def:ValueListRef", "ValueListOID"),
    ),
)
ITEM_REF = Element(
    model.ItemRef,
    (
        Attribute("item", "ItemOID", required=True),
        Attribute("order", "OrderNumber", "integer"),
        Attribute("mandatory", "Mandatory", "yes-no"),
        Attribute("key", "KeySequence", "integer"),
        Attribute("method", "MethodOID"),
        Attribute("role", "Role"),
        Attribute("role_codelist", "RoleCodeListOID"),
        _NONSTANDARD,
        _NO_DATA,
    ),
    (Child("where", "def:WhereClauseRef", "WhereClauseOID", many=True),),
)
WHERE = Element(
    model.WhereClause,
    (_OID, _COMMENT),
    (
        Child(
            "checks",
            "RangeCheck",
            Element(
                model.Check,
                (
                    Attribute("comparator", "Comparator"),
                    Attribute("soft", "SoftHard", required=True),
                    Attribute("item", "def:ItemOID", required=True),
                ),
                (Child("values", "CheckValue", "content", many=True),),
            ),
            many=True,
        ),
    ),
)
VALUES = Element(model.ValueList, (_OID,), (_TEXT, Child("items", "ItemRef", ITEM_REF, many=True)))
CLASS = Element(
    model.DatasetClass,
    (Attribute("name", "Name", required=True),),
    (
        Child(
            "parts",
            "def:SubClass",
            Element(model.SubClass, (Attribute("name", "Name", required=True), Attribute("parent", "ParentClass"))),
            many=True,
        ),
    ),
)
DATASET = Element(
    model.Dataset,
    (
        _OID,
        Attribute("name", "Name", required=True),
        Attribute("repeating", "Repeating", "yes-no"),
        Attribute("reference", "IsReferenceData", "yes-no"),
        Attribute("sas_name", "SASDatasetName"),
        Attribute("domain", "Domain"),
        Attribute("purpose", "Purpose"),
        Attribute("structure", "def:Structure", required=True),
        Attribute("archive", "def:ArchiveLocationID"),
        _STANDARD,
        _NONSTANDARD,
        _NO_DATA,
        _COMMENT,
    ),
    (
        Child("label", "Description", "text"),
        Child("items", "ItemRef", ITEM_REF, many=True),
        _ALIASES,
        Child("cls", "def:Class", CLASS),
        Child("file", "def:leaf", LEAF),
    ),
)

VERSION_ATTRIBUTES = (
    Attribute("oid", "OID", required=True),
    Attribute("name", "Name", required=True),
    Attribute("text", "Description"),
    Attribute("version", "def:DefineVersion", required=True),
    _COMMENT,
)
VERSION_CHILDREN = (
    Child("standards", "def:Standards/def:Standard", STANDARD, many=True),
    Child("crf", "def:AnnotatedCRF/def:DocumentRef", REFERENCE, many=True),
    Child("supplements", "def:SupplementalDoc/def:DocumentRef", REFERENCE, many=True),
    Child("value_lists", "def:ValueListDef", VALUES, many=True),
    Child("where_clauses", "def:WhereClauseDef", WHERE, many=True),
    Child("datasets", "ItemGroupDef", DATASET, many=True),
    Child("items", "ItemDef", ITEM, many=True),
    Child("codelists", "CodeList", CODELIST, many=True),
    Child("methods", "MethodDef", METHOD, many=True),
    Child("comments", "def:CommentDef", COMMENT, many=True),
    Child("documents", "def:leaf", LEAF, many=True),
)
FILE_ATTRIBUTES = (
    Attribute("file_oid", "FileOID", required=True),
    Attribute("created", "CreationDateTime", required=True),
    Attribute("as_of", "AsOfDateTime"),
    Attribute("originator", "Originator"),
    Attribute("source_system", "SourceSystem"),
    Attribute("source_system_version", "SourceSystemVersion"),
    Attribute("context", "def:Context", required=True),
)
GLOBAL = (("study_name", "StudyName"), ("study_text", "StudyDescription"), ("protocol", "ProtocolName"))
