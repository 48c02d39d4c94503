"""What will not become what its user expects on the way to FHIR: said before, for nothing of it is lost and so nothing complains.

Rows whose DOMAIN is not their dataset's, datasets named otherwise than their domain, qualifiers of no record, dates
that are none and a study without DM all travel, carried, and come back; but a hospital's server sees little of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.sdtm import dates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.sdtm.table import Study, Table


def doubtful(study: Study, dictionary: Dictionary) -> list[Finding]:
    """Warnings on what travels as it is although it should be a domain's own resources, by dataset; ids, no values."""
    found = list(_no_dm(study, dictionary))
    for table in study:
        if table.frame.height == 0:
            continue
        found.extend(_of_another_domain(table, dictionary))
        found.extend(_of_no_record(table, study))
        found.extend(_no_dates(table))
    return found


def _no_dm(study: Study, dictionary: Dictionary) -> Iterator[Finding]:
    """TB-NO-DM: subjects of whom nobody says who they are."""
    whose = [one for one in study if "USUBJID" in one.frame.columns and dictionary.takes(one.name, one.frame.columns)]
    if "DM" not in study and whose:
        message = "There is no DM: each subject becomes a Patient of whom nothing but the identifier is known."
        yield Finding("TB-NO-DM", Severity.WARNING, Where(dataset="DM"), message, "convert DM along with the others")


def _of_another_domain(table: Table, dictionary: Dictionary) -> Iterator[Finding]:
    """TB-DOMAIN-OTHER: rows that say another domain than their dataset's name, which no mapping therefore takes."""
    if "DOMAIN" not in table.frame.columns:
        return
    told = table.frame["DOMAIN"]
    if dictionary.takes(table.name, table.frame.columns):
        rows = told.ne_missing(table.name[:2]).arg_true()
        if len(rows):
            where = Where(dataset=table.name, row=int(rows[0]) + 1, variable="DOMAIN")
            message = f"DOMAIN is not {table.name[:2]} in {_rows(len(rows))}: carried as they are, in Basic."
            yield Finding("TB-DOMAIN-OTHER", Severity.WARNING, where, message, f"write {table.name[:2]} in DOMAIN")
        return
    of = [one for one in told.unique(maintain_order=True).to_list() if one]
    if len(of) == 1 and dictionary.takes(of[0], table.frame.columns):
        message = (
            f"Its rows are of {of[0]}, but nothing is known of a dataset {table.name}: carried as they are, in Basic."
        )
        fix = f"name the dataset (the file) {of[0]}; a part of it {of[0]} and two more letters"
        yield Finding("TB-DOMAIN-OTHER", Severity.WARNING, Where(dataset=table.name, variable="DOMAIN"), message, fix)


def _of_no_record(table: Table, study: Study) -> Iterator[Finding]:
    """TB-SUPP-PARENT: supplemental qualifiers that point at no record of their dataset (SDTMIG 3.4, 8.4)."""
    if not table.name.startswith("SUPP") or not {"USUBJID", "RDOMAIN", "IDVAR", "IDVARVAL"} <= set(table.frame.columns):
        return
    parents = _parents(table, study)
    rows = _astray(table, parents)
    if rows:
        where = Where(dataset=table.name, row=rows[0], variable="IDVAR")
        message = f"IDVAR and IDVARVAL point at no record of {table.name[4:]} in {_rows(len(rows))}: carried as they are, in Basic."
        fix = "mend RDOMAIN, USUBJID, IDVAR or IDVARVAL" if parents else f"convert {table.name[4:]} along with it"
        yield Finding("TB-SUPP-PARENT", Severity.WARNING, where, message, fix)


def _parents(table: Table, study: Study) -> list[Table]:
    """The dataset that qualifiers are of, or its parts (SUPPLB beside LBCH and LBHE)."""
    parts = [one for one in study if one.domain == table.name[4:6] and not one.name.startswith("SUPP")]
    whole = [one for one in parts if one.name == table.name[4:]]
    return [one for one in whole or parts if "USUBJID" in one.frame.columns]


def _astray(table: Table, parents: list[Table]) -> list[int]:
    """The numbers (from 1) of the qualifiers whose record is not there."""
    frame = table.frame.with_row_index("row", 1)
    of_domain = frame.filter(pl.col("RDOMAIN").eq_missing(pl.lit(table.name[4:6])))
    homed: set[int] = set()
    for name in of_domain["IDVAR"].unique().to_list():
        mine = of_domain.filter(pl.col("IDVAR").eq_missing(pl.lit(name, pl.String)))
        for parent in (one.frame for one in parents):
            if name is None:
                found = mine.join(parent, on="USUBJID", how="semi")
            elif name in parent.columns:
                value = pl.col(name).cast(pl.String).str.strip_suffix(".0").alias("IDVARVAL")
                found = mine.join(parent.select("USUBJID", value), on=["USUBJID", "IDVARVAL"], how="semi")
            else:
                continue
            homed.update(found["row"].to_list())
    return [one for one in frame["row"].to_list() if one not in homed]


def _no_dates(table: Table) -> Iterator[Finding]:
    """TB-NO-DATE: texts in --DTC that are no date of ISO 8601 (SDTMIG 3.4, 4.4.1), of which FHIR therefore has none."""
    for variable in table.variables:
        if variable.type != "Char" or not variable.name.endswith("DTC"):
            continue
        column = table.frame[variable.name]
        wrong = [one for one in column.drop_nulls().unique().to_list() if not dates.is_valid(one)]
        if wrong:
            rows = column.is_in(wrong).fill_null(value=False).arg_true()
            where = Where(dataset=table.name, row=int(rows[0]) + 1, variable=variable.name)
            message = f"No date of ISO 8601 in {_rows(len(rows))}: carried as it is, and no element of FHIR has it."
            yield Finding(
                "TB-NO-DATE", Severity.WARNING, where, message, "write YYYY-MM-DD, or as much of it as is known"
            )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
