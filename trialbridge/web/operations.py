"""The FHIR operations `$to-sdtm` and `$to-fhir`: Parameters in and out, and what the service says of itself as a server.

Source: FHIR R4 3.2 (operations), 2.37 (Parameters), 5.2 (OperationDefinition), 5.1 (CapabilityStatement).
Runs in the working process; bodies that are no Parameters are taken as the data themselves.
"""

from __future__ import annotations

import base64
import binascii
import re
import zipfile
from dataclasses import fields
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.fhir.jsontext import decode, encode
from trialbridge.fhir.profiles.outcome import outcome
from trialbridge.web.bodies import unzip
from trialbridge.web.outcomes import RefusedError
from trialbridge.web.packing import zipped
from trialbridge.web.work import Told, convert

if TYPE_CHECKING:
    from trialbridge.web.settings import Settings

ANSWER = "answer.json"


def to_sdtm(source: str, target: str, options: dict[str, Any]) -> Told:
    """`$to-sdtm`: the answer, Parameters with the package (a ZIP) and the outcome, stands in the target's answer.json."""
    given = Path(source)
    if _is_parameters_in_xml(given):
        return _wrong("Parameters are taken as JSON alone.", "send application/fhir+json, or the resources themselves")
    parameters = _parameters(given)
    if parameters is not None:
        resources = [one["resource"] for one in parameters if isinstance(one.get("resource"), dict)]
        if not resources:
            return _wrong("The Parameters hold no resource.", "give a Bundle or resources as parameter.resource")
        given = Path(target).with_name("given.ndjson")
        given.write_bytes(b"".join(encode(one) + b"\n" for one in resources))
        options = _chosen(parameters, options)
    code, told = convert(str(given), target, {"to": "sdtm", **options})
    if code != 2:
        findings = decode((Path(target) / "findings.json").read_bytes())["findings"]
        package = Path(target).with_name("package.zip")
        zipped(Path(target), package)
        binary = {"resourceType": "Binary", "contentType": "application/zip", "data": _base64(package)}
        answer = {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "package", "resource": binary},
                {"name": "outcome", "resource": outcome(_finding(one) for one in findings)},
            ],
        }
        Path(target).with_name(ANSWER).write_bytes(encode(answer))
    return code, told


def to_fhir(source: str, target: str, options: dict[str, Any], settings: Settings) -> Told:
    """`$to-fhir`: the answer, a Bundle, stands in the target's bundle.json."""
    given = Path(source)
    parameters = _parameters(given)
    if parameters is not None:
        data = next((found for one in parameters if (found := _package(one)) is not None), None)
        if data is None:
            return _wrong("The Parameters hold no package.", "give a ZIP as valueBase64Binary or as a Binary resource")
        packed = Path(target).with_name("given.zip")
        try:
            packed.write_bytes(base64.b64decode(data, validate=True))
            given = Path(target).with_name("given")
            given.mkdir()
            if not zipfile.is_zipfile(packed):
                return _wrong("The package is no ZIP.", "put the datasets into a ZIP")
            unzip(packed, given, settings)
        except binascii.Error:
            return _wrong("The package is not base64.", "encode the ZIP as base64")
        except RefusedError as refused:
            return _wrong(refused.message, refused.fix)
        options = _chosen(parameters, options)
    return convert(str(given), target, {"to": "fhir", "formats": ("bundle",), **options})


def _parameters(file: Path) -> list[dict[str, Any]] | None:
    """The parameters, where the body is a Parameters resource."""
    if not file.is_file() or file.suffix not in {".json", ".bin"}:
        return None
    try:
        value = decode(file.read_bytes())
    except UnreadableInputError:
        return None
    if not isinstance(value, dict) or value.get("resourceType") != "Parameters":
        return None
    listed = value.get("parameter")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _is_parameters_in_xml(file: Path) -> bool:
    """Whether the body is a Parameters resource in XML: as data it would be carried, and nothing in it be read."""
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return re.match(rb"\s*(?:<\?.*?\?>\s*)*<(?:\w+:)?Parameters[\s>]", stream.read(4096), re.DOTALL) is not None


