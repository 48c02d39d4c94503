"""The older public XML of ClinicalTrials.gov (root `clinical_study`), read as API v2 content; it is never written.

Texts are laid out anew (`trialbridge.registry.markup.relaid`), as the XML wraps and indents them. Elements that no line
reads are reported, so nothing goes unseen. Source: schema public_2019.02.14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.registry.contacts import without_contacts
from trialbridge.registry.content import put
from trialbridge.registry.dates import from_words
from trialbridge.registry.files import public_lines, public_results, xmllines, xmltree
from trialbridge.registry.files.arm_names import name_interventions
from trialbridge.registry.files.unread import not_in_lines
from trialbridge.registry.record import Record

if TYPE_CHECKING:
    from pathlib import Path

    from lxml import etree

    from trialbridge.base.finding import Finding

# Read elsewhere, or counts and copies of what the record says in another place.
KNOWN = frozenset(
    "required_header source number_of_arms number_of_groups location_countries removed_countries condition_browse"
    " intervention_browse provided_document_section pending_results clinical_results last_update_submitted_qc".split()
)


def is_public(head: bytes) -> bool:
    """Whether a file begins as public XML."""
    return b"<clinical_study" in head and b"study_collection" not in head


def read(path: Path, *, with_contacts: bool = False) -> tuple[Record, list[Finding]]:
    """The record of a file. Raises UnreadableInputError."""
    return parse(path.read_bytes(), str(path), with_contacts=with_contacts)


def parse(data: bytes, file: str, *, with_contacts: bool = False) -> tuple[Record, list[Finding]]:
    """The record in bytes of public XML."""
    root = xmltree.parse(data, file)
    if root.tag != "clinical_study":
        message = "This is XML, but not a clinical_study of the public XML."
        raise UnreadableInputError(message, Where(file=file), "give the file the registry gave until 2024")
    findings: list[Finding] = []
    protocol: dict[str, Any] = {}
    xmllines.read(public_lines.STUDY, root, protocol, findings)
    name_interventions(protocol)
    content: dict[str, Any] = {"protocolSection": protocol}
    results = root.find("clinical_results")
    if results is not None:
        content["resultsSection"] = public_results.read(results, findings)
    _documents(root, content)
    _derived(root, content)
    content["hasResults"] = results is not None
    findings += not_in_lines(root, public_lines.STUDY, KNOWN)
    if not with_contacts:
        content, dropped = without_contacts(content)
        findings += dropped
    return Record(content, file), findings


def _documents(root: etree._Element, content: dict[str, Any]) -> None:
    """The documents the record offers."""
    names = {"hasProtocol": "document_has_protocol", "hasSap": "document_has_sap", "hasIcf": "document_has_icf"}
    documents = []
    for one in root.findall("provided_document_section/provided_document"):
        found: dict[str, Any] = {name: xmltree.child_text(one, tag) == "Yes" for name, tag in names.items()}
        found["label"] = xmltree.child_text(one, "document_type")
        date = from_words(xmltree.child_text(one, "document_date"))
        documents.append(found | ({"date": date} if date else {}))
    if documents:
        put(content, "documentSection.largeDocumentModule.largeDocs", documents)


def _derived(root: etree._Element, content: dict[str, Any]) -> None:
    """What the registry derived: MeSH terms, countries taken out."""
    for tag, path in (
        ("condition_browse", "conditionBrowseModule"),
        ("intervention_browse", "interventionBrowseModule"),
    ):
        terms = [{"term": one.text} for one in root.findall(f"{tag}/mesh_term") if one.text]
        if terms:
            put(content, f"derivedSection.{path}.meshes", terms)
    countries = [one.text for one in root.findall("removed_countries/country") if one.text]
    if countries:
        put(content, "derivedSection.miscInfoModule.removedCountries", countries)
