"""What a first user brings: tables that are not quite SDTM, exports of another release. Told, and nothing lost."""

from __future__ import annotations

import csv
import json

import openpyxl
import pyreadstat
import pytest

SUPPAE = """STUDYID,RDOMAIN,USUBJID,IDVAR,IDVARVAL,QNAM,QLABEL,QVAL,QORIG
S1,AE,S1-01,AESEQ,1,AESITE,Site of the event,skin,CRF
S1,AE,S1-01,AESEQ,2,AESITE,Site of the event,lung,CRF
"""
R5_ENCOUNTER = {
    "resourceType": "Encounter",
    "id": "e1",
    "status": "completed",
    "class": [{"coding": [{"code": "IMP"}]}],
    "subject": {"reference": "Patient/p1"},
    "subjectStatus": {"text": "receiving care"},
}


def findings(folder):
    """findings.json of a conversion: id, dataset, row, variable."""
    found = json.loads((folder / "findings.json").read_text())["findings"]
    return [(one["id"], one.get("dataset"), one.get("row"), one.get("variable")) for one in found]


def to_fhir(run, study, tmp_path):
    """The findings of a conversion to FHIR, which succeeds and adds up."""
    done = run("convert", study, "--to", "fhir", "-o", tmp_path / "fhir", "--json")
    assert done.code == 0
    assert done.json["addsUp"] is True
    return findings(tmp_path / "fhir")


def test_a_sound_study_is_not_doubted(run, study, tmp_path):
    """Warnings that are always there would not be read."""
    (study / "suppae.csv").write_text(SUPPAE)
    assert to_fhir(run, study, tmp_path) == []


def test_domain_in_lower_case(run, study, tmp_path):
    """All of a dataset's rows would become Basic, and nobody would say so."""
    (study / "ae.csv").write_text((study / "ae.csv").read_text().replace("S1,AE,", "S1,ae,"))
    assert ("TB-DOMAIN-OTHER", "AE", 1, "DOMAIN") in to_fhir(run, study, tmp_path)


@pytest.mark.parametrize("name", ["ae_onco", "ae1"])
def test_a_dataset_named_otherwise_than_its_domain(run, study, tmp_path, name):
    """A file tr_onco.parquet would become Basic without a word, and recist would find no TR."""
    (study / "ae.csv").rename(study / f"{name}.csv")
    assert ("TB-DOMAIN-OTHER", name.upper(), None, "DOMAIN") in to_fhir(run, study, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("AESEQ,1", "AESEQ,9"),  # no such record
        ("AESEQ,1", "AELNKNO,1"),  # no such variable
        ("S1,AE,S1-01,AESEQ,1", "S1,AE,S1-09,AESEQ,1"),  # no such subject
        ("S1,AE,S1-01,AESEQ,1", "S1,CM,S1-01,AESEQ,1"),  # not this dataset's
    ],
)
def test_a_qualifier_of_no_record(run, study, tmp_path, old, new):
    """A SUPP-- row that points nowhere would travel apart from its event, and nobody would say so."""
    (study / "suppae.csv").write_text(SUPPAE.replace(old, new, 1))
    assert ("TB-SUPP-PARENT", "SUPPAE", 1, "IDVAR") in to_fhir(run, study, tmp_path)


def test_a_qualifier_of_a_part_is_not_doubted(run, study, tmp_path):
    """SUPPAE beside AEXX and AEYY (SDTMIG 3.4, 4.1.7: one SUPP-- may serve the parts) would be called astray."""
    head, *rows = (study / "ae.csv").read_text().splitlines(keepends=True)
    (study / "ae.csv").unlink()
    (study / "aexx.csv").write_text(head + rows[0])
    (study / "aeyy.csv").write_text(head + "".join(rows[1:]))
    (study / "suppae.csv").write_text(SUPPAE)
    assert not [one for one in to_fhir(run, study, tmp_path) if one[0] == "TB-SUPP-PARENT"]


def test_dates_that_are_none(run, study, tmp_path):
    """SAS's numbers or 20JAN2020 in --DTC would leave FHIR without dates, and nobody would say so."""
    text = (study / "ae.csv").read_text()
    (study / "ae.csv").write_text(text.replace("2020-01-20", "20JAN2020").replace("2020-03-01", "21975"))
    assert ("TB-NO-DATE", "AE", 1, "AESTDTC") in to_fhir(run, study, tmp_path)
    done = run("convert", study, "--to", "fhir", "-o", tmp_path / "again")
    assert "in 2 rows" in done.out
    assert "20JAN2020" not in done.out
    assert "write YYYY-MM-DD" in done.out  # the terminal says how to mend it


