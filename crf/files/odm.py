"""CDISC ODM-XML 1.3.2 and 2.0: an item group a form, snapshot or transactional, with its metadata.

A record has the keys of where it stands (subject, event, form, item group, each with its repeat key) and its items by
their names. 1.3.2 has FormData; in 2.0 item groups stand in item groups, and the outermost is the form. Transactions
are applied in the order of the file: Insert, Update and Upsert set values, Remove takes away what stands beneath,
Context only names the place. Coded values stay codes; the code list stands with the column.

Source: ODM 1.3.2 (2013) sections 2.4 (transactions), 3.1.4 (ClinicalData); ODM 2.0 (2023) ClinicalData. Not read by
odmlib: its loaders evaluate text of the file, and it keeps a registry for the whole process.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lxml import etree

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.crf.model import Cell, Column, Form, Record, Source
from trialbridge.crf.reading.texts import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

KIND = "odm"
KEYS = (
    *("SubjectKey", "SiteOID", "StudyEventOID", "StudyEventRepeatKey", "FormOID", "FormRepeatKey"),
    "ItemGroupRepeatKey",
)
_VERSIONS = {"http://www.cdisc.org/ns/odm/v1.3": "1.3.2", "http://www.cdisc.org/ns/odm/v2.0": "2.0"}
_LEVELS = ("SubjectData", "StudyEventData", "FormData", "ItemGroupData")
_SEE = "see whether the file is whole"

Key = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """An item's metadata: name, label, data type, code list (code -> decode)."""

    name: str
    label: str
    type: str
    codes: Mapping[str, str]


@dataclass(slots=True)
class _Metadata:
    """What the MetaDataVersions of a file say."""

    items: dict[str, Item] = field(default_factory=dict)
    groups: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)


@dataclass(slots=True)
class _Data:
    """Records on the way: by item group and key, in the order first met."""

    records: dict[str, dict[Key, dict[str, Cell]]] = field(default_factory=dict)
    lines: dict[tuple[str, Key], int] = field(default_factory=dict)
    again: dict[tuple[str, Key], int] = field(default_factory=dict)
    """How often a snapshot has had a key."""
    findings: list[Finding] = field(default_factory=list)
    file: str = ""
    snapshot: bool = True
    met: int = 0
    """Items come by so far, those of removed places among them."""

    def say(self, message: str, node: Any = None, subject: str | None = None) -> None:
        """Note what is odd about the file, or about one place in it."""
        where = Where(file=self.file, line=None if node is None else node.sourceline, subject=subject)
        self.findings.append(Finding("TB-CRF-ODM", Severity.WARNING, where, message, _SEE))


def read(path: Path) -> Source:
    """The forms of an ODM file. Raises UnreadableInputError for what is no ODM 1.3 or 2.0, or has a DTD."""
    root = _root(path)
    namespace = etree.QName(root).namespace or ""
    version = _VERSIONS.get(namespace)
    if version is None or etree.QName(root).localname != "ODM":
        raise UnreadableInputError(
            "This is no ODM 1.3 or 2.0.", Where(file=str(path)), f"known are {', '.join(_VERSIONS)}"
        )
    about = _metadata(root)
    kind = (root.get("FileType") or "Snapshot").lower()
    data = _Data(file=path.name, snapshot=kind != "transactional")
    for part in _children(root, "ClinicalData", "ReferenceData"):
        _walk(part, {}, data)
        _accounted(part, data)
    forms = dict(_forms(about, data))
    if not forms:
        data.findings.append(
            Finding(
                "TB-CRF-ODM",
                Severity.WARNING,
                Where(file=path.name),
                "The file holds metadata and no data.",
                "export the clinical data, too",
            )
        )
    return Source(KIND, forms, tuple(data.findings), {"odm": version, "fileType": kind})


def _root(path: Path) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,  # one within a text would part it
        remove_pis=True,
    )
    try:
        tree = etree.parse(str(path), parser)
    except etree.XMLSyntaxError as error:
        where = Where(file=str(path), line=error.lineno)
        raise UnreadableInputError("This is no well-formed XML.", where, "export it again") from error
    if tree.docinfo.internalDTD is not None:
        raise UnreadableInputError("The file has a DTD; entities are not read.", Where(file=str(path)), "take it out")
    return tree.getroot()


def _children(node: Any, *names: str) -> Iterator[Any]:
    for one in node:
        if isinstance(one.tag, str) and etree.QName(one).localname in names:
            yield one


