"""Programs as a user would write them, held against mypy --strict: the one passes, the other is refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import trialbridge

HERE = Path(__file__).resolve().parent
pytest.importorskip("mypy", reason="mypy is a tool of the workshop, not of the wheel's tests")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What mypy says of both programs, by file name and line, as from a user's own folder."""
    cache = tmp_path_factory.mktemp("mypy")
    home = Path(trialbridge.__file__).resolve().parents[1]
    # An editable install is found by an import hook, which mypy does not run: it is shown the way instead.
    path = {"MYPYPATH": str(home)} if (home / "pyproject.toml").is_file() else {}
    words = ["--strict", "--config-file=", "--follow-imports=silent", "--no-error-summary", f"--cache-dir={cache}"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mypy", *words, HERE / "right.py", HERE / "wrong.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=cache,
        env={**os.environ, **path},
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: dict[str, set[int]] = {"right.py": set(), "wrong.py": set()}
    for name, line in re.findall(r"(right\.py|wrong\.py):(\d+): error", done.stdout):
        found[name].add(int(line))
    return found, done.stdout


def test_right_program_passes(told):
    """A user's program would not type-check, or a type not be what the API promises."""
    found, text = told
    assert found["right.py"] == set(), text


def test_wrong_program_is_refused(told):
    """A user's mistake would pass: names and types would be Any."""
    found, text = told
    lines = (HERE / "wrong.py").read_text().splitlines()
    assert found["wrong.py"] == {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}, text
