"""A bulk export of any size: the Re-Induction example as FHIR NDJSON, one file a resource type.

    python -P benchmarks/export.py -o DIR --subjects 16000 [--of SMALLER]

The first thousand subjects are the example's own (same seed, same bytes). Beyond, every line stands there once for each
thousand: copies as of other subjects, with other names, numbers and ids, which cost almost nothing to make; so that a
subject's lines are scattered over the whole files. The study, its sites and its plan stay the one they are. About 130
resources and 230 kB a subject. `--of` takes the first thousand from an export made before.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import numpy as np
from re_induction.generate import build

from trialbridge.converters import bulk_fhir
from trialbridge.fhir.jsontext import encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

OWN = 1000
MOST = 1_000_000
SHARED = frozenset({"ResearchStudy", "PlanDefinition", "Group", "Location", "Practitioner", "PractitionerRole"})
STEP = 0x9E3779B1
_ID = re.compile(rb"[0-9a-f]{8}(?=-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})")
_NUMBER = re.compile(rb'(\d\d)-(\d{4})(?=["|])')
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


def lines(subjects: int) -> dict[str, list[bytes]]:
    """The example's resources as lines, by type."""
    found: dict[str, list[bytes]] = {}

    def take(resources: list[Any]) -> None:
        for resource in resources:
            found.setdefault(resource["resourceType"], []).append(encode(resource) + b"\n")

    bulk_fhir.to_fhir(build(subjects=subjects), take)
    return found


def lines_of(export: Path) -> dict[str, list[bytes]]:
    """The lines of an export of a thousand subjects."""
    return {path.stem: path.read_bytes().splitlines(keepends=True) for path in sorted(export.glob("*.ndjson"))}


def copies(line: bytes, count: int, kept: frozenset[bytes]) -> bytes:
    """The line as it is, and `count - 1` times as it would be of other subjects.

    All copies are equally long: a subject's number gets three more digits, an id another first part of eight.
    """
    template = _NUMBER.sub(rb"\1-000\2", line)
    numbers = np.arange(1, count)
    block = np.tile(np.frombuffer(template, np.uint8), (count - 1, 1))
    places = [found.start() for found in _ID.finditer(template) if found[0] not in kept]
    if places:
        ids = np.array([int(template[at : at + 8], 16) for at in places])
        shifted = (ids + numbers[:, None] * STEP) & 0xFFFFFFFF
        _write(block, places, shifted, 16, 8)
    added = [found.end(1) + 1 + 3 * at for at, found in enumerate(_NUMBER.finditer(line))]
    if added:
        _write(block, added, np.repeat(numbers[:, None], len(added), axis=1), 10, 3)
    return line + block.tobytes()


def _write(block: NDArray[Any], places: list[int], values: NDArray[Any], base: int, width: int) -> None:
    """Write numbers of one width, (rows, places), at these places of each row."""
    powers = base ** np.arange(width - 1, -1, -1)
    digits = _DIGITS[(values[:, :, None] // powers) % base]
    columns = (np.array(places)[:, None] + np.arange(width)).ravel()
    block[:, columns] = digits.reshape(len(block), -1)


def export(folder: Path, subjects: int, own: dict[str, list[bytes]] | None = None) -> int:
    """Write the export (`own`: the lines of its first thousand subjects); its bytes."""
    found = own or lines(min(subjects, OWN))
    times = -(-subjects // OWN)
    shared = b"".join(line for kind in SHARED for line in found.get(kind, ()))
    kept = frozenset(_ID.findall(shared))
    folder.mkdir(parents=True, exist_ok=True)
    size = 0
    for kind, its in found.items():
        with (folder / f"{kind}.ndjson").open("wb") as file:
            for line in its:
                everyone = kind in SHARED or (b'"Patient/' not in line and kind not in {"Patient", "Basic"})
                alone = everyone or (kind == "Basic" and b'"subject"' not in line)
                size += file.write(line if alone or times == 1 else copies(line, times, kept))
    return size


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--subjects", type=int, default=1000, help="beyond 1000: a multiple of it")
    parser.add_argument("--of", type=Path, help="an export of 1000 subjects, made before")
    asked = parser.parse_args()
    if not 1 <= asked.subjects <= MOST or (asked.subjects > OWN and asked.subjects % OWN):
        parser.error(f"--subjects: 1 to {OWN:,}, or a multiple of it up to {MOST:,}")
    size = export(asked.output, asked.subjects, lines_of(asked.of) if asked.of else None)
    print(f"{asked.subjects:,} subjects, {size / 1e6:,.0f} MB in {asked.output}")


if __name__ == "__main__":
    main()
