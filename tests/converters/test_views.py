"""SQL-on-FHIR views: independent runners give, column by column, the raw elements that our lines read.

Expected values come from walking the JSON by the line's path; the views go through FHIRPath in the runner. Runners: PyPI
sqlonfhir (SAS) for R4, and a small one here on fhirpathpy (Beda) for R4 and R5, with that release's model. Known limits
of sqlonfhir 0.0.2: R4 alone, getReferenceKey fails on an absent reference, and ofType after forEach finds nothing;
those columns are the other runner's. PyPI pysof (Rust) is not used: its wheel asks for glibc 2.38, which Debian 12 lacks.
"""

from __future__ import annotations

import copy
import json
import re
from collections import defaultdict
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path

import fhirpathpy
import pytest
import sqlonfhir
from fhirpathpy.models import models

from trialbridge import sources
from trialbridge.converters import views
from trialbridge.converters.dictionary import DICTIONARY
from trialbridge.converters.steps import bind, follow, matcher, matches
from trialbridge.converters.study import to_fhir
from trialbridge.fhir.jsontext import encode
from trialbridge.fhir.paths import Choice, parse
from trialbridge.mappings.names import NCIT, constants

EXAMPLE = Path(__file__).parents[2] / "examples" / "re_induction" / "sdtm"
BOUND = constants()
MOST = 12  # resources of a type: the runners are slow


FEW = 4  # of a type, for the slower runner


@lru_cache(maxsize=2)
def made(release):
    """Some resources of each type, as JSON has them."""
    found = defaultdict(list)
    for one in to_fhir(sources.read_study(sources.find([EXAMPLE])), release=release).resources:
        found[one["resourceType"]].append(json.loads(encode(one)))
    return found


