"""Lineage: each filled cell once, and what it says of element, raw value and codes is found there by other means.

`found_at` reads a path with a few lines that know nothing of the converter; expected origins are written down by hand.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from trialbridge.commands import trace
from trialbridge.converters import study as whole
from trialbridge.converters.lineage import as_lines, cells, cells_to_fhir, lineage_of, lineage_to_fhir
from trialbridge.converters.provenance import provenances
from trialbridge.converters.readiness import readiness
from trialbridge.fhir.check import check
from trialbridge.report import lineage_page
from trialbridge.sdtm import files
from trialbridge.sdtm.table import study as study_of
from trialbridge.sdtm.table import table

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction" / "sdtm"
LOINC = "http://loinc.org"
SCT = "http://snomed.info/sct"
NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
SID = "https://example.org/trialbridge/sid/"
MISSING = object()


# --- an independent reader ------------------------------------------------------------------------------------------


def found_at(resource, path):
    """What stands at a path with list positions; a primitive's extensions stand beside it under `_name`."""
    kind, *steps = re.findall(r"[^.\[\]]+", path)
    assert kind == resource["resourceType"]
    here = resource
    for number, step in enumerate(steps):
        if step.isdigit():
            here = here[int(step)] if isinstance(here, list) and len(here) > int(step) else MISSING
        elif isinstance(here, dict):
            beside = here.get(f"_{step}", MISSING)
            primitive = not isinstance(here.get(step), dict | list)
            into_extension = steps[number + 1 : number + 2] == ["extension"]
            here = beside if primitive and into_extension and beside is not MISSING else here.get(step, MISSING)
        else:
            here = MISSING
        if here is MISSING:
            return MISSING
    return here


def wrong(found, resources):
    """The cells whose path does not lead to their raw value."""
    by_name = {f"{one['resourceType']}/{one.get('id')}": one for one in resources}
    return [one for one in found if one.path and one.raw is not None and not _leads(one, by_name)]


def _leads(one, by_name):
    there = found_at(by_name[one.resource], one.path)
    if isinstance(one.raw, bool) or not isinstance(one.raw, int | float | Decimal):
        return there == one.raw and isinstance(there, bool) == isinstance(one.raw, bool)
    return there is not MISSING and Decimal(str(there)) == Decimal(str(one.raw))


def filled(study):
    """Every filled cell of a study: dataset, row, variable -> value."""
    return {
        (one.name, number, name): value
        for one in study
        for number, row in enumerate(one.frame.to_dicts(), start=1)
        for name, value in row.items()
        if value is not None
    }


def traced(resources, release="R4"):
    """The cells of a lineage by dataset, row and variable; none may be there twice."""
    found = list(cells(lineage_of(resources, release=release)))
    by_place = {(one.dataset, one.row, one.variable): one for one in found}
    assert len(by_place) == len(found)
    return by_place


def concept(*codings, **more):
    """A CodeableConcept of (system, code) pairs."""
    return {"coding": [{"system": system, "code": code} for system, code in codings], **more}


# --- a small export, by hand ----------------------------------------------------------------------------------------

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "extension": [
        {"url": "http://example.com/other", "valueString": "x"},
        {
            "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
            "extension": [
                {
                    "url": "ombCategory",
                    "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2028-9", "display": "Asian"},
                },
                {"url": "text", "valueString": "Asian, of Japan"},
            ],
        },
    ],
    "gender": "male",
    "birthDate": "1950-02-11",
}
SUBJECT = {
    "resourceType": "ResearchSubject",
    "id": "rs1",
    "identifier": [
        {"system": "http://hospital.example/mrn", "value": "9"},
        {"system": SID + "usubjid", "value": "S1-01"},
    ],
    "status": "on-study",
    "individual": {"reference": "Patient/p1"},
    "study": {"reference": "ResearchStudy/st"},
}
STUDY = {"resourceType": "ResearchStudy", "id": "st", "status": "active", "identifier": [{"value": "S1"}]}
SIZE = {
    "resourceType": "Observation",
    "id": "size",
    "status": "final",
    "subject": {"reference": "Patient/p1"},
    "code": concept(("http://example.com/local", "T1"), (LOINC, "21889-1")),
    "effectiveDateTime": "2020-03-04",
    "method": concept((SCT, "77477000"), text="CT, thin slices"),
    "component": [
        {"code": concept((LOINC, "99999-9")), "valueQuantity": {"value": 1}},
        {
            "code": concept((LOINC, "33728-7")),
            "valueQuantity": {"value": Decimal("23.50"), "code": "mm", "system": "http://unitsofmeasure.org"},
        },
    ],
    "encounter": {"type": "Encounter", "identifier": {"system": SID + "visitnum", "value": "3"}},
}
SMALL = [STUDY, PATIENT, SUBJECT, SIZE]


