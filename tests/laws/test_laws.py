"""The laws of a lossless conversion, tried on studies and resources made at random from the dictionary itself.

    to_sdtm(to_fhir(study)) == study                       every cell, whatever it holds
    to_fhir(to_sdtm(resources) and residue) == resources   every element, whatever it is
    to_fhir(study) twice, or with its rows in another order: the same resources

`LAWS=2000 pytest tests/laws` searches longer and elsewhere.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.check import check
from trialbridge.fhir.jsontext import decode, encode
from trialbridge.mappings import ALL
from trialbridge.sdtm import metadata
from trialbridge.sdtm.table import study, table

pytestmark = pytest.mark.once

_SPEC = importlib.util.spec_from_file_location("trialbridge_laws", Path(__file__).with_name("strategies.py"))
laws = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(laws)

RELEASES = st.sampled_from(("R4", "R5"))
TRIED = settings(settings.get_profile("laws"))


def through_json(resources):
    """The resources as a file would give them back."""
    return [decode(encode(one)) for one in resources]


@pytest.mark.parametrize("domain", laws.DOMAINS)
@TRIED
@given(data=st.data(), release=RELEASES)
def test_a_table_comes_home(domain, data, release):
    """A cell of some table would be lost, changed or invented."""
    given_ = data.draw(laws.studies((domain,)))
    resources = through_json(to_fhir(given_, release=release).resources)
    assert laws.cells(to_sdtm(resources, release=release, residue=False).study) == laws.cells(given_)


@TRIED
@given(given_=laws.studies(), release=RELEASES)
def test_a_study_comes_home(given_, release):
    """Tables that share lesions, visits, evaluators or subjects would change one another."""
    resources = through_json(to_fhir(given_, release=release).resources)
    assert laws.cells(to_sdtm(resources, release=release, residue=False).study) == laws.cells(given_)


@TRIED
@given(given_=laws.studies(), release=RELEASES)
def test_what_is_written_is_fhir(given_, release):
    """A server would refuse what odd data are turned into."""
    resources = to_fhir(given_, release=release).resources
    assert [finding for one in resources for finding in check(one, release)] == []
    keys = [(one["resourceType"], one["id"]) for one in resources]
    assert len(set(keys)) == len(keys)
    known = {f"{kind}/{own}" for kind, own in keys}
    assert set(references(resources)) <= known


def references(value):
    """Every reference in resources."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


@TRIED
@given(given_=laws.studies(), release=RELEASES)
def test_twice_gives_the_same_bytes(given_, release):
    """A conversion run again would make other resources, and a server hold everything twice."""
    once, again = (encode(to_fhir(given_, release=release).resources) for _ in range(2))
    assert once == again


@TRIED
@given(given_=laws.studies(), release=RELEASES, data=st.data())
def test_the_order_of_rows_means_nothing(given_, release, data):
    """Another sorting of the same data would give other cells, or other ids."""
    mixed = study([shuffled(one, data) for one in given_])
    usual, other = (to_fhir(one, release=release).resources for one in (given_, mixed))
    assert ids(usual) == ids(other)
    assert laws.cells(to_sdtm(other, release=release, residue=False).study) == laws.cells(given_)


def shuffled(one, data):
    """A table with its rows in another order."""
    order = data.draw(st.permutations(range(one.frame.height)))
    return table(one.name, one.frame[order], one.variables)


def ids(resources):
    """The ids of the resources that hang on a key; a row without a key of its own is known by its place."""
    return sorted((one["resourceType"], one["id"]) for one in resources if one["resourceType"] != "Basic")


@TRIED
@given(given_=laws.studies(), release=RELEASES)
def test_our_own_resources_leave_no_residue(given_, release):
    """Resources we wrote would not be made again from the tables alone."""
    resources = through_json(to_fhir(given_, release=release).resources)
    home = to_sdtm(resources, release=release).study
    assert laws.cells(home) == laws.cells(given_)
    assert laws.as_set(to_fhir(home, release=release).resources) == laws.as_set(resources)


@TRIED
@given(data=st.data(), release=RELEASES)
def test_changed_resources_come_home(data, release):
    """An element somebody changed, added or took away on a server would be lost or put back."""
    source = to_fhir(data.draw(laws.studies(most=3)), release=release).resources
    resources = data.draw(laws.changed_resources(source))
    home = to_sdtm(resources, release=release).study
    assert laws.as_set(to_fhir(home, release=release).resources) == laws.as_set(resources)


@pytest.mark.parametrize("source", ["mcode", "R4"])
def test_changed_examples_come_home(source, request):
    """The same for resources of foreign origin."""
    package = request.getfixturevalue("mcode_examples" if source == "mcode" else "r4_examples")
    folder = "package/example/" if source == "mcode" else "package/"
    names = [name for name in package.of_type(*KINDS) if name.startswith(folder) and len(package.bytes(name)) < 20_000]
    seeds = [package.json(name) for name in names]
    seeds = [one for one in seeds if one.get("resourceType") in KINDS]
    assert len(seeds) > 30

    @TRIED
    @given(resources=st.lists(st.sampled_from(seeds), min_size=1, max_size=4).flatmap(laws.changed_resources))
    def law(resources):
        unique = {(one["resourceType"], one.get("id")): one for one in resources}
        home = to_sdtm(unique.values(), release="R4").study
        assert laws.as_set(to_fhir(home, release="R4").resources) == laws.as_set(unique.values())

    law()


KINDS = ("Patient", "ResearchSubject", "Procedure", "BodyStructure", "Observation", "AdverseEvent", "Condition")


@TRIED
@given(data=st.data(), release=RELEASES)
def test_what_is_read_fits_its_variables(data, release):
    """A column would have a type the guide does not give it, or a row lack what tells it from others."""
    source = to_fhir(data.draw(laws.studies(most=3)), release=release).resources
    resources = [one for one in data.draw(laws.changed_resources(source)) if one["resourceType"] != "ResearchStudy"]
    for one in to_sdtm(resources, release=release).study:
        for variable in one.variables:
            if one.name in laws.BUNDLED and variable.name in metadata.domain(one.name):
                wanted = metadata.variable(variable.name, domain=one.name).type
                full = one.frame[variable.name].drop_nulls()
                assert full.is_empty() or variable.type == wanted, f"{one.name}.{variable.name}"
                assert (full.dtype == pl.Float64) == (variable.type == "Num")


def test_every_line_is_tried():
    """The laws would hold because some line's variable never had a value."""

    @settings(TRIED, max_examples=40)
    @given(data=st.data())
    def draw_all(data):
        for domain in laws.DOMAINS:
            for row in data.draw(laws.tables(domain)).rows():
                seen.update((domain, name) for name, value in row.items() if value is not None)

    seen = set()
    draw_all()
    lines = {
        (mapping.domain, one.variable)
        for mapping in ALL
        for one in mapping.lines
        if mapping.domain in laws.BUNDLED and not one.variable.startswith("SUPP.")
    }
    assert lines - seen == set()
