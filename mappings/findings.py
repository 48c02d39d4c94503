"""Lines and derivations that the Findings domains share: not done, units, decoded tests, standard results.

Source: SDTMIG 3.4 section 4.5.1.
"""

from __future__ import annotations

from typing import Any

from trialbridge.mappings.kit import Context, Derived, Resource, Row, Spelling
from trialbridge.mappings.names import ABSENT_CODES, coding
from trialbridge.sdtm import terminology

_NOT_PERFORMED = coding(ABSENT_CODES, "not-performed", "Not Performed")


def _not_done(element: Any, _ctx: Context) -> str | None:
    codings = element.get("coding") or () if isinstance(element, dict) else ()
    return "NOT DONE" if any(one.get("code") == "not-performed" for one in codings) else None


NOT_DONE = Spelling(
    "NOT DONE as the reason why data are absent",
    _not_done,
    lambda value, _ctx: {"coding": [_NOT_PERFORMED]} if value == "NOT DONE" else None,
    pairs={"NOT DONE": "not-performed"},
)


def value_or_reason(resource: Resource) -> None:
    """Leave out why data are absent where there is a value (R4 and R5, obs-6): it is carried.

    SDTM may give both: a response NE with the reason for it.
    """
    if resource.get("resourceType") != "Observation":
        return
    for one in (resource, *resource.get("component", ())):
        if "dataAbsentReason" in one and any(key.startswith("value") for key in one):
            del one["dataAbsentReason"]


CANCELLED = Spelling(
    "a cancelled Observation was not done (read only)",
    lambda value, _ctx: "NOT DONE" if value == "cancelled" else None,
    lambda _value, _ctx: None,
)


def decoded(variable: str, code_variable: str, codelist: str) -> Derived:
    """--TEST from --TESTCD by the paired codelists (shared NCI code)."""

    def how(row: Row, _ctx: Context) -> str | None:
        value = row.get(code_variable)
        return terminology.default().decode(codelist, value) if value else None

    return Derived(variable, how, f"decode of {code_variable}", "SDTM CT, paired codelists")


def same_as(variable: str, other: str) -> Derived:
    """A variable that repeats another when nothing else is known."""
    return Derived(variable, lambda row, _ctx: row.get(other), f"as {other}")
