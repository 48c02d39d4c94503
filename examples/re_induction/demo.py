"""`make demo`: the Re-Induction example from SDTM to FHIR and back, and the proof that every cell came home.

The study is read from Dataset-JSON, written as FHIR NDJSON, read again from those files alone, and written as XPT and
as Dataset-JSON; both are read back and compared with the original, cell by cell, by code that is no part of the
conversion. Exit code 0 where not one cell differs, else 1.

Usage: python examples/re_induction/demo.py [-o FOLDER]        (default: out/demo)
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich import box
from rich.console import Console, Group
from rich.table import Table as Grid
from rich.text import Text

import trialbridge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.converters.compare import Comparison

HERE = Path(__file__).resolve().parent
OUT = HERE.parents[1] / "out" / "demo"
FORMATS = ("xpt", "dataset-json")


def main() -> int:
    """Run it; 0 where every cell came home."""
    parser = argparse.ArgumentParser(description="The Re-Induction example to FHIR and back.")
    parser.add_argument("-o", "--output", type=Path, default=OUT)
    out: Path = parser.parse_args().output
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 130)

    console.rule("SDTM to FHIR")
    with timed(console, "read the study (Dataset-JSON as NDJSON)"):
        study = trialbridge.read(HERE / "sdtm", kind="sdtm")
    with timed(console, "converted it to FHIR R4"):
        there = trialbridge.to_fhir(study)
    with timed(console, "wrote FHIR NDJSON, one file a resource type"):
        trialbridge.write(there.resources, emptied(out / "fhir"), "ndjson")
    console.print(f"  {len(there.resources):,} resources in {shown(out / 'fhir')}")

    console.rule("and back, from the files alone")
    with timed(console, "read the FHIR"):
        resources = trialbridge.read(out / "fhir", kind="fhir")
    with timed(console, "converted it to SDTM"):
        home = trialbridge.to_sdtm(resources)
    comparisons: dict[str, Comparison] = {}
    for name in FORMATS:
        with timed(console, f"wrote {name}, read it again and compared"):
            trialbridge.write(home.study, emptied(out / "sdtm" / name), name)
            comparisons[name] = trialbridge.diff(study, out / "sdtm" / name)
        console.print(f"  {shown(out / 'sdtm' / name)}")

    console.rule("one record: an irradiated lesion, measured")
    console.print(worked(study, resources))
    console.rule("every cell")
    console.print(cells(study, there, comparisons))
    return verdict(study, comparisons, console)


@contextmanager
def timed(console: Console, what: str) -> Iterator[None]:
    """Say how long a step took: for information only."""
    begun = time.perf_counter()
    yield
    console.print(f"{time.perf_counter() - begun:6.2f} s  {what}")


def emptied(folder: Path) -> Path:
    """The folder without what an earlier run of this demo left there."""
    for old in (one for ending in ("*.ndjson", "*.json", "*.xpt") for one in folder.glob(ending)):
        old.unlink()
    return folder


def shown(path: Path) -> str:
    """A path as seen from where the user is."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def cells(study: trialbridge.Study, there: trialbridge.Converted, comparisons: dict[str, Comparison]) -> Grid:
    """One line a dataset: rows, cells by what became of them in FHIR, and cells that came back different."""
    grid = Grid(box=box.SIMPLE_HEAD, show_footer=True)
    places = there.ledger.by_place()
    totals = there.ledger.totals()
    rows = sum(table.frame.height for table in study)
    grid.add_column("dataset", footer="all")
    grid.add_column("rows", justify="right", footer=f"{rows:,}")
    reasons = ("read", "derived", "carried")
    for reason in reasons:
        grid.add_column(reason, justify="right", footer=f"{totals.get(reason, 0):,}")
    for name, found in comparisons.items():
        compared = sum(place.compared for place in found.places)
        grid.add_column(f"compared ({name})", justify="right", footer=f"{compared:,}")
        grid.add_column("different", justify="right", footer=str(len(found.differences)))
    for table in study:
        line = [table.name, f"{table.frame.height:,}"]
        line += [f"{places.get(table.name, {}).get(reason, 0):,}" for reason in reasons]
        for found in comparisons.values():
            place = next(one for one in found.places if one.name == table.name)
            mine = sum(one.where.dataset == table.name for one in found.differences)
            line += [f"{place.compared:,}", str(mine)]
        grid.add_row(*line)
    grid.caption = (
        "read: FHIR's own elements say it · derived: computed as SDTM defines it · carried: kept in our extension.\n"
        "Compared are all cells, empty ones too; the three columns before count those with a value."
    )
    return grid


def worked(study: trialbridge.Study, resources: trialbridge.Resources) -> Grid:
    """The first diameter of the first irradiated lesion, beside the Observation that says the same."""
    irradiated = {(row["USUBJID"], row["PRLNKID"]) for row in study["PR"].rows() if row.get("PRLNKID")}
    row = next(
        one
        for one in study["TR"].rows()
        if (one["USUBJID"], one["TRLNKID"]) in irradiated and one["TRTESTCD"] == "LDIAM" and one["TRORRES"]
    )
    record = f"|TR|{row['USUBJID']}|{row['TRSEQ']:g}"
    observation = next(
        one
        for one in resources
        if one["resourceType"] == "Observation"
        and any(str(named.get("value")).endswith(record) for named in one.get("identifier", ()))
    )
    left = Grid(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name, value in row.items():
        if value is not None:
            left.add_row(f"[bold]{name}[/]", f"{value:g}" if isinstance(value, float) else str(value))
    grid = Grid(box=box.SIMPLE_HEAD)
    grid.add_column(f"TR, record {row['TRSEQ']:g} of {row['USUBJID']}")
    grid.add_column("Observation", overflow="fold")
    grid.add_row(left, Group(*json_lines(observation)))
    return grid


def json_lines(resource: dict[str, Any]) -> list[Text]:
    """The resource as JSON, an element a line, decimals as they stand."""
    encoder = msgspec.json.Encoder(decimal_format="number")
    lines = []
    for name, value in resource.items():
        for at, one in enumerate(value if isinstance(value, list) else [value]):
            place = f"{name}[{at}]" if isinstance(value, list) else name
            lines.append(Text.assemble((place, "bold"), ": ", encoder.encode(one).decode(), overflow="fold"))
    return lines


def verdict(study: trialbridge.Study, comparisons: dict[str, Comparison], console: Console) -> int:
    """The last line, and the exit code: 0 only where each cell there is was compared and none differs."""
    different = [(name, one) for name, found in comparisons.items() for one in found.differences]
    for name, one in different[:20]:
        console.print(f"{name}: {one.where} is {one.a!r}, came back as {one.b!r}", markup=False)
    there_are = sum(table.frame.height * table.frame.width for table in study)
    compared = {name: sum(place.compared for place in found.places) for name, found in comparisons.items()}
    if different or set(compared.values()) != {there_are}:
        console.print(f"[bold red]{len(different)} differences; of {there_are:,} cells compared: {compared}.[/]")
        return 1
    console.print(
        f"[bold green]Every cell came home:[/] {there_are:,} cells, by {' and by '.join(compared)}, 0 different."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
