"""The cases of `tests/cases/<domain>`, language-neutral: rows and resources made by hand, tried in both directions.

A case has `rows` (and `supp`: QNAM to QVAL, QLABEL, QORIG, QEVAL of the first row), which must come home in both
releases, and perhaps `resources`, the exact R4 resources of the rows (ids left out, a reference by its type alone); or
`fhir`, foreign resources of a `release`, and `to_sdtm`, the cells they must give. A test counts which lines of the
dictionary no case covers.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from trialbridge.converters.steps import bind, follow
from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.check import check
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.paths import parse
from trialbridge.mappings import ALL
from trialbridge.mappings.names import constants
from trialbridge.sdtm.table import study, table

CASES = Path(__file__).parent.parent / "cases"
RELEASES = ("R4", "R5")


@cache
def cases():
    """Every case of every domain, with its domain."""
    found = []
    for file in sorted(CASES.glob("??/*.json")):
        content = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
        found += [(content["domain"], case) for case in content["cases"]]
    return found


def with_key(key):
    """The cases that have a key, as parameters."""
    return [
        pytest.param(domain, case, id=f"{domain}: {case['description']}") for domain, case in cases() if key in case
    ]


def as_study(case):
    """The study of a case's rows."""
    by_domain = {}
    for row in case["rows"]:
        plain = {key: float(value) if isinstance(value, int | Decimal) else value for key, value in row.items()}
        by_domain.setdefault(row["DOMAIN"], []).append(plain)
    tables = [table(name, pl.DataFrame(rows, infer_schema_length=None)) for name, rows in by_domain.items()]
    first = case["rows"][0]
    supp = [
        {
            "STUDYID": first["STUDYID"],
            "RDOMAIN": first["DOMAIN"],
            "USUBJID": first["USUBJID"],
            "IDVAR": f"{first['DOMAIN']}SEQ",
            "IDVARVAL": "1",
            "QNAM": name,
            "QLABEL": label,
            "QVAL": value,
            "QORIG": origin,
            "QEVAL": evaluator,
        }
        for name, (value, label, origin, evaluator) in case.get("supp", {}).items()
    ]
    if supp:
        tables.append(table(f"SUPP{first['DOMAIN']}", pl.DataFrame(supp, schema=dict.fromkeys(supp[0], pl.String))))
    return study(tables)


def cells(one):
    """A study as plain rows that compare."""
    return {each.name: sorted(map(repr, (sorted(row.items()) for row in each.rows()))) for each in one}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(("domain", "case"), with_key("rows"))
def test_rows_come_home(domain, case, release):
    """A row written out by hand would lose a cell."""
    given = as_study(case)
    resources = to_fhir(given, release=release).resources
    assert [finding for one in resources for finding in check(one, release)] == []
    assert cells(to_sdtm(resources, release=release, residue=False).study) == cells(given)


