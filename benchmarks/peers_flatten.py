"""What each peer does in benchmarks/peers.py, run by the Python of the peers' environment: no import of trialbridge.

Every function reads a folder's Patient.ndjson and Observation.ndjson and returns the number of rows it made. Imports are
not timed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS = ("Patient", "Observation")
VIEWS = ("dm_patient", "tu", "tr_quantity", "rs_response")


def resources(folder: Path) -> Iterator[dict[str, Any]]:
    """The resources of a folder."""
    for kind in KINDS:
        with (folder / f"{kind}.ndjson").open("rb") as file:
            yield from map(json.loads, file)


def bundle(folder: Path) -> dict[str, Any]:
    """All of them as one Bundle, which some tools want."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources(folder)]}


def views(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Our ViewDefinitions: of the patient, and one each of TU, TR and RS."""
    return [json.loads((asked.views / f"{name}.json").read_bytes()) for name in VIEWS]


def flattening(module: str, run: Callable[[Path, argparse.Namespace], int]) -> Callable[..., runner.Run]:
    """A variant of a tool's module and a function from a folder to the number of rows it made."""

    def ready(asked: argparse.Namespace) -> runner.Run:
        importlib.import_module(module)

        def timed() -> None:
            noise = io.StringIO()
            with contextlib.redirect_stdout(noise), contextlib.redirect_stderr(noise):
                rows = run(asked.export, asked)
            if not rows:
                sys.exit(f"{run.__name__} made no row")

        return timed

    return ready


def fhiry(folder: Path, _: argparse.Namespace) -> int:
    """Each line normalised by pandas, all joined to one frame."""
    from fhiry.fhirndjson import Fhirndjson

    of = Fhirndjson()
    of.folder = str(folder)
    of.process_source()
    return len(of.df)


def pyrate(folder: Path, _: argparse.Namespace) -> int:
    """Each element a column."""
    return _pyrate(folder)


def pyrate_paths(folder: Path, asked: argparse.Namespace) -> int:
    """The FHIRPaths of our views' columns, save those with SQL-on-FHIR's own functions."""
    paths: dict[str, str] = {}
    for view in views(asked):
        for column in view["select"][0]["column"]:
            if "Key(" not in column["path"]:
                paths.setdefault(f"{view['name']}_{column['name']}", column["path"])
    return _pyrate(folder, fhir_paths=list(paths.items()))


def _pyrate(folder: Path, **options: Any) -> int:
    from fhir_pyrate import Pirate
    from fhir_pyrate.util import FHIRObj

    pirate = Pirate("https://localhost/", None, num_processes=1)
    frames = pirate.bundles_to_dataframe([FHIRObj(**bundle(folder))], **options)
    return sum(map(len, frames.values())) if isinstance(frames, dict) else len(frames)


def flat_fhir(folder: Path, _: argparse.Namespace) -> int:
    """Its sheets of patients, vital signs, results and the rest."""
    from flat_fhir import FlatFHIR

    made = FlatFHIR(bundle(folder))
    return sum(len(getattr(made, name)) for name in made.sheets())


def pysof(folder: Path, asked: argparse.Namespace) -> int:
    """Our views, each over the file of its type (Observations three times), as CSV beside it."""
    import pysof as tool

    rows = 0
    for view in views(asked):
        target = folder / f"{view['name']}.csv"
        tool.process_ndjson_to_file(view, str(folder / f"{view['resource']}.ndjson"), str(target), "csv")
        with target.open("rb") as file:
            rows += sum(1 for _ in file) - 1
    return rows


def sqlonfhir(folder: Path, asked: argparse.Namespace) -> int:
    """Our views, save columns with getReferenceKey, which fails on an absent reference in 0.0.2."""
    import sqlonfhir as tool

    given = list(resources(folder))
    rows = 0
    for view in views(asked):
        for part in view["select"]:
            part["column"] = [one for one in part["column"] if "getReferenceKey" not in one["path"]]
        rows += len(tool.evaluate([one for one in given if one["resourceType"] == view["resource"]], view))
    return rows


VARIANTS: dict[str, Callable[[argparse.Namespace], runner.Run]] = {
    "pysof": flattening("pysof", pysof),
    "sqlonfhir": flattening("sqlonfhir", sqlonfhir),
    "flat-fhir": flattening("flat_fhir", flat_fhir),
    "fhir-pyrate, every element": flattening("fhir_pyrate", pyrate),
    "fhir-pyrate, FHIRPaths": flattening("fhir_pyrate", pyrate_paths),
    "fhiry": flattening("fhiry.fhirndjson", fhiry),
}


def main() -> None:
    """Run one variant here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=Path)
    parser.add_argument("--views", type=Path, required=True)
    runner.add_arguments(parser, VARIANTS)
    runner.child(VARIANTS, parser.parse_args())


if __name__ == "__main__":
    main()
