"""When an expected variable may rightly be empty, by what the record itself says.

Expected variables may be null (SDTMIG 3.4 section 4.1.5); these are the cases in which asking for a value makes no
sense. Anything not named here is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.mappings.spellings import plain_decimal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialbridge.mappings.kit import Row

_ONGOING = frozenset({"NOT RECOVERED/NOT RESOLVED", "RECOVERING/RESOLVING"})
_NEVER_TREATED = frozenset({"SCREEN FAILURE", "NOT ASSIGNED", "ASSIGNED, NOT TREATED"})


def _has_reason(row: Row) -> bool:
    """An arm is null where ARMNRS says why (DM assumptions)."""
    return row.get("ARMNRS") is not None


def _not_treated(row: Row) -> bool:
    return row.get("ARMNRS") in _NEVER_TREATED


def _of_sum(row: Row) -> bool:
    """A sum of diameters is of no single lesion and no single method (TR assumptions)."""
    return str(row.get("TRTESTCD") or "").startswith("SUM")


def _unplanned(row: Row) -> bool:
    """SVPRESP and SVOCCUR are of planned visits (SV assumptions)."""
    return row.get("SVUPDES") is not None


def _always(_row: Row) -> bool:
    return True


_BY_NAME: Mapping[tuple[str, str], Callable[[Row], bool]] = {
    ("DM", "DTHDTC"): lambda row: row.get("DTHFL") != "Y",
    ("DM", "DTHFL"): lambda row: row.get("DTHDTC") is None,
    **{("DM", name): _has_reason for name in ("ARMCD", "ARM", "ACTARMCD", "ACTARM")},
    ("DM", "ARMNRS"): _always,  # only where an arm is null, and then the arm is asked for
    ("DM", "ACTARMUD"): lambda row: row.get("ARMNRS") != "UNPLANNED TREATMENT",
    **{("DM", name): _not_treated for name in ("RFSTDTC", "RFENDTC", "RFXSTDTC", "RFXENDTC")},
    # an event that goes on has no end (section 4.4.7)
    ("AE", "AEENDTC"): lambda row: bool(row.get("AEENRF") or row.get("AEENRTPT") or row.get("AEOUT") in _ONGOING),
    ("TR", "TRLNKID"): _of_sum,
    ("TR", "TRMETHOD"): _of_sum,
    ("SV", "SVPRESP"): _unplanned,
    ("SV", "SVOCCUR"): _unplanned,
    ("TA", "TABRANCH"): _always,  # only at the end of an epoch with a branch, as TATRANS (TA assumptions)
    ("TA", "TATRANS"): _always,
}


def _not_done(row: Row, domain: str) -> bool:
    """Nothing was found or collected (SDTMIG 3.4 section 4.5.1.2)."""
    return row.get(f"{domain}STAT") == "NOT DONE"


def _not_number(row: Row, domain: str) -> bool:
    """Units, numbers and ranges are of numeric results (SDTMIG 3.4 section 4.5.1.1)."""
    return _not_done(row, domain) or plain_decimal(row.get(f"{domain}ORRES")) is None


def _partial(date: str) -> Callable[[Row, str], bool]:
    """A partial date has no study day (SDTMIG 3.4 section 4.4.4)."""
    return lambda row, domain: 0 < len(row.get(f"{domain}{date}") or "") < 10


_BY_SUFFIX: Mapping[str, Callable[[Row, str], bool]] = {
    **dict.fromkeys(("ORRES", "STRESC", "DTC", "METHOD"), _not_done),
    **dict.fromkeys("ORRESU STRESN STRESU ORNRLO ORNRHI STNRLO STNRHI NRIND".split(), _not_number),
    "LOBXFL": lambda _row, _domain: True,  # Y or null: an empty flag says that it is another record (section 4.5.9)
    **{f"{part}DY": _partial(f"{part}DTC") for part in ("", "ST", "EN")},
}


def applies(dataset: str, variable: str, row: Row) -> bool:
    """Whether an empty variable of a record should have had a value."""
    domain = dataset[:2]
    by_name = _BY_NAME.get((domain, variable))
    if by_name is not None:
        return not by_name(row)
    by_suffix = _BY_SUFFIX.get(variable.removeprefix(domain)) if variable.startswith(domain) else None
    return by_suffix is None or not by_suffix(row, domain)
