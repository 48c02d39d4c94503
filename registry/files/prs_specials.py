"""The parts of PRS protocol XML that no single line can say: masking, status, durations, contacts, documents.

Each pair of functions fits `xmllines.Special`. Source: comments of ProtocolRecordSchema 2018.05.08.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.registry import enums
from trialbridge.registry.content import at, items, put, text, texts
from trialbridge.registry.files import xmllines
from trialbridge.registry.files.spelling import code
from trialbridge.registry.files.xmltree import add, child_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lxml import etree

    from trialbridge.registry.files.xmllines import Findings, Line

MASKING = "designModule.designInfo.maskingInfo."
MASKED = enums.enumeration("WhoMasked").values
HOW_MANY = ("NONE", "SINGLE", "DOUBLE", "TRIPLE", "QUADRUPLE")
EXPANDED = frozenset(enums.enumeration("ExpandedAccessStatus").values)
INFO_TYPES = {
    "ipd_info_type_protocol": "STUDY_PROTOCOL",
    "ipd_info_type_sap": "SAP",
    "ipd_info_type_icf": "ICF",
    "ipd_info_type_csr": "CSR",
    "ipd_info_type_analytic_code": "ANALYTIC_CODE",
}
DOCUMENT_TYPES = (
    "Individual Participant Data Set",
    "Study Protocol",
    "Statistical Analysis Plan",
    "Informed Consent Form",
    "Clinical Study Report",
    "Analytic Code",
)
CONTACT = "CONTACT"


def nothing(_element: etree._Element, _target: dict[str, Any], _findings: Findings) -> None:
    """Read nothing: the element repeats what another says."""


def read_nest(tag: str, lines: tuple[Line, ...]) -> Callable[[etree._Element, dict[str, Any], Findings], None]:
    """Read lines below a child element."""

    def read(element: etree._Element, target: dict[str, Any], findings: Findings) -> None:
        xmllines.read((xmllines.Nest(tag, lines),), element, target, findings)

    return read


def write_if(
    study_type: str, tag: str, lines: tuple[Line, ...]
) -> Callable[[Mapping[str, Any], etree._Element, Findings], None]:
    """Write an element for one type of study only."""

    def write(source: Mapping[str, Any], parent: etree._Element, findings: Findings) -> None:
        if text(source, "designModule.studyType") == study_type:
            xmllines.write(lines, source, add(parent, tag), findings)

    return write


def write_responsible(lines: tuple[Line, ...]) -> Callable[[Mapping[str, Any], etree._Element, Findings], None]:
    """Write the responsible party; its type is required by the schema, so it is written even when unknown."""

    def write(source: Mapping[str, Any], parent: etree._Element, findings: Findings) -> None:
        party = at(source, "sponsorCollaboratorsModule.responsibleParty")
        if not party:
            return
        element = add(parent, "resp_party")
        xmllines.write(lines, source, element, findings)
        if element.find("resp_party_type") is None:
            add(element, "resp_party_type")

    return write


def write_number_of(tag: str) -> Callable[[Mapping[str, Any], etree._Element, Findings], None]:
    """Write how many arms or groups the record has."""

    def write(source: Mapping[str, Any], parent: etree._Element, _findings: Findings) -> None:
        count = len(items(source, "armsInterventionsModule.armGroups"))
        if count or tag == "number_of_groups":
            add(parent, tag, str(count) if count else "")

    return write


def write_masking(source: Mapping[str, Any], parent: etree._Element, _findings: Findings) -> None:
    """Who is masked, as yes or no for each role; nothing where the record does not say."""
    masking, who = text(source, MASKING + "masking"), texts(source, MASKING + "whoMasked")
    if not masking and not who:
        return
    add(parent, "no_masking", "Yes" if masking == "NONE" else "No")
    for role in MASKED:
        tag, _ = enums.write("WhoMasked", role, "prs")
        if tag:
            add(parent, tag, "Yes" if role in who else "No")


def read_masking(element: etree._Element, target: dict[str, Any], _findings: Findings) -> None:
    """Who is masked, and from their number the masking; nothing where no role is named and masking is not denied."""
    who = [role for role in MASKED if _is_yes(child_text(element, enums.enumeration("WhoMasked").writes["prs"][role]))]
    if not who and not _is_yes(child_text(element, "no_masking")):
        return
    put(target, MASKING + "masking", HOW_MANY[len(who)])
    if who:
        put(target, MASKING + "whoMasked", who)


def _is_yes(value: str) -> bool:
    return value.casefold() in ("yes", "true")


def write_status(tag: str) -> Callable[[Mapping[str, Any], etree._Element, Findings], None]:
    """Write the overall status into the element for its kind of study; the registry's own UNKNOWN as the last known."""

    def write(source: Mapping[str, Any], parent: etree._Element, findings: Findings) -> None:
        path = "statusModule.overallStatus"
        status = text(source, path)
        if status == "UNKNOWN":
            path = "statusModule.lastKnownStatus"
            status = text(source, path)
        if not status or (status in EXPANDED) != (tag == "expanded_access_status"):
            return
        spelled, found = enums.write("Status", status, "prs", Where(path="protocolSection." + path))
        findings += found
        add(parent, tag, spelled or status)

    return write


