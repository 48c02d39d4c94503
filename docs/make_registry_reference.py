"""Write the reference of the registry's lines: `docs/registry-mapping.md`. With --check, say whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trialbridge.mappings.registry_kit import Each, Linked, Special
from trialbridge.mappings.registry_study import PROTOCOL, WHOLE
from trialbridge.mappings.registry_terms import REASONS
from trialbridge.mappings.registry_ts import PARAMETERS
from trialbridge.mappings.registry_ts_derived import DERIVED
from trialbridge.sdtm import terminology

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.mappings.registry_kit import Line

TARGET = Path(__file__).parent / "registry-mapping.md"
HEAD = """# The registry's lines

Written by `docs/make_registry_reference.py` from `mappings/registry_*.py`; how they are used is in [trial registries](registry.md).
Fields are those of a ClinicalTrials.gov API v2 study.
"""


def rows(lines: Iterable[Line], field: str = "", place: str = "") -> Iterable[tuple[str, str, str, str]]:
    """Field, release, place, spelling of each line; lines below a list or a linked resource under its place."""
    for line in lines:
        releases = "" if len(line.releases) > 1 else line.releases[0]
        path = line.path.replace("Each", place + "[]", 1) if line.path.startswith("Each") else line.path
        match line:
            case Special(fields=fields):
                yield f"{field}{fields}", releases, path, "two functions"
            case Each():
                yield from (
                    (one, releases or own, at, how)
                    for one, own, at, how in rows(line.lines, f"{field}{line.field}[].", path)
                )
            case Linked():
                below = f"{field}{line.field}{'' if line.single else '[]'}." if line.field else field
                for one, own, at, how in rows(line.lines, below, path):
                    yield one, releases or own, f"{path} -> {at}" if at.startswith(line.kind) else at, how
            case _:
                yield f"{field}{line.field}", releases, path, line.spelling.name


def text() -> str:
    """The whole document."""
    parts = [HEAD, "## FHIR", "", "| field | release | place | spelling |", "| --- | --- | --- | --- |"]
    given = dict.fromkeys((*rows(PROTOCOL, "protocolSection."), *rows(WHOLE)))
    parts += [
        f"| `{field}` | {release or 'R4, R5'} | `{place}` | {how} |"
        for field, release, place, how in sorted(given)
        if not field.endswith(".")
    ]
    names = terminology.load(terminology.BUNDLED)
    parts += ["", "## TS", "", "| TSPARMCD | TSPARM | from | back |", "| --- | --- | --- | --- |"]
    found = [
        *(
            (
                one.code,
                f"`{one.field.removeprefix('protocolSection.')}`",
                _back(has=one.value is not None, loses=one.loses),
            )
            for one in PARAMETERS
        ),
        *(
            (one.code, f"`{one.fields}`" + (f": {one.note}" if one.note else ""), _back(has=one.back is not None))
            for one in DERIVED
        ),
    ]
    parts += [
        f"| {code} | {names.decode('TSPARMCD', code)} | {where} | {back} |" for code, where, back in sorted(found)
    ]
    parts += ["", "## Reasons", "", "| DSDECOD | participant flow |", "| --- | --- |"]
    parts += [f"| {decoded} | {reason} |" for decoded, reason in REASONS.items()]
    return "\n".join([*parts, ""])


def _back(*, has: bool, loses: str = "") -> str:
    """Whether rows are read back, and what is lost."""
    return ("yes" if has else "no") + (f"; loses: {loses}" if loses else "")


def main() -> int:
    """Write, or compare with --check."""
    if "--check" in sys.argv[1:]:
        if TARGET.read_text(encoding="utf-8") != text():
            sys.stderr.write(f"{TARGET} is not up to date: run {Path(__file__).name}\n")
            return 1
        return 0
    TARGET.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
