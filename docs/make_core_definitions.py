"""Makes `fhir/data/core_r4.ndjson.gz` and `core_r5.ndjson.gz`: what a release says of its own types, for validation.

    python docs/make_core_definitions.py FOLDER

FOLDER receives (or already holds) the npm packages named in SOURCES, fetched by `npm pack`. Kept are the
StructureDefinitions with a snapshot (types, profiles and extensions of the release itself), the value sets they bind
with strength required or extensible, and the value sets and code systems these are made of. Left out is everything
that only people read, and of bindings those that bind nothing. The first line tells what each further line is, so
that a reader decodes only what it needs. The result is the same byte for byte each time it is run.
"""

from __future__ import annotations

import gzip
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

from make_fhir_data import package

Resource = dict[str, Any]
SOURCES = {
    "R4": ("hl7.fhir.r4.examples", "4.0.1"),
    "R5": ("hl7.fhir.r5.core", "5.0.0"),
}
DATA = Path(__file__).parent.parent / "fhir" / "data"
KINDS = ("StructureDefinition", "ValueSet", "CodeSystem")
ELEMENT = ("id", "path", "sliceName", "slicing", "min", "max", "base", "contentReference", "type", "maxLength")
VALUES = ("fixed", "pattern", "minValue", "maxValue")
DEFINITION = ("id", "url", "version", "kind", "abstract", "context", "contextInvariant", "type", "baseDefinition")
MAX_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
BEST_PRACTICE = "http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice"
BINDS = frozenset({"required", "extensible"})


def read(tgz: Path) -> dict[str, Resource]:
    """Canonical URL -> definition, of the three kinds."""
    found: dict[str, Resource] = {}
    with tarfile.open(tgz) as archive:
        for member in archive:
            if Path(member.name).name.startswith(tuple(f"{kind}-" for kind in KINDS)):
                stream = archive.extractfile(member)
                resource = json.load(stream) if stream else {}
                if resource.get("resourceType") in KINDS:
                    found[resource["url"]] = resource
    return dict(sorted(found.items()))


def some(resource: Resource, *names: str) -> Resource:
    """These members of an object, in the order named."""
    return {name: resource[name] for name in names if name in resource}


def structure(definition: Resource) -> Resource:
    """A StructureDefinition without what only people read."""
    base = {"resourceType": "StructureDefinition", **some(definition, *DEFINITION), "derivation": "specialization"}
    base |= some(definition, "derivation")
    elements = [element(one) for one in definition["snapshot"]["element"]]
    return {**base, "snapshot": {"element": elements}}


def element(one: Resource) -> Resource:
    """An ElementDefinition without what only people read."""
    kept = some(one, *ELEMENT) | {name: one[name] for name in one if name.startswith(VALUES)}
    if "type" in kept:
        kept["type"] = [
            some(each, "extension", "code", "profile", "targetProfile", "aggregation") for each in one["type"]
        ]
    if "slicing" in kept:
        kept["slicing"] = some(one["slicing"], "discriminator", "ordered", "rules")
    binding = one.get("binding", {})
    most = [each for each in binding.get("extension", ()) if each["url"] == MAX_VALUE_SET]
    if "valueSet" in binding and (binding["strength"] in BINDS or most):
        kept["binding"] = some(binding, "strength", "valueSet") | ({"extension": most} if most else {})
    if "constraint" in one:
        kept["constraint"] = [constraint(each) for each in one["constraint"]]
    return kept


def constraint(one: Resource) -> Resource:
    """An invariant; whether it is only good practice is kept."""
    practice = [each for each in one.get("extension", ()) if each["url"] == BEST_PRACTICE]
    return some(one, "key", "severity", "human", "expression") | ({"extension": practice} if practice else {})


def bound(definition: Resource) -> set[str]:
    """The value sets a slim StructureDefinition binds."""
    found = set()
    for one in definition["snapshot"]["element"]:
        binding = one.get("binding", {})
        named = [binding.get("valueSet", ""), *(each["valueCanonical"] for each in binding.get("extension", ()))]
        found |= {each.split("|")[0] for each in named if each}
    return found


def terminology(wanted: set[str], everything: dict[str, Resource]) -> dict[str, Resource]:
    """The value sets and code systems that these value sets are made of, slim; themselves among them."""
    made: dict[str, Resource] = {}
    left = sorted(wanted)
    while left:
        url = left.pop()
        resource = everything.get(url)
        if resource is None or url in made:
            continue
        if resource["resourceType"] == "ValueSet":
            made[url] = value_set(resource)
            parts = [*resource.get("compose", {}).get("include", ()), *resource.get("compose", {}).get("exclude", ())]
            for part in parts:
                left += [each.split("|")[0] for each in part.get("valueSet", ())]
                if "concept" not in part and "system" in part:
                    left.append(part["system"])
        elif resource["resourceType"] == "CodeSystem":
            made[url] = code_system(resource)
    return dict(sorted(made.items()))


def value_set(resource: Resource) -> Resource:
    """A ValueSet's rule."""
    compose = resource.get("compose", {})
    slim = {
        key: [
            some(part, "system", "version", "filter", "valueSet")
            | ({"concept": [some(each, "code") for each in part["concept"]]} if "concept" in part else {})
            for part in compose[key]
        ]
        for key in ("include", "exclude")
        if key in compose
    }
    return {"resourceType": "ValueSet", **some(resource, "url", "version"), "compose": slim}


def code_system(resource: Resource) -> Resource:
    """A CodeSystem's codes and their hierarchy."""
    about = some(resource, "url", "version", "caseSensitive", "content", "hierarchyMeaning", "valueSet")
    return {"resourceType": "CodeSystem", **about, "concept": [concept(one) for one in resource.get("concept", ())]}


def concept(one: Resource) -> Resource:
    """A concept: its code, its parents and status where they are properties, and what lies below."""
    kept = some(one, "code")
    properties = [
        each
        for each in one.get("property", ())
        if each["code"] in {"parent", "subsumedBy", "notSelectable", "abstract", "status", "deprecated", "inactive"}
    ]
    if properties:
        kept["property"] = properties
    if one.get("concept"):
        kept["concept"] = [concept(each) for each in one["concept"]]
    return kept


def main(folder: Path) -> None:
    """Write both data files."""
    for release, (name, version) in SOURCES.items():
        everything = read(package(name, version, folder))
        structures = {
            url: structure(one)
            for url, one in everything.items()
            if one["resourceType"] == "StructureDefinition" and one["kind"] != "logical" and "snapshot" in one
        }
        wanted = set().union(*(bound(one) for one in structures.values()))
        kept = structures | terminology(wanted, everything)
        head = {
            "origin": f"HL7 FHIR definitions (CC0), npm {name}@{version}; docs/make_core_definitions.py",
            "release": release,
            "entries": [[one["resourceType"], url, one.get("version", "")] for url, one in kept.items()],
        }
        lines = [json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in (head, *kept.values())]
        text = "\n".join(lines).encode()
        target = DATA / f"core_{release.lower()}.ndjson.gz"
        target.write_bytes(gzip.compress(text, 9, mtime=0))
        print(
            target.name,
            len(structures),
            "structures",
            len(kept) - len(structures),
            "terminology",
            len(text),
            target.stat().st_size,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