def read_status(tag: str) -> Callable[[etree._Element, dict[str, Any], Findings], None]:
    """Read the overall status."""
    lines = (xmllines.Leaf(tag, "statusModule.overallStatus", code("Status", "prs")),)
    return lambda element, target, findings: xmllines.read(lines, element, target, findings)


def write_duration(source: Mapping[str, Any], parent: etree._Element, findings: Findings) -> None:
    """`5 Years` as quantity and units."""
    value = text(source, "designModule.targetDuration")
    quantity, _, units = value.partition(" ")
    if not value:
        return
    add(parent, "target_duration_quantity", quantity)
    add(parent, "target_duration_units", units if units.endswith("s") else units + "s")
    if units.rstrip("s") not in ("Year", "Month", "Week", "Day"):
        where = Where(path="protocolSection.designModule.targetDuration")
        message = f"PRS takes years, months, weeks or days, not {units!r}."
        findings.append(Finding("TB-REG-VALUE-UNKNOWN", Severity.WARNING, where, message, "give the duration in days"))


def read_duration(element: etree._Element, target: dict[str, Any], _findings: Findings) -> None:
    """Quantity and units as `5 Years`, `1 Year`."""
    quantity, units = child_text(element, "target_duration_quantity"), child_text(element, "target_duration_units")
    if quantity and units:
        put(
            target, "designModule.targetDuration", f"{quantity} {units.removesuffix('s') if quantity == '1' else units}"
        )


def write_info_types(source: Mapping[str, Any], parent: etree._Element, _findings: Findings) -> None:
    """Which information is shared, as yes or no for each; only where data are shared at all."""
    types = texts(source, "ipdSharingStatementModule.infoTypes")
    if types:
        for tag, name in INFO_TYPES.items():
            add(parent, tag, "Yes" if name in types else "No")


def read_info_types(element: etree._Element, target: dict[str, Any], _findings: Findings) -> None:
    """The kinds of information marked yes."""
    types = [name for tag, name in INFO_TYPES.items() if _is_yes(child_text(element, tag))]
    if types:
        put(target, "ipdSharingStatementModule.infoTypes", types)


def is_sponsors_reference(reference: Mapping[str, Any]) -> bool:
    """Whether a reference was given by the sponsor; DERIVED ones the registry finds itself."""
    return text(reference, "type") != "DERIVED"


