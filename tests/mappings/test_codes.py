"""Every code the dictionary writes or reads is a real one, and every code table can be read back.

The codes are found by walking what the mapping modules hold (tables, closures of spellings) and by reading their
source for `coding(SYSTEM, "code")`; the judges are CDISC's package, mCODE's and FHIR's own definitions, and a list
with a source for what none of these has.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from functools import cache
from pathlib import Path

import pytest

from trialbridge import mappings
from trialbridge.converters.context import Context
from trialbridge.fhir.ids import BASE
from trialbridge.mappings import ALL, names
from trialbridge.sdtm import metadata, terminology

pytestmark = pytest.mark.once

MODULES = [
    importlib.import_module(f"trialbridge.mappings.{found.name}") for found in pkgutil.iter_modules(mappings.__path__)
]
CDCREC = "urn:oid:2.16.840.1.113883.6.238"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
SEEN_ELSEWHERE = {
    "DICOM PS3.16, CID 2 Anatomic Modifier": {
        (names.SCT, "255549009"),  # Anterior
    },  # codes that no pinned package has, by what shows them
    "NCI Thesaurus, CTCAE grades (AE research R4 backport 1.0.1)": {(names.NCIT, "C41337"), (names.NCIT, "C48275")},
    "NCI Thesaurus, causality (AE research R4 backport 1.0.1)": {
        (names.NCIT, code) for code in ("C53256", "C53257", "C53258", "C53260")
    },
    "NCI Thesaurus, seriousness criteria (AE research R4 backport 1.0.1)": {
        (names.NCIT, code) for code in ("C84266", "C83052", "C11338", "C83117", "C82521", "C201939")
    },
    "DICOM PS3.16, CID 6144 and CID 6147": {(names.DCM, code) for code in ("112074", "112075", "126080", "126081")},
    "LOINC 88040-1 and answer list LL4721-8": {
        (names.LOINC, code) for code in ("88040-1", "LA28366-5", "LA28369-9", "LA28371-5", "LA28370-7")
    },
    "LOINC 59408-5, oxygen saturation by pulse oximetry": {(names.LOINC, "59408-5")},
    "SNOMED CT, routes of administration (HL7 ValueSet route-codes)": {
        (names.SCT, "47625008"),
        (names.SCT, "26643006"),
    },
    "CTCAE grades of the mCODE extraction framework": {
        ("http://hl7.org/fhir/us/ctcae/CodeSystem/ctcae-grade-code-system", grade) for grade in "012345"
    },
    "THO adverse-event-seriousness (its codes are lower case, R4's capital)": {
        (names.SERIOUSNESS, "serious"),
        (names.SERIOUSNESS, "non-serious"),
    },
    "THO research-subject-state-type": {
        ("http://terminology.hl7.org/CodeSystem/research-subject-state-type", code)
        for code in ("Milestone", "Enrollment")
    },
    "THO research-subject-state, to which R5 binds subjectState (the codes are R4's research-subject-status)": {
        ("http://terminology.hl7.org/CodeSystem/research-subject-state", code)
        for code in ("screening", "on-study-intervention", "on-study-observation", "follow-up")
    },
    "LOINC 69453-9, Cause of death [US Standard Certificate of Death]": {(names.LOINC, "69453-9")},
    "R5 condition-clinical": {("http://terminology.hl7.org/CodeSystem/condition-clinical", "unknown")},
    "US Core 6.1.0, OMB race categories": {(CDCREC, code) for code in ("1002-5", "2076-8", "2131-1")},
    "ClinicalTrials.gov's own fhir.json dialect": {("https://clinicaltrials.gov", "interventionType")},
    "FHIR resource types": {("http://hl7.org/fhir/resource-types", "BodyStructure")},
}


def codings_in(value, seen):
    """Every dict with system and code that a value holds, through tables, functions' closures and dataclasses."""
    if id(value) in seen or isinstance(value, str | bytes | int | float | type(None)):
        return
    seen.add(id(value))
    if isinstance(value, dict):
        if isinstance(value.get("system"), str) and isinstance(value.get("code"), str):
            yield value["system"], value["code"], value.get("display")
        for one in value.values():
            yield from codings_in(one, seen)
        for key in value:  # aliases are kept as (system, code)
            if isinstance(key, tuple) and len(key) == 2 and str(key[0]).startswith(("http", "urn")):
                yield (*key, None)
    elif isinstance(value, list | tuple | set | frozenset):
        if isinstance(value, tuple) and len(value) == 2 and str(value[0]).startswith(("http", "urn")):
            yield (*value, None)
        for one in value:
            yield from codings_in(one, seen)
    elif callable(value):
        yield from codings_in(getattr(value, "__wrapped__", None), seen)
        for cell in getattr(value, "__closure__", None) or ():
            yield from codings_in(cell.cell_contents, seen)
    elif hasattr(value, "__dataclass_fields__") and type(value).__module__.startswith("trialbridge.mappings"):
        for field in value.__dataclass_fields__:
            yield from codings_in(getattr(value, field), seen)


