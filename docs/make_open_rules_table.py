"""Writes docs/open-rules.md: CDISC's open rules cases by rule, what ours detect and where they raise a false alarm.

    python -P docs/make_open_rules_table.py open-rules-cases.tar.xz [--cache CORE_CACHE]

The cases are not in this repository. With CORE's cache the published rules without a case at hand are counted too.
"""

from __future__ import annotations

import argparse
import pickle
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "sdtm" / "rules"))

from open_rules import unpack, verdicts  # noqa: E402 - in the tests' folder

from trialbridge.sdtm.rules import RULES  # noqa: E402 - below it

if TYPE_CHECKING:
    from open_rules import Verdict

PAGE = ROOT / "docs" / "open-rules.md"
HEAD = """# CDISC's open rules cases

Each rule's cases are small studies, negative ones with the records that a rule must report and positive ones with none
(cdisc-open-rules; DM, AE, PR, TR). Ours were run on every case: `detected` are the expected places found, `false alarms`
places reported beyond them, over all cases of the rule. Written by `docs/make_open_rules_table.py`; the cases are CDISC's
and are not in this repository. Two cases are no sound CSV (CORE-000125 positive 01, CORE-000581 positive 02): our reader
refuses them, and they were read without their unnamed columns and labels.

| CDISC's rule | Ids | Ours | Cases | Detected | False alarms |
|---|---|---|---|---|---|
"""


class _OnlyData(pickle.Unpickler):
    """Reads CORE's cache without running what a pickle may hold."""

    def find_class(self, module: str, name: str) -> Any:
        """Only sets are let in."""
        if (module, name) in {("builtins", "set"), ("builtins", "frozenset")}:
            return {"set": set, "frozenset": frozenset}[name]
        raise pickle.UnpicklingError(f"refused: {module}.{name}")


def row(one: Verdict) -> str:
    """One rule as a line of the table."""
    wanted = sum(len(case.expected) for case in one.cases)
    missed = sum(len(case.missed) for case in one.cases)
    false = sum(len(case.false) for case in one.cases)
    ours = ", ".join(f"`{each.id}`" for each in one.ours) or "not yet claimed"
    detected = f"{wanted - missed} of {wanted}" if one.ours else "-"
    return f"| {one.core} | {', '.join(one.ids)} | {ours} | {len(one.cases)} | {detected} | {false if one.ours else '-'} |\n"


def unclaimed(cache: Path) -> str:
    """Which ids of CDISC's and FDA's rules for SDTMIG 3.4 in CORE's cache no rule of ours claims."""
    with (cache / "rules.pkl").open("rb") as rules, (cache / "rules_dictionary.pkl").open("rb") as names:
        known, by_standard = _OnlyData(rules).load(), _OnlyData(names).load()
    published = {
        found
        for name in by_standard["sdtmig/3-4"]
        for found in re.findall(r"'Id': '((?:CG|FB)[0-9]{4})'", str(known[name].get("authorities") or known[name]))
    }
    ours = {each for one in RULES for each in (*one.cdisc, *one.fda)}
    left = sorted(published - ours)
    return (
        f"\n## Published rules that ours answer to\n\nOf the {len(published)} ids of CDISC and FDA that CORE runs for SDTMIG 3.4, "
        f"rules of ours claim {len(published & ours)} (and {len(ours - published)} that CORE does not run). "
        f"Not yet claimed:\n\n{', '.join(left)}\n"
    )


def main() -> None:
    """Run the cases and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        said = list(verdicts(unpack(given.cases, Path(folder))))
    good = sum(one.good and bool(one.ours) for one in said)
    text = HEAD + "".join(map(row, said)) + f"\n{good} of {len(said)} rules: everything detected, no false alarm.\n"
    if given.cache:
        text += unclaimed(given.cache)
    PAGE.write_text(text, encoding="utf-8", newline="\n")
    print(f"{PAGE.name}: {good} of {len(said)}")


if __name__ == "__main__":
    main()