@pytest.mark.parametrize(
    ("cell", "value", "resource", "path", "raw"),
    [
        (("DM", "SEX"), "M", "Patient/p1", "Patient.gender", "male"),
        (("DM", "USUBJID"), "S1-01", "ResearchSubject/rs1", "ResearchSubject.identifier[1].value", "S1-01"),
        (("DM", "BRTHDTC"), "1950-02-11", "Patient/p1", "Patient.birthDate", "1950-02-11"),
        (("DM", "RACE"), "ASIAN", "Patient/p1", "Patient.extension[1].extension[0].valueCoding.code", "2028-9"),
        (
            ("TR", "TRORRES"),
            "23.50",
            "Observation/size",
            "Observation.component[1].valueQuantity.value",
            Decimal("23.50"),
        ),
        (("TR", "TRORRESU"), "mm", "Observation/size", "Observation.component[1].valueQuantity.code", "mm"),
        (("TR", "TRTESTCD"), "LDIAM", "Observation/size", "Observation.code.coding[1].code", "21889-1"),
        (("TR", "TRMETHOD"), "CT SCAN", "Observation/size", "Observation.method.coding[0].code", "77477000"),
        (("TR", "TRDTC"), "2020-03-04", "Observation/size", "Observation.effectiveDateTime", "2020-03-04"),
        (("TR", "VISITNUM"), 3.0, "Observation/size", "Observation.encounter.identifier.value", "3"),
    ],
)
def test_read_cells_name_their_element(cell, value, resource, path, raw):
    """A cell's lineage would name another element, list position or raw value than the one that says it."""
    one = traced(SMALL)[cell[0], 1, cell[1]]
    assert (one.value, one.derivation) == (value, "READ")
    assert (one.resource, one.path, one.raw) == (resource, path, raw)


