"""A bulk export of any size: the Re-Induction example as FHIR NDJSON, one file a resource type.

    python -P benchmarks/export.py -o DIR --subjects 20000

The first thousand subjects are the example's own (same seed, same bytes). More are copies of them with other names,
numbers and ids, which cost nothing to make; the study, its sites and its plan stay the one they are. About 130
resources and 230 kB a subject.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from re_induction.generate import build

from trialbridge.converters.study import to_fhir
from trialbridge.fhir.jsontext import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN = 1000
SHARED = frozenset({"ResearchStudy", "PlanDefinition", "Group", "Location", "Practitioner", "PractitionerRole"})
_ID = re.compile(rb"[0-9a-f]{8}(?=-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})")
_NUMBER = re.compile(rb'(\d\d)-(\d{4})(?=["|])')


def lines(subjects: int) -> dict[str, list[bytes]]:
    """The example's resources as lines, by type."""
    found: dict[str, list[bytes]] = {}
    for resource in to_fhir(build(subjects=subjects)).resources:
        found.setdefault(resource["resourceType"], []).append(encode(resource) + b"\n")
    return found


def copies(line: bytes, count: int, kept: frozenset[bytes]) -> Iterator[bytes]:
    """The line as it is, and as it would be of other subjects."""
    yield line
    for number in range(1, count):
        shift = number * 0x9E3779B1

        def other(matched: re.Match[bytes], shift: int = shift) -> bytes:
            text = matched[0]
            return text if text in kept else b"%08x" % ((int(text, 16) + shift) & 0xFFFFFFFF)

        yield _NUMBER.sub(rb"\1-%03d\2" % number, _ID.sub(other, line))


def export(folder: Path, subjects: int) -> int:
    """Write the export; its bytes."""
    own = min(subjects, OWN)
    found = lines(own)
    shared = b"".join(line for kind in SHARED for line in found.get(kind, ()))
    kept = frozenset(one for one in _ID.findall(shared))
    folder.mkdir(parents=True, exist_ok=True)
    size = 0
    for kind, its in found.items():
        with (folder / f"{kind}.ndjson").open("wb") as file:
            for line in its:
                everyone = kind in SHARED or (b'"Patient/' not in line and kind not in {"Patient", "Basic"})
                alone = everyone or (kind == "Basic" and b'"subject"' not in line)
                for one in copies(line, 1 if alone else -(-subjects // own), kept):
                    size += file.write(one)
    return size


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--subjects", type=int, default=1000)
    asked = parser.parse_args()
    size = export(asked.output, asked.subjects)
    print(f"{asked.subjects:,} subjects, {size / 1e6:,.0f} MB in {asked.output}")


if __name__ == "__main__":
    main()
