"""The terms of CTCAE 4.0, 4.03 and 5.0: system organ class, and which grades a term has.

Source: National Cancer Institute, Common Terminology Criteria for Adverse Events, v4.03 (14 June 2010: 790 terms) and
v5.0 (27 November 2017: 837 terms), 26 system organ classes each; see docs/ctcae.md. 4.0 and 4.03 have the same terms
and grades here: the errata between them that are known changed wording only.

    >>> from trialbridge.oncology.ctcae_terms import find
    >>> find("fatigue", "5.0").grades
    (1, 2, 3)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSIONS: Mapping[str, str] = MappingProxyType({"4.0": "4.03", "4.03": "4.03", "5.0": "5.0"})
"""Version -> the list that holds its terms."""
_OTHER = re.compile(r"(?P<soc>.+?)\s*-\s*other,\s*\S.*")


@dataclass(frozen=True, slots=True)
class Term:
    """One term: as CTCAE writes it, its system organ class, and its grades in order."""

    name: str
    soc: str
    grades: tuple[int, ...]


@cache
def terms(version: str) -> Mapping[str, Term]:
    """All terms of a version, by their folded name. Raises UnknownNameError for another version."""
    if version not in VERSIONS:
        raise UnknownNameError(
            f"There is no CTCAE {version!r} here; there are {', '.join(VERSIONS)}.",
            fix="name the version the protocol uses",
        )
    file = files("trialbridge.oncology").joinpath("data", f"ctcae-{VERSIONS[version]}.tsv")
    found: dict[str, Term] = {}
    soc = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        kind, *rest = line.split("\t")
        if kind == "S":
            soc = rest[0]
        elif kind == "T":
            found[folded(rest[1])] = Term(rest[1], soc, tuple(int(grade) for grade in rest[0]))
    return MappingProxyType(found)


def find(text: str, version: str) -> Term | None:
    """The term a text names, letter case and blanks apart; None when it is no term of the version.

    "… - Other, specify" also stands for what was specified: `Eye disorders - Other, floppy eyelid`.
    """
    known = terms(version)
    key = folded(text)
    if key in known:
        return known[key]
    match = _OTHER.fullmatch(key)
    if match is None:
        return None
    begins = match["soc"]
    # The class may be written short, without what stands in brackets; Musculoskeletal has its own singular form.
    others = (one for name, one in known.items() if name.endswith("- other, specify") and name.startswith(begins))
    return next(others, None)


def folded(text: str) -> str:
    """A term for comparison: lower case, single blanks."""
    return " ".join(text.split()).casefold()