def test_code_pairs():
    """The codes that did a translation would be missing or wrong; a verbatim value must have none."""
    found = traced(SMALL)
    assert found["DM", 1, "SEX"].pair == {"code": "male", "value": "M"}
    assert found["TR", 1, "TRTESTCD"].pair == {"system": LOINC, "code": "21889-1", "value": "LDIAM"}
    race = {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2028-9", "display": "Asian", "value": "ASIAN"}
    assert found["DM", 1, "RACE"].pair == race
    assert found["TR", 1, "TRDTC"].pair is None


def test_a_text_is_not_taken_for_its_coding():
    """A value taken from the text of a concept would be credited to a coding beside it."""
    method = concept(("http://example.com/local", "CT7"), text="CT SCAN")
    found = traced([STUDY, PATIENT, SUBJECT, {**SIZE, "method": method}])["TR", 1, "TRMETHOD"]
    assert (found.path, found.raw, found.pair) == ("Observation.method.text", "CT SCAN", None)


def test_lines_are_named():
    """The line would be that of another variable or mapping."""
    found = traced(SMALL)
    assert (found["DM", 1, "SEX"].mapping, found["DM", 1, "SEX"].line) == ("DM", "SEX Patient.gender")
    size = found["TR", 1, "TRORRES"]
    assert size.mapping == "TR longest diameter"
    assert size.line.startswith("TRORRES Observation.component.where(code=%tumor-longest)")


def test_other_derivations():
    """A computed, given or fixed cell would pass as read; or not say what it was computed from."""
    found = traced(SMALL)
    number = found["TR", 1, "TRSTRESN"]
    assert (number.value, number.derivation, number.inputs, number.path) == (23.5, "DERIVED", ("TRSTRESC",), "")
    assert found["TR", 1, "TRSEQ"].derivation == "ASSIGNED"
    assert found["TR", 1, "DOMAIN"].derivation == "DERIVED"
    assert found["TR", 1, "STUDYID"].inputs == ("DM.STUDYID",)


def test_a_stand_in_is_told_from_a_resource():
    """USUBJID of a Patient without ResearchSubject would be credited to a resource that no source holds."""
    one = traced([PATIENT])["DM", 1, "USUBJID"]
    assert (one.derivation, one.resource, one.path, one.raw) == ("DERIVED", "Patient/p1", "Patient.id", "p1")
    assert "no ResearchSubject" in one.note
    sex = traced([PATIENT])["DM", 1, "SEX"]
    assert (sex.derivation, sex.link) == ("READ", "")
    assert traced(SMALL)["DM", 1, "SEX"].link == "ResearchSubject.individual"


def test_contained_resources():
    """A value in a contained resource would be given a path that leads nowhere."""
    drug = {"resourceType": "Medication", "id": "m", "code": {"text": "Aspirin"}}
    taken = {
        "resourceType": "MedicationStatement",
        "id": "ms",
        "contained": [{"resourceType": "Medication", "id": "other"}, drug],
        "status": "active",
        "subject": {"reference": "Patient/p1"},
        "medicationReference": {"reference": "#m"},
    }
    one = traced([*SMALL, taken])["CM", 1, "CMTRT"]
    assert (one.resource, one.path, one.raw) == (
        "MedicationStatement/ms",
        "MedicationStatement.contained[1].code.text",
        "Aspirin",
    )


def test_a_carried_value_gives_way_to_an_edited_element():
    """A cell whose element was edited after carrying would still be credited to the extension."""
    frame = {"STUDYID": ["S1"], "DOMAIN": ["DM"], "USUBJID": ["S1-01"], "SUBJID": ["01"], "SEX": ["UNDIFFERENTIATED"]}
    made = whole.to_fhir(study_of([table("DM", _frame(frame))])).resources
    assert traced(made)["DM", 1, "SEX"].derivation == "CARRIED"
    for one in made:
        if one["resourceType"] == "Patient":
            one["gender"] = "female"
    sex = traced(made)["DM", 1, "SEX"]
    assert (sex.value, sex.derivation, sex.path) == ("F", "READ", "Patient.gender")


def test_a_stale_carried_value_is_not_the_source_of_a_computed_one():
    """A computed cell would be credited to an extension whose value was set aside."""
    row = {"STUDYID": "S1", "DOMAIN": "DM", "USUBJID": "S1-01", "SUBJID": "01", "RFSTDTC": "2020-06-01"}
    frame = {name: [value] for name, value in {**row, "BRTHDTC": "1950-01-01", "AGE": 99.0}.items()}
    made = whole.to_fhir(study_of([table("DM", _frame(frame))])).resources
    assert traced(made)["DM", 1, "AGE"].derivation == "CARRIED"  # 70 by the dates
    for one in made:
        if one["resourceType"] == "Patient":
            one["birthDate"] = "1960-01-01"
    age = traced(made)["DM", 1, "AGE"]
    assert (age.value, age.derivation, age.inputs) == (60.0, "DERIVED", ("BRTHDTC", "RFSTDTC"))


@pytest.mark.parametrize(
    ("quantity", "value", "path"),
    [
        ({"value": 5, "code": "mm"}, "5", "Observation.component[1].valueQuantity.value"),
        # a comparator is a part of what was found: the number alone does not say it (FHIR R4 2.24.0.8)
        ({"value": 5, "comparator": "<", "code": "mm"}, "<5", "Observation.component[1].valueQuantity"),
    ],
)
def test_a_result_with_a_comparator_comes_from_both(quantity, value, path):
    """`<5` would be credited to the 5 alone, or a plain number to the whole Quantity."""
    resource = deepcopy(SIZE)
    resource["component"][1]["valueQuantity"] = quantity
    one = traced([STUDY, PATIENT, SUBJECT, resource])["TR", 1, "TRORRES"]
    assert (one.value, one.path) == (value, path)


@pytest.mark.parametrize(
    "broken",
    [
        {"resourceType": "ResearchStudy", "id": "x", "arm": "A", "identifier": "S1"},
        {"resourceType": "Basic", "id": "x", "code": "DM"},
        {**SIZE, "id": "x", "component": "none"},
        {**SIZE, "id": "x", "method": ["CT"]},
        {**PATIENT, "id": "x", "gender": {"a": 1}},
    ],
)
def test_what_is_not_shaped_as_fhir(broken):
    """A resource of the wrong shape would end the lineage of all others, or a gap's search, with a traceback."""
    resources = [*SMALL, broken]
    found = {place: one.value for place, one in traced(resources).items()}
    assert found == filled(whole.to_sdtm(resources, release="R4").study)
    assert found["DM", 1, "SEX"] == "M"
    readiness(lineage_of(resources, release="R4"))


def test_identical_rows_each_have_their_origin():
    """Of rows that say the same, all but the first would be left without a source."""
    frame = _frame({"STUDYID": ["S1"] * 2, "DOMAIN": ["XX"] * 2, "XXNOTE": ["same"] * 2})
    resources = whole.to_fhir(study_of([table("XX", frame)])).resources
    found = [one for one in traced(resources).values() if (one.dataset, one.variable) == ("XX", "XXNOTE")]
    assert [(one.row, one.derivation) for one in found] == [(1, "CARRIED"), (2, "CARRIED")]
    assert len({one.resource for one in found}) == 2


def _frame(columns):
    import polars as pl

    return pl.DataFrame(columns)


# --- whole studies --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def example():
    """The example study's first subjects, every dataset of it."""
    given = files.read([EXAMPLE])
    subjects = given["DM"].frame["USUBJID"].unique(maintain_order=True).to_list()[:4]
    kept = [
        replace(one, frame=one.frame.filter(one.frame["USUBJID"].is_in(subjects) | one.frame["USUBJID"].is_null()))
        if "USUBJID" in one.frame.columns
        else one
        for one in given
    ]
    return given.with_tables(kept)


@pytest.fixture(scope="module", params=["R4", "R5"])
def export(request, example):
    """The example as FHIR of both releases."""
    return whole.to_fhir(example, release=request.param).resources, request.param


def test_every_cell_of_the_example_has_its_origin(export):
    """A cell of a conversion would have no lineage, two, or one that leads to another value."""
    resources, release = export
    found = traced(resources, release)
    expected = filled(whole.to_sdtm(resources, release=release).study)
    assert {place: one.value for place, one in found.items()} == expected
    assert {one.derivation for one in found.values()} == {"READ", "DERIVED", "CARRIED"}
    assert wrong(found.values(), resources) == []


def test_a_wrong_lineage_is_seen(export):
    """The check of paths would let any path or raw value pass."""
    resources, release = export
    found = [one for one in traced(resources, release).values() if one.path and isinstance(one.raw, str)][:200]
    assert len(wrong([replace(one, raw=one.raw + "?") for one in found], resources)) == len(found)
    moved = [replace(one, path=one.path + "[9]") for one in found]
    assert len(wrong(moved, resources)) == len(found)


def test_values_read_verbatim_stand_there_verbatim(export):
    """A cell said to be read without codes would differ from its element."""
    resources, release = export
    texts = [
        one
        for one in traced(resources, release).values()
        if one.derivation == "READ" and one.spelling == "text, verbatim"
    ]
    assert len(texts) > 500
    assert all(one.value == one.raw for one in texts)


def test_mcode_examples(mcode_examples):
    """Foreign FHIR would leave cells without lineage, or with one that leads elsewhere."""
    names = [one for one in mcode_examples.names if one.startswith("package/example/")]
    resources = [one for name in names if (one := mcode_examples.json(name))["resourceType"] != "Bundle"]
    found = traced(resources)
    assert {place: one.value for place, one in found.items()} == filled(whole.to_sdtm(resources).study)
    assert wrong(found.values(), resources) == []
    # mCODE 4.0.0, Observation-tumor-size-pathology: 1.2 cm, the longest dimension in its first component
    sizes = [one for one in found.values() if one.resource == "Observation/tumor-size-pathology"]
    longest = next(one for one in sizes if one.variable == "TRORRES")
    assert (longest.path, str(longest.raw)) == ("Observation.component[0].valueQuantity.value", "1.2")


def test_datasets_and_subject_alone(export):
    """Asking for one dataset or subject would give other cells than asking for all."""
    resources, release = export
    of = lineage_of(resources, release=release)
    everything = list(cells(of))
    usubjid = next(one.usubjid for one in everything if one.dataset == "SUPPAE")
    some = list(cells(of, ("AE", "SUPPAE"), usubjid))
    assert some == [one for one in everything if one.dataset in ("AE", "SUPPAE") and one.usubjid == usubjid]
    assert some


def test_ndjson(export):
    """The file would not be NDJSON, or differ from run to run."""
    resources, release = export
    first = b"".join(as_lines(cells(lineage_of(resources, release=release), ("DM",))))
    again = b"".join(as_lines(cells(lineage_of(deepcopy(resources), release=release), ("DM",))))
    assert first == again
    lines = [json.loads(line) for line in first.splitlines()]
    sex = next(one for one in lines if one["variable"] == "SEX")
    assert sex["pair"]["value"] == sex["value"]
    assert sex["path"] == "Patient.gender"


def test_from_sdtm_the_rows_are_the_users_own(example):
    """Traced from SDTM, a cell would be told of another row, or of a resource that does not hold it."""
    turned = example.with_tables([replace(one, frame=one.frame.reverse()) for one in example])
    of = lineage_to_fhir(turned)
    found = list(cells_to_fhir(of))
    assert {(one.dataset, one.row, one.variable): one.value for one in found} == filled(turned)
    assert wrong(found, whole.to_fhir(turned).resources) == []


# --- provenance -----------------------------------------------------------------------------------------------------


def test_provenance(export):
    """Provenance would not be FHIR, name resources that are not there, or leave out a row with sources."""
    resources, release = export
    found = list(cells(lineage_of(resources, release=release)))
    made = list(provenances(found))
    assert [one for given in made for one in check(given, release)] == []
    names = {f"{one['resourceType']}/{one['id']}" for one in resources}
    assert {one["what"]["reference"] for given in made for one in given["entity"]} <= names
    assert len(made) == len({(one.dataset, one.row) for one in found if one.resource})
    assert len({one["id"] for one in made}) == len(made)
    assert made == list(provenances(found))


def test_provenance_of_a_row():
    """The entities of a row would not be those its cells come from."""
    found = list(cells(lineage_of(SMALL, release="R4"), ("DM",)))
    (made,) = provenances(found, recorded="2026-01-02T03:04:05Z")
    assert made["recorded"] == "2026-01-02T03:04:05Z"
    assert made["target"][0]["identifier"]["value"] == "S1|DM|S1-01|row-1"
    told = {one["what"]["reference"]: one["what"]["display"] for one in made["entity"]}
    assert told == {"Patient/p1": "BRTHDTC, SEX, RACE", "ResearchSubject/rs1": "USUBJID"}


# --- the command and the page ---------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    """The small export as NDJSON in a folder."""
    folder = tmp_path / "export"
    folder.mkdir()
    for one in SMALL:
        (folder / f"{one['resourceType']}.ndjson").write_text(json.dumps(one, default=float) + "\n")
    return folder


def ask(capsys, *args, as_json=False, **more):
    """Exit code and output of the command."""
    code = trace.run(trace.Wanted(*args, **more), as_json=as_json, no_color=True)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_trace_prints_the_origin(small, capsys):
    """The command would not name resource, element, codes, line and file of a cell."""
    code, out, _ = ask(capsys, small, "DM.SEX", "S1-01")
    assert code == 0
    for text in (
        "DM.SEX row 1",
        "S1-01 = 'M'",
        "Patient/p1",
        "Patient.gender",
        "'male' <-> 'M'",
        "Patient.ndjson, line 1",
    ):
        assert text in out


def test_trace_follows_what_was_computed(small, capsys):
    """A computed cell would not lead to the elements it was computed from."""
    _, out, _ = ask(capsys, small, "TR.TRSTRESC", row=1)
    assert "computed  from TRORRES, TRORRESU" in out
    assert "from Observation.component[1].valueQuantity.value of Observation/size" in out


def test_trace_follows_the_record_itself(small, capsys):
    """A computed cell would be led back to another record of the same subject."""
    later = deepcopy(SIZE)
    later["id"], later["effectiveDateTime"] = "later", "2020-05-06"
    later["component"][1]["valueQuantity"]["value"] = 31
    with (small / "Observation.ndjson").open("a") as file:
        file.write(json.dumps(later, default=float) + "\n")
    _, out, _ = ask(capsys, small, "TR.TRSTRESC", row=2)
    assert "TRORRES = '31' from Observation.component[1].valueQuantity.value of Observation/later" in out
    assert "Observation/size" not in out


def test_trace_says_why_a_cell_is_empty(small, capsys):
    """An empty cell would be passed over, or said to come from an element that is not there."""
    _, out, _ = ask(capsys, small, "DM.RFICDTC", "01")
    assert "RFICDTC is empty in 1 record: nothing that can be read stands at Consent.dateTime" in out
    _, out, _ = ask(capsys, small, "TR.VISITNUM", as_json=True)
    assert [one["value"] for one in json.loads(out)] == [3]


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("XX.SEX", {}, "no dataset XX"),
        ("DM.NIX", {}, "no variable NIX"),
        ("DM.SEX", {"subject": "S9"}, "'S9' is no USUBJID"),
        ("DM.SEX", {"row": 2}, "no row 2"),
    ],
)
def test_trace_refuses_what_is_not_there(small, capsys, name, more, message):
    """A mistyped dataset, variable, subject or row would print nothing, as if the cell were empty."""
    code, _, err = ask(capsys, small, name, **more)
    assert code == 2
    assert message in err