def some(release, most):
    """So many resources of each type, spread over all of them."""
    return {kind: all_of[:: max(1, len(all_of) // most)][:most] for kind, all_of in made(release).items()}


def by_sqlonfhir(view, given):
    """Rows by PyPI sqlonfhir, without what it cannot do."""
    view = copy.deepcopy(view)
    for select in view["select"]:
        choice = "forEach" in select
        select["column"] = [
            one
            for one in select["column"]
            if "getReferenceKey" not in one["path"] and not (choice and "ofType" in one["path"])
        ]
    return sqlonfhir.evaluate(copy.deepcopy(given), view)  # it puts its own numbers into what it is given


_KEY = re.compile(r"(?P<path>.+)\.getReferenceKey\((?P<kind>\w*)\)")


@cache
def compiled(path, release):
    """A FHIRPath expression, with the model of a release."""
    return fhirpathpy.compile(path, model=models[release.lower()])


def by_fhirpath(release):
    """A runner on fhirpathpy of what our views use: columns, forEach, getResourceKey, getReferenceKey."""

    def cell(path, resource):
        if path == "getResourceKey()":
            return resource["id"]
        key = _KEY.fullmatch(path)
        found = compiled(f"{key['path']}.reference" if key else path, release)(resource)
        if key and found:
            kind, _, last = str(found[0]).partition("/")
            return last if key["kind"] in ("", kind) else None
        return found[0] if found else None

    def run(view, given):
        rows = []
        for resource in given:
            partial = [{}]
            for select in view["select"]:
                each = select.get("forEach")
                count = len(compiled(each, release)(resource)) if each else 1
                places = [f"{each}[{at}]." for at in range(count)] if each else [""]
                cells = [
                    {one["name"]: cell(place + one["path"], resource) for one in select["column"]} for place in places
                ]
                partial = [row | more for row in partial for more in cells]
            rows += partial
        return rows

    return run


RUNNERS = [
    pytest.param("R4", MOST, by_sqlonfhir, id="sqlonfhir R4"),
    pytest.param("R4", FEW, by_fhirpath("R4"), id="fhirpathpy R4"),
    pytest.param("R5", FEW, by_fhirpath("R5"), id="fhirpathpy R5"),
]


def word(name):
    """A variable as a column."""
    return re.sub(r"\W+", "_", name).strip("_").lower()


def raw(element, lines):
    """What stands at the lines' paths below an element, by column."""
    row = {}
    for one in lines:
        value = follow(element, bind(parse(one.path).steps, BOUND))
        name = word(one.variable)
        if isinstance(value, dict) and "reference" in value:
            cells = {f"{name}_key": value["reference"].partition("/")[2]}
        elif isinstance(value, dict) and not {"coding", "text"} & set(value):
            cells = {f"{name}_{part}": value.get(part) for part in ("value", "comparator", "unit", "code")}
        elif isinstance(value, dict):
            first = (value.get("coding") or [{}])[0]
            ncit = next((each.get("code") for each in value.get("coding") or () if each.get("system") == NCIT), None)
            cells = {f"{name}_code": first.get("code"), f"{name}_system": first.get("system"), f"{name}_ncit": ncit}
            cells[f"{name}_text"] = value.get("text")
        else:
            cells = {name: None if isinstance(value, list) else value}
        for column, cell in cells.items():
            row.setdefault(column, cell)
    return row


def expected(mapping, part, kind, given, release):
    """The rows of a view, by our own reading of the raw elements."""
    lines = [one for one in mapping.lines if release in one.releases and one.direction != "to_fhir"]
    for resource in given.get(kind, ()):
        row = {"resource_key": resource["id"], **raw(resource, [one for one in lines if parse(one.path).root == part])}
        if part != mapping.resource:
            yield row
            continue
        for of in mapping.parts:
            if release in of.releases and parse(of.link).root == part:
                link = follow(resource, bind(parse(of.link).steps, BOUND)) or {}
                kind_there, _, key = link.get("reference", "").partition("/")
                row[f"{word(of.name)}_key"] = key if kind_there == of.type else None
        if not mapping.each:
            yield row
            continue
        *before, last = bind(parse(mapping.each[release]).steps, BOUND)
        inside = [one for one in lines if parse(one.path).root == "Each"]
        for element in (follow(resource, tuple(before)) or {}).get(last.name) or ():
            if not isinstance(last, Choice) or matches(element, matcher(last.conditions, {})):
                yield {**row, **raw(element, inside)}


def shown(cell):
    """A cell to compare: runners give decimals as numbers or texts (88.0 for 88)."""
    if isinstance(cell, str) and re.fullmatch(r"-?\d+\.\d+", cell):
        cell = float(cell)
    number = isinstance(cell, int | float | Decimal) and not isinstance(cell, bool)
    return f"{float(cell):g}" if number else cell


def plain(rows, columns):
    """Rows to compare: the columns both have."""
    found = []
    for row in rows:
        cells = {name: row.get(name) for name in columns}
        found.append(tuple("" if cell is None else str(shown(cell)) for cell in cells.values()))
    return sorted(found)


@pytest.mark.parametrize(("release", "most", "run"), RUNNERS)
@pytest.mark.parametrize("mapping", DICTIONARY.mappings, ids=lambda one: one.name)
def test_a_runner_reads_what_the_lines_read(mapping, release, most, run):
    """A view would show another element than the one that is converted, or fail to run."""
    resources = some(release, most)
    found = {one["name"]: one for one in views.views(DICTIONARY, release)}
    parts = [(word(mapping.name), mapping.resource, mapping.resource)]
    parts += [
        (word(f"{mapping.name} {one.name}"), one.name, one.type) for one in mapping.parts if release in one.releases
    ]
    for name, part, kind in dict.fromkeys(parts):
        if name not in found:  # a part that no line begins at
            continue
        rows = run(found[name], resources.get(kind, []))
        mine = list(expected(mapping, part, kind, resources, release))
        assert len(rows) == len(mine)
        if rows:
            columns = sorted(rows[0])
            assert plain(rows, columns) == plain(mine, columns), name


def test_every_line_has_a_column_or_is_named():
    """A variable would be missing from the views without anyone being told."""
    for release in ("R4", "R5"):
        missing = {(one.mapping, one.variable) for one in views.left_out(DICTIONARY, release)}
        for mapping in DICTIONARY.mappings:
            parts = {mapping.resource, "Each", *(one.name for one in mapping.parts)}
            have = {
                column.variable
                for part in parts
                for column in views.columns_of(mapping, part, release)
                if part != "Each" or mapping.each
            }
            for one in mapping.lines:
                if (
                    release in one.releases
                    and one.direction != "to_fhir"
                    and (mapping.name, one.variable) not in missing
                ):
                    assert one.variable in have, f"{mapping.name} {one.variable} {release}"


def test_the_columns_are_those_of_a_worked_example():
    """The path of a choice, an extension, a code pattern and a chosen coding would be another than FHIRPath's."""
    found = {one["name"]: one for one in views.views(DICTIONARY)}
    columns = {one["name"]: one["path"] for one in found["tr_longest_diameter"]["select"][0]["column"]}
    assert columns["trorresu"] == (
        "component.where(code.coding.where((system = 'http://loinc.org' and code = '33728-7')).exists()).first()"
        ".value.ofType(Quantity).code"
    )
    assert columns["visit_key"] == "encounter.getReferenceKey(Encounter)"
    adverse = {one["name"]: one["path"] for one in found["ae"]["select"][0]["column"]}
    assert adverse["aeptcd"] == (
        "event.coding.where(system = 'https://www.meddra.org' and extension.where(url = "
        f"'{BOUND['x-meddra-level']}').first().value.ofType(code) = 'PT').first().code"
    )


def test_views_are_written_as_files(tmp_path):
    """Another tool could not load them; a foreign base would not show."""
    made = views.write(DICTIONARY, tmp_path / "views", "R5", "http://example.org/mine")
    assert len(made) == len(views.views(DICTIONARY, "R5"))
    one = json.loads((tmp_path / "views" / "dm.json").read_text())
    assert one["resourceType"] == "ViewDefinition"
    assert one["url"] == "http://example.org/mine/ViewDefinition/dm"
    assert "http://example.org/mine/sid/usubjid" in json.dumps(one)


@pytest.mark.parametrize(("release", "most", "run"), RUNNERS)
def test_a_wrong_view_is_seen(release, most, run):
    """The comparison with the runners could not fail."""
    resources = some(release, most)
    mapping = next(one for one in DICTIONARY.mappings if one.name == "CM")
    view = next(one for one in views.views(DICTIONARY, release) if one["name"] == "cm")
    column = next(one for one in view["select"][0]["column"] if one["name"] == "cmstdtc")
    column["path"] = column["path"].replace("start", "end")
    rows = run(view, resources["MedicationStatement"])
    mine = list(expected(mapping, "MedicationStatement", "MedicationStatement", resources, release))
    assert plain(rows, ["cmstdtc"]) != plain(mine, ["cmstdtc"])
