"""`trialbridge define`: from SDTM and from FHIR, with a specification, and in each form."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from trialbridge.sdtm.define import read
from trialbridge.sdtm.define.xml import to_bytes

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction"


def test_three_forms_of_one_define(run, tmp_path, study):
    """One of the forms the help names would not be written, or hold another define."""
    out = [tmp_path / "out" / name for name in ("define.xml", "define.html", "spec.xlsx")]
    done = run("define", study, *[word for one in out for word in ("-o", one)], "--json")
    assert done.code == 0
    assert done.json["datasets"] == 2
    assert done.json["variables"] == 10 + 9
    define, _ = read(out[0])
    workbook, _ = read(out[2])
    assert {one.name for one in define.datasets} == {one.name for one in workbook.datasets} == {"DM", "AE"}
    page = out[1].read_text(encoding="utf-8")
    assert "http" not in re.sub(r"<code>.*?</code>|<td>.*?</td>|<dd>.*?</dd>", "", page)  # needs nothing from elsewhere
    targets = set(re.findall(r' id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= targets


def test_origins_come_from_the_lines(run, tmp_path):
    """Of a study that came as FHIR the define would not say which element a variable was read from."""
    target = tmp_path / "define.xml"
    assert run("define", EXAMPLE / "fhir", "-o", target, "-q").code == 0
    define, _ = read(target)
    sex = define.item["IT.DM.SEX"].origins[0]
    assert (sex.type, sex.source, sex.text) == ("Collected", "Investigator", "FHIR R4: Patient.gender")
    day = next(ref for ref in define.dataset["AE"].items if ref.item == "IT.AE.AESTDY")
    assert "SDTMIG 3.4 section 4.4.4" in define.method[day.method].text


def test_a_specification_wins_where_people_decide(run, tmp_path, study):
    """The sponsor's labels, origins and comments would be overwritten; or lengths of an old cut be kept."""
    spec, target = tmp_path / "spec.xlsx", tmp_path / "define.xml"
    from openpyxl import load_workbook

    assert run("define", study, "-o", spec, "-q").code == 0
    book = load_workbook(spec)
    heads = [cell.value for cell in book["Variables"][1]]
    for row in book["Variables"].iter_rows(min_row=2):
        if row[heads.index("Variable")].value == "AETERM":
            row[heads.index("Label")].value = "The Event"
            row[heads.index("Length")].value = "200"
            row[heads.index("Comment")].value = "OURS"
    book["Comments"].append(["OURS", "Verbatim from page 7."])
    book["Variables"].append([99, "AE", "AESEV", "Severity", "text", 8])
    book.save(spec)
    done = run("define", study, "--spec", spec, "-o", target, "--json")
    define, _ = read(target)
    term = define.item["IT.AE.AETERM"]
    assert (term.label, term.length, define.remark[term.comment].text) == ("The Event", 11, "Verbatim from page 7.")
    assert ("TB-DEFINE-0008", "AESEV") in {(one["id"], one.get("variable")) for one in done.json["findings"]}


def test_a_define_in_another_form(run, tmp_path, study):
    """A define.xml given as the source would be read as data, or come out changed."""
    first, again = tmp_path / "define.xml", tmp_path / "copy" / "define.xml"
    assert run("define", study, "-o", first, "-q").code == 0
    assert run("define", first, "-o", again, "-q").code == 0
    assert again.read_bytes() == first.read_bytes() == to_bytes(read(first)[0])


def test_an_option_of_a_study_is_refused_for_a_define(run, tmp_path, study):
    """What the user asked for (a specification's words, a time) would be passed over without a word."""
    source, target = tmp_path / "define.xml", tmp_path / "again.xml"
    assert run("define", study, "-o", source, "-q").code == 0
    done = run("define", source, "-o", target, "--created", "2020-01-01T00:00:00", "--spec", source)
    assert done.code == 2
    assert "--spec, --created" in done.err
    assert not target.exists()


def test_the_time_of_making(run, tmp_path, study, monkeypatch):
    """The same input would give other bytes a second later."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert run("define", study, "-o", tmp_path / "a.xml", "-q").code == 0
    assert read(tmp_path / "a.xml")[0].created == "1970-01-02T00:00:00Z"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    for file in study.iterdir():
        os.utime(file, (172800, 172800))
    assert run("define", study, "-o", tmp_path / "b.xml", "-q").code == 0
    assert read(tmp_path / "b.xml")[0].created == "1970-01-03T00:00:00Z"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-o", "define.pdf"), "no kind of define"),
        (("-o", "d.xml", "--dictionary", "MedDRA"), "no dictionary with its version"),
    ],
)
def test_wrong_use(run, tmp_path, study, monkeypatch, words, message):
    """A wrong option would be passed over, or leave half a file."""
    monkeypatch.chdir(tmp_path)
    done = run("define", study, *words)
    assert done.code == 2
    assert message in done.err
    assert not list(tmp_path.glob("d*.xml"))


def test_a_define_fills_what_a_csv_does_not_say(run, tmp_path, study):
    """Labels, lengths and types of the define would not reach the files made of a CSV; or 007 become a 7."""
    from trialbridge.sdtm import files

    define = tmp_path / "define.xml"
    assert run("define", study, "-o", define, "-q").code == 0
    text = define.read_text(encoding="utf-8").replace(">Subject Identifier for the Study<", ">Our Subject Number<")
    define.write_text(text, encoding="utf-8")
    assert (
        run("convert", study, "--to", "sdtm", "-dxp", define, "-o", tmp_path / "out", "--format", "xpt", "-q").code == 0
    )
    dm = files.read(tmp_path / "out")["DM"]
    assert dm.variable("SUBJID").label == "Our Subject Number"
    assert dm.label == "Demographics"
    assert dm.frame["SUBJID"].to_list() == ["01", "02"]


def test_the_study_file_names_the_study(run, tmp_path, study):
    """Title and registry number would be asked for twice, or not reach the define."""
    file, target = tmp_path / "study.yaml", tmp_path / "define.xml"
    file.write_text("study: {id: S1, title: A trial of radiotherapy, registry: NCT00000001}\n")
    assert run("define", study, "--study-file", file, "-o", target, "-q").code == 0
    define, _ = read(target)
    assert (define.study_name, define.study_text, define.protocol) == ("S1", "A trial of radiotherapy", "NCT00000001")
