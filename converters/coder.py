"""Coding by the user's licensed dictionaries: levels filled where a record gives a code, and checks of a study's terms.

Records that come in an SDTM package of their own are not filled: what a sponsor left empty stays empty. A code is never
guessed from a text, save that a medicine whose name is a drug's name in WHODrug gets that drug's preferred name.
Source: SDTMIG 3.4 sections 6.1.2 (CM), 6.2.1 (AE), 4.3.6 (dictionary coding).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.mappings.names import MEDDRA, MEDDRA_THO
from trialbridge.sdtm.dictionaries import LOINC, MedDRA, WHODrug

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialbridge.mappings.kit import Resource, Row
    from trialbridge.sdtm.dictionaries import Dictionary
    from trialbridge.sdtm.table import Study

CODED = frozenset({"AE", "MH", "CE"})
MEDICINES = frozenset({"CM", "EX", "EC"})


class Coder:
    """Fills what the dictionaries know. Their names are kept, for a run has to say what it used."""

    def __init__(self, dictionaries: Iterable[Dictionary]) -> None:
        self.dictionaries = tuple(dictionaries)
        self.names = tuple(one.name for one in self.dictionaries)

    def fill(self, domain: str, row: Row, resource: Resource) -> str | None:
        """Fill a record in place; the name of the dictionary that filled something."""
        filled = None
        for one in self.dictionaries:
            found: Row = {}
            if isinstance(one, MedDRA) and domain in CODED:
                found = meddra_levels(one, domain, _codes(resource))
            elif isinstance(one, WHODrug) and domain in MEDICINES:
                found = drug_of(one, domain, row)
            new = {name: value for name, value in found.items() if row.get(name) != value}
            if new:
                row.update(new)
                filled = one.name
        return filled


def _codes(resource: Resource) -> list[str]:
    """The MedDRA codes of what a resource is about, in order."""
    about = resource.get("event") or resource.get("code")
    codings = (about.get("coding") or ()) if isinstance(about, dict) else ()
    ours = [one for one in codings if isinstance(one, dict) and one.get("system") in {MEDDRA, MEDDRA_THO}]
    return [str(one["code"]) for one in ours if one.get("code")]


def meddra_levels(dictionary: MedDRA, domain: str, codes: Iterable[str]) -> Row:
    """All levels of the first code that is an LLT or a PT: which of the two a code is, only the dictionary knows."""
    for code in codes:
        lowest = dictionary.lowest.get(code)
        term = dictionary.terms.get(code) or (dictionary.terms.get(lowest[1]) if lowest else None)
        if term is None:
            continue
        row: Row = {}
        if lowest is not None and code != term.code:
            row |= {f"{domain}LLT": lowest[0], f"{domain}LLTCD": float(code)}
        levels = (
            ("DECOD", term.name, "PTCD", term.code),
            ("HLT", term.hlt_name, "HLTCD", term.hlt),
            ("HLGT", term.hlgt_name, "HLGTCD", term.hlgt),
            ("SOC", term.soc_name, "SOCCD", term.soc),
            ("BODSYS", term.soc_name, "BDSYCD", term.soc),
        )
        for name, text, number, of in levels:
            row |= {f"{domain}{name}": text, f"{domain}{number}": float(of)}
        return row
    return {}


def drug_of(dictionary: WHODrug, domain: str, row: Row) -> Row:
    """--DECOD of a medicine that is called as a drug is; its class where the drug has one ATC code alone."""
    record = dictionary.drugs.get(str(row.get(f"{domain}TRT") or "").strip().upper())
    preferred = dictionary.preferred.get(record) if record else None
    if record is None or preferred is None or row.get(f"{domain}DECOD"):
        return {}
    found: Row = {f"{domain}DECOD": preferred}
    codes = dictionary.atc.get(record, [])
    if len(codes) == 1 and domain == "CM":
        found["CMCLASCD"] = codes[0]
        if codes[0] in dictionary.texts:
            found["CMCLAS"] = dictionary.texts[codes[0]]
    return found


def coded_note(name: str, domain: str, resource: Resource) -> Finding:
    """That a record was coded by a dictionary."""
    where = Where(dataset=domain, resource=f"{resource.get('resourceType')}/{resource.get('id')}")
    return Finding("TB-CODED", Severity.NOTE, where, f"Dictionary levels were filled from {name}.")


# --- checks -----------------------------------------------------------------------------------------------------------


def check(study: Study, dictionaries: Iterable[Dictionary]) -> Iterator[Finding]:
    """Terms and codes of a study that its dictionaries do not have, or have otherwise."""
    for one in dictionaries:
        for table in study:
            domain = table.name[:2]
            for number, row in enumerate(table.rows(), start=1):
                where = {"dataset": table.name, "row": number, "subject": row.get("USUBJID")}
                if isinstance(one, MedDRA) and domain in CODED:
                    yield from _check_meddra(one, domain, row, where)
                elif isinstance(one, WHODrug) and domain in MEDICINES:
                    yield from _check_drug(one, domain, row, where)
                elif isinstance(one, LOINC) and row.get(f"{domain}LOINC"):
                    yield from _check_loinc(one, domain, row, where)


def _found(where: dict[str, Any], variable: str, message: str, fix: str) -> Finding:
    return Finding("TB-DICTIONARY", Severity.WARNING, Where(variable=variable, **where), message, fix)


def _check_meddra(one: MedDRA, domain: str, row: Row, where: dict[str, Any]) -> Iterator[Finding]:
    code, decoded = row.get(f"{domain}PTCD"), row.get(f"{domain}DECOD")
    if code is not None:
        term = one.terms.get(_digits(code))
        if term is None:
            yield _found(where, f"{domain}PTCD", f"{_digits(code)} is no preferred term of {one.name}.", "code it anew")
        elif decoded and decoded.upper() != term.name.upper():
            message = f"{_digits(code)} is another preferred term in {one.name}."
            yield _found(where, f"{domain}DECOD", message, "make term and code agree")
    lowest = row.get(f"{domain}LLTCD")
    if lowest is not None:
        known = one.lowest.get(_digits(lowest))
        if known is None:
            message = f"{_digits(lowest)} is no lowest level term of {one.name}."
            yield _found(where, f"{domain}LLTCD", message, "code it anew")
        elif not known[2]:
            message = f"{_digits(lowest)} is not current in {one.name}."
            yield _found(where, f"{domain}LLTCD", message, "choose a current term")
        elif code is not None and known[1] != _digits(code):
            message = f"{_digits(lowest)} belongs to another preferred term in {one.name}."
            yield _found(where, f"{domain}PTCD", message, "make the levels agree")


def _check_drug(one: WHODrug, domain: str, row: Row, where: dict[str, Any]) -> Iterator[Finding]:
    decoded = row.get(f"{domain}DECOD")
    if decoded and decoded.upper() not in one.drugs:
        yield _found(where, f"{domain}DECOD", f"It is no drug of {one.name}.", "code it anew")
    code = row.get(f"{domain}CLASCD")
    if code and code not in one.texts:
        yield _found(where, f"{domain}CLASCD", f"It is no ATC code of {one.name}.", "code it anew")


def _check_loinc(one: LOINC, domain: str, row: Row, where: dict[str, Any]) -> Iterator[Finding]:
    code = row[f"{domain}LOINC"]
    known = one.codes.get(code)
    if known is None:
        yield _found(where, f"{domain}LOINC", f"{code} is not in {one.name}.", "correct the code")
    elif known[1] in {"DEPRECATED", "DISCOURAGED"}:
        yield _found(where, f"{domain}LOINC", f"{code} is {known[1].lower()} in {one.name}.", "choose another code")


def _digits(code: Any) -> str:
    return str(int(code)) if isinstance(code, float) else str(code)
