"""Our extensions' definitions: legal FHIR, and what is written conforms to them."""

from __future__ import annotations

import polars as pl
import pytest

from trialbridge.converters.registry import fhir as registry_fhir
from trialbridge.converters.study import to_fhir
from trialbridge.fhir.check import check
from trialbridge.fhir.elements import element_at, elements, nodes
from trialbridge.fhir.extensions import NAMES, code_system, structure_definitions, url_of
from trialbridge.fhir.ids import BASE
from trialbridge.mappings.names import OUR_EXTENSIONS, constants
from trialbridge.registry.record import Record
from trialbridge.sdtm.table import Variable, study, table

ELSEWHERE = "https://sponsor.example/fhir"


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_definitions_are_legal(release):
    """No server would take the definitions, and so no validator know the extensions."""
    for one in [*structure_definitions(ELSEWHERE, release), code_system(ELSEWHERE)]:
        assert check(one, release) == [], one["id"]
        assert one["url"].startswith(ELSEWHERE + "/")


def test_a_broken_definition_is_seen():
    """The test above would pass whatever the definitions say."""
    assert check({**structure_definitions()[0], "kind": None}, "R4")
    assert check({**structure_definitions()[0], "kindness": "x"}, "R4")


def test_names_are_those_the_dictionary_uses():
    """An extension would be written that nobody defines, or defined and never written."""
    assert set(OUR_EXTENSIONS) - set(NAMES) <= {"toxicity-scale"}
    assert set(NAMES) <= set(OUR_EXTENSIONS)
    for name in NAMES:
        assert constants(ELSEWHERE)[f"x-{name}"] == url_of(ELSEWHERE, name)


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_contexts_are_elements(release):
    """A validator would refuse an extension everywhere: its context names no element of the release."""
    for one in structure_definitions(BASE, release):
        for context in one["context"]:
            place = context["expression"]
            assert place in nodes(release) | {"BackboneElement"} or element_at(place, release), place


def test_a_snapshot_has_the_shape_of_the_published_ones(r4_examples):
    """A validator that works on snapshots would not find its way (paths, slices, a fixed url in every extension)."""
    theirs = r4_examples.json("package/StructureDefinition-procedure-targetBodyStructure.json")
    mine = next(one for one in structure_definitions() if one["id"] == "sdtm-dtc")
    assert [one["id"] for one in mine["snapshot"]["element"]] == [one["id"] for one in theirs["snapshot"]["element"]]
    for one, other in zip(mine["snapshot"]["element"], theirs["snapshot"]["element"], strict=True):
        assert one["base"] == other["base"], one["id"]
        assert one["path"] == other["path"]
    whole = {one["id"]: one for one in structure_definitions()}["sdtm-package"]["snapshot"]["element"]
    ids = [one["id"] for one in whole]
    assert len(ids) == len(set(ids))
    assert "Extension.extension:dataset.extension:variable.extension:type.value[x]" in ids
    for one in whole:
        assert one["id"].replace(":", "/").split("/")[0] == "Extension" or one["path"].startswith("Extension")
        assert one["path"] == ".".join(step.split(":")[0] for step in one["id"].split("."))


# --- what is written conforms ---------------------------------------------------------------------------------------


def faults(resource, definitions, release):
    """What an own little check of extensions finds wrong: values, inner extensions, cardinality, context."""
    found = []
    walk(resource, resource["resourceType"], definitions, release, found)
    return found


def walk(value, node, definitions, release, found):
    """Every extension of ours below an element of a type."""
    table_ = elements(node, release) if node in nodes(release) else {}
    for key, inner in value.items():
        element = table_.get(key.removeprefix("_"))
        if element is None:
            continue
        for one in inner if isinstance(inner, list) else [inner]:
            if not isinstance(one, dict):
                continue
            if element.type == "Extension" and one.get("url") in definitions:
                judge(one, definitions[one["url"]], node, found)
            below = element.node if element.node != "Resource" else one.get("resourceType", "Resource")
            walk(one, below, definitions, release, found)


def judge(extension, definition, node, found):
    """One extension against its definition's snapshot."""
    by_id = {one["id"]: one for one in definition["snapshot"]["element"]}
    places = {one["expression"] for one in definition["context"]}
    if not {node, *({"DomainResource"} if "." not in node and node[0].isupper() else ())} & places:
        backbone = "." in node and "BackboneElement" in places
        if not backbone:
            found.append(f"{definition['id']} may not stand on {node}")
    match(extension, "Extension", by_id, found)