def _chosen(parameters: list[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
    """Options with what the Parameters say: `version` (SDTMIG), `format`, `fhirVersion`."""
    said = {
        str(one.get("name")): next((str(one[key]) for key in ("valueCode", "valueString") if key in one), None)
        for one in parameters
    }
    chosen = dict(options)
    if said.get("format"):
        chosen["formats"] = (said["format"],)
    for name, option in (("version", "version"), ("fhirVersion", "fhir_version")):
        if said.get(name):
            chosen[option] = said[name]
    return chosen


def _package(parameter: dict[str, Any]) -> str | None:
    inside = parameter.get("resource")
    if isinstance(inside, dict) and inside.get("resourceType") == "Binary" and isinstance(inside.get("data"), str):
        return str(inside["data"])
    given = parameter.get("valueBase64Binary")
    return given if isinstance(given, str) else None


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode("ascii")


def _finding(told: dict[str, Any]) -> Finding:
    """A finding as `Finding.as_dict` gave it."""
    place = {name: told[name] for name in (one.name for one in fields(Where)) if name in told}
    return Finding(told["id"], Severity(told["severity"]), Where(**place), told["message"], told["fix"])


def _wrong(message: str, fix: str) -> Told:
    return 2, {"error": {"message": message, "where": "", "fix": fix}}


# --- what the service says of itself ----------------------------------------------------------------------------------


def definition(name: str, base: str) -> dict[str, Any] | None:
    """The OperationDefinition of `to-sdtm` or `to-fhir`, or None."""
    about = {
        "to-sdtm": (
            "FHIR resources to SDTM datasets",
            [("resource", "in", "Resource", "1", "*", "A Bundle, or the resources themselves")],
            [
                ("package", "out", "Binary", "1", "1", "A ZIP of datasets, ledger, findings, residue and rejects"),
                ("outcome", "out", "OperationOutcome", "1", "1", "What the conversion found"),
            ],
        ),
        "to-fhir": (
            "SDTM datasets to FHIR resources",
            [("package", "in", "base64Binary", "1", "1", "A ZIP of datasets in any format")],
            [("return", "out", "Bundle", "1", "1", "A collection of all resources")],
        ),
    }.get(name)
    if about is None:
        return None
    title, inside, outside = about
    options = [
        ("fhirVersion", "in", "code", "0", "1", "R4 or R5"),
        ("version", "in", "code", "0", "1", "SDTMIG 3-3 or 3-4"),
        ("format", "in", "code", "0", "1", "xpt, dataset-json, ndjson, dsjc, parquet, csv, xlsx"),
    ]
    listed = [*inside, *(options if name == "to-sdtm" else options[:2]), *outside]
    return {
        "resourceType": "OperationDefinition",
        "id": name,
        "url": f"{base}/OperationDefinition/{name}",
        "name": "".join(part.capitalize() for part in name.split("-")),
        "title": title,
        "status": "active",
        "kind": "operation",
        "code": name,
        "system": True,
        "type": False,
        "instance": False,
        "parameter": [
            {"name": code, "use": use, "min": int(least), "max": most, "documentation": text, "type": kind}
            for code, use, kind, least, most, text in listed
        ],
    }


def capabilities(base: str, when: str) -> dict[str, Any]:
    """The CapabilityStatement: a server of two operations."""
    operations = [{"name": name, "definition": f"{base}/OperationDefinition/{name}"} for name in ("to-sdtm", "to-fhir")]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": when,
        "kind": "instance",
        "software": {"name": "trialbridge", "version": software()},
        "implementation": {"description": "Carries a clinical trial between FHIR and SDTM"},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "operation": operations}],
    }


def software() -> str:
    """The version of trialbridge that runs."""
    return installed("trialbridge")
