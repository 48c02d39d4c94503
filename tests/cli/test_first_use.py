"""What a first user brings: tables that are not quite SDTM, exports of another release. Told, and nothing lost."""

from __future__ import annotations

import csv
import json

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
