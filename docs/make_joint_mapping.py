"""Write what we make of the HL7/CDISC Joint Mapping IG: `docs/joint_mapping.md`. With --check, say if it is up to date.

The verdicts stand in `mappings/data/joint_mapping.tsv`; the paths beside them are those of the lines that convert.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from trialbridge.mappings import ALL
from trialbridge.mappings.joint_mapping import ERRATA, VERDICTS, JointRow, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = Path(__file__).with_name("joint_mapping.md")
HEAD = """# The HL7/CDISC Joint Mapping, accounted for

Made by `docs/make_joint_mapping.py` from `mappings/data/joint_mapping.tsv` and the lines in `mappings/`; do not edit.

The *FHIR to CDISC Joint Mapping Implementation Guide* 1.0.0 (STU1, 2021) says in words where SDTMIG 3.2 variables of seven
domains are found in FHIR R4. It is descriptive: it has no profiles and no code maps, and it goes one way. Here is each of
its SDTM rows: **implemented** (the line that does it, or what it is derived from), **refused** (the guide has a path; why
we do not follow it), **carried** (the guide has no path and we have none: the value travels in our extension), **outside**
(the row names no SDTM variable). A row whose paths fare differently stands here once for each. Its rows for the LAB model
are not SDTM and are not listed.
"""


def document() -> str:
    """The whole document."""
    return (
        HEAD + "\n".join([*_counts(), *(part for domain in _domains() for part in _domain(domain)), *_errata()]) + "\n"
    )


def _domains() -> list[str]:
    return list(dict.fromkeys(one.domain for one in rows()))


def _counts() -> Iterator[str]:
    yield "\n| Domain | rows | " + " | ".join(VERDICTS) + " |"
    yield "|---|---" + "|---" * len(VERDICTS) + "|"
    for name, of in [*((one, {one}) for one in _domains()), ("all", set(_domains()))]:
        found = Counter(one.verdict for one in rows() if one.domain in of)
        cells = [name, str(found.total()), *(str(found[verdict]) for verdict in VERDICTS)]
        yield "| " + " | ".join(cells) + " |"


def _domain(domain: str) -> Iterator[str]:
    yield f"\n## {domain}\n"
    yield "| SDTM | CDASH | The guide's path | Verdict | Ours (R4) | Why, or how it differs |"
    yield "|---|---|---|---|---|---|"
    for one in rows():
        if one.domain == domain:
            ours = _ours(one) if one.verdict == "implemented" else ""
            cells = (one.variable, one.cdash, one.path or "none", one.verdict, ours, one.why)
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _ours(row: JointRow) -> str:
    domain, variable = row.home
    mine = [one for one in ALL if one.domain == domain]
    paths = [one.path for of in mine for one in of.lines if one.variable == variable and "R4" in one.releases]
    notes = [one.note for of in mine for one in of.derived if one.variable == variable]
    return "<br>".join(
        [*(f"`{path}`" for path in dict.fromkeys(paths)), *(f"derived: {n}" for n in dict.fromkeys(notes))]
    )


def _errata() -> Iterator[str]:
    yield "\n## Errata of the guide, not copied\n"
    yield "| Row | What is wrong |"
    yield "|---|---|"
    for where, what in ERRATA:
        yield f"| {where} | {what} |"


def main() -> int:
    """Write or check; 1 if the document is out of date."""
    text = document()
    if "--check" in sys.argv[1:]:
        if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
            return 0
        print(f"{TARGET} is out of date: run make docs")
        return 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
