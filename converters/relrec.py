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
    from collections.abc import Iterable, Mapping

    from trialbridge.converters.to_sdtm import ToSdtm
    from trialbridge.sdtm.table import Study, Table

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
    frames = {one.name: one.frame for one in study}
    made = relrec_of(related(frames), {name: _studyid(frame) for name, frame in frames.items()}, study.version)
    return study if made is None else study.with_tables([made])


def related(frames: Mapping[str, pl.DataFrame]) -> tuple[bool, ...]:
    """Of each of RELATIONS whether any record of the one side names a record of the other, within a subject."""
    return tuple(_related(frames, *(side[:2] for side in relation)) for relation in RELATIONS)


def relrec_of(found: Iterable[bool], studyids: Mapping[str, str | None], version: str) -> Table | None:
    """RELREC of the relations found, None where there is none; `studyids` has STUDYID by dataset."""
    rows: list[dict[str, str | None]] = []
    for relation, there in zip(RELATIONS, found, strict=True):
        if there:
            rows.extend(
                {
                    "STUDYID": studyids[domain],
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
        return None
    columns = [one.name for one in metadata.domain("RELREC", version).variables]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String))
    return metadata.describe(table("RELREC", frame), version)


def _related(frames: Mapping[str, pl.DataFrame], one: tuple[str, str], other: tuple[str, str]) -> bool:
    found: list[set[tuple[str, str]]] = []
    for domain, variable in (one, other):
        if domain not in frames or not {"USUBJID", variable} <= set(frames[domain].columns):
            return False
        found.append(set(frames[domain].select("USUBJID", variable).drop_nulls().iter_rows()))
    return bool(found[0] & found[1])


def _studyid(frame: pl.DataFrame) -> str | None:
    first = frame["STUDYID"].drop_nulls() if "STUDYID" in frame.columns else None
    return None if first is None or first.is_empty() else str(first[0])
