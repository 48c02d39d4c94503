"""Datasets without a mapping of their own: each row travels as a Basic resource that carries its variables.

Basic is FHIR's resource for what has no other (FHIR R4 8.18). The row's subject is linked, so that a subject's data
stay together on a server.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from trialbridge.converters.carry import carried, extension
from trialbridge.mappings.spellings import number_text

if TYPE_CHECKING:
    from trialbridge.converters.carry import Carried
    from trialbridge.converters.context import Context
    from trialbridge.converters.records import Record
    from trialbridge.mappings.kit import Resource, Row

DATASET_CODES = "CodeSystem/sdtm-dataset"


def to_basic(record: Record, label: str, ctx: Context) -> Resource:
    """The Basic resource of a row; it is entered in the context."""
    row = record.row
    ctx.row = row
    key = (record.dataset, row.get("STUDYID"), row.get("USUBJID"), _sequence(record, row) or _digest(row))
    made = ctx.begin("Basic", key, {})
    made["extension"] = [extension(ctx.url("x-sdtm-variable"), name, value, None) for name, value in row.items()]
    made["code"] = {"coding": [{"system": f"{ctx.base}/{DATASET_CODES}", "code": record.dataset}]}
    if label:
        made["code"]["text"] = label
    if row.get("USUBJID") is not None:
        made["subject"] = ctx.subject(row["USUBJID"])
    return made


def _sequence(record: Record, row: Row) -> str | None:
    """--SEQ, where it numbers a subject's records (TSSEQ numbers the values of a parameter)."""
    value = row.get(f"{record.dataset[:2]}SEQ") if row.get("USUBJID") is not None else None
    return number_text(value) if isinstance(value, float) else None


def _digest(row: Row) -> str:
    """A key made of all that a row says, for rows without a sequence number: the same in any order of rows."""
    return hashlib.blake2b(repr(sorted(row.items())).encode(), digest_size=16).hexdigest()


def kept_in(resource: Resource, ctx: Context) -> tuple[str, list[Carried]] | None:
    """Dataset and variables, with their hashes, of a Basic resource of ours, or None."""
    for coding in (resource.get("code") or {}).get("coding") or ():
        if coding.get("system") == f"{ctx.base}/{DATASET_CODES}":
            return str(coding.get("code")), list(carried(resource, ctx.url("x-sdtm-variable")))
    return None


def from_basic(resource: Resource, ctx: Context) -> tuple[str, Row] | None:
    """Dataset and row of a Basic resource of ours, or None."""
    found = kept_in(resource, ctx)
    if found is None:
        return None
    return found[0], {one.name: one.value for one in found[1] if one.value is not None}
