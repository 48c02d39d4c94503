"""The resources of an export that belong to no subject: shared and loose lines, read as wholes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.converters.bulk import shard as bulk_shard
from trialbridge.converters.bulk.residue_links import LAST
from trialbridge.converters.bulk.residue_order import codes_of
from trialbridge.converters.bulk.residue_shard import Candidate
from trialbridge.converters.pairs import names_of, pairs_of
from trialbridge.converters.residue_lines import Line
from trialbridge.converters.tables import datasets_of, in_order
from trialbridge.converters.to_sdtm import records_told
from trialbridge.fhir.bundle import pool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.converters.bulk.job import Job
    from trialbridge.converters.bulk.residue_order import Positions
    from trialbridge.converters.bulk.scan import Plan
    from trialbridge.converters.bulk_fhir.shared import Together
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.converters.to_sdtm import Source, Told
    from trialbridge.fhir.located import Located


class Nobody:
    """The resources that belong to no subject: shared and loose lines, read as wholes."""

    def __init__(self, plan: Plan, job: Job, dictionary: Dictionary) -> None:
        self.read: list[tuple[int, Located]] = []
        self.left_out: list[int] = []
        files = plan.files
        for lines in (plan.shared, plan.loose):
            for code, line in zip(codes_of(lines).tolist(), lines.read(files, plan.names), strict=True):
                item = bulk_shard.item_of(job, line)
                if item is None:
                    self.left_out.append(code)
                else:
                    self.read.append((code, item))
        held = pool(item for _, item in self.read)
        codes = {id(item): code for code, item in self.read}
        first: dict[Any, int] = {}
        for code, item in self.read:
            named = (item.resource.get("resourceType"), item.resource.get("id") or code)
            first[named] = min(code, first.get(named, code))
        self._held: list[tuple[int, Located]] = []
        for item in held.items:
            named = (item.resource.get("resourceType"), item.resource.get("id") or codes[id(item)])
            self._held.append((first[named], item))
        places = {code for code, _ in self._held}
        self.left_out += [code for code, _ in self.read if code not in places]
        self.told: Told = records_told(held, job.base, job.release, dictionary)
        _number_rows(self.told)
        self.kept: list[tuple[Line, Located]] = []
        self.names: list[str | None] = []
        """What the shared lines' resources are called."""
        self._places: dict[int, int] = {}
        self._plan, self._job = plan, job

    def call(self, positions: Positions) -> None:
        """Find out what each is called, for which the order of all resources must be known."""
        texts = {
            code: line[2]
            for lines in (self._plan.shared, self._plan.loose)
            for code, line in zip(codes_of(lines).tolist(), lines.read(self._plan.files, self._plan.names), strict=True)
        }
        codes = {id(item): code for code, item in self.read}
        skipped = {id(one) for one in self.told.skipped}
        seen: set[str] = set()
        for place, item in self._held:
            resource = item.resource
            kind, own = str(resource.get("resourceType")), resource.get("id")
            key = f"{kind}/{own}" if own else f"{kind}#{positions.of(place)}"
            while key in seen:
                key += "'"
            seen.add(key)
            line = Line(kind, key, texts[codes[id(item)]], place, id(resource) in skipped)
            self.kept.append((line, item))
            self._places[id(resource)] = place
        called = {id(item): line.key for line, item in self.kept}
        shared = set(codes_of(self._plan.shared).tolist())
        self.names = [called.get(id(item)) for code, item in self.read if code in shared]

    def candidates(self, together: Together, dictionary: Dictionary) -> list[Candidate]:
        """The pairs of what was read and what is made of it."""
        keys = {id(item.resource): line.key for line, item in self.kept}
        made = {(one.record.dataset, one.record.number): names_of(one.parts) for one in together.written}
        found = []
        for one in self.told.sources:
            dataset = one.record.dataset
            parts = made.get((dataset, one.record.number), {})
            for part, (its, source) in enumerate(pairs_of(one, parts, keys)):
                turn = (dictionary.rank(dataset), dataset, _turn_of(one, self._places), part)
                found.append(Candidate(turn, its, source))
        return found


def _number_rows(told: Told) -> None:
    """Give each record the number of its row in the shard's part of its dataset."""
    for name, records in datasets_of(told.rows, told.package)[0].items():
        in_order(name, records)


def _turn_of(one: Source, positions: Mapping[int, int]) -> int:
    """When a record is read among those of its dataset: by its resource; those that stand in for one come last."""
    found = positions.get(id(one.primary))
    if found is None:
        found = min((positions[id(part)] for part in one.parts.values() if id(part) in positions), default=0)
        found += LAST
    return found
