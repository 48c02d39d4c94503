"""The codelists of a define: what the data use of each CDISC codelist, with NCI codes, decodes and the sponsor's terms.

A codelist stands once for all variables that use it, except test codes and pairs of the study's own (ARMCD and ARM),
which are a domain's. Terms that are not in the package are marked `def:ExtendedValue`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnknownNameError
from trialbridge.sdtm.define.model import NCI_CODE, Alias, CodeList, External, Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialbridge.sdtm.codelists import Codelist, Terminology
    from trialbridge.sdtm.metadata import VariableMetadata
    from trialbridge.sdtm.table import Study, Table

DECODED = frozenset({"NY", "SEX", "ONCRSR", "NRIND", "NORMABNM", "LAT"})
"""Codelists whose values are abbreviations: their NCI preferred term is given as decode."""
PAIRS = {
    "ARMCD": "ARM",
    "ACTARMCD": "ACTARM",
    "ETCD": "ELEMENT",
    "IETESTCD": "IETEST",
    "QNAM": "QLABEL",
    "TSPARMCD": "TSPARM",
    "VISITNUM": "VISIT",
}
"""A code and the variable beside it that says it in words; all --TESTCD have --TEST as well."""
MEDDRA = ("LLT", "LLTCD", "DECOD", "PTCD", "HLT", "HLTCD", "HLGT", "HLGTCD", "BODSYS", "BDSYCD", "SOC", "SOCCD")
TS_CODELISTS = {
    "TPHASE": "TPHASE",
    "TBLIND": "TBLIND",
    "TTYPE": "TTYPE",
    "TINDTP": "TINDTP",
    "TCNTRL": "TCNTRL",
    "STYPE": "STYPE",
    "INTMODEL": "INTMODEL",
    "INTTYPE": "INTTYPE",
    "SEXPOP": "SEXPOP",
    **dict.fromkeys("ADDON ADAPT EXTTIND HLTSUBJI PDPSTIND PDSTIND PIPIND RANDOM RDIND".split(), "NY"),
}
"""TSPARMCD -> the codelist of its TSVAL (SDTM terminology, column of the trial summary codelists)."""


_INTEGER, _NUMBER = re.compile(r"-?\d+"), re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


@dataclass
class Codelists:
    """The codelists as they are found, by OID; `missing` are CDISC codelists that the package in use lacks."""

    terminology: Terminology
    dictionaries: Mapping[str, str]
    standard: str
    missing: dict[str, str] = field(default_factory=dict)
    _values: dict[str, dict[str, str | None]] = field(default_factory=dict)
    _known: dict[str, Codelist | None] = field(default_factory=dict)
    _names: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    _external: dict[str, CodeList] = field(default_factory=dict)

    def of_variable(self, table: Table, name: str, standard: VariableMetadata | None) -> str:
        """The OID of a variable's codelist, empty where it has none; its values are entered."""
        texts = _texts(table, name)
        if dictionary := dictionary_of(table, name, standard):
            return self._dictionary(dictionary)
        names = PAIRS.get(name) or (f"{table.domain}TEST" if name == f"{table.domain}TESTCD" else "")
        decodes = _pairs(table, name, names) if names else {}
        codes = [one for one in (standard.codelists if standard is not None else ()) if one]
        if codes and texts:
            chosen = self._best(codes, texts)
            own = f".{table.domain}" if decodes and standard is not None and chosen not in self.terminology else ""
            named = standard.codelist_names[codes.index(chosen)] if standard is not None else chosen
            return self._enter(chosen, named, texts, decodes, own)
        if decodes:
            return self._sponsor(table, name, {one: decodes.get(one, "") for one in texts})
        return ""

    def of_values(self, code: str, texts: Iterable[str]) -> str:
        """The OID of a CDISC codelist for value-level items, if all the values are its terms; else empty."""
        values = list(texts)
        if not values or code not in self.terminology:
            return ""
        known = self.terminology.codelist(code)
        if not all(one in known for one in values):
            return ""
        return self._enter(known.code, known.submission_value, values, {}, "")

    def _best(self, codes: list[str], texts: list[str]) -> str:
        """Of several codelists that a variable may take its values from, the one that knows most of them."""
        known = [one for one in codes if one in self.terminology]
        if not known:
            return codes[0]
        return max(known, key=lambda one: sum(text in self.terminology.codelist(one) for text in texts))

    def _enter(self, code: str, named: str, texts: Iterable[str], decodes: Mapping[str, str], own: str) -> str:
        known = self.terminology.codelist(code) if code in self.terminology else None
        name = known.submission_value if known is not None else named
        oid = f"CL.{name}{own}"
        self._known[oid] = known
        self._names[oid] = (known.name if known is not None else name, code, "text")
        if known is None:
            self.missing[oid] = code
        values = self._values.setdefault(oid, {})
        for text in texts:
            values[text] = values.get(text) or decodes.get(text) or self._decode(known, text)
        return oid

    def _decode(self, known: Codelist | None, text: str) -> str | None:
        term = known.by_value(text) if known is not None else None
        if known is None or term is None:
            return None
        if known.submission_value in DECODED:
            return term.preferred_term or None
        try:
            return self.terminology.decode(known.submission_value, text)
        except UnknownNameError:
            return None

    def _sponsor(self, table: Table, name: str, decodes: Mapping[str, str]) -> str:
        """A codelist of the study's own; a value without words beside it is its own decode."""
        oid = f"CL.{name}" if name in ("ARMCD", "ACTARMCD", "ETCD", "VISITNUM") else f"CL.{table.name}.{name}"
        label = table.variable(name).label or name
        self._names.setdefault(oid, (label, "", "number" if name == "VISITNUM" else "text"))
        self._known[oid] = None
        known = self._values.setdefault(oid, {})
        for value, decode in decodes.items():
            known[value] = known.get(value) or decode or None
        return oid

    def _dictionary(self, name: str) -> str:
        oid = f"CL.{name.replace(' ', '')}"
        self._external[oid] = CodeList(
            oid=oid,
            name=f"{name} dictionary",
            external=External(dictionary=name, version=self.dictionaries.get(name, "")),
        )
        return oid

    def made(self) -> list[CodeList]:
        """All of them, by OID."""
        found = {oid: self._made(oid) for oid in self._values} | self._external
        return [found[oid] for oid in sorted(found)]

    def _made(self, oid: str) -> CodeList:
        name, code, kind = self._names[oid]
        known, values = self._known[oid], self._values[oid]
        kind = _number_type(values) if kind == "number" else kind
        decoded = any(values.values())
        ordered = sorted(values, key=float) if kind != "text" else sorted(values)
        terms = tuple(
            Term(
                value=value,
                decode=(values[value] or value) if decoded else None,
                order=number,
                extended=known is not None and value not in known,
                aliases=_alias(known, value),
            )
            for number, value in enumerate(ordered, start=1)
        )
        return CodeList(
            oid=oid,
            name=name,
            type=kind,
            standard=self.standard if code else "",
            nonstandard=not code,
            terms=terms,
            aliases=(Alias(context=NCI_CODE, name=code),) if code else (),
        )