def write_documents(source: Mapping[str, Any], parent: etree._Element, _findings: Findings) -> None:
    """Available study data and documents."""
    for one in items(source, "referencesModule.availIpds"):
        element, kind = add(parent, "study_document"), text(one, "type")
        add(element, "study_document_type", kind if kind in DOCUMENT_TYPES else "Other")
        if kind not in DOCUMENT_TYPES:
            add(element, "study_document_other_type", kind)
        for tag, name in (("url", "url"), ("study_document_identifier", "id")):
            if text(one, name):
                add(element, tag, text(one, name))
        if text(one, "comment"):
            add(add(element, "study_document_comments"), "textblock", text(one, "comment"))


def read_documents(element: etree._Element, target: dict[str, Any], _findings: Findings) -> None:
    """Available study data and documents."""
    found = []
    for one in element.findall("study_document"):
        given = {
            "id": child_text(one, "study_document_identifier"),
            "type": child_text(one, "study_document_other_type") or child_text(one, "study_document_type"),
            "url": child_text(one, "url"),
            "comment": child_text(one, "study_document_comments/textblock"),
        }
        found.append({name: value for name, value in given.items() if value})
    if found:
        put(target, "referencesModule.availIpds", found)


def _write_contact(parent: etree._Element, tag: str, contact: Mapping[str, Any]) -> None:
    """A contact: API v2 has one name, which goes whole into the last name."""
    element = add(parent, tag)
    for name, field in (("last_name", "name"), ("phone", "phone"), ("phone_ext", "phoneExt"), ("email", "email")):
        if text(contact, field) or name == "last_name":
            add(element, name, text(contact, field))


def _read_contact(element: etree._Element, role: str) -> dict[str, Any]:
    """A contact, its name put together, empty where the element is."""
    parts = (child_text(element, name) for name in ("first_name", "middle_name", "last_name"))
    name = ", ".join(filter(None, (" ".join(filter(None, parts)), child_text(element, "degrees"))))
    given = {"name": name, "role": role if name else ""}
    given |= {
        to: child_text(element, tag) for to, tag in (("phone", "phone"), ("phoneExt", "phone_ext"), ("email", "email"))
    }
    return {field: value for field, value in given.items() if value}


def write_central_contacts(source: Mapping[str, Any], parent: etree._Element, _findings: Findings) -> None:
    """The first central contact and the second as backup; PRS takes no more."""
    contacts = items(source, "contactsLocationsModule.centralContacts")
    for tag, contact in zip(("overall_contact", "overall_contact_backup"), contacts, strict=False):
        _write_contact(parent, tag, contact)


def read_central_contacts(element: etree._Element, target: dict[str, Any], _findings: Findings) -> None:
    """The central contacts."""
    found = [element.find(tag) for tag in ("overall_contact", "overall_contact_backup")]
    contacts = [contact for one in found if one is not None and (contact := _read_contact(one, CONTACT))]
    if contacts:
        put(target, "contactsLocationsModule.centralContacts", contacts)


def write_location_contacts(source: Mapping[str, Any], parent: etree._Element, _findings: Findings) -> None:
    """A facility's contact, its backup, and its investigators."""
    people = items(source, "contacts")
    contacts = [one for one in people if text(one, "role") == CONTACT]
    for tag, contact in zip(("contact", "contact_backup"), contacts, strict=False):
        _write_contact(parent, tag, contact)
    for one in people:
        role = enums.enumeration("ContactRole").writes["prs"].get(text(one, "role"))
        if role:
            element = add(parent, "investigator")
            add(element, "last_name", text(one, "name"))
            add(element, "role", role)


def read_location_contacts(element: etree._Element, target: dict[str, Any], findings: Findings) -> None:
    """A facility's contacts and investigators."""
    found = [_read_contact(one, CONTACT) for tag in ("contact", "contact_backup") for one in element.findall(tag)]
    for one in element.findall("investigator"):
        role, more = enums.read("ContactRole", child_text(one, "role"), "prs", Where(path="contacts[].role"))
        findings += more
        found.append(_read_contact(one, role or ""))
    if any(found):
        put(target, "contacts", [one for one in found if one])
