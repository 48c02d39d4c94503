"""Make the synthetic Re-Induction cohort, as a `Study` or as files.

    python examples/re_induction/generate.py -o DIR [--seed N] [--subjects N] [--format xpt]

Same seed, same bytes; subject k is the same whatever the size of the cohort.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

if __package__ in (None, ""):  # run as a script: the folder above holds the package
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from re_induction import cohort, design, events, lesions, tables, treatment, visits  # after the path is known
from trialbridge.sdtm.table import Study, study

if TYPE_CHECKING:
    from collections.abc import Iterator

    from re_induction.cohort import Subject
    from re_induction.design import Row

SEED = 20190715
SUBJECTS = 40
AT_ONCE = 500  # subjects whose rows are held as Python objects at a time
BY_VISIT = ("SV", "VS", "LB", "RS", "TR")
DATASET_WIDE = (
    ("TUTR", "TU", "TULNKID", "ONE", "TR", "TRLNKID", "MANY"),
    ("TRRS", "TR", "TRLNKGRP", "MANY", "RS", "RSLNKGRP", "MANY"),
    ("PRTU", "PR", "PRLNKID", "ONE", "TU", "TULNKID", "ONE"),
)


def build(seed: int = SEED, subjects: int = SUBJECTS, *, discordant: bool = False) -> Study:
    """The cohort's study: `subjects` enrolled subjects, and one screen failure per twelve on top.

    `discordant`: with the responses that differ from what the measurements give (`lesions.DISCORDANT`).
    """
    frames: dict[str, list[pl.DataFrame]] = {}
    people: list[pl.DataFrame] = []
    for first in range(1, subjects + 1, AT_ONCE):
        rows: dict[str, list[Row]] = {}
        timing: list[tuple[str, str, str | None, str | None]] = []
        for person in _people(seed, first, min(subjects, first + AT_ONCE - 1)):
            if discordant:
                lesions.disagree(person)
            for name, its in person.rows.items():
                rows.setdefault(name, []).extend(its)
            treated = bool(person.fractions)
            timing.append(
                (
                    person.usubjid,
                    person.consent.isoformat(),
                    person.start.isoformat() if treated else None,
                    person.follow_up.isoformat() if treated else None,
                )
            )
        for name, its in rows.items():
            frames.setdefault(name, []).append(tables.frame(name, its))
        people.append(
            pl.DataFrame(
                timing, schema=dict.fromkeys(("USUBJID", "consent", "start", "follow_up"), pl.String), orient="row"
            )
        )
    for name, its in design.rows(subjects).items():
        frames[name] = [tables.frame(name, its)]
    frames["RELREC"] = [tables.frame("RELREC", _links()), *frames.get("RELREC", [])]
    about = pl.concat(people)
    found = [tables.finish(name, pl.concat(frames[name]), about) for name in tables.ORDER if name in frames]
    return study(found, version="3.4", ct=design.CT_PACKAGE)


def _people(seed: int, first: int, last: int) -> Iterator[Subject]:
    for number in range(first, last + 1):
        failed = cohort.screen_failure(seed, number)
        if failed is not None:
            yield _excluded(failed)
        yield _treated(cohort.enrol(seed, number))


def _treated(subject: Subject) -> Subject:
    """An enrolled subject's rows."""
    visits.follow(subject)
    treatment.prior_treatment(subject)
    pauses = events.adverse_events(subject)
    treatment.immune_therapy(subject, pauses)
    treatment.radiotherapy(subject)
    return _closed(subject)


def _excluded(subject: Subject) -> Subject:
    """The rows of a person who was screened and not enrolled."""
    subject.end = subject.screened + cohort.days(subject.rng, 1, 5)
    subject.reason = "SCREEN FAILURE"
    visits.screening(subject)
    return _closed(subject)


def _closed(subject: Subject) -> Subject:
    events.medical_history(subject)
    events.disposition(subject)
    visits.elements(subject)
    cohort.demographics(subject)
    for name in BY_VISIT:
        subject.rows.get(name, []).sort(key=lambda row: float(row["VISITNUM"] or 0))
    return subject


def _links() -> list[Row]:
    """The dataset-level relations: TU-TR and PR-TU by --LNKID, TR-RS by --LNKGRP."""
    return [
        {"RDOMAIN": domain, "IDVAR": variable, "RELTYPE": kind, "RELID": name}
        for name, *sides in DATASET_WIDE
        for domain, variable, kind in (sides[:3], sides[3:])
    ]


def write_sdtm(what: Study, folder: Path, kind: str) -> None:
    """Write the study's SDTM files in a format trialbridge knows (`xpt`, `dataset-json`, `ndjson`, `csv`, …)."""
    from trialbridge.sdtm import files  # noqa: PLC0415 - the writers are needed only when files are wanted

    files.write(what, folder, kind)


def write_fhir(what: Study, folder: Path) -> None:
    """Write the study as FHIR R4 NDJSON, one file a resource type, by trialbridge's own converter."""
    from trialbridge.converters.study import to_fhir  # noqa: PLC0415 - the converter is needed only when FHIR is wanted
    from trialbridge.fhir import files  # noqa: PLC0415 - as above

    files.write(to_fhir(what).resources, folder, "ndjson", "R4")


def main(arguments: list[str] | None = None) -> int:
    """The command line; gives the exit code."""
    parser = argparse.ArgumentParser(description="Make the synthetic Re-Induction cohort.")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--seed", type=int, default=SEED, help="the cohort's seed (%(default)s)")
    parser.add_argument("--subjects", type=int, default=SUBJECTS, help="enrolled subjects (%(default)s)")
    parser.add_argument("--format", default="xpt", help="SDTM file format (%(default)s)")
    parser.add_argument("--fhir", type=Path, metavar="DIR", help="write FHIR there, too")
    parser.add_argument("--discordant", action="store_true", help="with responses that the measurements do not give")
    asked = parser.parse_args(arguments)
    made = build(asked.seed, asked.subjects, discordant=asked.discordant)
    write_sdtm(made, asked.output, asked.format)
    if asked.fhir:
        write_fhir(made, asked.fhir)
    print(f"{len(made.tables)} datasets, {sum(one.frame.height for one in made)} rows in {asked.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
