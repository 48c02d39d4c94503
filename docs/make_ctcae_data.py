"""Makes oncology/data/ctcae-VERSION.tsv from the National Cancer Institute's CTCAE table; see docs/ctcae.md.

    python docs/make_ctcae_data.py CTCAE_v5.0.csv 5.0 "v5.0 (27 November 2017)" oncology/data

The table is the Institute's spreadsheet saved as CSV. Kept are system organ class, term, and which grades have a
description: the facts, not the wording. A grade that is empty or a dash does not exist. MedDRA codes are left out.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

HEADER = """\
# CTCAE {version}: system organ classes, terms and the grades each term has. Facts only, no definitions, no MedDRA codes.
# Origin: National Cancer Institute, Common Terminology Criteria for Adverse Events {full}; a work of the
# United States government. See docs/ctcae.md. docs/make_ctcae_data.py writes the same from the Institute's table.
# Lines, tab-separated, terms after their class, sorted:
# S class
# T grades term
"""
GRADES = "12345"


def main(source: str, version: str, full: str, folder: str) -> None:
    """Read the table, write the data file, say how many terms there are."""
    classes = read(Path(source))
    lines = [HEADER.format(version=version, full=full).rstrip("\n")]
    for soc in sorted(classes, key=str.casefold):
        lines.append(f"S\t{soc}")
        lines += [f"T\t{classes[soc][term]}\t{term}" for term in sorted(classes[soc], key=str.casefold)]
    target = Path(folder) / f"ctcae-{version}.tsv"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{target}: {sum(map(len, classes.values()))} terms in {len(classes)} classes")


def read(source: Path) -> dict[str, dict[str, str]]:
    """Class -> term -> its grades as digits. Stops at a term given twice and at a term without any grade."""
    with source.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.DictReader(file)
        names = rows.fieldnames or []
        soc_column = next(name for name in names if name.strip().endswith("SOC"))
        term_column = next(name for name in names if name.strip().endswith("Term"))
        grade_columns = {grade: next(name for name in names if name.startswith(f"Grade {grade}")) for grade in GRADES}
        classes: dict[str, dict[str, str]] = {}
        for row in rows:
            soc, term = (" ".join((row[name] or "").split()) for name in (soc_column, term_column))
            if not term:
                continue
            grades = "".join(grade for grade in GRADES if (row[grade_columns[grade]] or "").strip(" -\n"))
            if not grades or term in classes.setdefault(soc, {}):
                sys.exit(f"{term}: {'given twice' if grades else 'no grade'}")
            classes[soc][term] = grades
    return classes


if __name__ == "__main__":
    main(*sys.argv[1:])