def written_out(module):
    """The codes of `coding(SYSTEM, "code", …)` in a module's source."""
    for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "coding" and len(node.args) >= 2:
            system, code = node.args[0], node.args[1]
            if isinstance(code, ast.Constant):
                found = (
                    system.value
                    if isinstance(system, ast.Constant)
                    else getattr(module, getattr(system, "id", ""), None)
                )
                if isinstance(found, str):
                    yield found, code.value, None


@cache
def used():
    """Every (system, code) of the dictionary, with a display where one is written."""
    found = {}
    for module in MODULES:
        seen = set()
        things = [value for name, value in vars(module).items() if not name.startswith("__")]
        things.append(names.constants())
        for system, code, display in (*codings_in(things, seen), *written_out(module)):
            if system.startswith(("http", "urn")) and not code.startswith("http"):
                found[system, code] = found.get((system, code)) or display
    return found


def test_the_walk_finds_the_tables():
    """The tests of codes would pass over a dictionary whose codes they do not see."""
    for pair in (
        (names.SCT, "39607008"),  # a place, from a table
        (names.SCT, "228793007"),  # written out inside a lambda
        (names.LOINC, "33728-7"),  # a constant
        (names.SERIOUSNESS, "Non-serious"),  # an alias
        (CDCREC, "2106-3"),
        (names.NCIT, "C41337"),
    ):
        assert pair in used(), pair
    assert len(used()) > 100


def test_ncit_codes_are_cdiscs():
    """A C-code would be one that CDISC does not use, and so be read by nobody."""
    known = {term.code for codelist in terminology.default().codelists for term in codelist}
    elsewhere = set().union(*SEEN_ELSEWHERE.values())
    unknown = {pair for pair in used() if pair[0] == names.NCIT and pair[1] not in known} - elsewhere
    assert not unknown


@cache
def published(*packages):
    """(system, code) -> display of all that value sets, code systems, profiles and examples of packages name."""
    found = {}
    for package in packages:
        for name in package.names:
            if name.endswith(".json"):
                gather(package.json(name), found)
    return found


def gather(value, found):
    """Codings, concepts of value sets and code systems."""
    if isinstance(value, list):
        for one in value:
            gather(one, found)
    elif isinstance(value, dict):
        system, code = value.get("system"), value.get("code")
        if isinstance(system, str) and isinstance(code, str):
            found.setdefault((system, code), value.get("display"))
        home = system or (value.get("url") if value.get("resourceType") == "CodeSystem" else None)
        stack = list(value.get("concept") or ()) if isinstance(home, str) else []
        while stack:
            one = stack.pop()
            if isinstance(one, dict) and "code" in one:
                found.setdefault((home, one["code"]), one.get("display"))
                stack.extend(one.get("concept") or ())
        for one in value.values():
            gather(one, found)


def test_other_codes_are_published(mcode_examples, r4_examples, r5_core):
    """A SNOMED CT, LOINC or HL7 code would be a misprint that no server knows."""
    known = published(mcode_examples, r4_examples, r5_core)
    elsewhere = set().union(*SEEN_ELSEWHERE.values())
    unknown = {pair for pair in used() if pair[0] != names.NCIT and pair not in known} - elsewhere
    assert not unknown


def test_the_list_of_exceptions_is_not_too_long():
    """An exception would stay although nobody uses its code."""
    for source, pairs in SEEN_ELSEWHERE.items():
        for pair in pairs:
            assert pair in used(), f"{source}: nobody uses {pair}"


ANOTHER_NAME = {  # displays that share no word with the published one, each looked up by hand
    (names.SCT, "363680008"),  # a fault: "Plain X-ray" is a narrower concept than "Radiographic imaging procedure"
}


