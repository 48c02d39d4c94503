"""A terminology package as NCI's ODM-XML: ODM 1.3.2 CodeLists with NCI's extensions (prefix nciodm).

`CodeList` has the attributes Name, nciodm:ExtCodeID and nciodm:CodeListExtensible and the child
nciodm:CDISCSubmissionValue; `EnumeratedItem` has CodedValue and nciodm:ExtCodeID, and the children
nciodm:CDISCSynonym (repeated) and nciodm:PreferredTerm. Standard and date stand in the OIDs of Study and
MetaDataVersion (`CDISC_CT.SDTM.2025-03-28`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.sdtm.codelists import Codelist, Term

if TYPE_CHECKING:
    from pathlib import Path

    from lxml import etree

_ODM = "{http://www.cdisc.org/ns/odm/v1.3}"
_NCI = "{http://ncicb.nci.nih.gov/xml/odm/EVS/CDISC}"


def read_odm(path: Path) -> tuple[str, tuple[Codelist, ...]]:
    """What the file calls itself, and its codelists.

    Raises UnreadableInputError for XML that is broken, has a document type (entities are not read), is no ODM, or
    lacks a code, a value or the extensibility of a codelist.
    """
    from lxml import etree  # noqa: PLC0415 - needed here only

    title: list[str] = []
    codelists: list[Codelist] = []
    try:
        with path.open("rb") as file:  # opened here: iterparse leaves its own file open when an error ends it early
            events = etree.iterparse(
                file, events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
            )
            for number, (event, element) in enumerate(events):
                if number == 0:
                    _check_root(element, path)
                if event == "start":
                    if element.tag in (f"{_ODM}ODM", f"{_ODM}Study", f"{_ODM}MetaDataVersion"):
                        title += [element.get(name, "") for name in ("FileOID", "OID", "Name")]
                elif element.tag == f"{_ODM}CodeList":
                    codelists.append(_codelist(element, path))
                    element.clear()
    except etree.XMLSyntaxError as error:
        where = Where(file=str(path), line=error.lineno)
        raise UnreadableInputError(f"Broken XML: {error.msg}.", where, "fetch the file again") from error
    # CDISC_CT.SDTM.2025-03-28 is read like "CDISC CT SDTM 2025-03-28".
    return " ".join(title).replace(".", " ").replace("_", " "), tuple(codelists)


def _check_root(root: etree._Element, path: Path) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableInputError("The XML declares a document type.", Where(file=str(path)), "remove the DOCTYPE")
    if root.tag != f"{_ODM}ODM":
        fix = "give the ODM-XML of a terminology package, namespace http://www.cdisc.org/ns/odm/v1.3"
        raise UnreadableInputError(f"The XML is no ODM 1.3: its root is {root.tag}.", Where(file=str(path)), fix)


def _codelist(element: etree._Element, path: Path) -> Codelist:
    where = _where(element, path)
    code = _attribute(element, f"{_NCI}ExtCodeID", where)
    extensible = _attribute(element, f"{_NCI}CodeListExtensible", where)
    if extensible not in ("Yes", "No"):
        raise UnreadableInputError(f"CodeListExtensible is {extensible!r}, neither Yes nor No.", where)
    value = _text(element, "CDISCSubmissionValue")
    if not value:
        raise UnreadableInputError(
            f"Codelist {code} has no nciodm:CDISCSubmissionValue.", where, "fetch the file again"
        )
    terms = tuple(_term(item, path) for item in element.iterchildren(f"{_ODM}EnumeratedItem"))
    return Codelist(code, value, element.get("Name", ""), extensible == "Yes", terms, _text(element, "PreferredTerm"))


def _term(item: etree._Element, path: Path) -> Term:
    where = _where(item, path)
    synonyms = tuple((one.text or "").strip() for one in item.iterchildren(f"{_NCI}CDISCSynonym"))
    return Term(
        _attribute(item, f"{_NCI}ExtCodeID", where),
        _attribute(item, "CodedValue", where),
        _text(item, "PreferredTerm"),
        tuple(one for one in synonyms if one),
    )


def _where(element: etree._Element, path: Path) -> Where:
    return Where(file=str(path), line=cast("int | None", element.sourceline))


def _attribute(element: etree._Element, name: str, where: Where) -> str:
    value = (element.get(name) or "").strip()
    if not value:
        tag = element.tag.rpartition("}")[2]
        raise UnreadableInputError(f"{tag} lacks {name.replace(_NCI, 'nciodm:')}.", where, "fetch the file again")
    return value


def _text(element: etree._Element, child: str) -> str:
    return (element.findtext(f"{_NCI}{child}") or "").strip()
