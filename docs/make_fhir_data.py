"""Makes `fhir/data/elements_r4.json.gz` and `elements_r5.json.gz` from HL7's own StructureDefinitions.

    python docs/make_fhir_data.py FOLDER

FOLDER receives (or already holds) the npm packages named in SOURCES, fetched by `npm pack`. The R4 package is called
"examples" but carries the whole of 4.0.1's definitions; `hl7.fhir.r4.core` is not on npm. Logical models and
profiles are left out. The result is the same byte for byte each time it is run.

A row of a node is `[name, types, min, max]`, with a fifth member true where XML writes an attribute. A type is a code,
or `[code, [target, …]]` where the definition names what a reference may point at, or `#node` for a content reference.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

SOURCES = {
    "R4": ("hl7.fhir.r4.examples", "4.0.1", "4.0.1"),
    "R5": ("hl7.fhir.r5.core", "5.0.0", "5.0.0"),
}
DATA = Path(__file__).parent.parent / "fhir" / "data"
FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"


def package(name: str, version: str, folder: Path) -> Path:
    """The package's tgz in `folder`, fetched if it is not there."""
    target = folder / f"{name}-{version}.tgz"
    if not target.exists():
        subprocess.run(["npm", "pack", f"{name}@{version}", "--silent"], cwd=folder, check=True)  # noqa: S603, S607 - fixed names
    return target


def definitions(tgz: Path) -> dict[str, dict[str, Any]]:
    """Type name -> its own StructureDefinition (no profiles, no logical models), in the order of the names."""
    found: dict[str, dict[str, Any]] = {}
    with tarfile.open(tgz) as archive:
        for member in archive:
            if not Path(member.name).name.startswith("StructureDefinition-"):
                continue
            stream = archive.extractfile(member)
            definition = json.load(stream) if stream else {}
            if definition.get("resourceType") != "StructureDefinition" or definition["kind"] == "logical":
                continue
            if definition.get("derivation") != "constraint":
                found[definition["type"]] = definition
    return dict(sorted(found.items()))


def last(url: str) -> str:
    """The type a profile URL ends in."""
    return url.rsplit("/", 1)[-1]


def type_of(given: dict[str, Any]) -> str | list[Any]:
    """One type as a row holds it. FHIRPath system types carry the FHIR type in an extension."""
    code = given["code"]
    if code.startswith("http://hl7.org/fhirpath/"):
        # R4's xhtml.id alone comes without the extension: its system type, String, names the FHIR type.
        named = (e["valueUrl"] for e in given.get("extension", ()) if e["url"] == FHIR_TYPE)
        code = next(named, code.rsplit(".", 1)[1].lower())
    targets = [last(url) for url in given.get("targetProfile", ())]
    return [code, targets] if targets else code


def row(element: dict[str, Any]) -> list[Any]:
    """One element as a row."""
    if "contentReference" in element:
        types: list[Any] = ["#" + element["contentReference"].split("#")[1]]
    else:
        types = [type_of(given) for given in element["type"]]
    cells = [element["path"].rsplit(".", 1)[1], types, element["min"], element["max"]]
    return [*cells, True] if "xmlAttr" in element.get("representation", ()) else cells


def tables(found: dict[str, dict[str, Any]]) -> dict[str, list[list[Any]]]:
    """Node (a type, or the path of a backbone element) -> its rows, in the definition's order."""
    nodes: dict[str, list[list[Any]]] = {}
    for name, definition in found.items():
        nodes[name] = []
        for element in definition["snapshot"]["element"][1:]:
            parent = element["path"].rsplit(".", 1)[0]
            if definition["kind"] == "primitive-type" and element["path"] == f"{name}.value":
                continue  # the value itself is the JSON value, not an element of it
            nodes.setdefault(parent, []).append(row(element))
    return nodes


def main(folder: Path) -> None:
    """Write both data files."""
    for release, (name, version, fhir_version) in SOURCES.items():
        found = definitions(package(name, version, folder))
        kinds = {
            kind: [n for n, d in found.items() if d["kind"] == kind and not d["abstract"]]
            for kind in ("resource", "complex-type", "primitive-type")
        }
        content = {
            "origin": f"HL7 FHIR {fhir_version} StructureDefinitions (CC0), npm {name}@{version}; docs/make_fhir_data.py",
            "release": release,
            "fhirVersion": fhir_version,
            "kinds": kinds,
            "nodes": tables(found),
        }
        text = json.dumps(content, separators=(",", ":")).encode()
        target = DATA / f"elements_{release.lower()}.json.gz"
        target.write_bytes(gzip.compress(text, 9, mtime=0))
        print(target.name, len(content["nodes"]), "nodes", len(text), "->", target.stat().st_size, "bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