def test_no_dm(run, study, tmp_path):
    """Patients without sex, age or arm would be made, and nobody would say why."""
    (study / "dm.csv").unlink()
    assert ("TB-NO-DM", "DM", None, None) in to_fhir(run, study, tmp_path)


def test_a_subject_twice_in_dm_is_named(run, study, tmp_path):
    """The warning would name the study instead of dataset and subject."""
    text = (study / "dm.csv").read_text()
    (study / "dm.csv").write_text(text + text.splitlines(keepends=True)[1])
    to_fhir(run, study, tmp_path)
    (twice,) = json.loads((tmp_path / "fhir" / "findings.json").read_text())["findings"]
    assert (twice["id"], twice["dataset"], twice["subject"]) == ("TB-KEY-TWICE", "DM", "S1-01")


def test_a_column_more_in_supp_adds_up(run, study, tmp_path):
    """Each cell of a column SUPP-- does not have would be counted as a row."""
    head, *rows = SUPPAE.splitlines()
    (study / "suppae.csv").write_text("\n".join([head + ",QNOTE", *(one + ",x" for one in rows)]) + "\n")
    found = to_fhir(run, study, tmp_path)
    assert "TB-COUNT" not in [one[0] for one in found]


def test_many_kinds_of_finding_are_told_by_their_id(run, tmp_path):
    """Messages that name ids would push every other kind of finding off the terminal."""
    folder = tmp_path / "in"
    folder.mkdir()
    lines = [
        json.dumps({"resourceType": "Patient", "id": f"p{number}", "gender": gender})
        for number in range(12)
        for gender in ("female", "male")
    ]
    (folder / "Patient.ndjson").write_text("\n".join(lines) + "\n")
    done = run("convert", folder, "--to", "sdtm", "-o", tmp_path / "o")
    assert "TB-FHIR-TWICE" in done.out
    assert "(12 times, first:" in done.out
    assert "TB-SUBJECT-UNNAMED" in done.out
    assert "more kinds" not in done.out


@pytest.fixture
def r5_tables(run, tmp_path):
    """The tables of a Patient and an Encounter of R5, with the residue that holds the Encounter."""
    folder = tmp_path / "r5"
    folder.mkdir()
    resources = [{"resourceType": "Patient", "id": "p1", "gender": "female"}, R5_ENCOUNTER]
    for one in resources:
        (folder / f"{one['resourceType']}.json").write_text(json.dumps(one))
    assert run("convert", folder, "--to", "sdtm", "-o", tmp_path / "tables").code == 0
    return tmp_path / "tables"


def test_residue_of_r5_goes_back_into_r5(run, r5_tables, tmp_path):
    """Elements of R5 would be written into what calls itself R4."""
    assert run("convert", r5_tables, "--to", "fhir", "-o", tmp_path / "back").code == 0
    assert json.loads((tmp_path / "back" / "manifest.json").read_text())["release"] == "R5"
    assert json.loads((tmp_path / "back" / "Encounter.ndjson").read_text()) == R5_ENCOUNTER


def test_residue_of_another_release_is_refused(run, r5_tables, tmp_path):
    """R4 would be asked for and a mixture given."""
    done = run("convert", r5_tables, "--to", "fhir", "--fhir-version", "R4", "-o", tmp_path / "back")
    assert done.code == 2
    assert "residue.ndjson" in done.err
    assert "--no-residue" in done.err
    assert not (tmp_path / "back").exists()
    assert (
        run("convert", r5_tables, "--to", "fhir", "--fhir-version", "R4", "--no-residue", "-o", tmp_path / "b").code
        == 0
    )


def test_residue_of_another_release_without_its_manifest(run, r5_tables, tmp_path):
    """Without run_manifest.json, or from Python, the mixture would still be made."""
    (r5_tables / "run_manifest.json").unlink()
    done = run("convert", r5_tables, "--to", "fhir", "-o", tmp_path / "back")
    assert done.code == 2
    assert "Encounter/e1" in done.err
    assert "R5" in done.err


