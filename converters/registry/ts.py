"""TS from a record and the study file, and a record's fields from TS (SDTMIG 3.4, 7.6.1).

A text longer than 200 characters goes on in TSVAL1 and so on, cut between words. A parameter that both give is taken
from the study file, with a finding where they differ; one that FDA expects and neither gives is a finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.mappings.registry_countries import alpha3
from trialbridge.mappings.registry_ts import CDISC, FDA_EXPECTED, PARAMETERS, REQUIRED_OF_INTERVENTIONAL, TsValue
from trialbridge.mappings.registry_ts_derived import DERIVED, SDTM_MODEL
from trialbridge.registry.content import at, put

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.registry.record import Record
    from trialbridge.sdtm.codelists import Terminology
    from trialbridge.sdtm.table import Table
    from trialbridge.study_file.design import Design

LONGEST = 200


def rows(
    record: Record, design: Design, package: Terminology, version: str, findings: list[Finding]
) -> list[dict[str, Any]]:
    """The rows of TS, ordered by TSPARMCD and TSSEQ."""
    values = of_record(record, findings)
    values["SDTIGVER"], values["SDTMVER"] = [TsValue(version)], [TsValue(SDTM_MODEL[version])]
    for code, given in design.parameters.items():
        said = [
            TsValue(
                one.value or "",
                one.null_flavor or "",
                one.code or _nci(package, code, one.value),
                one.dictionary or (CDISC if not one.code and _nci(package, code, one.value) else ""),
                one.dictionary_version or "",
                one.group or "",
            )
            for one in given
        ]
        registered = values.get(code)
        if registered and [one.value for one in registered] != [one.value for one in said]:
            message = (
                f"{code} is given by the record and by the study file, and they differ; the study file's is written."
            )
            findings.append(_finding("TS-DIFFERS", code, message, "correct one of them", Severity.WARNING))
        values[code] = said
    findings += _missing(values, record)
    return [row for code in sorted(values) for row in _rows(code, values[code], package, findings)]


def of_record(record: Record, findings: list[Finding]) -> dict[str, list[TsValue]]:
    """What the record gives; a value that has no term or no code is said, and kept in the rest alone."""
    found: dict[str, list[TsValue]] = {}
    protocol = record.content.get("protocolSection")
    for one in PARAMETERS:
        value = at(record.content, one.field)
        module = at(record.content, one.field.rpartition(".")[0])
        if value is not None or (one.of_none and module):
            made = one.rows(value)
            if made:
                found[one.code] = made
            elif value not in ("", [], {}):
                message = f"{one.code} has no term for the record's value of {one.field.rpartition('.')[2]}; no row is written."
                findings.append(
                    _finding("TS-NO-TERM", one.code, message, "give the row in the study file", Severity.WARNING)
                )
    for name in dict.fromkeys(one.country for one in record.locations if one.country and not alpha3(one.country)):
        message = f"{name!r} is no country of ISO 3166-1 as known here; it is not in FCNTRY."
        findings.append(_finding("COUNTRY-UNKNOWN", "FCNTRY", message, "correct the record", Severity.WARNING))
    for derived in DERIVED:
        made = derived.rows(protocol if isinstance(protocol, dict) else {})
        if made:
            found.setdefault(derived.code, []).extend(made)
    return found


def _rows(code: str, values: list[TsValue], package: Terminology, findings: list[Finding]) -> list[dict[str, Any]]:
    name = package.decode("TSPARMCD", code)
    if name is None:
        message = f"{code} is no trial summary parameter of {package.package}."
        findings.append(_finding("TS-UNKNOWN", code, message, "correct it in the study file", Severity.ERROR))
        return []
    version = package.package.removeprefix("sdtmct-")
    made = []
    for number, one in enumerate(values, 1):
        pieces = split(one.value)
        row: dict[str, Any] = {"TSSEQ": float(number), "TSGRPID": one.group, "TSPARMCD": code, "TSPARM": name}
        row |= {"TSVAL" + (str(part) if part else ""): piece for part, piece in enumerate(pieces)}
        row |= {
            "TSVALNF": one.null_flavor,
            "TSVALCD": one.code,
            "TSVCDREF": one.reference,
            "TSVCDVER": one.version or (version if one.reference == CDISC else ""),
        }
        made.append({variable: value or None for variable, value in row.items()})
    return made


CODELISTS = {
    **dict.fromkeys(
        "ADAPT ADDON DMCIND EXTTIND HLTSUBJI ONGOSIND PDPSTIND PDSTIND PIPIND RDIND RANDOM".split(), "C66742"
    ),
    "TTYPE": "C66739",
    "TINDTP": "C66736",
    "DOSU": "C71620",
    "DOSFRQ": "C71113",
    "ROUTE": "C66729",
}
"""Codelists of parameters that a study file gives, so that their NCI codes need not be written there."""


def _nci(package: Terminology, code: str, value: str | None) -> str:
    codelist = CODELISTS.get(code)
    term = package.codelist(codelist).by_value(value) if codelist and value and codelist in package else None
    return term.code if term else ""


def split(text: str) -> list[str]:
    """A text in pieces of at most 200 characters, cut between words; joined by blanks they are the text again.

    >>> [len(one) for one in split("word " * 60)]
    [199, 99]
    """
    pieces, rest = [], text.strip()
    while len(rest) > LONGEST:
        cut = rest.rfind(" ", 0, LONGEST + 1)
        cut = cut if cut > 0 else LONGEST
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*pieces, rest]


def _missing(values: Mapping[str, list[TsValue]], record: Record) -> list[Finding]:
    expected = [*FDA_EXPECTED, *(REQUIRED_OF_INTERVENTIONAL if record.study_type == "INTERVENTIONAL" else ())]
    return [
        _finding(
            "TS-MISSING",
            code,
            f"{code} is expected in TS and neither the record nor the study file gives it; no row is written.",
            f"give it in design.parameters of the study file, with null_flavor where it does not apply: {code}: {{null_flavor: NA}}",
            Severity.WARNING,
        )
        for code in dict.fromkeys(expected)
        if code not in values
    ]


def _finding(name: str, code: str, message: str, fix: str, severity: Severity) -> Finding:
    return Finding(f"TB-REG-{name}", severity, Where(dataset="TS", variable=code), message, fix)


def _given(table: Table) -> dict[str, list[TsValue]]:
    """The values of TS by parameter, texts put together from TSVAL and its further pieces."""
    found: dict[str, list[TsValue]] = {}
    pieces = [name for name in table.frame.columns if name.startswith("TSVAL") and name[5:].isdigit()]
    for row in table.rows():
        parts = [row.get("TSVAL"), *(row.get(name) for name in sorted(pieces, key=lambda name: int(name[5:])))]
        value = " ".join(part for part in parts if part)
        one = TsValue(value, row.get("TSVALNF") or "", row.get("TSVALCD") or "", row.get("TSVCDREF") or "")
        if row.get("TSPARMCD"):
            found.setdefault(row["TSPARMCD"], []).append(one)
    return found


def read(table: Table, protocol: dict[str, Any]) -> None:
    """Put what TS says into a protocol section; null flavours say nothing there."""
    found = _given(table)
    for parameter in PARAMETERS:
        said = parameter.value(found[parameter.code]) if parameter.value and parameter.code in found else None
        if said is not None:
            put(protocol, parameter.field.removeprefix("protocolSection."), said)
    for derived in DERIVED:
        if derived.back and derived.code in found:
            derived.back(found[derived.code], protocol)


OWN = frozenset({"SDTIGVER", "SDTMVER"})
"""Parameters that are of the tables, not of the trial."""


def unsaid(table: Table, record: Record) -> list[Finding]:
    """A warning for each parameter of TS with rows that the record, written as TS again, does not give."""
    again = of_record(record, [])
    found = []
    for code, given in _given(table).items():
        said = {(one.value, one.null_flavor) for one in again.get(code, ())}
        lost = sum((one.value, one.null_flavor) not in said for one in given)
        if lost and code not in OWN:
            message = f"{lost} rows of {code} are not in the record: it has no place for them, or says otherwise."
            found.append(_finding("LOST", code, message, "keep the tables beside the record", Severity.WARNING))
    return found