def match(extension, own, by_id, found):
    """An extension, or one inside, against the elements of its slice."""
    values = [key for key in extension if key.startswith("value")]
    value = by_id[f"{own}.value[x]"]
    allowed = (
        {f"value{one['code'][0].upper()}{one['code'][1:]}" for one in value["type"]} if value["max"] == "1" else set()
    )
    if set(values) - allowed or len(values) < value["min"]:
        found.append(f"{own} holds {values}, not one of {sorted(allowed)}")
    if extension["url"] != by_id[f"{own}.url"]["fixedUri"]:
        found.append(f"{own} is called {extension['url']}")
    count = {}
    for one in extension.get("extension", ()):
        name = f"{own}.extension:{one['url']}"
        count[name] = count.get(name, 0) + 1
        if name in by_id:
            match(one, name, by_id, found)
        else:
            found.append(f"{own} has no inner extension {one['url']}")
    for name, element in by_id.items():
        if name.rpartition(".")[0] == own and ":" in name.rpartition(".")[2]:
            times = count.get(name, 0)
            if times < element["min"] or (element["max"] != "*" and times > int(element["max"])):
                found.append(f"{name} stands {times} times")


def full_study():
    """A study whose conversion writes every extension of ours."""
    about = {"STUDYID": "ST1", "USUBJID": "ST1-01"}
    dm = {**about, "DOMAIN": "DM", "ARM": "Arm A", "ARMCD": "A", "RFICDTC": "2018-02-05T10:30", "DMDTC": "2018"}
    ae = {**about, "DOMAIN": "AE", "AESEQ": 1.0, "AETERM": "cough", "AEDECOD": "Cough", "AEPTCD": 10011224.0}
    tr = {**about, "DOMAIN": "TR", "TRSEQ": 1.0, "TRTESTCD": "SUMLDIAM", "TRORRES": "23.50", "TRORRESU": "mm"}
    ds = {
        **about,
        "DOMAIN": "DS",
        "DSSEQ": 1.0,
        "DSDECOD": "COMPLETED",
        "DSTERM": "done",
        "DSDTC": "2018",
        "VISIT": "X",
    }
    xx = {**about, "DOMAIN": "XX", "XXSEQ": 1.0, "XXVAL": "custom"}
    supp = {"STUDYID": "ST1", "RDOMAIN": "AE", "USUBJID": "ST1-01", "IDVAR": "AESEQ", "IDVARVAL": "1", "QNAM": "MINE"}
    supp |= {"QLABEL": "My Qualifier", "QVAL": "v", "QORIG": "CRF", "QEVAL": "INVESTIGATOR"}
    tables = [table(row["DOMAIN"], pl.DataFrame([row])) for row in (dm, ae, tr, ds, xx)]
    tables.append(table("SUPPAE", pl.DataFrame([supp]), [Variable("QNAM", "Qualifier Variable Name", length=8)]))
    return study(tables, ct="sdtmct-2025-03-28")


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_what_is_written_conforms(release):
    """A validator with our definitions would refuse our own resources."""
    record = Record({"protocolSection": {}, "documentSection": {"largeDocumentModule": {"noSap": True}}})
    registered = registry_fhir.to_fhir(record, release, base=ELSEWHERE).resources
    resources = [*to_fhir(full_study(), base=ELSEWHERE, release=release).resources, *registered]
    definitions = {one["url"]: one for one in structure_definitions(ELSEWHERE, release)}
    assert [fault for one in resources for fault in faults(one, definitions, release)] == []
    written = {url for one in resources for url in urls(one) if url.startswith(ELSEWHERE)}
    assert written == set(definitions)


def urls(value):
    """The url of every extension that stands on an element or inside another."""
    if isinstance(value, dict):
        for one in value.get("extension", ()):
            yield one["url"]
        for one in value.values():
            yield from urls(one)
    elif isinstance(value, list):
        for one in value:
            yield from urls(one)


def test_what_does_not_conform_is_seen():
    """The check of this file would let anything pass."""
    definitions = {one["url"]: one for one in structure_definitions()}
    name = url_of(BASE, "sdtm-variable")
    good = [{"url": "name", "valueCode": "AETERM"}, {"url": "value", "valueString": "x"}]
    cases = {
        "wrong type": {"url": name, "extension": [{"url": "name", "valueString": "AETERM"}]},
        "no name": {"url": name, "extension": good[1:]},
        "two values": {"url": name, "extension": [*good, good[1]]},
        "unknown inside": {"url": name, "extension": [*good, {"url": "colour", "valueString": "red"}]},
        "value beside": {"url": name, "extension": good, "valueString": "x"},
        "wrong place": {"url": url_of(BASE, "sdtm-package"), "extension": [{"url": "standard", "valueString": "x"}]},
    }
    fine = {"resourceType": "Patient", "extension": [{"url": name, "extension": good}]}
    assert faults(fine, definitions, "R4") == []
    for what, extension in cases.items():
        assert faults({"resourceType": "Patient", "extension": [extension]}, definitions, "R4"), what
