"""The README's examples run as they are printed."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_python_example_runs_and_prints_what_it_says():
    """A newcomer's first program would fail."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(import trialbridge.*?)```", text, re.DOTALL)[1]
    done = subprocess.run([sys.executable, "-P", "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = re.search(r"ledger\.totals\(\)\)\s+# (\{.*\})", text)[1]
    assert done.stdout.strip() == said


def test_every_document_it_names_is_there():
    """A link would lead nowhere."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [one for one in re.findall(r"\]\(([^)#]+)\)", text) if not one.startswith("http")]
    assert len(links) > 10
    assert [one for one in links if not (ROOT / one).exists()] == []
