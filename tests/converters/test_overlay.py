"""A study's own mapping: unchanged it changes nothing, changed it converts both ways, and what is wrong is told by place."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from trialbridge import sources
from trialbridge.base.errors import NotInvertibleError, UnreadableInputError
from trialbridge.commands import mapping as command
from trialbridge.converters.compare import compare_studies
from trialbridge.converters.dictionary import DICTIONARY
from trialbridge.converters.overlay import dictionary_of, overlay
from trialbridge.converters.overlay import export as overlay_export
from trialbridge.converters.overlay import file as overlay_file
from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.mappings.expressions import CodePair, code_table, scaled, spelled
from trialbridge.sdtm.table import study, table

EXAMPLE = Path(__file__).parents[2] / "examples" / "re_induction" / "sdtm"
DOCS = Path(__file__).parents[2] / "docs"
EXTENSION = "AdverseEvent.extension('http://example.org/{}').value.ofType({})"


def written(folder, text, name="mapping.yaml"):
    """A YAML mapping on disk."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def made(**tables):
    """A study of tables given as lists of rows."""
    return study([table(name, pl.DataFrame(rows, strict=False)) for name, rows in tables.items()])


def event(number, **cells):
    """An AE row."""
    return {"STUDYID": "S1", "DOMAIN": "AE", "USUBJID": "S1-1", "AESEQ": float(number), "AETERM": "Cough", **cells}


def there_and_back(given, dictionary, release="R4"):
    """The resources a study gives, and the study they give."""
    resources = to_fhir(given, dictionary=dictionary, release=release).resources
    return resources, to_sdtm(resources, dictionary=dictionary, release=release).study


def only(resources, kind):
    """The resources of a type."""
    return [one for one in resources if one["resourceType"] == kind]


def carried(resource):
    """The variables a resource carries in our extension."""
    return {
        inner["valueCode"]
        for one in resource.get("extension", ())
        if one["url"].endswith("sdtm-variable")
        for inner in one["extension"]
        if inner["url"] == "name"
    }


def places(findings):
    """Where the errors are."""
    return [str(one.where) for one in findings if one.severity == "error"]


# --- unchanged --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["all.xlsx", "all.yaml"])
def test_an_export_read_back_is_the_same_dictionary(tmp_path, name):
    """Exporting the mapping and passing it back would change what a study becomes."""
    path = tmp_path / name
    overlay_file.write(overlay_export.rows_of(), path)
    done = overlay(path)
    assert not done.findings
    assert done.changed == 0
    assert done.dictionary is DICTIONARY