def test_trace_of_sdtm_tells_where_a_cell_goes(tmp_path, capsys):
    """Of an SDTM study the command would not name the FHIR element a cell is written to."""
    path = tmp_path / "dm.csv"
    path.write_text("STUDYID,DOMAIN,USUBJID,SUBJID,SEX\nS1,DM,S1-02,02,F\nS1,DM,S1-01,01,M\n")
    code, out, _ = ask(capsys, path, "DM.SEX", row=1)
    assert code == 0
    assert "row 1 · S1-02 = 'F'" in out
    assert "written by its line" in out
    assert "Patient.gender = 'female'" in out


def test_page(small, tmp_path, capsys):
    """The page would need other files, let data act as markup, or lack the data of a cell."""
    patient = json.loads((small / "Patient.ndjson").read_text())
    patient["name"] = [{"text": "</script><script>alert(1)</script>"}]
    (small / "Patient.ndjson").write_text(json.dumps(patient) + "\n")
    target = tmp_path / "page.html"
    assert ask(capsys, small, html=target)[0] == 0
    text = target.read_text()
    assert text.count("</script>") == 1
    assert not re.search(r"(src|href)\s*=|@import|url\(", text)
    data = page_data(text)
    demographics = next(one for one in data["datasets"] if one["name"] == "DM")
    at = [name for name, _ in demographics["columns"]].index("SEX") + 1
    value, places, pair = demographics["rows"][0][at]
    assert value == "M"
    assert [data["texts"][one] for one in places[:3]] == ["READ", "Patient/p1", "Patient.gender"]
    assert pair == {"code": "male", "value": "M"}
    assert data["resources"]["Patient/p1"]["gender"] == "male"


def test_page_keeps_digits():
    """The page's script would show 23.5 where the resource says 23.50."""
    of = lineage_of(SMALL, release="R4")
    data = page_data(lineage_page.page(of, cells(of), "small"))
    quantity = data["resources"]["Observation/size"]["component"][1]["valueQuantity"]
    assert quantity["value"] == {"#": "23.50"}


def test_page_is_bounded(export):
    """A large study's page would grow without bound, or cut rows without saying so."""
    resources, release = export
    of = lineage_of(resources, release=release)
    height = of.study["TR"].frame.height
    data = page_data(lineage_page.page(of, cells(of, ("TR", "DM")), "cut", share=2, rows_in_all=20))
    rows = next(one for one in data["datasets"] if one["name"] == "TR")
    assert (len(rows["rows"]), rows["total"]) == (10, height)
    used = {data["texts"][cell[1][1]] for one in data["datasets"] for row in one["rows"] for cell in row[1:] if cell}
    assert set(data["resources"]) == used


def page_data(text):
    """The data of a page, read by the standard library."""
    return json.loads(re.search(r"^const D = (.*);$", text, re.MULTILINE)[1])
