"""The rows of a dataset to FHIR by elements: what an element says is made once for all rows that say the same.

In bulk data nearly every root element of a resource repeats verbatim. So the lines of a mapping are run element by
element (`by_element.plan`), on one row of each combination of the variables they ask for (`by_element.rows`); so are
the reading back, the derivations and the comparison with the row that decides what must be carried
(`by_element.said`). The encoded elements are joined in the order of FHIR's definitions. Rows that cannot be taken
apart are left to the functions of `to_fhir`, which remain the definition: tests hold both against each other.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Raw

from trialbridge.converters import to_fhir as whole
from trialbridge.converters.by_element.assembly import Pieces
from trialbridge.converters.by_element.derived import derive
from trialbridge.converters.by_element.hooks import at_once, hook
from trialbridge.converters.by_element.linked import Linked, linked
from trialbridge.converters.by_element.links import stood_for, write_links
from trialbridge.converters.by_element.part import Rows, ids_of, readers
from trialbridge.converters.by_element.plan import AT_ONCE
from trialbridge.converters.by_element.rows import Codes, UnfitError
from trialbridge.converters.by_element.said import Asking, settle_element, write_element
from trialbridge.converters.by_element.strict import unsure, unsure_links
from trialbridge.converters.records import Record

if TYPE_CHECKING:
    from trialbridge.converters.by_element.memory import Memory
    from trialbridge.converters.by_element.plan import Element
    from trialbridge.converters.by_element.rows import Columns
    from trialbridge.converters.by_element.said import Said
    from trialbridge.converters.context import Context
    from trialbridge.converters.to_fhir import ToFhir, Written
    from trialbridge.mappings.kit import Mapping, Resource
    from trialbridge.sdtm.table import Study


class Dataset:
    """A dataset's rows of some subjects, written and settled; `lines` has the resources made by elements, by row."""

    def __init__(
        self, name: str, columns: Columns, numbers: list[int], ctx: Context, memory: Memory, *, links: bool = False
    ) -> None:
        self.name = name
        self._links = links
        self.columns = columns
        self.ctx = ctx
        self.turn = 0
        self._numbers = numbers
        self._memory = memory
        self.parts: list[Rows] = []
        self._made: list[tuple[int, int, int]] = []
        self._slow: list[int] = []
        self.written: list[Written] = []
        self.places: dict[str, int] = {}
        """The row that made a resource (`Type/id`), of those that its own functions made."""
        self.doubtful: list[bytes] = []
        """Lines whose structure is not surely FHIR's, where it was asked for."""
        self.lines: dict[str, list[tuple[Codes, list[bytes]]]] = {}

    @property
    def linked(self) -> list[Linked]:
        """What was made beside the rows by templates."""
        return [one for part in self.parts for one in part.linked]

    # --- writing ----------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Write all rows, each by elements or by its own functions."""
        begun = self.ctx.count
        self.ctx.dataset = self.name
        self.columns.elsewhere = partial(stood_for, ctx=self.ctx)
        self._meet_subjects()
        codes, mappings = self._memory.mappings(self.name, self.columns)
        slow = np.zeros(self.columns.height, dtype=bool)
        for at, mapping in enumerate(mappings):
            rows = np.flatnonzero(codes == at)
            self._write_read(mapping, self._memory.reader(self.name, mapping), rows, slow, ())
        self._number(slow)
        self._slow = np.flatnonzero(slow).tolist()
        self._link()
        self._in_turn()
        self._arrange(begun)

    def _meet_subjects(self) -> None:
        """Subjects are made by their first row, whatever element asks first."""
        if all(map(self.ctx.knows, self.columns.column("USUBJID")[1])):
            return
        first, _ = self.columns.distinct(["USUBJID"])
        for at in first.tolist():
            self.ctx.row = {"STUDYID": self.columns.value("STUDYID", at)}
            self.ctx.subject(self.columns.value("USUBJID", at))

    def _write_read(
        self, mapping: Mapping, reader: Mapping, rows: Codes, slow: Any, tried: tuple[Mapping, ...]
    ) -> None:
        """Write rows that `reader` reads back; others once more, for the mapping that reads them."""
        found = self._memory.plan(self.name, mapping, reader) if reader not in tried else None
        if found is None:
            slow[rows] = True
            return
        whole_set = len(rows) == self.columns.height
        part = Rows(found, self.columns if whole_set else self.columns.some(rows), rows)
        self._write_elements(part)
        codes, found_by = readers(part, self.name, self._memory, self.ctx.url("sdtm-record"))
        for at, one in enumerate(found_by):
            mine = np.flatnonzero(codes == at)
            if one is None:
                slow[rows[mine]] = True
            elif one is not reader:
                self._memory.read_by(self.name, mapping, one)
                part.mine[mine] = False
                self._write_read(mapping, one, rows[mine], slow, (*tried, reader))
        if reader in found_by:
            part.fit &= codes == found_by.index(reader)
            self.parts.append(part)

    def _write_elements(self, part: Rows) -> None:
        asking = Asking(self.ctx, part.plan.hook)
        part.fit = np.ones(part.columns.height, dtype=bool)
        part.mine = part.fit.copy()
        for element in part.plan.elements:

            def run(at: int, element: Element = element) -> Any:
                before = self.ctx.count
                made = write_element(part.plan, element, part.columns, at, asking, self.ctx)
                if self.ctx.count > before:
                    self._made.append((int(part.rows[at]), before, self.ctx.count))
                return made

            if element.links is not None and self._links:
                first, codes, entries = self._write_links(part, element)
            else:
                first, codes, entries = element.memo.of(part.columns, run)
            part.firsts.append(first)
            part.codes.append(codes)
            part.entries.append(entries)
            if not all(one.fit for one in entries):
                part.fit &= np.array([one.fit for one in entries])[codes]

    def _write_links(self, part: Rows, element: Element) -> tuple[Codes, Codes, list[Said]]:
        assert element.links is not None
        url = self.ctx.url("x-sdtm-variable")

        def run(at: int) -> Any:
            return write_links(part.plan, element, part.columns, at, self.ctx, url)

        return element.links.memo.of(part.columns, run)

    def _link(self) -> None:
        """Make what templates make beside the rows. Raises UnfitError where rows go by their own functions: they may share it."""
        for part in self.parts if self._links else ():
            for number in range(len(part.plan.elements)):
                found = linked(part, number, self.ctx)
                if found is None:
                    continue
                if self._slow:
                    raise UnfitError("rows that go by their own functions")
                part.linked.append(found)
                self.lines.setdefault(found.kind, []).append((found.rows, found.lines))

    def _number(self, slow: Any) -> None:
        """Give the resources their ids; rows that share a key, and those that do not fit, go by their own functions."""
        for part in self.parts:
            mapping, columns = part.plan.mapping, part.columns
            if part.plan.listed and not part.plan.borrowed:
                part.resources = columns.distinct(mapping.key)
                columns = columns.some(part.resources[0])
            part.ids = [] if part.plan.borrowed else ids_of(mapping, columns, self.ctx)
        for part in self.parts:
            if not part.plan.borrowed:
                self._fit_ids(part)
                if part.plan.mapping.resource in self._memory.shared:
                    self._enter(part)
            slow[part.rows[part.mine & ~part.fit]] = True

    def _fit_ids(self, part: Rows) -> None:
        """Rows whose id nothing else has fit; those that are a resource's list go together, or none of them."""
        alone = self._alone(part)
        if part.resources is None:
            part.fit &= alone
            return
        key = set(part.plan.mapping.key)
        part.fit &= bool(part.mine.all())
        for element in part.plan.elements:
            if not element.each and not {one.lstrip("!?=") for one in element.memo.names} <= key:
                part.fit[:] = False  # the rows of one resource say different things of it
        _, inverse = part.resources
        alone[inverse[~part.fit]] = False
        part.fit = alone[inverse]

    def _alone(self, part: Rows) -> Any:
        """Of each id whether nothing else has it."""
        kind = part.plan.mapping.resource
        ids = [one for each in self.parts if each.plan.mapping.resource == kind for one in each.own_ids()]
        made = {name[len(kind) + 1 :] for name in self.ctx.resources if name.startswith(f"{kind}/")}
        if len(set(ids)) == len(ids) and made.isdisjoint(ids) and part.mine.all():
            return np.ones(len(part.ids), dtype=bool)
        times = Counter(ids)
        return np.array([times[one] == 1 and one not in made for one in part.ids], dtype=bool)

    def _enter(self, part: Rows) -> None:
        """Resources that later rows may share stand in the context until these have been written."""
        kind, key = part.plan.mapping.resource, part.plan.mapping.key
        rows = np.flatnonzero(part.fit)
        for at, values in zip(rows.tolist(), part.columns.keys(key, rows), strict=True):
            made = part.resource(at)
            self.ctx.lend(kind, values, made)

    def _in_turn(self) -> None:
        """What must go row by row: the rows' own functions, and what is remembered after writing."""
        hooks = {part.plan.mapping.after_write for part in self.parts}
        if not self._slow and len(hooks) == 1 and not hooks.isdisjoint(AT_ONCE):
            at_once(self.parts, self.columns, AT_ONCE[hooks.pop()], self.ctx)
            return
        hooked: list[tuple[int, Rows, int]] = []
        for part in self.parts:
            if part.plan.mapping.after_write is not None or part.plan.borrowed:
                hooked += [(int(part.rows[at]), part, at) for at in np.flatnonzero(part.fit).tolist()]
        if not self._slow and len(self.parts) == 1:
            for _, part, at in hooked:
                hook(part, at, self.ctx)
            return
        turns: list[tuple[int, Rows | None, int]] = [*hooked, *((row, None, row) for row in self._slow)]
        for row, part_of, at in sorted(turns, key=lambda one: one[0]):
            if part_of is not None:
                hook(part_of, at, self.ctx)
                continue
            before = self.ctx.count
            self.written.append(whole.write(self._record(row), self.ctx, self.ctx.base, self.ctx.release))
            if self.ctx.count > before:
                self._made.append((row, before, self.ctx.count))

    def _record(self, at: int) -> Record:
        """The record of a row."""
        row, qualifiers = {}, {}
        for name in self.columns.names:
            value = self.columns.value(name, at)
            if value is not None:
                row[name] = value
                if name[:5] == "SUPP.":
                    qualifiers[name[5:]] = self.columns.qualifier(name, at)
        return Record(self.name, self._numbers[at], row, qualifiers)  # type: ignore[arg-type]  # a row or context that is watched

    def _arrange(self, begun: int) -> None:
        """Resources made on the way stand in the order of the rows that made them."""
        made = self.ctx.made_since(begun)
        rows = [0] * len(made)
        for row, first, last in self._made:
            for at in range(first, last):
                rows[at - begun] = row
        self.places = dict(zip(made, rows, strict=True))
        if len(self.parts) > 1 or self._slow:
            self._share()
            rows = [self.places[name] for name in made]
        if rows != sorted(rows):
            self.ctx.arrange(begun, sorted(range(len(rows)), key=rows.__getitem__))

    def _share(self) -> None:
        """What rows of several mappings share was made by the first of them all."""
        uses = [(row, one.parts) for row, one in zip(self._slow, self.written, strict=True)]
        for part in self.parts:
            for first, entries in zip(part.firsts, part.entries, strict=True):
                pairs = zip(first.tolist(), entries, strict=True)
                uses += [(int(part.rows[at]), one.parts) for at, one in pairs if one.parts]
        for row, parts in uses:
            for one in parts.values():
                name = f"{one['resourceType']}/{one['id']}" if "id" in one else ""
                if name in self.places:
                    self.places[name] = min(row, self.places[name])

    # --- settling ---------------------------------------------------------------------------------------------------

    def settle(self, study: Study, result: ToFhir, *, strict: bool = False) -> None:
        """Read back, carry what comes back different, and join the lines; `strict` notes those of doubtful structure."""
        self.ctx.dataset = self.name
        whole.round_trip(self.written, study, self.ctx, result)
        own = {table.name: frozenset(table.frame.columns) for table in study}[self.name]
        for part in self.parts:
            self._settle(part, own, result, strict=strict)
        if strict:
            self.doubtful += unsure_links(self.linked, self.ctx.release)

    def _settle(self, part: Rows, own: frozenset[str], result: ToFhir, *, strict: bool) -> None:
        plan, ctx = part.plan, self.ctx
        asking, url = Asking(ctx), ctx.url("x-sdtm-variable")
        aside = np.zeros(part.columns.height, dtype=bool)
        for number, element in enumerate(plan.elements):
            for one in part.entries[number]:
                if not one.settled:
                    asking.asked = False
                    settle_element(plan, element, one, asking, url)
                    if asking.asked:
                        element.memo.passes()
            if not all(one.fit for one in part.entries[number]):
                aside |= np.array([not one.fit for one in part.entries[number]])[part.codes[number]]
            if any(one.crossed for one in part.entries[number]):
                aside |= _twice_said(part, number)
        for variable in plan.said:
            home = plan.homes[variable]
            given = np.array([variable in one.given for one in part.entries[home]], dtype=np.int64)
            part.columns.put(f"?{variable}", (given[part.codes[home]], [False, True]))
        derived: list[tuple[int, Codes, list[Said]]] = []
        for turn, rule in enumerate(plan.reader.derived):
            told = derive(plan, turn, part.columns, asking, self._memory.answers, url) if rule.variable in own else None
            if told is not None:
                derived.append((turn, *told))
                if not all(each.fit for each in told[1]):
                    aside |= np.array([not each.fit for each in told[1]])[told[0]]
        pieces = Pieces(part, derived, self.name, url)
        if (part.fit & aside).any():
            raise UnfitError("rows that do not settle by elements")
        rows = np.flatnonzero(part.fit)
        pieces.count(rows, result.ledger)
        if plan.borrowed:
            for at, text in zip(rows.tolist(), pieces.members(rows), strict=True):
                its, place = part.lists[at]
                its[place] = Raw(text)
        elif len(rows):
            made = rows
            if part.resources is not None:
                made = part.resources[0][part.fit[part.resources[0]]]
            lines = pieces.lines(rows)
            self.lines.setdefault(plan.mapping.resource, []).append((part.rows[made], lines))
            if strict:
                members = zip(rows.tolist(), pieces.members(rows), strict=True) if plan.listed else ()
                doubtful = unsure(part, pieces.carried, dict(members), ctx.release)
                if part.resources is not None:
                    whose = part.resources[1]
                    doubtful = np.bincount(whose[doubtful], minlength=len(part.resources[0])).astype(bool)[whose]
                self.doubtful += [one for one, wrong in zip(lines, doubtful[made].tolist(), strict=True) if wrong]


def _twice_said(part: Rows, number: int) -> Any:
    """The rows of which an element says what another element would have to say first."""
    found = np.zeros(part.columns.height, dtype=bool)
    for variable in {name for one in part.entries[number] for name in one.crossed}:
        crossed = np.array([variable in one.crossed for one in part.entries[number]])[part.codes[number]]
        home = part.plan.homes.get(variable)
        if home is not None:
            crossed &= ~np.array([variable in one.firsts for one in part.entries[home]])[part.codes[home]]
        found |= crossed
    return found


def made_of(datasets: list[Dataset], reference: Any) -> Resource | None:
    """The resource that a reference points to, if it was made by elements."""
    text = reference.get("reference") if isinstance(reference, dict) else None
    kind, _, wanted = str(text).partition("/")
    for each in datasets:
        for one in each.linked:
            found = one.resource(wanted) if one.kind == kind else None
            if found is not None:
                return found
        for part in each.parts:
            if part.plan.mapping.resource == kind:
                at = part.index().get(wanted)
                if at is not None:
                    return part.resource(at)
    return None
