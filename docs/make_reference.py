"""Write the mapping reference from the dictionary: `docs/mapping.md`. With --check, say whether it is up to date.

Every variable with its path in R4 and R5, how the value is spelled, and where the rule comes from: read from the same
lines that convert, so that the document cannot differ from the code.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trialbridge.mappings import ALL
from trialbridge.mappings.qualifiers import DEFAULTS
from trialbridge.mappings.ts import PLACES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.mappings.kit import Line, Mapping

TARGET = Path(__file__).with_name("mapping.md")
HEAD = """# Mapping reference

Made by `docs/make_reference.py` from the lines in `mappings/`; do not edit. One line a variable, read in both
directions. `%name` in a path is a system, an extension url or a code pattern of `mappings/names.py`. What no line
says travels in the `sdtm-variable` extension (to FHIR) or in `residue.ndjson` (to SDTM): see `docs/lossless.md`.
"""


def reference() -> str:
    """The whole document."""
    return HEAD + "\n".join(part for mapping in ALL for part in _mapping(mapping)) + "\n" + _summary() + _qualifiers()


def _mapping(mapping: Mapping) -> Iterator[str]:
    yield f"\n## {mapping.name}: {mapping.domain} and {mapping.resource}\n"
    parts = dict.fromkeys(
        f"{part.name} ({part.type})" if part.name != part.type else part.name for part in mapping.parts
    )
    if parts:
        yield f"Linked resources: {', '.join(parts)}.\n"
    yield "| Variable | R4 | R5 | Spelling | Source or note |"
    yield "|---|---|---|---|---|"
    by_variable: dict[str, list[Line]] = {}
    for one in mapping.lines:
        by_variable.setdefault(one.variable, []).append(one)
    for variable, lines in by_variable.items():
        places = {release: [_place(one) for one in lines if release in one.releases] for release in ("R4", "R5")}
        spellings = dict.fromkeys(one.spelling.name for one in lines)
        notes = dict.fromkeys(text for one in lines for text in (one.note, one.source) if text)
        losses = dict.fromkeys(f"loses: {one.spelling.loses}" for one in lines if one.spelling.loses)
        r4, r5 = ("<br>".join(places[release]) or "carried" for release in ("R4", "R5"))
        said = "; ".join([*notes, *losses])
        cells = (variable, r4, "same" if r5 == r4 else r5, "; ".join(spellings), said)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    for derived in mapping.derived:
        yield f"| {derived.variable} | derived | same | {derived.note} | {derived.source} |"


def _place(one: Line) -> str:
    paths = [f"`{one.path}`", *(f"also read: `{path}`" for path, _ in one.also)]
    way = {"both": "", "to_sdtm": " (read only)", "to_fhir": " (written only)"}[one.direction]
    return "<br>".join(paths) + way


def _summary() -> str:
    rows = [f"| {one.parameter} | `{one.where}` |" for one in PLACES]
    table = "\n".join(["| TSPARMCD | Element |", "|---|---|", *rows])
    said = "Values in the order of TSSEQ; all other parameters, and what differs, travel row by row (`mappings/ts.py`). R4 has"
    said += " `outcomeMeasure`, `recruitment` and `studyDesign` as the cross-version extensions of R5's elements."
    return f"\n## TS: ResearchStudy\n\n{said}\n\n{table}\n"


def _qualifiers() -> str:
    rows = [f"| {name} | {label} | {origin} | {who or ''} |" for name, (label, origin, who) in sorted(DEFAULTS.items())]
    table = "\n".join(["| QNAM | QLABEL | QORIG | QEVAL |", "|---|---|---|---|", *rows])
    return f"\n## Supplemental qualifiers with an element of their own\n\n{table}\n"


def main() -> int:
    """Write or check; 1 if the document is out of date."""
    text = reference()
    if "--check" in sys.argv[1:]:
        if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
            return 0
        print(f"{TARGET} is out of date: run make docs")
        return 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