@pytest.mark.parametrize("system", [names.NCIT, names.SCT])
def test_displays_name_the_same_thing(system, mcode_examples, r4_examples):
    """A code would stand beside another code's name: a liver called a lung."""
    known = dict(published(mcode_examples, r4_examples))
    for codelist in terminology.default().codelists:
        for term in codelist:
            known[names.NCIT, term.code] = " ".join((term.preferred_term, term.submission_value, *term.synonyms))
    for pair, display in used().items():
        if pair[0] == system and display and known.get(pair) and pair not in ANOTHER_NAME:
            mine = {word[:5] for word in display.lower().replace("-", " ").split() if len(word) > 2}
            theirs = {word[:5] for word in known[pair].lower().replace("-", " ").replace("(", "").split()}
            assert mine & theirs, f"{pair}: {display} is published as {known[pair]}"


# --- inverses -------------------------------------------------------------------------------------------------------

LOSING = {  # (domain, variable): values that another value's code stands for, and why
    ("DM", "SEX"): {"UNDIFFERENTIATED", "INTERSEX"},  # FHIR's `other` is wider than both
}
ABSENT = object()


def terms_of(domain, one):
    """The values a line may hold: its code table's, and its variable's codelists'."""
    values = dict.fromkeys(one.spelling.pairs)
    for version in metadata.VERSIONS:
        if domain not in {known.name for known in metadata.domains(version)}:
            continue
        known = metadata.domain(domain, version)
        if one.variable in known:
            for code in known.variable(one.variable).codelists:
                if code in terminology.default():
                    values.update(dict.fromkeys(t.submission_value for t in terminology.default().codelist(code)))
    return list(values)


def there_and_back(one, value, release):
    """What a value comes home as; ABSENT where FHIR cannot say it."""
    ctx = Context(BASE, release)
    ctx.row = {"USUBJID": "S1", "STUDYID": "ST1", "DOMAIN": "AE", "AESER": "Y", "PRDOSU": "Gy", one.variable: value}
    written = one.spelling.to_fhir(value, ctx)
    if written is None:
        return ABSENT
    if one.spelling.shape == "literal":
        return one.spelling.to_sdtm(*written, ctx)
    return one.spelling.to_sdtm(written, ctx)


def in_context(one):
    """Whether a line's value hangs on other resources (references), which the laws cover."""
    return one.spelling.name.startswith(("reference", "the arm"))


@pytest.mark.parametrize("mapping", ALL, ids=lambda one: one.name)
def test_every_term_comes_home(mapping):
    """A term would come back as another one: the wrong test, side or outcome in the tables."""
    tried = set()
    for one in mapping.lines:
        if one.direction != "both" or in_context(one):
            continue
        for value in terms_of(mapping.domain, one):
            back = there_and_back(one, value, one.releases[0])
            if back is not ABSENT and value not in LOSING.get((mapping.domain, one.variable), ()):
                assert back == value, f"{one.variable}: {value!r} came back as {back!r}"
                tried.add(one.variable)
    coded = {one.variable for one in mapping.lines if one.direction == "both" and terms_of(mapping.domain, one)}
    assert tried >= coded - {"DOMAIN"}, f"no term of {coded - tried} is ever written"


CUT = {  # lines that write less than the value; the difference travels with the record
    "DSSTDTC": "a date inside an extension has no place for a literal (R4)",
    "SESTDTC": "a date inside an extension has no place for a literal (R4)",
    "SEENDTC": "a date inside an extension has no place for a literal (R4)",
    "AEENDTC": "a date inside an extension has no place for a literal (R4)",
    "SUPP.PRFRACN": "fractions are a whole number: 03 is 3",
}


@pytest.mark.parametrize("mapping", ALL, ids=lambda one: one.name)
def test_free_text_comes_home_or_is_not_written(mapping):
    """A value outside the codelist would come back as a term, or blank."""
    for one in mapping.lines:
        if one.direction != "both" or in_context(one) or one.variable.endswith(("SEQ", "DOSE", "VISITNUM", "CD")):
            continue
        for value in ("x", "LEFT ", "lung", " 3", "03", "3.0", "2018-02", "2018-02-05T10:30", "1e3", "é|/%ncit"):
            back = there_and_back(one, value, one.releases[0])
            if back is not ABSENT and back is not None and one.variable not in CUT:
                assert back == value, f"{one.variable}: {value!r} came back as {back!r}"


def test_losing_tables_say_so():
    """A table that loses would be trusted."""
    for mapping in ALL:
        for one in mapping.lines:
            lost = LOSING.get((mapping.domain, one.variable))
            assert not lost or one.spelling.loses, f"{one.variable} does not say what is lost"
