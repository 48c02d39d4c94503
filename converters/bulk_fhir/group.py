"""One group of a study's subjects to FHIR, in surroundings of its own: here, in another process, or on another machine.

What subjects share comes ready made (`bulk_fhir.shared`): DM's rows of all subjects made the sites and investigators.
What else a group makes that belongs to no subject (an evaluator) is handed back beside the group's own resources, and
must be the same from every group. The functions are those of `to_fhir`.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import TrialbridgeError
from trialbridge.converters import to_fhir as whole
from trialbridge.converters.context import Context, Known
from trialbridge.converters.order import in_order
from trialbridge.fhir.jsontext import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.base.finding import Finding
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.converters.ledger import Ledger
    from trialbridge.converters.records import Record
    from trialbridge.converters.to_fhir import ToFhir, Written
    from trialbridge.mappings.kit import Release, Resource
    from trialbridge.sdtm.table import Study, Table

_OWNERS = ("subject", "patient", "individual")


class NotInTurnError(TrialbridgeError):
    """A shared resource hangs on subjects of several groups: convert the study as a whole."""


@dataclass(frozen=True, slots=True)
class Group:
    """Some subjects' rows of all datasets, and the number (from 1) that each row has in its dataset.

    `number` is the group's place from 0; -1 has the rows of nobody.
    """

    number: int
    subjects: tuple[str, ...]
    study: Study
    numbers: dict[str, list[int]]


def bare(one: Table) -> Table:
    """A table without what its file format alone knows, which need not travel (and cannot)."""
    return replace(one, variables=tuple(replace(of, extra={}) for of in one.variables), extra={})


@dataclass(frozen=True, slots=True)
class Setting:
    """What every group is converted with: it travels. `known` is a pickled `Known`, `shared` its resources as JSON."""

    base: str
    release: Release
    oncology: bool
    wrong: dict[str, list[str]]
    known: bytes
    shared: dict[str, bytes]

    def context(self, dictionary: Dictionary) -> Context:
        """Fresh surroundings with what subjects share."""
        ctx = Context(self.base, self.release, dictionary=dictionary, oncology=self.oncology)
        ctx.enter(_known(self.known))
        return ctx


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a group: its resources, what it made that no subject owns, and what is to be said."""

    number: int
    resources: list[Resource]
    shared: Known
    duplicates: list[tuple[str, tuple[Any, ...]]]
    findings: list[Finding]
    ledger: Ledger


def _known(pickled: bytes) -> Known:
    known: Known = pickle.loads(pickled)  # noqa: S301 - made by us, for our own processes
    return known


def convert(
    setting: Setting,
    group: Group,
    dictionary: Dictionary,
    watch: Callable[[list[Written]], None] = lambda _written: None,
) -> Made:
    """One group. Raises NotInTurnError where it changes what is shared, or makes what belongs to another group.

    `watch` is told what was written of each record.
    """
    ctx, result = setting.context(dictionary), whole.ToFhir([])
    study = group.study
    ctx.enter_design(study["SE"].rows() if "SE" in study else (), ())
    ctx.enter_exposure(study["EX"].rows() if "EX" in study else ())
    mapped, plain = sorted_out(group, dictionary, setting.wrong)
    written = whole.write_all({"DM": mapped.pop("DM", [])}, ctx)
    restore(setting, ctx)
    written += whole.write_all(mapped, ctx)
    whole.round_trip(written, study, ctx, result)
    watch(written)
    whole.carry_all(study, plain, ctx, result)
    made = told(setting, group, ctx, result)
    return replace(made, resources=in_order(made.resources, setting.release))


def sorted_out(
    group: Group, dictionary: Dictionary, wrong: dict[str, list[str]]
) -> tuple[dict[str, list[Record]], dict[str, list[Record]]]:
    """The records that are mapped and those that travel as they are, with the numbers their rows have in the study."""
    mapped, plain = whole.sorted_out(group.study, dictionary, wrong)
    for name, records in (*mapped.items(), *plain.items()):
        numbers = group.numbers[name]
        for one in records:
            one.number = numbers[one.number - 1]
    return mapped, plain


def restore(setting: Setting, ctx: Context) -> None:
    """Shared resources are as all rows of DM have made them, not as this group's rows alone would."""
    changed = {name for name, text in setting.shared.items() if encode(ctx.resources[name]) != text}
    if changed:
        for kind, _, resource in _known(setting.known).resources:
            name = f"{kind}/{resource['id']}"
            if name in changed:
                ctx.resources[name].clear()
                ctx.resources[name].update(resource)


def told(setting: Setting, group: Group, ctx: Context, result: ToFhir) -> Made:
    """What came of a group, its resources in the order in which they were made. Raises NotInTurnError as `convert`."""
    same(setting.shared, ctx)
    patients = {f"Patient/{ctx.new_id('Patient', one)}" for one in group.subjects}
    shared: list[tuple[str, tuple[Any, ...], Resource]] = []
    owned: list[Resource] = []
    foreign: list[Resource] = []
    known = ctx.known()
    for kind, key, resource in known.resources:
        name = f"{kind}/{resource['id']}"
        if name in setting.shared:
            continue
        owner = name if kind == "Patient" else owner_of(resource)
        if owner is None:
            shared.append((kind, key, resource))
        else:
            (owned if owner in patients else foreign).append(resource)
    if foreign:
        raise not_in_turn(f"{foreign[0]['resourceType']}/{foreign[0]['id']}")
    studies = {name: of for name, of in known.studies.items() if name not in setting.shared}
    return Made(
        group.number,
        owned,
        Known(shared, {}, studies),
        ctx.duplicates,
        result.findings,
        result.ledger,
    )


def same(shared: dict[str, bytes], ctx: Context) -> None:
    """Raises NotInTurnError unless these resources are what they were."""
    for name, text in shared.items():
        if encode(ctx.resources[name]) != text:
            raise not_in_turn(name)


def not_in_turn(name: str) -> NotInTurnError:
    """That a shared resource is not the same for all."""
    return NotInTurnError(f"{name} is not the same for all subjects.", fix="convert the study as a whole")


def owner_of(resource: Resource) -> str | None:
    """The reference to whom a resource belongs."""
    for name in _OWNERS:
        link = resource.get(name)
        if isinstance(link, dict) and "reference" in link:
            return str(link["reference"])
    return None
