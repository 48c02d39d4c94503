"""A large study to FHIR by groups of subjects: whatever the groups and the processes, the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from trialbridge.base.finding import Severity
from trialbridge.converters import bulk_fhir
from trialbridge.converters.study import to_fhir
from trialbridge.fhir.files.ndjson import Writer
from trialbridge.fhir.jsontext import encode
from trialbridge.sdtm import files as sdtm_files
from trialbridge.sdtm.table import study, table

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction"


@pytest.fixture(scope="module")
def few(example_of):
    """The example's study with seven of its subjects."""
    return example_of(7)


def _written(of, folder, **options):
    """The files that a study becomes, by name, and what was said of it."""
    folder.mkdir()
    writer = Writer(folder, "R4")
    done = bulk_fhir.to_lines(of, lambda one: writer.give_lines(one.kind, one.text, one.count), **options)
    writer.close()
    return {path.name: path.read_bytes() for path in folder.iterdir()}, done


def test_the_number_of_processes_changes_no_byte_of_fhir(few, tmp_path):
    """Two runs of one study would differ by the machine they ran on."""
    told = []
    sdtm_files.write(few, tmp_path / "xpt", "xpt")
    few = sdtm_files.read(tmp_path / "xpt")
    alone, one = _written(few, tmp_path / "1", at_once=2)
    shared, two = _written(few, tmp_path / "2", at_once=2, workers=2, progress=lambda *so_far: told.append(so_far))
    assert shared == alone
    assert (two.ledger, two.findings) == (one.ledger, one.findings)
    assert told == [(2, 7), (4, 7), (6, 7), (7, 7)]
    whole = to_fhir(few)
    lines = [line for name, text in alone.items() if name != "manifest.json" for line in text.splitlines()]
    assert Counter(lines) == Counter(encode(resource) for resource in whole.resources)


def _two_subjects(**more):
    """Two subjects at one site, the second with another investigator; and more datasets."""
    rows = [
        {"STUDYID": "S", "DOMAIN": "DM", "USUBJID": f"S-{n}", "SUBJID": str(n), "SITEID": "1", "INVID": f"I{n}"}
        for n in (1, 2)
    ]
    return study([table("DM", pl.DataFrame(rows)), *(table(name, pl.DataFrame(its)) for name, its in more.items())])


def test_what_all_rows_of_dm_make_is_what_each_group_reads():
    """A site whose investigator changed would be another one to the subjects enrolled before and after."""
    of = _two_subjects()
    given = []
    bulk_fhir.to_fhir(of, given.extend, at_once=1)
    assert Counter(map(encode, given)) == Counter(map(encode, to_fhir(of).resources))


def test_what_hangs_on_subjects_of_several_groups_is_refused():
    """The arms' plan would hold one group's elements, or be given twice."""
    plan = [{"STUDYID": "S", "DOMAIN": "TA", "ARMCD": "A", "TAETORD": 1.0, "ETCD": "E"}]
    of = _two_subjects(TA=[row | {"USUBJID": f"S-{n}", "ETCD": f"E{n}"} for row in plan for n in (1, 2)])
    with pytest.raises(bulk_fhir.NotInTurnError, match="PlanDefinition"):
        bulk_fhir.to_fhir(of, lambda _: None, at_once=1)
    given = []
    bulk_fhir.to_fhir(of, given.extend, at_once=2)
    assert Counter(map(encode, given)) == Counter(map(encode, to_fhir(of).resources))


STOPPED = """
import sys
from trialbridge.cli import main
from trialbridge.commands import convert_bulk
from trialbridge.base.finding import Severity
from trialbridge.converters import bulk_fhir
if __name__ == "__main__":
    convert_bulk.LARGE = 1
    bulk_fhir.to_lines.__kwdefaults__["at_once"] = 1
    sys.argv = ["trialbridge", *sys.argv[1:]]
    main()
"""


@pytest.mark.once
@pytest.mark.parametrize(
    "stop",
    [
        lambda of: os.killpg(of.pid, signal.SIGINT),  # as a terminal sends it: to the workers too
        lambda of: of.send_signal(signal.SIGTERM),  # as `kill` sends it, or whoever ends a container
    ],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_a_run_that_is_stopped_ends_its_workers_and_leaves_nothing(tmp_path, stop):
    """A run that is stopped would leave patients' data on the disk, or processes that go on."""
    program = tmp_path / "program.py"
    program.write_text(STOPPED)
    (tmp_path / "run").mkdir()
    words = ["convert", EXAMPLE / "sdtm", "--to", "fhir", "--workers", "2", "-o", tmp_path / "run" / "out"]
    path = os.pathsep.join(one for one in sys.path if one)
    running = subprocess.Popen(
        [sys.executable, "-P", program, *words],
        env=os.environ | {"PYTHONPATH": path},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    until = time.monotonic() + 60
    while running.poll() is None and not list((tmp_path / "run").glob(".trialbridge-*/*.ndjson")):
        assert time.monotonic() < until
        time.sleep(0.01)
    stop(running)
    said, _ = running.communicate(timeout=60)
    assert running.returncode not in {0, 1, 2}, said.decode()
    assert list((tmp_path / "run").iterdir()) == []
    until = time.monotonic() + 60
    while _alive(running.pid):
        assert time.monotonic() < until
        time.sleep(0.05)


def _alive(group):
    """The processes of a group that still run (field 3 is the state, field 5 the group: proc(5))."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            found.append(path)
    return found


def test_rows_of_no_subject_are_told():
    """A DM whose USUBJID was lost would become Basic resources that no one looks for, without a word."""
    of = _two_subjects(
        AE=[
            {"STUDYID": "S", "DOMAIN": "AE", "USUBJID": name, "POOLID": pool, "AETERM": "x"}
            for name, pool in (("S-1", None), (None, "P1"), (None, None))
        ],
        XX=[{"STUDYID": "S", "XXVAL": "of nobody"}],
    )
    dm = of["DM"].frame
    lost = dm.with_columns(pl.lit(None, dtype=pl.String).alias("USUBJID"))
    of = of.with_tables([table("DM", pl.concat([dm, *[lost] * 3]))])
    done = to_fhir(of)
    told = {one.where.dataset: one for one in done.findings if one.id == "TB-NO-SUBJECT"}
    assert set(told) == {"DM", "AE"}
    assert told["DM"].severity is Severity.WARNING
    assert told["DM"].message.startswith("No USUBJID in row 3, 4, 5, 6, 7, … (6 in all)")
    assert told["AE"].where.row == 3
    assert Counter(one["resourceType"] for one in done.resources)["Basic"] == 6 + 2 + 1
    assert bulk_fhir.to_fhir(of, lambda _: None, at_once=1).findings == done.findings