def bare(value):
    """A resource without ids, references by their type alone, as the cases have them."""
    if isinstance(value, dict):
        made = {key: bare(one) for key, one in value.items() if not (key == "id" and "resourceType" in value)}
        if isinstance(made.get("reference"), str):
            made["reference"] = made["reference"].split("/")[0]
        return made
    return [bare(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("domain", "case"), with_key("resources"))
def test_resources_are_exactly_these(domain, case):
    """An element would be written that the profile does not have there, or be missing."""
    kinds = {one["resourceType"] for one in case["resources"]}
    made = [bare(one) for one in to_fhir(as_study(case)).resources if one["resourceType"] in kinds]
    assert made == case["resources"]


def rows_with_supp(done, domain):
    """Rows of a domain, with SUPP-- under SUPP.<QNAM>, empty cells left out."""
    found = [{key: one for key, one in row.items() if one is not None} for row in done[domain].rows()]
    for row in done[f"SUPP{domain}"].rows() if f"SUPP{domain}" in done else ():
        for home in found:
            if (row["USUBJID"], float(row["IDVARVAL"])) == (home["USUBJID"], home[f"{domain}SEQ"]):
                home[f"SUPP.{row['QNAM']}"] = row["QVAL"]
    return found


@pytest.mark.parametrize(("domain", "case"), with_key("fhir"))
def test_foreign_resources_give_these_cells(domain, case):
    """A dialect in the wild would be read wrongly, or not at all."""
    done = to_sdtm(case["fhir"], release=case["release"]).study
    for name, wanted in case["to_sdtm"].items():
        found = rows_with_supp(done, name)
        assert len(found) == len(wanted), name
        for row, cells_ in zip(found, wanted, strict=True):
            assert {key: row.get(key) for key in cells_} == cells_


# --- which lines the cases cover ------------------------------------------------------------------------------------


def covered_by_rows():
    """(mapping, variable, release) of the lines whose cell a case writes and the elements alone give back."""
    found = set()
    for domain, case in cases():
        for row in case.get("rows", ()):
            one = {**case, "rows": [row], "supp": case.get("supp", {}) if row is case["rows"][0] else {}}
            full = {**row, **{f"SUPP.{name}": value[0] for name, value in one["supp"].items()}}
            mapping = next(one for one in ALL if one.domain == domain and one.given(full))
            for release in RELEASES:
                ledger = to_fhir(as_study(one), release=release).ledger
                for where, what, reason in ledger.counts:
                    if reason == "read":
                        name = f"SUPP.{what}" if where.startswith("SUPP") else what
                        if name in full:
                            found.add((mapping.name, name, release))
    return found


def test_every_line_is_covered_in_each_direction():
    """A line would never have been tried against a row written by hand."""
    covered = covered_by_rows()
    wanted = {
        (mapping.name, one.variable, release) for mapping in ALL for one in mapping.lines for release in one.releases
    }
    assert wanted - covered == NOT_READ


# These mappings write only rows that have a result, and an Observation with a value has no dataAbsentReason (R4 and R5,
# obs-6): what SDTM says besides is carried.
WITH_RESULT = (
    "RS cancer disease status",
    "RS ECOG performance status",
    "TR state",
    "DD quantity",
    "FA quantity",
    "LB quantity",
    "QS quantity",
    "VS quantity",
)
NOT_READ = {
    (name, f"{name[:2]}{variable}", release)
    for name in WITH_RESULT
    for variable in ("STAT", "REASND")
    for release in RELEASES
}


def covered_by_resources():
    """(mapping, alternative path, release) of those that a foreign case reads."""
    found = set()
    bound = constants(BASE)
    for _, case in cases():
        for resource in case.get("fhir", ()):
            for one in ALL:
                if one.domain not in case["to_sdtm"] or one.resource != resource["resourceType"]:
                    continue
                if not one.each and not one.shape(resource):
                    continue
                for each in one.lines:
                    for path, _ in each.also:
                        for inside in reached(one, path, case["fhir"], resource):
                            if follow(inside, bind(parse(path).steps, bound)) is not None:
                                found.add((one.name, path, case["release"]))
    return found


def reached(mapping, path, resources, primary):
    """The elements a path may begin at: the primary, a part by its type, or the elements of `each`."""
    root = parse(path).root
    if root == mapping.resource:
        return [primary]
    if root == "Each":
        return [one for one in primary.get("component", ()) if isinstance(one, dict)]
    kinds = {part.type for part in mapping.parts if part.name == root}
    return [one for one in resources if one["resourceType"] in kinds]


def test_every_alternative_path_is_covered():
    """A dialect would be named in the dictionary and never read."""
    covered = covered_by_resources()
    wanted = {
        (mapping.name, path, release)
        for mapping in ALL
        for one in mapping.lines
        for path, _ in one.also
        for release in one.releases
    }
    missing = {(name, path) for name, path, _ in wanted} - {(name, path) for name, path, _ in covered}
    assert {one for one in missing if one[0] != "EC"} == set()  # EC reads only records that name it: no dialect
