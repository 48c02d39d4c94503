"""Define-XML 2.0 made 2.1 before it is read: the differences of the two versions, and nothing else.

In 2.0 the standard is two attributes of MetaDataVersion and the class an attribute of the dataset; origins are CRF and
eDT where 2.1 has Collected with a source (Define-XML 2.1 specification, section 1.4 and codelist C170449).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.xmltree import line_of

if TYPE_CHECKING:
    from lxml import etree

ODM = "{http://www.cdisc.org/ns/odm/v1.3}"
OLD = "{http://www.cdisc.org/ns/def/v2.0}"
NEW = "{http://www.cdisc.org/ns/def/v2.1}"
GUIDES = {"SDTM-IG": "SDTMIG", "ADaM-IG": "ADaMIG", "SEND-IG": "SENDIG"}
ORIGINS = {"CRF": ("Collected", ""), "eDT": ("Collected", "Vendor")}


def upgrade(root: etree._Element, file: str) -> None:
    """Changes a 2.0 document in place; a 2.1 document stays as it is. Raises UnreadableInputError for neither."""
    version = root.find(f"{ODM}Study/{ODM}MetaDataVersion")
    if version is None or version.get(f"{NEW}DefineVersion"):
        return
    if not version.get(f"{OLD}DefineVersion"):
        where = Where(file=file, line=line_of(version))
        raise UnreadableInputError(
            "This ODM is no Define-XML 2.0 or 2.1.", where, "give a define.xml of these versions"
        )
    for node in root.iter():
        if str(node.tag).startswith(OLD):
            node.tag = NEW + str(node.tag)[len(OLD) :]
        for name in [str(one) for one in node.attrib if str(one).startswith(OLD)]:
            node.set(NEW + name[len(OLD) :], node.attrib.pop(name))
    version.set(f"{NEW}DefineVersion", "2.1.0")
    root.set(f"{NEW}Context", root.get(f"{NEW}Context") or "Other")
    _standard(version)
    for dataset in version.iter(f"{ODM}ItemGroupDef"):
        _class(dataset)
    for origin in version.iter(f"{NEW}Origin"):
        kind, source = ORIGINS.get(origin.get("Type") or "", ("", ""))
        if kind:
            origin.set("Type", kind)
            if source:
                origin.set("Source", source)


def _standard(version: etree._Element) -> None:
    from lxml import etree  # noqa: PLC0415 - only XML needs it

    name = str(version.attrib.pop(f"{NEW}StandardName", ""))
    number = str(version.attrib.pop(f"{NEW}StandardVersion", ""))
    if name:
        home = etree.Element(f"{NEW}Standards")
        about = {"OID": "STD.1", "Name": GUIDES.get(name, name), "Type": "IG", "Version": number, "Status": "Final"}
        etree.SubElement(home, f"{NEW}Standard", about)
        version.insert(0, home)


def _class(dataset: etree._Element) -> None:
    from lxml import etree  # noqa: PLC0415 - only XML needs it

    name = str(dataset.attrib.pop(f"{NEW}Class", ""))
    if name:
        element = etree.Element(f"{NEW}Class", {"Name": name})
        leaf = dataset.find(f"{NEW}leaf")
        dataset.insert(len(dataset) if leaf is None else dataset.index(leaf), element)
