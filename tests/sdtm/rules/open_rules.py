"""CDISC's open rules cases, judged: for each rule, whether ours that claim its ids find what is expected, and only that.

A case is a folder `RULE/negative|positive/NN` with `data/` in CORE's CSV layout and `results/results.csv`
(Dataset,Record,Variable,Value). The cases are CDISC's and are not in this repository: whoever has them passes the folder
or the tar archive.
"""

from __future__ import annotations

import csv
import re
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from trialbridge.base.errors import UnreadableInputError
from trialbridge.sdtm import files
from trialbridge.sdtm.rules import RULES, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.base.rule import Rule
    from trialbridge.sdtm.table import Study

Place = tuple[str, int | None]
"""Dataset and record number from 1; None where the expectation is of the dataset as a whole."""


@dataclass(slots=True)
class Case:
    """One case: what is expected to be found, what ours found of it, and what beyond it."""

    name: str
    expected: set[Place]
    missed: set[Place] = field(default_factory=set)
    false: set[Place] = field(default_factory=set)


@dataclass(slots=True)
class Verdict:
    """One rule of CDISC: its ids, ours that claim one of them, and its cases."""

    core: str
    ids: tuple[str, ...]
    message: str
    ours: tuple[Rule, ...]
    cases: list[Case]

    @property
    def good(self) -> bool:
        """Whether everything was found and nothing else."""
        return all(not case.missed and not case.false for case in self.cases)


def unpack(archive: Path, into: Path) -> Path:
    """The cases of a tar archive, unpacked; a folder is given back as it is."""
    if archive.is_dir():
        return archive
    with tarfile.open(archive) as tar:
        tar.extractall(into, filter="data")
    return into


def verdicts(home: Path) -> Iterator[Verdict]:
    """What ours say of each rule that has cases, in the order of the rules."""
    for folder in sorted(one for one in home.iterdir() if (one / "rule.yml").is_file()):
        about = yaml.safe_load((folder / "rule.yml").read_text("utf-8"))
        ids = tuple(sorted(set(_ids(about))))
        ours = tuple(one for one in RULES if set(ids) & {*one.cdisc, *one.fda})
        cases = [
            _case(each, ours, _variables(about))
            for kind in ("negative", "positive")
            for each in sorted((folder / kind).glob("*"))
        ]
        yield Verdict(folder.name, ids, about["Outcome"]["Message"], ours, cases)


def _ids(about: dict) -> Iterator[str]:
    """The rule's ids with CDISC's and FDA's rules for SDTM."""
    for authority in about["Authorities"]:
        for standard in authority["Standards"]:
            for reference in standard.get("References", []):
                found = (reference.get("Rule Identifier") or {}).get("Id", "")
                if re.fullmatch(r"(CG|FB)[0-9]{4}", found):
                    yield found


def _variables(about: dict) -> set[str]:
    """The variables that CDISC's rule speaks of; `--` stands for any domain's prefix."""
    return set(re.findall(r"(?:name|value|target): ?'?(\S+?)'?[,}]", str(about["Check"]).replace("'", ""))) | set(
        about["Outcome"].get("Output Variables", [])
    )


def _case(folder: Path, ours: tuple[Rule, ...], variables: set[str]) -> Case:
    """Runs ours on one case. What one of ours finds of variables that CDISC's rule does not speak of is not judged."""
    with (folder / "results" / "results.csv").open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    expected: set[Place] = {(row["Dataset"], int(row["Record"]) if row["Record"] else None) for row in rows}
    case = Case(f"{folder.parent.name}/{folder.name}", expected)
    suffixes = {name.removeprefix("--") for name in variables}
    found: set[Place] = set()
    for said in check(_study(folder / "data"), rules=ours):
        assert not said.why.endswith(said.rule.id), said.why  # a rule that broke has found nothing
        for finding in said.findings:
            name = finding.where.variable or ""
            if not name or any(name == suffix or name[2:] == suffix for suffix in suffixes):
                found.add((finding.where.dataset or "", finding.where.row))
    wanted = {("DM", None) if place == ("STUDY", None) else place for place in expected}
    case.missed, case.false = wanted - found, found - wanted
    return case


def _study(data: Path) -> Study:
    """The case's study.

    Two cases are no sound CSV (cells to the right of the named columns; a list of variables in the wrong columns) and
    are refused by our reader, as they should be: of these the named columns are read, without labels.
    """
    try:
        return files.read(data)
    except UnreadableInputError:
        with tempfile.TemporaryDirectory() as folder:
            copies = [_cut(file, Path(folder) / file.name) for file in sorted(data.glob("[!_]*.csv"))]
            return files.read(copies, "csv")


def _cut(file: Path, copy: Path) -> Path:
    """A copy of a CSV file with the named columns only."""
    with file.open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.reader(lines))
    named = sum(1 for name in rows[0] if name)
    with copy.open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows(row[:named] for row in rows)
    return copy