def _local(node: Any) -> str:
    return etree.QName(node).localname if isinstance(node.tag, str) else ""


# --- metadata ---------------------------------------------------------------------------------------------------------


def _metadata(root: Any) -> _Metadata:
    made = _Metadata()
    lists: dict[str, dict[str, str]] = {}
    for node in root.iter():
        if _local(node) == "CodeList":
            lists[node.get("OID", "")] = {
                one.get("CodedValue", ""): _text(one) for one in _children(node, "CodeListItem", "EnumeratedItem")
            }
    for node in root.iter():
        kind, oid = _local(node), node.get("OID") if isinstance(node.tag, str) else None
        if kind == "ItemDef" and oid:
            named = next((one.get("CodeListOID", "") for one in _children(node, "CodeListRef")), "")
            label = next((_text(one) for one in _children(node, "Question", "Description")), "") or node.get(
                "Comment", ""
            )
            made.items[oid] = Item(
                cleaned(node.get("Name", oid)), label, node.get("DataType", ""), lists.get(named, {})
            )
        elif kind == "ItemGroupDef" and oid:
            refs = tuple(one.get("ItemOID", "") for one in _children(node, "ItemRef"))
            made.groups[oid] = (cleaned(node.get("Name", oid)), refs)
    return made


def _text(node: Any) -> str:
    """The first translated text beneath a node."""
    for one in node.iter():
        if _local(one) == "TranslatedText":
            return " ".join("".join(one.itertext()).split())
    return ""


# --- data -------------------------------------------------------------------------------------------------------------


def _walk(node: Any, place: Mapping[str, str], data: _Data, inherited: str = "") -> None:
    """Everything beneath a node, with the keys of where it stands."""
    for one in node:
        kind = _local(one)
        if kind not in _LEVELS:
            continue
        here, action = dict(place), one.get("TransactionType") or inherited
        for level, oid, repeat in (
            ("SubjectData", "SubjectKey", ""),
            ("StudyEventData", "StudyEventOID", "StudyEventRepeatKey"),
            ("FormData", "FormOID", "FormRepeatKey"),
        ):
            if kind == level:
                here[oid] = one.get(oid, "")
                if repeat and one.get(repeat):
                    here[repeat] = one.get(repeat)
        if kind == "SubjectData":
            site = next((ref.get("LocationOID", "") for ref in _children(one, "SiteRef")), "")
            if site:
                here["SiteOID"] = site
        if kind == "ItemGroupData":
            _group(one, here, data, action)
            continue
        if action == "Remove" and not data.snapshot:
            data.met += _items(one)
            _removed(here, data)
        else:
            _walk(one, here, data, action)


def _items(node: Any) -> int:
    """The items beneath a node."""
    return sum(_local(one).startswith("ItemData") for one in node.iter())


def _accounted(part: Any, data: _Data) -> None:
    """Say what of the data was not read: items that stand in no item group, and annotations."""
    stray = _items(part) - data.met
    data.met = 0
    if stray:
        data.say(f"{stray} items stand in no item group of a subject's forms and were not read.", part)
    comments = sum(_local(one) == "Comment" and bool((one.text or "").strip()) for one in part.iter())
    if comments:
        data.say(f"{comments} comments in annotations are not read.", part)


def _group(node: Any, place: dict[str, str], data: _Data, inherited: str) -> None:
    """An item group with its items; one in another (2.0) has the outermost as its form."""
    oid, repeat = node.get("ItemGroupOID", ""), node.get("ItemGroupRepeatKey") or ""
    inner = {**place, "ItemGroupRepeatKey": repeat} if repeat else dict(place)
    key: Key = tuple(inner.get(one, "") for one in KEYS)
    action = "" if data.snapshot else node.get("TransactionType") or inherited
    records = data.records.setdefault(oid, {})
    said = _said(action, oid, there=key in records)
    if said is not None:
        data.say(said, node, inner.get("SubjectKey"))
    if not oid:
        data.say("An item group has no ItemGroupOID.", node, inner.get("SubjectKey"))
    if action == "Remove":
        data.met += _items(node)
        records.pop(key, None)
        return
    if not action and key in records:  # a snapshot's records that have no repeat key
        data.again[(oid, key)] = data.again.get((oid, key), 0) + 1
        key = (*key, data.again[(oid, key)])
    items = [one for one in node if _local(one).startswith("ItemData")]
    data.met += len(items)
    if items and action != "Context":
        record = records.setdefault(key, {})
        data.lines.setdefault((oid, key), node.sourceline)
        before: dict[str, Cell] = {}
        for one in items:
            _item(one, record)
            _twice(one, record, before, inner.get("SubjectKey"), data)
    form = {**inner, "FormOID": place.get("FormOID") or oid}
    if repeat and not place.get("FormOID"):
        form["FormRepeatKey"] = repeat
        form.pop("ItemGroupRepeatKey", None)
    for one in _children(node, "ItemGroupData"):
        _group(one, form, data, action)


