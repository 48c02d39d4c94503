"""What holds of every format: nothing changes on the way, the same bytes twice, broken files are named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from trialbridge.base.errors import DoesNotFitError, UnknownNameError, UnreadableInputError
from trialbridge.sdtm import files
from trialbridge.sdtm.table import Study, Table, study, table

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = sorted(files.FORMATS)
WITH_LABELS = sorted(set(FORMATS) - {"csv"})


def different_cells(one: Table, other: Table) -> int:
    """How many cells differ, by polars alone; columns and their order must be the same."""
    assert one.frame.schema == other.frame.schema
    assert one.frame.height == other.frame.height
    unlike = [(one.frame[name].ne_missing(other.frame[name])).sum() for name in one.frame.columns]
    return sum(unlike)


@pytest.mark.parametrize("name", FORMATS)
def test_no_cell_changes(name: str, every: Study, tmp_path: Path) -> None:
    """A format would change, drop or retype a cell of DM, AE, SUPPAE, TR or the nasty table."""
    files.write(every, tmp_path, name)
    back = files.read(tmp_path)
    assert sorted(back.tables) == sorted(every.tables)
    assert {one.name: different_cells(one, back[one.name]) for one in every} == dict.fromkeys(every.tables, 0)


def test_a_changed_cell_is_counted(nasty: Table) -> None:
    """The comparison of the test above would be blind."""
    changed = table("ZZ", nasty.frame.with_columns(pl.col("ZZDY").fill_null(0.0)))
    assert different_cells(nasty, changed) == nasty.frame.height


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_study_gives_the_same_bytes(name: str, every: Study, tmp_path: Path) -> None:
    """Output would depend on the clock or on hashing."""
    first, second = (files.write(every, tmp_path / part, name) for part in "ab")
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.parametrize("name", WITH_LABELS)
def test_labels_come_back(name: str, every: Study, tmp_path: Path) -> None:
    """A format that has a place for labels would lose them."""
    short = study(replace(one, frame=one.frame.head(3)) for one in every)
    files.write(short, tmp_path, name)
    back = files.read(tmp_path)
    for one in short:
        assert back[one.name].label == one.label
        assert [of.label for of in back[one.name].variables] == [of.label for of in one.variables]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("frame", [{"STUDYID": [], "ZZSEQ": []}, {"STUDYID": ["A", None, "B"]}, {"STUDYID": ["A"]}])
def test_small_tables(name: str, frame: dict[str, list[str]], tmp_path: Path) -> None:
    """A table without rows, of one column with an empty cell, or of one cell would be lost or grow."""
    kinds = {"STUDYID": pl.String, "ZZSEQ": pl.Float64}
    one = table("ZZ", pl.DataFrame(frame, {column: kinds[column] for column in frame}))
    files.write(study([one]), tmp_path, name)
    assert different_cells(one, files.read(tmp_path)["ZZ"]) == 0


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"core"}))
def test_what_a_file_is_does_not_hang_on_its_name(name: str, every: Study, tmp_path: Path) -> None:
    """A file with a wrong or no suffix would be misread."""
    paths = files.write(every, tmp_path, name)
    assert {files.sniff(path) for path in paths} == {name}
    renamed = paths[0].rename(tmp_path / "dm")
    assert files.sniff(renamed) == name


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"core", "csv"}))
@pytest.mark.parametrize("damage", ["random", "cut", "empty"])
def test_a_broken_file_is_named(name: str, damage: str, real: Study, tmp_path: Path) -> None:
    """A cut file or noise would give a traceback, or worse, fewer rows."""
    path = files.write(study([real["DM"]]), tmp_path, name)[0]
    raw = path.read_bytes()
    noise = bytes(range(256)) * 20
    path.write_bytes({"random": noise, "cut": raw[: len(raw) * 2 // 3], "empty": b""}[damage])
    with pytest.raises(UnreadableInputError, match=path.name) as caught:
        files.read(path, kind=name)
    assert caught.value.fix


def test_neighbours_are_passed_over_and_others_noted(real: Study, tmp_path: Path) -> None:
    """define.xml or a README beside the datasets would stop the reading, or a stray file vanish without a word."""
    files.write(real, tmp_path, "xpt")
    for neighbour in (
        "define.xml",
        "README.md",
        ".env",
        "ledger.json",
        "residue.ndjson",
        "run_manifest.json",
        "notes.docx",
    ):
        (tmp_path / neighbour).write_text("{}")
    found, notes = files.survey(tmp_path)
    assert [path.name for path, _ in found] == ["ae.xpt", "dm.xpt", "suppae.xpt", "tr.xpt"]
    assert [note.where.file for note in notes] == ["notes.docx"]
    assert len(files.read(tmp_path).tables) == 4


def test_files_of_several_formats_join(real: Study, tmp_path: Path) -> None:
    """A study kept half in XPT and half in JSON could not be read."""
    paths = [*files.write(study([real["DM"]]), tmp_path, "xpt"), *files.write(study([real["AE"]]), tmp_path, "json")]
    assert list(files.read(paths).tables) == ["DM", "AE"]


def test_a_dataset_there_twice_asks_which(real: Study, tmp_path: Path) -> None:
    """One of dm.xpt and dm.json would silently win."""
    files.write(study([real["DM"]]), tmp_path, "xpt")
    files.write(study([real["DM"]]), tmp_path, "json")
    with pytest.raises(UnknownNameError, match="json, xpt"):
        files.read(tmp_path)
    assert list(files.read(tmp_path, kind="json").tables) == ["DM"]


def test_no_dataset_no_study(tmp_path: Path) -> None:
    """An empty folder, a missing path or an unknown format would pass as an empty study."""
    with pytest.raises(UnreadableInputError):
        files.read(tmp_path)
    with pytest.raises(UnreadableInputError):
        files.read(tmp_path / "missing.xpt")
    with pytest.raises(UnknownNameError, match="sas7bdat"):
        files.read(tmp_path, kind="sas7bdat")


def test_all_or_nothing_is_written(real: Study, tmp_path: Path) -> None:
    """A dataset that does not fit would leave half a study behind."""
    long = table("ZZ", pl.DataFrame({"STUDYID": ["x" * 201]}))
    with pytest.raises(DoesNotFitError):
        files.write(real.with_tables([long]), tmp_path / "out", "xpt")
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path) -> None:
    """A dataset named like a path would be written outside the folder."""
    with pytest.raises(DoesNotFitError, match="cannot name a file"):
        files.write(study([table("../DM", pl.DataFrame({"STUDYID": ["x"]}))]), tmp_path, "parquet")