def _number_type(values: Iterable[str]) -> str:
    """The type of a codelist of numbers, once all datasets have entered theirs; text where one is no number."""
    if not all(_NUMBER.fullmatch(one) for one in values):
        return "text"
    return "integer" if all(_INTEGER.fullmatch(one) for one in values) else "float"


def _alias(known: Codelist | None, value: str) -> tuple[Alias, ...]:
    term = known.by_value(value) if known is not None else None
    return (Alias(context=NCI_CODE, name=term.code),) if term is not None and term.code else ()


def dictionary_of(table: Table, name: str, standard: VariableMetadata | None) -> str:
    """The external dictionary a variable is coded in; empty where it is none (or nothing is coded)."""
    if table.frame[name].null_count() == table.frame.height:
        return ""
    described = standard.described_value_domain if standard is not None else ""
    if described in ("MedDRA", "LOINC"):
        return described
    if name[2:] in MEDDRA and table.domain in ("AE", "MH") and not (standard and standard.codelists):
        return "MedDRA"
    if name == "CMDECOD" or name in ("CMCLAS", "CMCLASCD"):
        return "WHODrug"
    if name == "COUNTRY":
        return "ISO 3166"
    return "ISO 21090" if "21090" in described else ""


def _texts(table: Table, name: str) -> list[str]:
    column = table.frame[name].drop_nulls()
    return list(dict.fromkeys(value_text(one) for one in column.unique().sort().to_list()))


def value_text(value: str | float) -> str:
    """A value as a codelist has it: numbers with 12 digits, so that 1.1 + 0.1 is 1.2.

    >>> value_text(1.2000000000000002), value_text(3.0), value_text("3.0")
    ('1.2', '3', '3.0')
    """
    return f"{value:.12g}" if isinstance(value, float) else value


def _pairs(table: Table, code: str, name: str) -> dict[str, str]:
    """Code -> name, where every code has one name; else nothing."""
    if name not in table.frame.columns:
        return {}
    rows = table.frame.select(code, name).drop_nulls().unique(maintain_order=True).rows()
    found: dict[str, str] = {}
    for value, text in rows:
        if found.setdefault(value_text(value), text) != text:
            return {}
    return found


def package_date(study: Study, terminology: Terminology) -> str:
    """The date of the terminology package a study names, else of the one in use."""
    return (study.ct or terminology.package).partition("ct-")[2]