def _said(action: str, group: str, *, there: bool) -> str | None:
    """What is odd about a transaction."""
    if action == "Remove" and not there:
        return f"{group} was to be removed and was not there."
    if action == "Insert" and there:
        return f"{group} was to be inserted and was there; its values were set."
    if action == "Update" and not there:
        return f"{group} was not there when it was to be changed; it was made."
    return None


def _item(node: Any, record: dict[str, Cell]) -> None:
    """One item's value: an attribute, a Value (2.0), or the text of a typed element (ItemDataFloat)."""
    oid = node.get("ItemOID", "")
    if node.get("TransactionType") == "Remove" or node.get("IsNull") == "Yes":
        record.pop(oid, None)
        return
    values = [(one.text or "").strip() for one in _children(node, "Value")]
    text = node.get("Value")
    if text is None:
        text = "; ".join(one for one in values if one) if values else (node.text or "").strip()
    unit = next((one.get("MeasurementUnitOID", "") for one in _children(node, "MeasurementUnitRef")), "")
    if text:
        record[oid] = Cell(text)
    else:
        record.pop(oid, None)
    if unit:
        record[f"{oid} unit"] = Cell(unit.removeprefix("MU."))


def _twice(node: Any, record: dict[str, Cell], before: dict[str, Cell], subject: str | None, data: _Data) -> None:
    """Keep both values of an item that a snapshot gives twice in one item group, and say so; `before`: the group's so far."""
    oid = node.get("ItemOID", "")
    if not oid:
        data.say("An item has no ItemOID.", node, subject)
    old, new = before.get(oid), record.get(oid)
    if data.snapshot and old is not None and (new is None or new.text != old.text):
        data.say(f"{oid} stands twice in one item group.", node, subject)
        record[oid] = new = Cell("; ".join(one.text for one in (old, new) if one is not None))
    if new is not None:
        before[oid] = new


def _removed(place: Mapping[str, str], data: _Data) -> None:
    """Take away every record beneath a place."""
    for records in data.records.values():
        gone = [
            key
            for key in records
            if all(key[KEYS.index(name)] == value for name, value in place.items() if name != "SiteOID")
        ]
        for key in gone:
            del records[key]


def _forms(about: _Metadata, data: _Data) -> Iterator[tuple[str, Form]]:
    titles = _told_apart({oid: about.groups.get(oid, (oid, ()))[0] for oid in data.records})
    for oid, records in data.records.items():
        title, refs = titles[oid], about.groups.get(oid, (oid, ()))[1]
        used = {item for cells in records.values() for item in cells}
        order = list(dict.fromkeys([*refs, *(item for cells in records.values() for item in cells)]))
        names = _names(order, about)
        keys = [one for at, one in enumerate(KEYS) if any(key[at] for key in records)]
        columns = [Column(one, one) for one in keys]
        columns += [_column(item, names[item], about) for item in order if item in used or item in refs]
        rows = []
        for key, cells in records.items():
            row = {one: Cell(str(key[KEYS.index(one)])) for one in keys if key[KEYS.index(one)]}
            row |= {names[item]: cell for item, cell in cells.items()}
            rows.append(Record(data.lines.get((oid, key), 0), row))
        if rows:
            yield title, Form(title, tuple(columns), tuple(rows), data.file)


def _names(order: list[str], about: _Metadata) -> dict[str, str]:
    """A column's name for each item: its name, or its OID where two share a name or it has that of a key."""
    plain = {item: about.items[item].name if item in about.items else item for item in order}
    return _told_apart({item: item if name in KEYS else name for item, name in plain.items()})


def _told_apart(names: dict[str, str]) -> dict[str, str]:
    """OID -> name, the OID instead where two have one name; an OID may be a third one's name, which then gives way too."""
    while shared := {name for name, count in Counter(names.values()).items() if count > 1}:
        names = {oid: oid if name in shared else name for oid, name in names.items()}
    return names


def _column(item: str, name: str, about: _Metadata) -> Column:
    known = about.items.get(item)
    if known is None:
        return Column(name, item)
    return Column(name, item, known.label, known.type, known.codes)
