"""Databases: SQLite, and a real PostgreSQL started here on loopback; every cell in and out."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from trialbridge.cli import app

pytestmark = pytest.mark.once

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction" / "sdtm"
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def run(*words):
    """The command line in this process; standard output as JSON."""
    done = CliRunner().invoke(app, [str(one) for one in (*words, "--json")], catch_exceptions=False)
    return done.exit_code, json.loads(done.stdout)


@pytest.fixture(scope="module")
def postgres():
    """The address of a PostgreSQL of our own: on loopback, with its own data, as its own user (it refuses root)."""
    if not BINARIES:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    home = Path(tempfile.mkdtemp(prefix="trialbridge-pg-", dir="/tmp"))
    user = []
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(home, account.pw_uid, account.pw_gid)
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    binaries, data = BINARIES[-1], home / "data"
    quiet = {"cwd": home, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(
        [*user, binaries / "initdb", "-D", data, "-U", "trial", "-A", "trust", "-E", "UTF8"], check=True, **quiet
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        f"port={port}",
        "-c",
        f"unix_socket_directories={home}",
        "-c",
        "fsync=off",
    ]
    server = subprocess.Popen([*user, binaries / "postgres", "-D", data, *options], **quiet)
    try:
        until = time.monotonic() + 120
        asking = [binaries / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
        while subprocess.run(asking, check=False, **quiet).returncode != 0:
            assert server.poll() is None, "PostgreSQL did not start"
            assert time.monotonic() < until, "PostgreSQL does not answer"
            time.sleep(0.1)
        yield f"postgresql+psycopg://trial@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request, tmp_path, monkeypatch):
    """How a user names the database: an SQLite file, or the variable that holds PostgreSQL's address."""
    if request.param == "sqlite":
        path = tmp_path / "trial.sqlite"
        sqlite3.connect(path).close()
        path.write_bytes(b"")
        monkeypatch.setenv("TRIAL_DB", f"sqlite:///{path}")
    else:
        monkeypatch.setenv("TRIAL_DB", request.getfixturevalue("postgres"))
    return "env:TRIAL_DB"


def test_every_dataset_in_and_out(database, tmp_path):
    """A cell of the example would change in a database, or a table be left out."""
    code, said = run("database", "load", EXAMPLE, "--database", database)
    assert (code, len(said["tables"])) == (0, 24)
    assert run("database", "save", "--database", database, "-o", tmp_path / "out", "--format", "ndjson")[0] == 0
    code, found = run("diff", EXAMPLE, tmp_path / "out")
    assert (code, found["differences"]) == (0, [])
    assert sum(one["compared"] for one in found["places"].values()) == 119_990


def test_a_centres_tables(database, tmp_path, monkeypatch):
    """Tables of a centre's own, typed as databases type them, would not become SDTM."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(os.environ["TRIAL_DB"])
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("drop table if exists patients"))
        connection.execute(
            sqlalchemy.text(
                "create table patients (patient varchar(9) primary key, sex char(1), born date, weight numeric(5,1))"
            )
        )
        connection.execute(
            sqlalchemy.text("insert into patients values ('01', 'F', '1950-03-14', 71.50), ('02', 'M', null, null)")
        )
    engine.dispose()
    study = {
        "study": {"id": "S"},
        "subjects": {"column": "patient"},
        "sources": {"patients": {}},
        "domains": [
            {
                "domain": "DM",
                "from": "patients",
                "variables": {"SEX": {"assign_ct": "sex"}, "BRTHDTC": {"date": "born"}},
            },
            {
                "domain": "VS",
                "from": "patients",
                "when": "[weight] is given",
                "variables": {"VSTESTCD": "'WEIGHT'", "VSSTRESN": "weight"},
            },
        ],
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    words = (
        "convert",
        database,
        "--study-file",
        tmp_path / "study.yaml",
        "--to",
        "sdtm",
        "-o",
        tmp_path / "o",
        "--format",
        "csv",
    )
    code, said = run(*words)
    assert (code, said["made"]) == (0, {"DM": 2, "VS": 1})
    assert "1950-03-14" in (tmp_path / "o" / "dm.csv").read_text()
    assert "71.5" in (tmp_path / "o" / "vs.csv").read_text()


def test_the_connection_string_is_not_told(monkeypatch, tmp_path):
    """A password would stand in an error message."""
    monkeypatch.setenv("TRIAL_DB", "postgresql+psycopg://trial:geheim@127.0.0.1:1/none")
    code, said = run("database", "save", "--database", "env:TRIAL_DB", "-o", tmp_path / "o")
    assert code == 2
    assert "geheim" not in json.dumps(said)
    assert not (tmp_path / "o").exists()


def test_a_variable_that_is_not_set(tmp_path):
    """A missing variable would be taken for a file."""
    code, said = run("database", "save", "--database", "env:NO_SUCH_DB", "-o", tmp_path / "o")
    assert code == 2
    assert "NO_SUCH_DB" in said["error"]["message"]
