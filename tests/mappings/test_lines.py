"""General tests that hold every mapping: its variables are the guide's, its paths FHIR's, and each line inverts.

The judges are independent of the dictionary: the guide's variable metadata and FHIR's StructureDefinitions.
"""

from __future__ import annotations

from functools import cache

import pytest

from trialbridge.fhir.elements import elements, resource_types
from trialbridge.fhir.paths import Child, Choice, Constant, Index, parse
from trialbridge.mappings import ALL
from trialbridge.mappings.names import constants
from trialbridge.mappings.qualifiers import DEFAULTS
from trialbridge.sdtm import metadata, terminology

RELEASES = ("R4", "R5")
IDENTIFIERS = {"STUDYID", "DOMAIN", "USUBJID"}
MODEL = {"REPNUM"}  # in SDTM 2.0, 3.1.3 (Findings), and in no bundled domain
# Types of the extensions' values as HL7 publishes them, for those that no pinned package defines: AE research R5 IG
# 1.0.1 and its R4 backport 1.0.1, US Core 6.1.0, the mCODE extraction framework, the R5 cross-version extensions.
PUBLISHED = {
    "us-core-race": set(),
    "us-core-ethnicity": set(),
    "status": {"valueCode"},
    "ae-grade": {"valueCodeableConcept"},
    "ctcae-grade": {"valueCodeableConcept"},
    "ae-severity": {"valueCodeableConcept"},
    "resolve-date": {"valueDateTime"},
    "seriousness-criteria": set(),
    "mitigating-action": set(),
    "suspect-entity": set(),
    "extension-AdverseEvent.occurrence": {"valueDateTime", "valuePeriod", "valueTiming"},
    "extension-ResearchSubject.progress": set(),
}


def paths_of(mapping, release):
    """(what it is for, path, shape) of everything a mapping says for a release."""
    for one in mapping.lines:
        if release in one.releases:
            yield one.variable, one.path, one.spelling.shape
            for path, spelling in one.also:
                yield one.variable, path, spelling.shape
    for one in mapping.extras:
        if release in one.releases:
            yield "extra", one.path, "any"
    for part in mapping.parts:
        if release in part.releases:
            yield f"link to {part.name}", part.link, "link"
    if mapping.each:
        yield "each", mapping.each[release], "list"


def root_nodes(mapping, release, name):
    """The definitions a path may begin at: a part's type, the primary, or the elements of `each`."""
    if name == "Each":
        return end_of(mapping, release, mapping.each[release], "any").node
    for part in mapping.parts:
        if part.name == name and release in part.releases:
            return part.type
    return mapping.resource if name == mapping.resource else None


def follow(steps, node, release, shape="value"):
    """The definition of the last step. Fails where FHIR has no such element, or a list is taken for a single one."""
    element = None
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        name = step.name.removeprefix("_")
        element = elements(node, release).get(name)
        assert element is not None, f"FHIR {release}: {node} has no element {step.name}"
        assert step.name == name or element.primitive, f"{step.name} stands beside no primitive"
        if isinstance(step, Child):
            listed = element.is_list and not (last and shape in {"member", "any"})
            assert not listed, f"{node}.{name} is a list"
            assert not (last and shape == "member" and not element.is_list), f"{node}.{name} is no list"
        else:
            assert element.is_list, f"{node}.{name} is no list"
        if isinstance(step, Choice):
            check_conditions(step, element.node, release)
        node = element.node
    return element


def check_conditions(step, node, release):
    """A condition compares an element that exists with a value of its kind."""
    bound = constants()
    for condition in step.conditions:
        if isinstance(condition.value, Constant):
            assert condition.value.name in bound, f"%{condition.value.name} is defined nowhere"
            value = bound[condition.value.name]
        else:
            value = condition.value
        found = follow(condition.steps, node, release)
        if isinstance(value, dict):
            assert found.type == "CodeableConcept", f"{condition} compares a {found.type} with a CodeableConcept"
        else:
            assert found.primitive, f"{condition} compares a {found.type} with text"


def end_of(mapping, release, path, shape="value"):
    """The definition at the end of a path."""
    parsed = parse(path)
    node = root_nodes(mapping, release, parsed.root)
    assert node is not None, f"{path} begins at no part of {release}"
    return follow(parsed.steps, node, release, shape)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("mapping", ALL, ids=lambda one: one.name)
