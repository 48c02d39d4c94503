"""A large study to FHIR, some subjects at a time: what is made of them is given away before the next ones are read.

The functions are those of `to_fhir`. DM is written first, for the sites and investigators it makes are shared by
subjects; then each group of subjects is written, read back and given away. What is shared (the study, sites, evaluators)
is given at the end, and must then be what every group has read: where it is not, NotInTurnError says to convert the
study as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.base.collector import without_collector
from trialbridge.base.errors import TrialbridgeError
from trialbridge.converters import to_fhir as whole
from trialbridge.converters.dictionary import DICTIONARY, Dictionary
from trialbridge.converters.order import in_order
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.jsontext import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialbridge.converters.context import Context
    from trialbridge.converters.records import Record
    from trialbridge.converters.to_fhir import ToFhir
    from trialbridge.mappings.kit import Release, Resource
    from trialbridge.sdtm.table import Study, Table

AT_ONCE = 200
"""Subjects whose resources are held at a time."""
_OWNERS = ("subject", "patient", "individual")


class NotInTurnError(TrialbridgeError):
    """A shared resource hangs on subjects of several groups: convert the study as a whole."""


@dataclass(slots=True)
class _Groups:
    """The rows of each group of subjects: row numbers from 0 by group and dataset. Group -1 has the rows of nobody."""

    subjects: list[list[str]]
    rows: dict[int, dict[str, list[int]]] = field(default_factory=dict)


def to_fhir(
    study: Study,
    give: Callable[[list[Resource]], None],
    *,
    base: str = BASE,
    release: Release = "R4",
    dictionary: Dictionary = DICTIONARY,
    at_once: int = AT_ONCE,
) -> ToFhir:
    """The resources of a study, given to `give` in lists; the outcome has findings and ledger, and no resources.

    The same resources as `study.to_fhir` makes, subject by subject. The study has no residue. Raises DoesNotFitError as
    that does, and NotInTurnError, after having given some, where it must be converted as a whole.
    """
    whole.refuse_odd_numbers(study)
    ctx, result = whole.begun(study, base, release, dictionary)
    wrong = whole.wrong_columns(study, dictionary, result.findings)
    groups = _groups(study, at_once)
    seen: dict[str, bytes] = {}
    with without_collector():
        demographics = _write(_part(study, groups, None, ("DM", "SUPPDM")), wrong, ctx, result)
        early = [one.name for one in study if dictionary.rank(one.name) < dictionary.rank("DM")]
        _settle(_write(_part(study, groups, -1, early), wrong, ctx, result), study, ctx, result)
        names = [one.name for one in study if one.name not in {"DM", "SUPPDM", *early}]
        for number, subjects in enumerate(groups.subjects):
            mine = frozenset(subjects)
            made = [one for one in demographics if one.record.row.get("USUBJID") in mine]
            made += _write(_part(study, groups, number, names), wrong, ctx, result)
            _settle(made, study, ctx, result)
            owned = _owned(ctx, mine)
            _see(ctx, owned, seen)
            give(in_order((ctx.resources[key] for key in owned), release))
            ctx.forget(owned, mine)
        last = _write(_part(study, groups, -1, names), wrong, ctx, result, lambda: _see(ctx, frozenset(), seen))
        _settle(last, study, ctx, result)
        whole.finished(study, ctx, result)
        give(in_order(ctx.resources.values(), release))
    return result


def _groups(study: Study, at_once: int) -> _Groups:
    """The subjects in the order in which DM, then the other datasets name them."""
    tables = sorted(study, key=lambda one: one.name != "DM")
    with_subjects = [one for one in tables if "USUBJID" in one.frame.columns]
    names: dict[str, int] = {}
    for one in with_subjects:
        for name in one.frame["USUBJID"].drop_nulls().unique(maintain_order=True):
            names.setdefault(name, len(names))
    listed = list(names)
    found = _Groups([listed[at : at + at_once] for at in range(0, len(listed), at_once)])
    for one in tables:
        if one not in with_subjects:
            found.rows.setdefault(-1, {})[one.name] = list(range(one.frame.height))
            continue
        number = one.frame["USUBJID"].replace_strict(names, default=None, return_dtype=pl.Int64) // at_once
        split = pl.DataFrame({"group": number.fill_null(-1), "row": range(one.frame.height)})
        for (group,), rows in split.group_by("group", maintain_order=True):
            found.rows.setdefault(int(str(group)), {})[one.name] = rows["row"].to_list()
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """Some rows of some datasets, and the number (from 1) that each row has in its dataset."""

    study: Study
    numbers: dict[str, list[int]]


def _part(study: Study, groups: _Groups, group: int | None, names: Any) -> _Part:
    """The rows of a group (None: of all) in the datasets of those names."""
    tables: dict[str, Table] = {}
    numbers: dict[str, list[int]] = {}
    for name in names:
        if name not in study:
            continue
        one = study[name]
        rows = list(range(one.frame.height)) if group is None else groups.rows.get(group, {}).get(name, [])
        if rows:
            tables[name] = replace(one, frame=one.frame[rows])
            numbers[name] = [row + 1 for row in rows]
    return _Part(replace(study, tables=tables), numbers)


def _write(
    part: _Part, wrong: dict[str, list[str]], ctx: Context, result: ToFhir, between: Callable[[], None] = lambda: None
) -> list[Any]:
    """Write the mapped rows; the others travel as they are. In `between`, what mapped rows read is complete."""
    mapped, plain = whole.sorted_out(part.study, ctx.dictionary, wrong)
    for name, records in (*mapped.items(), *plain.items()):
        _renumber(records, part.numbers[name])
    written = whole.write_all(mapped, ctx)
    between()
    whole.carry_all(part.study, plain, ctx, result)
    return written


def _renumber(records: list[Record], numbers: list[int]) -> None:
    for one in records:
        one.number = numbers[one.number - 1]


def _settle(written: list[Any], study: Study, ctx: Context, result: ToFhir) -> None:
    whole.round_trip(written, study, ctx, result)


def _owned(ctx: Context, subjects: frozenset[str]) -> frozenset[str]:
    """The resources made so far that belong to these subjects: their Patient's, and those that point at it."""
    patients = {ctx.subject(one)["reference"] for one in subjects}
    return frozenset(key for key, one in ctx.resources.items() if key in patients or _owner(one) in patients)


def _owner(resource: Resource) -> str | None:
    for name in _OWNERS:
        link = resource.get(name)
        if isinstance(link, dict) and "reference" in link:
            return str(link["reference"])
    return None


def _see(ctx: Context, owned: frozenset[str], seen: dict[str, bytes]) -> None:
    """Remember what is shared, as this group has read it. Raises NotInTurnError where another group read it otherwise."""
    for key, resource in _shared(ctx, owned):
        if seen.setdefault(key, encode(resource)) != encode(resource):
            raise NotInTurnError(f"{key} is not the same for all subjects.", fix="convert the study as a whole")


def _shared(ctx: Context, owned: frozenset[str]) -> Iterator[tuple[str, Resource]]:
    return (
        (key, one)
        for key, one in ctx.resources.items()
        if key not in owned and _owner(one) is None and key[:8] != "Patient/"
    )
