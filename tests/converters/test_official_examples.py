"""The official examples of mCODE, FHIR R4 and FHIR R5: to tables and residue, and back the very same resources.

Equality is FHIR's, judged here: members in any order, decimals digit by digit. Without the residue the resources
differ, and exactly where the residue says.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.files.bundle import items_of
from trialbridge.fhir.located import gather

pytestmark = pytest.mark.once

OURS = (
    "Patient",
    "ResearchSubject",
    "ResearchStudy",
    "Consent",
    "Procedure",
    "BodyStructure",
    "Observation",
    "AdverseEvent",
    "Condition",
    "Encounter",
    "MedicationAdministration",
    "MedicationStatement",
)
LARGE = 150_000


def exactly(value):
    """A value whose equality is FHIR's: 23.50 is not 23.5, true is not 1, members in any order."""
    if isinstance(value, dict):
        return ("object", tuple(sorted((key, exactly(one)) for key, one in value.items())))
    if isinstance(value, list):
        return ("list", tuple(exactly(one) for one in value))
    return (type(value).__name__, str(value))


def as_set(resources):
    """Resources in any order, as a value that compares exactly."""
    return sorted(repr(exactly(one)) for one in resources)


def members(package, *types):
    """(name, resource) of a package's examples of some types; mCODE's stand in a folder of their own."""
    folder = "package/example/" if any("/example/" in name for name in package.names) else "package/"
    for name in package.names:
        kind = name.rsplit("/", 1)[1].split("-")[0]
        if name.startswith(folder) and name.endswith(".json") and (kind in types or not types):
            content = package.json(name)
            if isinstance(content, dict) and content.get("resourceType") == kind:
                yield name, content


def of_release(request, release):
    """The examples of our resource types of one source."""
    if release == "mcode":
        return list(members(request.getfixturevalue("mcode_examples"))), "R4"
    package = request.getfixturevalue("r4_examples" if release == "R4" else "r5_examples")
    return list(members(package, *OURS)), release


@pytest.mark.parametrize(("source", "least"), [("mcode", 177), ("R4", 120), ("R5", 120)])
def test_each_example_comes_home(source, least, request):
    """An element of an official example would be lost, changed, or written with fewer digits."""
    found, release = of_release(request, source)
    found = [one for one in found if one[1]["resourceType"] != "Bundle"]
    assert len(found) >= least
    wrong = []
    for name, resource in found:
        study = to_sdtm([resource], release=release).study
        if as_set(to_fhir(study, release=release).resources) != as_set([resource]):
            wrong.append(name)
    assert wrong == []


@pytest.mark.parametrize("source", ["mcode", "R4", "R5"])
def test_all_examples_together_come_home(source, request):
    """Resources that point at one another would be mixed up."""
    found, release = of_release(request, source)
    resources = [one for _, one in found if one["resourceType"] != "Bundle"]
    study = to_sdtm(resources, release=release).study
    assert as_set(to_fhir(study, release=release).resources) == as_set(resources)
    assert study["DM"].frame.height >= sum(one["resourceType"] == "Patient" for one in resources)


@pytest.mark.parametrize("source", ["mcode", "R4", "R5"])
def test_the_bundles_content_comes_home(source, request):
    """References by fullUrl (urn:uuid, absolute) would be lost on the way."""
    package = {"mcode": "mcode_examples", "R4": "r4_examples", "R5": "r5_examples"}[source]
    release = "R5" if source == "R5" else "R4"
    count = 0
    for name, bundle in members(request.getfixturevalue(package), "Bundle"):
        if len(str(bundle)) > LARGE:
            continue
        items = gather(items_of(bundle, name)).resources
        kept = to_sdtm(items, release=release)
        home = to_fhir(kept.study, release=release).resources
        assert as_set(home) == as_set(pooled(items)), name
        count += 1
    assert count >= 2


def pooled(items):
    """The resources of a Bundle, one of each fullUrl."""
    by_url = {item.full_url or f"#{number}": item.resource for number, item in enumerate(items)}
    return list(by_url.values())


def leaves(value, path=()):
    """Path -> value of every primitive, of empty objects and lists too."""
    if isinstance(value, dict) and value:
        for key, one in value.items():
            yield from leaves(one, (*path, key))
    elif isinstance(value, list) and value:
        for at, one in enumerate(value):
            yield from leaves(one, (*path, at))
    else:
        yield path, (type(value).__name__, str(value))


def steps(path):
    """`Patient.name[0].family` as ("name", 0, "family")."""
    found = []
    for part in path.split(".")[1:]:
        name, *indexes = part.replace("]", "").split("[")
        found += [name, *map(int, indexes)]
    return tuple(found)


def renamed(value, names):
    """A resource with its references under the source's names."""
    if isinstance(value, dict):
        made = {key: renamed(one, names) for key, one in value.items()}
        if isinstance(made.get("reference"), str):
            made["reference"] = names.get(made["reference"], made["reference"])
        return made
    return [renamed(one, names) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("source", ["mcode", "R4", "R5"])
def test_without_the_residue_exactly_what_it_lists_differs(source, request):
    """The residue would hide a difference, or list one that is none: the account of losses could not be trusted."""
    found, release = of_release(request, source)
    given = {f"{one['resourceType']}/{one['id']}": one for _, one in found if one["resourceType"] != "Bundle"}
    study = to_sdtm(given.values(), release=release).study
    bare = {
        f"{one['resourceType']}/{one['id']}": one
        for one in to_fhir(replace(study, residue=()), release=release).resources
    }
    names = {one["made"]: one["resource"] for one in study.residue if "made" in one and not one.get("absent")}
    left_out = {one["made"] for one in study.residue if "made" in one and one.get("absent")}
    made = {names.get(key, key): renamed(one, names) for key, one in bare.items() if key not in left_out}
    assert not left_out & given.keys() - set(names.values())
    listed, differs = set(), set()
    for entry in study.residue:
        if "path" not in entry:
            continue
        at, key = steps(entry["path"]), entry["resource"]
        side = made.get(key, {}) if entry.get("absent") else given[key]
        inside = side
        for step in at:
            inside = inside[step]
        listed |= {(key, path) for path, _ in leaves(inside, at)}
    for key in given.keys() | made.keys():
        one, other = (dict(leaves(side[key])) if key in side else {} for side in (given, made))
        if key in given and key in made:
            one.pop(("id",))
            other.pop(("id",))
        differs |= {(key, path) for path in one.keys() | other.keys() if one.get(path) != other.get(path)}
    assert differs == listed
    assert len(differs) > 100


def test_decimals_keep_their_digits():
    """A dose of 23.50 would come home as 23.5."""
    quantity = {"value": Decimal("23.50"), "unit": "x"}
    one = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"text": "x"},
        "valueQuantity": quantity,
    }
    home = to_fhir(to_sdtm([one]).study).resources
    assert str(home[0]["valueQuantity"]["value"]) == "23.50"
    assert as_set([one]) != as_set([{**one, "valueQuantity": {**quantity, "value": Decimal("23.5")}}])
