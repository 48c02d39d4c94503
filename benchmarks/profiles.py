"""How many faults validators find, how many false alarms they give, and how long they take, on the same files.

    python benchmarks/profiles.py --node FOLDER

The files are mCODE's 121 examples that claim a profile, the 354 mutants of tests/fhir/profiles/mutants.py and R4's 207
official examples of our types (npm hl7.fhir.us.mcode 4.0.0 and hl7.fhir.r4.examples 4.0.1, fetched as tests do).
FOLDER is one with npm's `fhir` and `@medplum/core` in its node_modules; without it only ours is run. A fault counts as
found where a mutant has an error that its original has not. Times are CPU time a resource, the first pass (which
compiles) apart. The table goes into docs/profiles.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from trialbridge.base.finding import Severity
from trialbridge.fhir.jsontext import decode, encode
from trialbridge.fhir.packages import load
from trialbridge.fhir.profiles import Validator

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent / "tests"
OURS = (
    "ResearchStudy ResearchSubject Patient Procedure Condition MedicationAdministration BodyStructure Group "
    "PlanDefinition Organization Practitioner Encounter ImagingStudy Location DiagnosticReport Observation AdverseEvent"
).split()
Result = list[tuple[list[str], float]]
"""For each resource the errors and the CPU milliseconds."""


def neighbour(path: Path) -> Any:
    """A module of the tests, by its place."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def by_ours(validator: Validator, resources: list[Any]) -> Result:
    """Our own validator, each resource by itself."""
    found: Result = []
    for resource in resources:
        start = time.process_time()
        errors = [
            f"{one.where.path}: {one.message}"
            for one in validator.findings([resource])
            if one.severity is Severity.ERROR
        ]
        found.append((errors, (time.process_time() - start) * 1000))
    return found


def by_node(which: str, folder: Path, definitions: list[Any], resources: list[Any]) -> Result:
    """A validator of npm, in one process."""
    with tempfile.TemporaryDirectory() as place:
        files = Path(place) / "definitions.ndjson", Path(place) / "resources.ndjson"
        for file, content in zip(files, (definitions, resources), strict=True):
            file.write_bytes(b"\n".join(encode(one) for one in content))
        done = subprocess.run(
            ["node", str(HERE / "validators.mjs"), which, *map(str, files)],  # noqa: S607 - the node on the path
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [(one["errors"], one["ms"]) for one in lines]


def main() -> None:
    """Run all validators over all files and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--node", type=Path, help="a folder with `fhir` and `@medplum/core` installed by npm")
    node = parser.parse_args().node
    packages, mutants = neighbour(TESTS / "packages.py"), neighbour(TESTS / "fhir" / "profiles" / "mutants.py")
    mcode, r4 = packages.package("mcode"), packages.package("r4")
    profiles = [decode(mcode.bytes(name)) for name in mcode.of_type("StructureDefinition")]
    core = [
        one
        for name in r4.of_type("StructureDefinition")
        if (one := decode(r4.bytes(name))).get("kind") != "logical" and "snapshot" in one
    ]
    examples = {name: decode(mcode.bytes(name)) for name in mcode.names if "/example/" in name}
    examples = {name: one for name, one in examples.items() if "resourceType" in one}
    claiming = [
        one
        for one in examples.values()
        if any(url.startswith(mutants.MCODE) for url in one.get("meta", {}).get("profile", ()))
    ]
    kinds = {one["type"]: one for one in core if one.get("derivation") != "constraint"}
    planted = mutants.mutants(examples, {one["url"]: one for one in profiles}, kinds)
    official = [decode(r4.bytes(name)) for name in r4.of_type(*OURS)]
    resources = [*claiming, *(examples[one.source] for one in planted), *(one.resource for one in planted), *official]
    results = {"trialbridge": _ours(packages, resources)}
    if node:
        results["npm fhir"] = by_node("fhir", node, [], resources)
        results["@medplum/core"] = by_node("medplum", node, [*core, *profiles], resources)
    print(_table(results, planted, len(claiming), len(official)))


def _ours(packages: Any, resources: list[Any]) -> Result:
    os.environ["TRIALBRIDGE_FHIR_PACKAGES"] = str(packages.installed("mcode"))
    validator = Validator("R4", load(["hl7.fhir.us.mcode#4.0.0"]))
    by_ours(validator, resources)  # compiles
    return by_ours(validator, resources)


def _table(results: dict[str, Result], planted: list[Any], claiming: int, official: int) -> str:
    """The table of docs/profiles.md."""
    names = list(results)
    rows = [["", *names], ["---"] * (len(names) + 1)]
    count = len(planted)
    found: dict[str, Counter[str]] = {}
    for name, result in results.items():
        before, after = result[claiming : claiming + count], result[claiming + count : claiming + 2 * count]
        found[name] = Counter(
            one.kind
            for one, (old, _), (new, _) in zip(planted, before, after, strict=True)
            if Counter(new) - Counter(old)
        )
    for kind, number in Counter(one.kind for one in planted).items():
        rows.append([f"{kind} ({number})", *(str(found[name][kind]) for name in names)])
    rows.append([f"**found of {count}**", *(f"**{sum(found[name].values())}**" for name in names)])
    alarms = [sum(bool(errors) for errors, _ in result[:claiming]) for result in results.values()]
    rows.append([f"error on one of {claiming} valid mCODE examples", *map(str, alarms)])
    last = [sum(bool(errors) for errors, _ in result[-official:]) for result in results.values()]
    rows.append([f"error on one of {official} official R4 examples", *map(str, last)])
    medians = [statistics.median(ms for _, ms in result) for result in results.values()]
    rows.append(["CPU ms a resource, median", *(f"{one:.2f}" for one in medians)])
    means = [statistics.mean(ms for _, ms in result) for result in results.values()]
    rows.append(["CPU ms a resource, mean", *(f"{one:.2f}" for one in means)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()
