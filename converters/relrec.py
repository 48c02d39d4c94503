"""RELREC from the references FHIR holds: only relations that are there (SDTMIG 3.4 section 8.3).

A package that declares RELREC brings its own, row for row. For other sources: lesions and their measurements (TU-TR, by
link id), measurements and responses (TR-RS, by link group), radiotherapy and its lesion (PR-TU, by link id).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.sdtm import metadata
from trialbridge.sdtm.table import table

if TYPE_CHECKING:
    from trialbridge.converters.to_sdtm import ToSdtm
    from trialbridge.sdtm.table import Study

# one side, many side: domain and variable; RELTYPE as SDTMIG 3.4 section 8.3.2 (dataset to dataset)
RELATIONS = (
    (("TU", "TULNKID", "ONE"), ("TR", "TRLNKID", "MANY")),
    (("TR", "TRLNKGRP", "MANY"), ("RS", "RSLNKGRP", "ONE")),
    (("PR", "PRLNKID", "ONE"), ("TU", "TULNKID", "ONE")),
)


def with_relrec(done: ToSdtm) -> Study:
    """The study with RELREC, where its source did not declare a package of its own."""
    study = done.study
    if done.package is not None or "RELREC" in study:
        return study
    rows: list[dict[str, str | None]] = []
    for relation in RELATIONS:
        if _related(study, relation[0][:2], relation[1][:2]):
            rows.extend(
                {
                    "STUDYID": _studyid(study, domain),
                    "RDOMAIN": domain,
                    "USUBJID": None,
                    "IDVAR": variable,
                    "IDVARVAL": None,
                    "RELTYPE": kind,
                    "RELID": relation[0][0] + relation[1][0],
                }
                for domain, variable, kind in relation
            )
    if not rows:
        return study
    columns = [one.name for one in metadata.domain("RELREC", study.version).variables]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String))
    return study.with_tables([metadata.describe(table("RELREC", frame), study.version)])


def _related(study: Study, one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether any record of one domain names a record of the other by those variables, within a subject."""
    found: list[set[tuple[str, str]]] = []
    for domain, variable in (one, other):
        if domain not in study or variable not in study[domain].frame.columns:
            return False
        frame = study[domain].frame.select("USUBJID", variable).drop_nulls()
        found.append(set(frame.iter_rows()))
    return bool(found[0] & found[1])


def _studyid(study: Study, domain: str) -> str | None:
    first = study[domain].frame["STUDYID"].drop_nulls()
    return None if first.is_empty() else str(first[0])