def test_every_path_exists_in_the_definitions(mapping, release):
    """A misspelt element, or a list taken for a single element, would be written where no other reader finds it."""
    parts = [mapping.resource, *(part.type for part in mapping.parts if release in part.releases)]
    assert set(parts) <= resource_types(release), f"FHIR {release} has no {set(parts) - resource_types(release)}"
    wrong = []
    for what, path, shape in paths_of(mapping, release):
        try:
            found = end_of(mapping, release, path, "any" if shape == "list" else shape)
            if shape == "literal":
                assert found.primitive, f"{path} is no primitive: no literal can stand beside it"
            if shape == "link":
                assert found.type == "Reference", f"{path} is a {found.type}, no Reference"
        except AssertionError as fault:
            wrong.append(f"{what}: {path}: {fault}")
    assert not wrong, "\n".join(wrong)


def test_a_wrong_path_is_seen():
    """The check above would let anything pass."""
    for path, shape in (
        ("Patient.sex", "value"),
        ("Patient.name.text", "value"),
        ("Patient.gender[0]", "value"),
        ("Patient.name.where(system=%usubjid).text", "value"),
        ("Patient.identifier.where(system=%nobody).value", "value"),
        ("Patient.identifier.where(type='x').value", "value"),
        ("Patient.gender", "member"),
    ):
        with pytest.raises(AssertionError):
            follow(parse(path).steps, "Patient", "R4", shape)


@pytest.mark.parametrize("mapping", ALL, ids=lambda one: one.name)
def test_every_part_is_pointed_at_by_a_reference_that_may_point_there(mapping):
    """A link would point at a type that FHIR does not allow there (ResearchSubject.individual at a Group)."""
    for release in RELEASES:
        for part in mapping.parts:
            if release not in part.releases:
                continue
            found = end_of(mapping, release, part.link, "link")
            allowed = set(found.targets)
            assert not allowed or part.type in allowed or "Resource" in allowed, f"{part.link} may not be a {part.type}"


def known_variables(domain):
    """The variables a domain may have: the guide's own, and what the SDTM model adds to any domain of its class.

    SDTMIG 3.4, 4.1.1: identifiers, timing variables and the class's qualifiers may be added. The model's variables
    are those that some bundled domain has: of the same class, or an identifier or timing variable of any. Findings
    About is the Findings class with --OBJ (SDTM 2.0, 3.1.3.1).
    """
    found = set()
    for version in metadata.VERSIONS:
        if domain not in {one.name for one in metadata.domains(version)}:
            continue
        mine = metadata.domain(domain, version)
        for other in metadata.domains(version):
            for one in other.variables:
                if other.name == domain:
                    found.add(one.name)
                elif one.name[:2] == other.name and (
                    other.cls.removesuffix(" About") == mine.cls.removesuffix(" About")
                    or one.role in {"Identifier", "Timing"}
                    or one.name.endswith("DTC")
                ):
                    found.add(domain + one.name[2:])
                elif one.role == "Timing":
                    found.add(one.name)
    return found | {domain + one for one in MODEL}


def with_ec_expected_to_fail():
    """Every mapping; EC's variables cannot be judged."""
    return [pytest.param(one, id=one.name) for one in ALL]


@pytest.mark.parametrize("mapping", with_ec_expected_to_fail())
def test_every_variable_is_the_guides(mapping):
    """A variable would be filled that SDTM does not have, or that is of another domain."""
    known = known_variables(mapping.domain)
    assert known, f"{mapping.domain} is not bundled"
    for variable in [one.variable for one in (*mapping.lines, *mapping.derived)]:
        name = variable.removeprefix("SUPP.")
        if name == variable:
            assert name in known, f"SDTMIG 3.3 and 3.4 have no {name} in {mapping.domain}"
        else:
            assert len(name) <= 8, f"QNAM {name} has more than 8 characters"
            assert name not in known, f"{name} is a variable of {mapping.domain}, no qualifier"
            assert name in DEFAULTS, f"{name} has no label"
    for part in mapping.parts:
        needed = {one.removeprefix("SUPP.") for one in (*part.key, *part.needs)} - IDENTIFIERS
        assert needed <= known | set(DEFAULTS), f"{part.name} needs {needed - known}"
    assert set(mapping.key) <= known | IDENTIFIERS


def test_every_qualifier_fits_supp():
    """A label or name longer than XPT holds would be refused when the study is written."""
    for name, (label, origin, *_) in DEFAULTS.items():
        assert len(name) <= 8
        assert len(label) <= 40
        assert origin


@cache
def definitions(*packages):
    """StructureDefinitions of extensions by url."""
    found = {}
    for package in packages:
        for name in package.of_type("StructureDefinition"):
            definition = package.json(name)
            if definition.get("type") == "Extension" and "snapshot" in definition:
                found.setdefault(definition["url"], definition)
    return found


