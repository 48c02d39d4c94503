"""What the subjects of a study share, and all groups together: made once, compared, written at the end.

DM is written first, for the sites and investigators that it makes are shared by subjects: `begin`. What the groups
made beside that (evaluators) is taken in one by one and must be the same from every group; at the end the rows of
nobody (the trial's design, TS, RELREC) are written, and shared resources must still be what every group has read.
Where they are not, NotInTurnError says to convert the study as a whole.
"""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

from trialbridge.converters import to_fhir as whole
from trialbridge.converters.bulk_fhir.group import Group, Made, Setting, not_in_turn, owner_of, same, sorted_out
from trialbridge.converters.context import Context
from trialbridge.converters.order import in_order
from trialbridge.fhir.jsontext import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.converters.to_fhir import ToFhir, Written
    from trialbridge.mappings.kit import Release, Resource
    from trialbridge.sdtm.table import Study


def begin(
    demographics: Iterable[Group],
    nobody: Study,
    *,
    oncology: bool,
    base: str,
    release: Release,
    wrong: dict[str, list[str]],
    dictionary: Dictionary,
) -> Setting:
    """What DM's rows of all subjects make that no subject owns. `nobody` has the rows that name no subject (TV)."""
    ctx = Context(base, release, dictionary=dictionary, oncology=oncology)
    ctx.enter_design((), nobody["TV"].rows() if "TV" in nobody else ())
    for group in demographics:
        mapped, _ = sorted_out(group, dictionary, wrong)
        whole.write_all({"DM": mapped.get("DM", [])}, ctx)
        subjects = frozenset(group.subjects)
        ctx.forget(owned(ctx, subjects), subjects)
    known = ctx.known()
    shared = {f"{kind}/{one['id']}": encode(one) for kind, _, one in known.resources}
    return Setting(base, release, oncology, wrong, pickle.dumps(known), shared)


def owned(ctx: Context, subjects: Iterable[str]) -> frozenset[str]:
    """The resources made so far that belong to these subjects: their Patient's, and those that point at it."""
    patients = {f"Patient/{ctx.new_id('Patient', one)}" for one in subjects}
    return frozenset(key for key, one in ctx.resources.items() if key in patients or owner_of(one) in patients)


class Together:
    """All groups together: what they made that no subject owns, and what is to be said of the whole."""

    def __init__(self, setting: Setting, dictionary: Dictionary, result: ToFhir) -> None:
        self._ctx = setting.context(dictionary)
        self._wrong = setting.wrong
        self._shared = dict(setting.shared)
        self.result = result
        self.written: list[Written] = []
        """What was written of each record of nobody, when the end has come."""

    def add(self, made: Made) -> None:
        """Take in what came of the next group. Raises NotInTurnError where it made a shared resource otherwise."""
        for kind, key, resource in made.shared.resources:
            name, text = f"{kind}/{resource['id']}", encode(resource)
            if self._shared.setdefault(name, text) != text:
                raise not_in_turn(name)
            if name not in self._ctx.resources:
                self._ctx.enter(replace(made.shared, resources=[(kind, key, resource)]))
        self._ctx.duplicates.extend(made.duplicates)
        self.result.findings.extend(made.findings)
        self.result.ledger.counts.update(made.ledger.counts)
        self.result.ledger.records.update(made.ledger.records)

    def end(self, nobody: Group, study: Study, heights: Mapping[str, int]) -> list[Resource]:
        """Write the rows of nobody; all that is shared.

        `study` describes every dataset (and has each STUDYID in a row at least), `heights` says how many rows each has.
        """
        ctx, result = self._ctx, self.result
        mapped, plain = sorted_out(nobody, ctx.dictionary, self._wrong)
        result.findings.extend(whole.without_subject(nobody.study, plain, ctx.dictionary))
        written = self.written = whole.write_all(mapped, ctx)
        same(self._shared, ctx)
        whole.round_trip(written, nobody.study, ctx, result)
        whole.carry_all(nobody.study, plain, ctx, result)
        whole.finished(study, ctx, result)
        for name, height in heights.items():
            result.ledger.records[name, "in"] = height
        return in_order(ctx.resources.values(), ctx.release)