def test_an_export_is_the_same_bytes_each_time(tmp_path):
    """Two exports could not be compared."""
    for name in ("a.xlsx", "b.xlsx"):
        overlay_file.write(overlay_export.rows_of(), tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_a_workbook_saved_by_a_spreadsheet_is_the_same_dictionary(tmp_path):
    """Opening and saving the workbook would already count as a change."""
    path = tmp_path / "m.xlsx"
    overlay_file.write(overlay_export.rows_of(), path)
    book = openpyxl.load_workbook(path)
    book.save(path)
    assert overlay(path).dictionary is DICTIONARY


def test_the_export_has_every_line_once():
    """A line would be missing, or could not be named."""
    names = [row["line"] for row in overlay_export.rows_of()["lines"]]
    assert len(names) == len(set(names)) == sum(len(one.lines) for one in DICTIONARY.mappings)
    assert {"DM/SEX", "AE/AESEV/R4", "AE/AESEV/R5"} <= set(names)


# --- added and changed lines ------------------------------------------------------------------------------------------


def test_an_added_line_converts_both_ways(tmp_path):
    """A study's own variable would go on travelling in the extension, or be lost."""
    text = f"""
lines:
- mapping: AE
  variable: AEACNOTH
  R4: {EXTENSION.format("other", "string")}
  spelling: text
"""
    dictionary = dictionary_of(written(tmp_path, text))
    given = made(AE=[event(1, AEACNOTH="PHYSIOTHERAPY")])
    resources, back = there_and_back(given, dictionary)
    adverse = only(resources, "AdverseEvent")[0]
    assert {"url": "http://example.org/other", "valueString": "PHYSIOTHERAPY"} in adverse["extension"]
    assert "AEACNOTH" not in carried(adverse)
    assert back["AE"].frame["AEACNOTH"].to_list() == ["PHYSIOTHERAPY"]
    plain = only(to_fhir(given).resources, "AdverseEvent")[0]
    assert "AEACNOTH" in carried(plain)


def test_a_changed_path_is_the_only_change(tmp_path):
    """Changing one line would disturb its neighbours."""
    text = """
lines:
- line: CM/CMDOSTXT
  R4: MedicationStatement.note[0].text
"""
    done = overlay(written(tmp_path, text))
    assert not done.findings
    changed = [one for one in done.dictionary.mappings if one not in DICTIONARY.mappings]
    assert [one.name for one in changed] == ["CM"]
    lines = {one.variable: one for one in changed[0].lines if "R4" in one.releases and one.variable == "CMDOSTXT"}
    assert lines["CMDOSTXT"].path == "MedicationStatement.note[0].text"
    assert lines["CMDOSTXT"].releases == ("R4",)
    assert sum(one.variable == "CMDOSTXT" and one.releases == ("R5",) for one in changed[0].lines) == 1


def test_a_code_table_of_the_study_replaces_ours(tmp_path):
    """A study whose sites use other codes would have to wait for a release."""
    text = """
lines: []
codes:
- {table: SEX (C66731) and administrative gender, value: M, code: male}
- {table: SEX (C66731) and administrative gender, value: F, code: female}
- {table: SEX (C66731) and administrative gender, value: U, code: other}
"""
    dictionary = dictionary_of(written(tmp_path, text))
    given = made(DM=[{"STUDYID": "S1", "DOMAIN": "DM", "USUBJID": "S1-1", "SUBJID": "1", "SEX": "U"}])
    resources, back = there_and_back(given, dictionary)
    assert only(resources, "Patient")[0]["gender"] == "other"
    assert back["DM"].frame["SEX"].to_list() == ["U"]


def test_a_concept_writes_all_its_codings_and_reads_each(tmp_path):
    """A lookup by code system would know one of its systems only."""
    text = f"""
lines:
- mapping: AE
  variable: AEPATT
  R4: {EXTENSION.format("pattern", "CodeableConcept")}
  spelling: concept PATTERNS
codes:
- {{table: PATTERNS, value: INTERMITTENT, system: 'http://example.org/a', code: I, display: comes and goes}}
- {{table: PATTERNS, value: INTERMITTENT, system: 'http://example.org/b', code: '7'}}
- {{table: PATTERNS, value: SINGLE EVENT, system: 'http://example.org/a', code: S}}
"""
    dictionary = dictionary_of(written(tmp_path, text))
    resources, back = there_and_back(made(AE=[event(1, AEPATT="INTERMITTENT")]), dictionary)
    adverse = only(resources, "AdverseEvent")[0]
    held = next(one for one in adverse["extension"] if one["url"] == "http://example.org/pattern")
    assert held["valueCodeableConcept"] == {
        "coding": [
            {"system": "http://example.org/a", "code": "I", "display": "comes and goes"},
            {"system": "http://example.org/b", "code": "7"},
        ],
        "text": "INTERMITTENT",
    }
    assert back["AE"].frame["AEPATT"].to_list() == ["INTERMITTENT"]
    held["valueCodeableConcept"] = {"coding": [{"system": "http://example.org/b", "code": "7"}]}
    assert to_sdtm(resources, dictionary=dictionary).study["AE"].frame["AEPATT"].to_list() == ["INTERMITTENT"]


def test_a_unit_is_converted_exactly_in_both_directions(tmp_path):
    """A dose of 17.6 Gy would come back as 17.599999999999998."""
    text = """
lines:
- line: CM/CMDOSE/R4
  spelling: times 0.001
"""
    dictionary = dictionary_of(written(tmp_path, text))
    row = {"STUDYID": "S1", "DOMAIN": "CM", "USUBJID": "S1-1", "CMSEQ": 1.0, "CMTRT": "X", "CMDOSE": 17.6}
    resources, back = there_and_back(made(CM=[row]), dictionary)
    dose = only(resources, "MedicationStatement")[0]["dosage"][0]["doseAndRate"][0]["doseQuantity"]
    assert dose["value"] == 17600  # 17.6 is 17,600 thousandths
    assert back["CM"].frame["CMDOSE"].to_list() == [17.6]


def test_joined_variables_come_apart_or_are_carried(tmp_path):
    """A value with the separator in it would be cut in two."""
    text = f"""
lines:
- mapping: AE
  variable: AEACNOTH + AECONTRT
  R4: {EXTENSION.format("both", "string")}
  spelling: join ' / '
"""
    dictionary = dictionary_of(written(tmp_path, text))
    rows = [event(1, AEACNOTH="REST", AECONTRT="Y"), event(2, AEACNOTH="REST / ICE", AECONTRT="Y")]
    resources, back = there_and_back(made(AE=rows), dictionary)
    first, second = only(resources, "AdverseEvent")
    texts = [[x["valueString"] for x in one["extension"] if x["url"].endswith("/both")] for one in (first, second)]
    assert texts == [["REST / Y"], []]
    assert {"AEACNOTH", "AECONTRT"} <= carried(second)
    assert back["AE"].frame["AEACNOTH"].to_list() == ["REST", "REST / ICE"]
    assert back["AE"].frame["AECONTRT"].to_list() == ["Y", "Y"]


def test_constants_on_either_side(tmp_path):
    """A value the study fixes would not be in its tables, or not in its resources."""
    text = """
lines:
- mapping: AE
  variable: AESCAT
  spelling: constant 'TREATMENT PERIOD'
- mapping: AE
  R4: AdverseEvent.language
  spelling: constant 'en'
"""
    dictionary = dictionary_of(written(tmp_path, text))
    foreign = {
        "resourceType": "AdverseEvent",
        "id": "a",
        "actuality": "actual",
        "subject": {"reference": "Patient/p"},
        "event": {"text": "Cough"},
    }
    patient = {"resourceType": "Patient", "id": "p"}
    found = to_sdtm([patient, foreign], dictionary=dictionary).study
    assert found["AE"].frame["AESCAT"].to_list() == ["TREATMENT PERIOD"]
    back = only(to_fhir(found, dictionary=dictionary).resources, "AdverseEvent")[0]
    assert back == foreign  # the residue says that the source had no language
    resources, again = there_and_back(made(AE=[event(1, AESCAT="OTHER"), event(2)]), dictionary)
    assert {one["language"] for one in only(resources, "AdverseEvent")} == {"en"}
    assert again["AE"].frame["AESCAT"].to_list() == ["OTHER", None]


def test_a_condition_holds_for_its_records_only(tmp_path):
    """One test's rule would be applied to every test."""
    text = """
lines:
- line: VS quantity/VSORRES
  when: VSTESTCD = 'WEIGHT'
  spelling: times 2.5
"""
    dictionary = dictionary_of(written(tmp_path, text))
    row = {"STUDYID": "S1", "DOMAIN": "VS", "USUBJID": "S1-1", "VSORRES": "50"}
    rows = [{**row, "VSSEQ": 1.0, "VSTESTCD": "WEIGHT"}, {**row, "VSSEQ": 2.0, "VSTESTCD": "HEIGHT"}]
    resources, back = there_and_back(made(VS=rows), dictionary)
    assert [one["valueQuantity"]["value"] for one in only(resources, "Observation")] == [20, 50]
    assert back["VS"].frame["VSORRES"].to_list() == ["50", "50"]
    assert not any("VSORRES" in carried(one) for one in only(resources, "Observation"))


def test_a_line_taken_away_is_carried(tmp_path):
    """A variable whose element a study does not want would be lost with its line."""
    dictionary = dictionary_of(written(tmp_path, "lines:\n- line: AE/AESEV/R4\n  direction: off\n"))
    resources, back = there_and_back(made(AE=[event(1, AESEV="MILD")]), dictionary)
    adverse = only(resources, "AdverseEvent")[0]
    assert "severity" not in adverse
    assert "AESEV" in carried(adverse)
    assert back["AE"].frame["AESEV"].to_list() == ["MILD"]


def test_the_example_comes_home_under_a_studys_mapping(tmp_path):
    """Changed lines would lose cells of other rows, or of rows their spelling cannot say."""
    text = """
lines:
- {line: VS quantity/VSORRES, when: "VSTESTCD = 'WEIGHT'", spelling: times 2.5}
- {line: DM/SEX, spelling: codes ONLY-F}
- {line: AE/AETOXGR/R4, direction: off}
- {line: MH/MHCAT, spelling: constant 'PRIMARY DIAGNOSIS'}
- {mapping: CM, variable: CMDOSU + CMDOSFRQ, R4: 'MedicationStatement.note[0].text', spelling: join '; '}
- {line: CM/CMDOSU/R4, direction: off}
codes:
- {table: ONLY-F, value: F, code: female}
"""
    done = overlay(written(tmp_path, text))
    assert not [one for one in done.findings if one.severity == "error"]
    whole = sources.read_study(sources.find([EXAMPLE]))
    kept = whole["DM"].frame["USUBJID"].to_list()[:4]
    few = study(
        table(
            one.name,
            one.frame.filter(pl.col("USUBJID").is_in(kept)) if "USUBJID" in one.frame.columns else one.frame,
            one.variables,
            one.label,
        )
        for one in whole
        if one.name in {"DM", "AE", "CM", "MH", "VS", "SUPPAE"}
    )
    resources, back = there_and_back(few, done.dictionary)
    assert any("note" in one for one in only(resources, "MedicationStatement"))
    assert compare_studies(few, back).equal


def test_the_documents_example_works(tmp_path):
    """A reader would copy an example that is refused."""
    text = (DOCS / "custom-mapping.md").read_text(encoding="utf-8")
    done = overlay(written(tmp_path, text.split("```yaml\n")[1].split("```")[0]))
    assert not done.findings
    assert done.changed == 3


# --- refused ----------------------------------------------------------------------------------------------------------

REFUSED = [
    ("- line: DM/SEXX\n  spelling: text", 2, "There is no line"),
    ("- mapping: AEX\n  variable: AETERM", 2, "There is no mapping"),
    ("- mapping: AE\n  variable: AETERM\n  R4: AdverseEvent.event.text\n  spelling: text", 3, "writes AETERM"),
    ("- mapping: AE\n  variable: AEX\n  R4: AdverseEvent.nothing\n  spelling: text", 4, "no nothing"),
    ("- mapping: AE\n  variable: AEX\n  R4: AdverseEvent.category.text\n  spelling: text", 4, "is a list"),
    ("- mapping: AE\n  variable: AEX\n  R4: AdverseEvent.event\n  spelling: text", 4, "is a CodeableConcept"),
    ("- mapping: AE\n  variable: AEX\n  R4: AdverseEvent.event.text.first()\n  spelling: text", 4, "no inverse"),
    ("- mapping: AE\n  variable: AEX\n  R4: AdverseEvent.language\n  spelling: eval(1)", 5, "is no spelling"),
    ("- mapping: AE\n  variable: AEX\n  R4: AdverseEvent.language\n  spelling: codes NONE", 5, "no code table"),
    ("- mapping: AE\n  variable: aex\n  R4: AdverseEvent.language\n  spelling: text", 3, "is no variable"),
    (
        "- mapping: AE\n  variable: AEX\n  R4: AdverseEvent.language\n  spelling: text\n  direction: up",
        6,
        "no direction",
    ),
    ("- mapping: AE\n  variable: AEX\n  spelling: text", 2, "has no path"),
    ("- mapping: AE\n  variable: AEX\n  R4: Patient.gender\n  spelling: text", 4, "no part Patient"),
    ("- line: CM/CMDOSE/R4\n  spelling: times 3", 3, "does not invert"),
    ("- line: CM/CMDOSE/R4\n  spelling: times 0", 3, "loses every value"),
    ("- line: DM/SEX\n  spelling: codes X\n  when: ARM = 'A'", 4, "no conditions"),
    ("- line: VS text/VSORRES\n  spelling: text\n  when: VISIT = 'X'", 4, "cannot tell VISIT"),
    ("- mapping: AE\n  variable: AEX\n  R5: AdverseEvent.date\n  spelling: date", 4, "no date"),
    ("- mapping: AE\n  colour: red", 3, "unknown"),
]


@pytest.mark.parametrize(("item", "number", "reason"), REFUSED, ids=[reason for _, _, reason in REFUSED])
def test_what_does_not_work_is_refused_with_its_line_and_reason(tmp_path, item, number, reason):
    """A user would have to search a file of 500 lines for what is wrong."""
    done = overlay(written(tmp_path, f"lines:\n{item}\n"))
    assert [str(one.where) for one in done.findings if reason in one.message][:1] == [f"mapping.yaml, line {number}"]
    with pytest.raises(UnreadableInputError):
        dictionary_of(tmp_path / "mapping.yaml")


def test_a_table_that_does_not_invert_is_refused_unless_marked(tmp_path):
    """Two values would silently become one."""
    pairs = "- {table: T, value: A, code: x}\n- {table: T, value: B, code: x%s}\n"
    wrong = overlay(written(tmp_path, "codes:\n" + pairs % ""))
    assert places(wrong.findings) == ["mapping.yaml, line 3"]
    assert "way to to_fhir" in wrong.findings[0].fix
    assert not overlay(written(tmp_path, "codes:\n" + pairs % ", way: to_fhir")).findings
    with pytest.raises(NotInvertibleError):
        code_table("T", (CodePair("A", "", "x"), CodePair("B", "", "x")))


def test_a_factor_that_loses_may_go_one_way():
    """A conversion that does not invert could not be used at all, or would be used both ways."""
    assert spelled("times 3", {}, number=True, direction="to_sdtm").to_sdtm(2, None) == 6.0
    assert spelled("divided by 0.45359237", {}, number=False, direction="to_fhir").to_fhir("150", None) == Decimal(
        "68.0388555"
    )  # 150 lb avoirdupois, by definition 0.45359237 kg each
    with pytest.raises(NotInvertibleError):
        scaled("x", 1 / Fraction("0.45359237"), number=True)


def test_a_workbooks_fault_is_told_by_cell(tmp_path):
    """Sheet and cell are what a spreadsheet's user can find."""
    path = tmp_path / "m.xlsx"
    overlay_file.write(overlay_export.rows_of(), path)
    book = openpyxl.load_workbook(path)
    sheet = book["lines"]
    columns = {cell.value: cell.column_letter for cell in sheet[1]}
    row = next(cell.row for cell in sheet[columns["line"]] if cell.value == "DM/SEX")
    sheet[f"{columns['R4']}{row}"] = "Patient.sex"
    sheet[f"{columns['note']}{row + 1}"] = "=1+1"
    book.save(path)
    assert sorted(places(overlay(path).findings)) == sorted(
        [f"m.xlsx, lines!{columns['R4']}{row}", f"m.xlsx, lines!{columns['note']}{row + 1}"]
    )


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("m.xlsx", b"PK no workbook"),
        ("m.yaml", b"lines: [\n"),
        ("m.yaml", b"- a\n"),
        ("m.yaml", b"a: &a [1]\nlines: *a\n"),
        ("m.yaml", b"\xff\xfe\x00"),
        ("m.yaml", b""),
        ("m.txt", b"lines:"),
    ],
)
def test_a_file_that_is_no_mapping_ends_with_a_message(tmp_path, name, data):
    """A broken file would end in a traceback."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableInputError):
        overlay(tmp_path / name)


def test_yaml_scalars_are_texts(tmp_path):
    """`no` would become False, `1.0` a number, and a tag would build an object."""
    path = written(tmp_path, "codes:\n- {table: T, value: no, code: 1.0}\n- {table: T, value: N, code: !!int '7'}\n")
    pairs = [(one.cells["value"], one.cells["code"]) for one in overlay_file.read(path).codes]
    assert pairs == [("no", "1.0"), ("N", "7")]


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_exports_and_checks(tmp_path):
    """The exit code would say clean of a mapping that cannot be used."""
    path = tmp_path / "m.yaml"
    with redirect_stdout(io.StringIO()) as shown:
        assert command.export(path, as_json=True) == 0
    assert json.loads(shown.getvalue())["lines"] == sum(len(one.lines) for one in DICTIONARY.mappings)
    assert command.check(path) == 0
    with redirect_stdout(io.StringIO()) as shown:
        assert command.check(written(tmp_path, "lines:\n- line: NO/SUCH\n"), as_json=True) == 1
    assert json.loads(shown.getvalue())["findings"][0]["line"] == 2
    assert command.check(tmp_path / "absent.yaml") == 2