@pytest.mark.parametrize("release", ["R4", "R5"])
@pytest.mark.parametrize("numbered", [True, False])
def test_parts_of_ae_come_back(run, study, tmp_path, release, numbered):
    """AEXX would end in a fault of ours in R4 (whose AdverseEvent has one identifier), or come back as AE."""
    head, *rows = [line.split(",") for line in (study / "ae.csv").read_text().splitlines()]
    (study / "ae.csv").unlink()
    place = head.index("AESEQ")
    parts = {"aexx.csv": [head, rows[0]], "aeyy.csv": [head, *rows[1:]]}
    for name, lines in parts.items():
        if not numbered:
            lines[:] = [[*one[:place], *one[place + 1 :]] for one in lines]
        (study / name).write_text("".join(",".join(one) + "\n" for one in lines))
    words = ("--to", "fhir", "--fhir-version", release, "--check")
    assert run("convert", study, *words, "-o", tmp_path / "fhir").code == 0
    assert run("convert", tmp_path / "fhir", "--to", "sdtm", "-o", tmp_path / "back", "--format", "csv").code == 0
    for name, lines in parts.items():
        assert list(csv.reader((tmp_path / "back" / name).read_text().splitlines())) == lines


UMLAUT = "Übelkeit – naïve"


def in_csv(study, tmp_path, run, *words):
    """The rows of AE after a way to FHIR and back, by the csv module."""
    assert run("convert", study, "--to", "fhir", "-o", tmp_path / "f", *words).code == 0
    assert run("convert", tmp_path / "f", "--to", "sdtm", "--format", "csv", "-o", tmp_path / "b").code == 0
    return list(csv.reader((tmp_path / "b" / "ae.csv").read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize(
    ("separator", "encoding", "words"),
    [
        (",", "utf-8-sig", ()),  # Excel: CSV UTF-8
        (";", "utf-8", ()),  # where decimals have commas
        ("\t", "utf-16", ()),  # Excel: Unicode text
        (";", "windows-1252", ("--encoding", "windows-1252")),
    ],
)
def test_csv_as_spreadsheets_save_it(run, study, tmp_path, separator, encoding, words):
    """A table saved by a spreadsheet would not be known as a dataset, or be taken for FHIR's XML."""
    wanted = [line.split(",") for line in (study / "ae.csv").read_text().replace("Sore skin", UMLAUT).splitlines()]
    for name in ("dm", "ae"):
        text = (study / f"{name}.csv").read_text().replace("Sore skin", UMLAUT).replace(",", separator)
        (study / f"{name}.csv").write_text(text, encoding=encoding)
    assert in_csv(study, tmp_path, run, *words) == wanted


def test_names_in_small_letters(run, study, tmp_path):
    """What R writes with lower-case names would be no dataset (CSV), or be carried in Basic (XPT)."""
    wanted = list(csv.reader((study / "ae.csv").read_text().splitlines()))
    for file in study.iterdir():
        head, rest = file.read_text().split("\n", 1)
        file.write_text(head.lower() + "\n" + rest)
    assert in_csv(study, tmp_path, run) == wanted
    assert {one[0] for one in findings(tmp_path / "f")} == {"TB-FILE-0002"}


def test_names_that_differ_by_case_alone(run, study, tmp_path):
    """One of two columns would silently win."""
    (study / "ae.csv").write_text("studyid,usubjid,aeterm,AEterm\nS1,S1-01,a,b\n")
    done = run("convert", study, "--to", "fhir", "-o", tmp_path / "f")
    assert done.code == 2
    assert "AETERM" in done.err


def test_a_centres_own_table_is_no_dataset(run, tmp_path):
    """A centre's column studyid would make its table SDTM."""
    (tmp_path / "visits.csv").write_text("studyid,record,weight\nS1,1,70\n")
    assert run("convert", tmp_path / "visits.csv", "--to", "fhir", "-o", tmp_path / "f").code == 2


def test_xpt_in_another_encoding(run, study, tmp_path):
    """A Windows XPT could not be read, nor written, from the command line (judged by pyreadstat)."""
    (study / "ae.csv").write_text((study / "ae.csv").read_text().replace("Sore skin", UMLAUT))
    words = ("--to", "sdtm", "--format", "xpt", "--encoding", "windows-1252")
    assert run("convert", study, "--to", "sdtm", "--format", "xpt", "-o", tmp_path / "no").code == 2
    assert run("convert", study, *words, "-o", tmp_path / "x").code == 0
    frame, _ = pyreadstat.read_xport(str(tmp_path / "x" / "ae.xpt"), encoding="windows-1252", output_format="polars")
    assert frame["AETERM"][0] == UMLAUT
    refused = run("convert", tmp_path / "x", "--to", "fhir", "-o", tmp_path / "no")
    assert refused.code == 2
    assert "--encoding" in refused.err
    assert in_csv(tmp_path / "x", tmp_path, run, "--encoding", "cp1252")[1][4] == UMLAUT
    assert run("validate", tmp_path / "x", "--encoding", "cp1252").code == 1


def test_an_encoding_nobody_knows(run, study, tmp_path):
    """A slip in its name would be a traceback."""
    done = run("convert", study, "--to", "fhir", "--encoding", "windows-1225", "-o", tmp_path / "f")
    assert done.code == 2
    assert "windows-1225" in done.err


def test_sheets_that_are_no_datasets(run, study, tmp_path):
    """A sheet of remarks would become a dataset that no format can hold; a dataset with a title row would vanish."""
    book = openpyxl.Workbook()
    book.active.title = "Read me"
    book.active.append(["Exported on Monday"])
    for name in ("dm", "ae"):
        sheet = book.create_sheet(name.upper())
        for row in csv.reader((study / f"{name}.csv").read_text().splitlines()):
            sheet.append(row)
    book.create_sheet("Empty")
    book.save(tmp_path / "s.xlsx")
    done = run("convert", tmp_path / "s.xlsx", "--to", "sdtm", "--format", "xpt", "-o", tmp_path / "x", "--json")
    assert sorted(done.json["records"]) == ["AE", "DM"]
    assert findings(tmp_path / "x") == [("TB-FILE-0001", "Read me", None, None)]
    book["AE"].insert_rows(1)
    book["AE"]["A1"] = "Adverse events"
    book.save(tmp_path / "s.xlsx")
    refused = run("convert", tmp_path / "s.xlsx", "--to", "sdtm", "-o", tmp_path / "no")
    assert refused.code == 2
    assert "AE" in refused.err
    assert "first row" in refused.err


def test_what_was_passed_over_is_named(run, tmp_path):
    """A folder of nothing usable would only be told that it is one."""
    folder = tmp_path / "in" / "a" / "b"
    folder.mkdir(parents=True)
    (tmp_path / "in" / "ex.csv").write_bytes(b"")
    (folder / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID\nS1,DM,S1-01\n")
    done = run("convert", tmp_path / "in", "--to", "fhir", "-o", tmp_path / "f")
    assert done.code == 2
    assert "ex.csv" in done.err
    assert str(folder) in done.err.replace("\n", "")


def test_json_in_utf_16(run, tmp_path, patient):
    """JSON in UTF-16 would be called broken XML."""
    (tmp_path / "p.json").write_text(json.dumps(patient), encoding="utf-16")
    done = run("convert", tmp_path / "p.json", "--to", "sdtm", "-o", tmp_path / "f")
    assert done.code == 2
    assert "UTF-16" in done.err


def test_a_base_url_is_an_absolute_address(run, study, tmp_path):
    """Identifier systems would be no absolute addresses, or have two slashes in the middle."""
    words = ("convert", study, "--to", "fhir", "-o")
    assert run(*words, tmp_path / "no", "--base-url", "our-trial").code == 2
    assert run(*words, tmp_path / "f", "--base-url", "https://trial.example/x/").code == 0
    text = (tmp_path / "f" / "Patient.ndjson").read_text()
    assert '"https://trial.example/x/sid/usubjid"' in text


def test_files_of_other_programs_are_called_by_their_name(run, tmp_path):
    """A SAS data set would only be called no dataset, and what to do not be said."""
    (tmp_path / "dm.sas7bdat").write_bytes(b"\0\0\0\0 SAS FILE")
    done = run("validate", tmp_path / "dm.sas7bdat")
    assert done.code == 2
    assert "SAS data set" in done.err
    assert "XPORT" in done.err


def test_one_dataset_in_two_formats(run, study, tmp_path):
    """The fix would name a word of the Python API."""
    run("convert", study, "--to", "sdtm", "-o", tmp_path / "json")
    (tmp_path / "json" / "dm.json").rename(study / "dm.json")
    done = run("convert", study, "--to", "fhir", "-o", tmp_path / "f")
    assert done.code == 2
    assert "files of one format only, of csv, json" in " ".join(done.err.split())
