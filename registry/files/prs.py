"""PRS upload XML: a record as ClinicalTrials.gov's Protocol Registration and Results System takes it, and read back.

Root `study_collection` in the namespace http://clinicaltrials.gov/prs, one `clinical_study` a record, its results in the
namespace http://clinicaltrials.gov/rrs. The schemas (ProtocolRecordSchema 2018.05.08, RRSUploadSchema 2017.04.18) leave
all values as plain text; `trialbridge.registry.rules` checks them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.writing import whole_file
from trialbridge.registry.contacts import without_contacts
from trialbridge.registry.content import items
from trialbridge.registry.files import prs_lines, prs_results_read, prs_results_write, xmllines, xmltree
from trialbridge.registry.files.arm_names import name_interventions
from trialbridge.registry.files.prs_specials import is_sponsors_reference
from trialbridge.registry.files.rrs import RRS
from trialbridge.registry.files.unread import not_written_again
from trialbridge.registry.ledger import losses
from trialbridge.registry.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lxml import etree

PRS = "http://clinicaltrials.gov/prs"


def serialize(records: Iterable[Record], *, org_name: str = "") -> tuple[bytes, list[Finding]]:
    """Records as one upload file, and the ledger of what it does not hold.

    `org_name` is the short name the organisation logs in to PRS with; the public record does not hold it, so its full
    name stands in when none is given, with a warning. Raises DoesNotFitError for text that XML cannot hold.
    """
    from lxml import etree  # noqa: PLC0415 - only XML needs it

    root = etree.Element(f"{{{PRS}}}study_collection", nsmap={"prs": PRS, "rrs": RRS})
    findings: list[Finding] = []
    for record in records:
        study = xmltree.add(root, "clinical_study")
        _write_study(record, study, org_name, findings)
        back, _ = _read_study(study)
        lost = losses(_sponsors_own(record.content, findings), back, "PRS XML")
        findings += [one for one in lost if not (org_name and _is_org_name(one))]
    return xmltree.serialize(root), findings


def _sponsors_own(content: Mapping[str, Any], findings: list[Finding]) -> Mapping[str, Any]:
    """The record without the references the registry found itself, which no sponsor uploads; a note counts them."""
    path = "protocolSection.referencesModule"
    references = items(content, path + ".references")
    own = [one for one in references if is_sponsors_reference(one)]
    if len(own) == len(references):
        return content
    message = (
        f"{len(references) - len(own)} not carried in PRS XML: the registry finds references of type DERIVED itself."
    )
    findings.append(Finding("TB-REG-LOST", Severity.NOTE, Where(path=path + ".references[]"), message))
    module = {**content["protocolSection"]["referencesModule"], "references": own}
    return {**content, "protocolSection": {**content["protocolSection"], "referencesModule": module}}


def _write_study(record: Record, study: etree._Element, org_name: str, findings: list[Finding]) -> None:
    found: list[Finding] = []
    protocol = record.content.get("protocolSection", {})
    xmllines.write(prs_lines.STUDY, protocol, study, found)
    name = study.find("id_info/org_name")
    if org_name and name is not None:
        name.text = org_name
    else:
        message = "The organisation's short PRS name is not in a public record; its full name stands in."
        where = Where(file=record.source or None, path="protocolSection.identificationModule.organization.fullName")
        findings.append(Finding("TB-REG-ORG-NAME", Severity.WARNING, where, message, "give the PRS organisation name"))
    findings += found
    if record.results:
        prs_results_write.write(record.results, study, findings)


def _is_org_name(finding: Finding) -> bool:
    return finding.where.path == "protocolSection.identificationModule.organization.fullName"


def write(record: Record, target: Path, *, org_name: str = "") -> list[Finding]:
    """One record as an upload file, whole or not at all; gives the ledger."""
    data, findings = serialize([record], org_name=org_name)
    with whole_file(target) as part:
        part.write_bytes(data)
    return findings


def serialize_results(section: Mapping[str, Any], *, org_name: str, org_study_id: str) -> tuple[bytes, list[Finding]]:
    """A resultsSection alone, as a partial upload that leaves the protocol in PRS as it is, and its ledger.

    Only the ids of the study stand beside the results. Raises DoesNotFitError as `serialize` does.
    """
    from lxml import etree  # noqa: PLC0415 - only XML needs it

    root = etree.Element(f"{{{PRS}}}study_collection", nsmap={"prs": PRS, "rrs": RRS})
    study = xmltree.add(root, "clinical_study", partial_upload="true")
    ids = xmltree.add(study, "id_info")
    xmltree.add(ids, "org_name", org_name)
    xmltree.add(ids, "org_study_id", org_study_id)
    findings: list[Finding] = []
    prs_results_write.write(section, study, findings)
    back, _ = _read_study(study)
    results = {"resultsSection": back.get("resultsSection", {})}
    return xmltree.serialize(root), [*findings, *losses({"resultsSection": section}, results, "PRS XML")]


def is_prs(head: bytes) -> bool:
    """Whether a file begins as PRS upload XML."""
    return b"study_collection" in head and PRS.encode() in head


def read(path: Path, *, with_contacts: bool = False) -> list[tuple[Record, list[Finding]]]:
    """The records of an upload (or download) file. Raises UnreadableInputError."""
    return parse(path.read_bytes(), str(path), with_contacts=with_contacts)


def parse(data: bytes, file: str, *, with_contacts: bool = False) -> list[tuple[Record, list[Finding]]]:
    """The records in bytes of PRS XML."""
    root = xmltree.parse(data, file)
    if root.tag != f"{{{PRS}}}study_collection":
        message = "This is XML, but not a study_collection of PRS."
        raise UnreadableInputError(message, Where(file=file), "give the file that PRS uploads or downloads")
    found = []
    for study in root.findall("clinical_study"):
        content, findings = _read_study(study)
        findings += _unread(study, content)
        if not with_contacts:
            content, dropped = without_contacts(content)
            findings += dropped
        found.append((Record(content, file), findings))
    return found


def _unread(study: etree._Element, content: dict[str, Any]) -> list[Finding]:
    """What of a study's elements is not there when its record is written again."""
    from lxml import etree  # noqa: PLC0415 - only XML needs it

    again = etree.Element(study.tag)
    try:
        _write_study(Record(content), again, "", [])
    except DoesNotFitError as error:  # numbers of groups that are not listed: the rules say more
        message = f"Whether everything was read cannot be told: {error.message}"
        return [Finding("TB-REG-ELEMENT-UNKNOWN", Severity.WARNING, error.where, message, error.fix)]
    return not_written_again(study, again)


def _read_study(study: etree._Element) -> tuple[dict[str, Any], list[Finding]]:
    findings: list[Finding] = []
    protocol: dict[str, Any] = {}
    xmllines.read(prs_lines.STUDY, study, protocol, findings)
    name_interventions(protocol)
    content: dict[str, Any] = {"protocolSection": protocol}
    result = study.find(f"{{{RRS}}}result")
    if result is not None:
        section = prs_results_read.read(result, findings)
        if section:
            content["resultsSection"] = section
    content["hasResults"] = "resultsSection" in content
    return content, findings