def value_types(definition):
    """The JSON names the extension's own value may have; empty where it only has extensions inside."""
    for element in definition["snapshot"]["element"]:
        if element["id"].split(":")[0] == "Extension.value[x]" and element.get("max") != "0":
            return {f"value{one['code'][0].upper()}{one['code'][1:]}" for one in element.get("type", ())}
    return set()


def inner_urls(definition):
    """The urls of the extensions inside, as far as the definition slices them by a fixed url."""
    return {
        element["fixedUri"]
        for element in definition["snapshot"]["element"]
        if element["path"] == "Extension.extension.url" and "fixedUri" in element
    } | {
        profile
        for element in definition["snapshot"]["element"]
        if element["path"] == "Extension.extension"
        for kind in element.get("type", ())
        for profile in kind.get("profile", ())
    }


def extension_steps(path):
    """(url constant or text, next step) of each extension a path goes through, from the outside."""
    bound = constants()
    steps = parse(path).steps
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        if isinstance(step, Choice) and step.name in {"extension", "modifierExtension"}:
            for condition in step.conditions:
                if condition.steps == (Child("url"),):
                    value = condition.value
                    yield bound[value.name] if isinstance(value, Constant) else value, after


def test_extensions_hold_the_type_their_definition_allows(mcode_examples, r4_examples):
    """An extension would hold a value of a type that its publisher's definition forbids."""
    known = definitions(mcode_examples, r4_examples)
    checked = set()
    for mapping in ALL:
        for release in RELEASES:
            for what, path, _ in paths_of(mapping, release):
                outer = None
                for url, after in extension_steps(path):
                    if not url.startswith("http") or url.startswith(constants()["base"]):
                        check_inner(known, outer, url, what)
                        outer = None
                        continue
                    outer = url
                    if not isinstance(after, Child):
                        continue
                    short = url.rsplit("/", 1)[1]
                    allowed = value_types(known[url]) if url in known else PUBLISHED.get(short)
                    assert allowed is not None, f"nobody defines {url}"
                    assert after.name in allowed | {"extension"}, f"{what}: {url} cannot hold {after.name}"
                    checked.add(url)
    assert {constants()["intent"], constants()["sessions"], constants()["laterality"]} <= checked


def check_inner(known, outer, url, what):
    """An extension inside another is one that the outer one's definition has."""
    if outer in known and not url.startswith("http"):
        assert url in inner_urls(known[outer]), f"{what}: {outer} has no inner extension {url}"


def test_codelists_exist():
    """A mapping would ask for a codelist that no package has, and fail at the first row."""
    for mapping in ALL:
        for one in mapping.lines:
            for code in codelists_of(one.spelling.to_sdtm) | codelists_of(one.spelling.to_fhir):
                assert code in terminology.default(), f"{mapping.name} {one.variable}: no codelist {code}"


def codelists_of(function, seen=None):
    """The C-codes of codelists that a function holds on to."""
    seen = seen if seen is not None else set()
    found = set()
    for inner in (getattr(function, "__wrapped__", None), *held(function)):
        if inner is None or id(inner) in seen:
            continue
        seen.add(id(inner))
        if isinstance(inner, tuple) and all(isinstance(one, str) for one in inner):
            found |= {one for one in inner if one[:1] == "C" and one[1:].isdigit()}
        elif callable(inner):
            found |= codelists_of(inner, seen)
    return found


def held(function):
    """What a function's closure holds."""
    for one in getattr(function, "__closure__", None) or ():
        yield one.cell_contents


@pytest.mark.parametrize("mapping", ALL, ids=lambda one: one.name)
def test_a_coded_variable_uses_the_guides_codelist(mapping):
    """A variable would be decoded by another variable's codelist: MIDLINE read as a laterality, a unit as a route."""
    for one in mapping.lines:
        mine = codelists_of(one.spelling.to_sdtm) | codelists_of(one.spelling.to_fhir)
        theirs = {
            code
            for version in metadata.VERSIONS
            if mapping.domain in {known.name for known in metadata.domains(version)}
            and one.variable in metadata.domain(mapping.domain, version)
            for code in metadata.domain(mapping.domain, version).variable(one.variable).codelists
        }
        assert not (mine and theirs) or mine & theirs, f"{one.variable}: the guide says {theirs}, the line {mine}"


def test_indexes_are_small():
    """An index beyond the first would leave empty elements before it."""
    for mapping in ALL:
        for release in RELEASES:
            for _, path, _ in paths_of(mapping, release):
                for step in parse(path).steps:
                    assert not isinstance(step, Index) or step.at == 0, path
