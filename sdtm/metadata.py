"""What the SDTM Implementation Guide says of datasets and variables: names, labels, types, core, role and order.

Facts of SDTMIG 3.3 and 3.4 for 24 datasets, from `data/sdtmig-*.tsv` (origin: docs/data-origin.md), read on first use.

>>> domain("DM").label
'Demographics'
>>> domain("SUPPAE").label
'Supplemental Qualifiers for AE'
>>> variable("TRSTRESN", domain="TR").type
'Num'
>>> domain("ZZ")
Traceback (most recent call last):
...
trialbridge.base.errors.UnknownNameError: ZZ: SDTMIG 3.4 as bundled has no dataset ZZ. Fix: use one of AE, AG, ...
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, cast

import polars as pl

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialbridge.sdtm.table import Table, Variable, VariableType

VERSIONS = ("3.3", "3.4")
LATEST = "3.4"

# Datasets whose records are not told apart by USUBJID and --SEQ: the structure column of SDTMIG 3.4 and its
# identifier variables. TD, TM, OI, RELSPEC and RELSUB are not bundled; their keys are, for comparing foreign studies.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "DM": ("USUBJID",),
    "SV": ("USUBJID", "VISITNUM"),
    "TA": ("ARMCD", "TAETORD"),
    "TE": ("ETCD",),
    "TV": ("ARMCD", "VISITNUM"),
    "TI": ("IETESTCD", "TIVERS"),
    "TS": ("TSPARMCD", "TSSEQ"),
    "TD": ("TDORDER",),
    "TM": ("MIDSTYPE",),
    "OI": ("NHOID", "OISEQ"),
    "RELREC": (
        "STUDYID",
        "USUBJID",
        "RELID",
        "RDOMAIN",
        "IDVAR",
        "IDVARVAL",
        "RELTYPE",
    ),  # the records of a relation together
    "RELSPEC": ("USUBJID", "REFID"),
    "RELSUB": ("USUBJID", "POOLID", "RSUBJID"),
    "SUPPQUAL": ("RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "QNAM"),
}
_SUPP_KEYS = ("USUBJID", "IDVAR", "IDVARVAL", "QNAM")


@dataclass(frozen=True, slots=True)
class VariableMetadata:
    """One variable as the guide has it.

    `core` is Req, Exp or Perm; `order` counts from 1 within the dataset; `codelists` are NCI codes (`C66731`) and
    `codelist_names` their submission values (`SEX`), in the same order; `described_value_domain` names a format or
    dictionary (`ISO 8601`, `MedDRA`); `value_list` holds the only values allowed; `model_variable` is the name in
    the SDTM model (`--TERM`).
    """

    name: str
    label: str
    type: VariableType
    core: str
    role: str
    order: int
    codelists: tuple[str, ...] = ()
    codelist_names: tuple[str, ...] = ()
    described_value_domain: str = ""
    value_list: tuple[str, ...] = ()
    model_variable: str = ""


@dataclass(frozen=True)  # not slotted: the index by name is kept in the instance
class DomainMetadata:
    """One dataset as the guide has it; `cls` is its class (`Findings`), `structure` says what one record is."""

    name: str
    label: str
    cls: str
    structure: str
    variables: tuple[VariableMetadata, ...]

    @cached_property
    def by_name(self) -> Mapping[str, VariableMetadata]:
        """The variables by their names, in the standard order."""
        return {variable.name: variable for variable in self.variables}

    def variable(self, name: str) -> VariableMetadata:
        """One variable of this dataset. Raises UnknownNameError."""
        try:
            return self.by_name[name]
        except KeyError:
            where = Where(dataset=self.name, variable=name)
            raise UnknownNameError(f"The guide's {self.name} has no variable {name}.", where) from None

    def __contains__(self, name: object) -> bool:
        """Whether the guide lists a variable of that name here."""
        return name in self.by_name


def domains(version: str = LATEST) -> tuple[DomainMetadata, ...]:
    """All bundled datasets of a version, SUPPQUAL and RELREC among them. Raises UnknownNameError."""
    return tuple(_datasets(version).values())


@lru_cache(maxsize=1024)
def domain(name: str, version: str = LATEST) -> DomainMetadata:
    """The dataset of that name: a domain, SUPP--, RELREC, or a split dataset such as QSCS (SDTMIG 3.4, 4.1.7).

    A SUPP-- dataset is the guide's SUPPQUAL under its own name and label. Raises UnknownNameError.
    """
    known = _datasets(version)
    name = name.upper()
    if name in known:
        return known[name]
    if name.startswith("SUPP") and len(name) > len("SUPP"):
        return replace(known["SUPPQUAL"], name=name, label=f"Supplemental Qualifiers for {name[4:]}")
    if len(name) in (3, 4) and name[:2] in known and not name.startswith("SUPP"):
        return replace(known[name[:2]], name=name)
    raise UnknownNameError(
        f"SDTMIG {version} as bundled has no dataset {name}.",
        Where(dataset=name),
        f"use one of {', '.join(sorted(known))}, or SUPP--",
    )


def variable(name: str, version: str = LATEST, domain: str | None = None) -> VariableMetadata:
    """A variable's metadata, in `domain` or wherever it occurs.

    Without a domain only those facts are given on which all datasets that have it agree; the others are empty, the
    order 0. Raises UnknownNameError when no dataset has it, or they differ in its label or type.
    """
    if domain is not None:
        return _domain(domain, version).variable(name)
    try:
        return _shared(version)[name]
    except KeyError:
        where = Where(variable=name)
        message = f"SDTMIG {version} as bundled has no variable {name} of one meaning."
        raise UnknownNameError(message, where, "check the name, or say which domain it is of") from None


def ordered(domain: str, names: Iterable[str], version: str = LATEST) -> list[str]:
    """The names in the guide's order; those it does not list come last, in the order given.

    >>> ordered("DM", ["MYVAR", "SEX", "USUBJID", "STUDYID"])
    ['STUDYID', 'USUBJID', 'SEX', 'MYVAR']
    """
    given = list(names)
    try:
        known = _domain(domain, version).by_name
    except UnknownNameError:
        _datasets(version)  # an unknown version stays an error; an unknown dataset has no order
        return given
    last = len(known) + 1
    return sorted(given, key=lambda name: known[name].order if name in known else last)


def keys(domain: str, version: str = LATEST) -> tuple[str, ...]:
    """The variables that tell a dataset's records apart: natural identifiers, within one study.

    Datasets of the observation classes have USUBJID and --SEQ (SDTMIG 3.4, 4.1.8); the others as their structure says.
    Raises UnknownNameError for a dataset of which this is not known (AP--, POOLDEF).

    >>> keys("AE"), keys("SUPPAE")
    (('USUBJID', 'AESEQ'), ('USUBJID', 'IDVAR', 'IDVARVAL', 'QNAM'))
    """
    name = domain.upper()
    if name in _KEYS:
        return _KEYS[name]
    if name.startswith("SUPP"):
        return _SUPP_KEYS
    # Two letters not bundled (EG, MB) are of an observation class too: SE, CO and the sponsor's own have --SEQ as well.
    prefix = name if len(name) == 2 else _domain(name, version).name[:2]
    return ("USUBJID", f"{prefix}SEQ")


def describe(table: Table, version: str = LATEST) -> Table:
    """The table with its empty labels filled from the guide, and its wholly empty columns given the guide's type.

    A label or value that is there is never changed; a Char column where the guide has Num stays as it is.
    In a dataset that is not bundled the variables common to all (STUDYID, USUBJID, VISITNUM) are still filled.
    """
    shared = _shared(version)
    try:
        standard = domain(table.name, version)
    except UnknownNameError:
        known, label = shared, table.label
    else:
        known, label = {**shared, **standard.by_name}, table.label or standard.label
    described = tuple(_described(one, known.get(one.name), table.frame) for one in table.variables)
    retyped = [
        pl.col(new.name).cast(pl.Float64 if new.type == "Num" else pl.String)
        for old, new in zip(table.variables, described, strict=True)
        if old.type != new.type
    ]
    return replace(table, frame=table.frame.with_columns(retyped), variables=described, label=label)


def _described(given: Variable, standard: VariableMetadata | None, frame: pl.DataFrame) -> Variable:
    if standard is None:
        return given
    empty = frame[given.name].null_count() == frame.height
    return replace(given, label=given.label or standard.label, type=standard.type if empty else given.type)


_domain = domain  # for the functions whose parameter is called domain


@cache
def _datasets(version: str) -> Mapping[str, DomainMetadata]:
    """The file of one version. Raises UnknownNameError."""
    if version not in VERSIONS:
        raise UnknownNameError(
            f"SDTMIG {version} is not bundled.", Where(), f"use one of the versions {', '.join(VERSIONS)}"
        )
    text = files("trialbridge.sdtm").joinpath("data", f"sdtmig-{version}.tsv").read_text(encoding="utf-8")
    heads: list[list[str]] = []
    variables: list[list[VariableMetadata]] = []
    for line in text.splitlines():
        kind, *cells = line.split("\t")
        if kind == "D":
            heads.append(cells)
            variables.append([])
        elif kind == "V":
            variables[-1].append(_variable(cells, order=len(variables[-1]) + 1))
    return {
        name: DomainMetadata(name, label, cls, structure, tuple(its))
        for (name, label, cls, structure), its in zip(heads, variables, strict=True)
    }


def _variable(cells: list[str], order: int) -> VariableMetadata:
    name, label, kind, core, role, codelists, described, values, model = cells
    pairs = [pair.split("=") for pair in codelists.split()]
    return VariableMetadata(
        name=name,
        label=label,
        type=cast("VariableType", kind),
        core=core,
        role=role,
        order=order,
        codelists=tuple(code for code, _ in pairs),
        codelist_names=tuple(codelist for _, codelist in pairs),
        described_value_domain=described,
        value_list=tuple(values.split()),
        model_variable=model,
    )


@cache
def _shared(version: str) -> Mapping[str, VariableMetadata]:
    """Each variable with the facts on which its datasets agree; without those that differ in label or type."""
    shared: dict[str, VariableMetadata | None] = {}
    for dataset in _datasets(version).values():
        for one in dataset.variables:
            shared[one.name] = _agreed(shared.get(one.name, one), one)
    return {name: one for name, one in shared.items() if one is not None}


def _agreed(one: VariableMetadata | None, other: VariableMetadata) -> VariableMetadata | None:
    if one is None or (one.label, one.type) != (other.label, other.type):
        return None
    same_codelists = one.codelists == other.codelists
    return VariableMetadata(
        name=one.name,
        label=one.label,
        type=one.type,
        core=one.core if one.core == other.core else "",
        role=one.role if one.role == other.role else "",
        order=one.order if one.order == other.order else 0,
        codelists=one.codelists if same_codelists else (),
        codelist_names=one.codelist_names if same_codelists else (),
        described_value_domain=one.described_value_domain
        if one.described_value_domain == other.described_value_domain
        else "",
        value_list=one.value_list if one.value_list == other.value_list else (),
        model_variable=one.model_variable if one.model_variable == other.model_variable else "",
    )
