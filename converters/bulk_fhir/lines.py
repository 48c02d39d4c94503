"""A group of subjects as NDJSON: datasets by elements where they can be taken apart, the others by their own functions.

The same lines in the same order as `bulk_fhir.group` makes resources, and the same to say. Where something does not
fit, the whole group goes that way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Raw

from trialbridge.converters import to_fhir as whole
from trialbridge.converters.bulk_fhir import group as groups
from trialbridge.converters.by_element import Dataset, made_of
from trialbridge.converters.by_element.memory import Memory
from trialbridge.converters.by_element.qualifiers import with_qualifiers
from trialbridge.converters.by_element.rows import UnfitError
from trialbridge.converters.order import TYPES, tidy
from trialbridge.fhir.check import check
from trialbridge.fhir.jsontext import decode, encode
from trialbridge.fhir.strict import sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialbridge.base.finding import Finding
    from trialbridge.converters.bulk_fhir.group import Group, Made, Setting
    from trialbridge.converters.by_element.rows import Columns
    from trialbridge.converters.context import Context
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.converters.records import Record
    from trialbridge.converters.to_fhir import Written
    from trialbridge.mappings.kit import Release, Resource
    from trialbridge.sdtm.table import Table


@dataclass(frozen=True, slots=True)
class Lines:
    """NDJSON of resources of one type."""

    kind: str
    count: int
    text: bytes


def as_lines(resources: Iterable[Resource]) -> list[Lines]:
    """Resources as NDJSON, by type in the order in which the types come."""
    found: dict[str, list[bytes]] = {}
    for one in resources:
        found.setdefault(one["resourceType"], []).append(encode(one))
    return [_lines(kind, texts) for kind, texts in found.items()]


def _lines(kind: str, texts: list[bytes]) -> Lines:
    return Lines(kind, len(texts), b"\n".join([*texts, b""]))


@lru_cache(maxsize=4)
def _memory(dictionary: Dictionary, release: Release, base: str, oncology: bool) -> Memory:  # noqa: ARG001, FBT001 - a cache's key
    """What this process has made so far, for studies with tumours and those without."""
    return Memory(dictionary, release, base)


def bound(setting: Setting, dictionary: Dictionary, most: int) -> None:
    """Let go of what this process has made so far, where it is more than so many entries."""
    _memory(dictionary, setting.release, setting.base, setting.oncology).bound(most)


Watch = Callable[["list[Dataset]", "list[Written]"], None]
"""Is told what the rows of a group made: datasets by elements, and records that went by their own functions."""


def _nobody(_datasets: list[Dataset], _written: list[Written]) -> None:
    """Nobody watches."""


def convert(
    setting: Setting, group: Group, dictionary: Dictionary, *, strict: bool = False, watch: Watch = _nobody
) -> tuple[Made, list[Lines]]:
    """One group: what came of it, without the resources, and the resources as lines. Raises as `bulk_fhir.group` does.

    `strict` holds all that is made against FHIR's structure; what is wrong is among the findings.
    """
    memory = _memory(dictionary, setting.release, setting.base, setting.oncology)
    found = _tried(setting, group, memory, strict=strict, watch=watch) if memory.worthwhile else None
    if found is not None:
        return found
    made = groups.convert(setting, group, dictionary, lambda written: watch([], written))
    lines = as_lines(made.resources)
    if strict:
        made.findings.extend(wrong_structure(lines, setting.release))
    return replace(made, resources=[]), lines


def _tried(
    setting: Setting, group: Group, memory: Memory, *, strict: bool, watch: Watch
) -> tuple[Made, list[Lines]] | None:
    """The group by elements, or None where something does not fit."""
    found = None
    for links in (True, False) if memory.links else (False,):
        ctx = setting.context(memory.dictionary)
        try:
            found = by_elements(setting, group, ctx, memory, strict=strict, watch=watch, links=links)
        except UnfitError:
            memory.clear()
        except BaseException:
            memory.clear()
            raise
        else:
            memory.forget()
        finally:
            ctx.look_elsewhere(None)
        if links:
            memory.linked(well=found is not None)
        if found is not None:
            break
    memory.went(well=found is not None)
    return found


def wrong_structure(lines: Iterable[Lines], release: Release) -> Iterator[Finding]:
    """What is structurally wrong with resources given as lines: most pass at once, the others go through fhir.resources."""
    for each in lines:
        for line in each.text.splitlines():
            if not sound(line, each.kind, release):
                yield from check(decode(line), release)


def by_elements(
    setting: Setting,
    group: Group,
    ctx: Context,
    memory: Memory,
    *,
    strict: bool = False,
    watch: Watch = _nobody,
    links: bool = False,
) -> tuple[Made, list[Lines]]:
    """As `convert`, in fresh surroundings. Raises UnfitError where something does not fit; `memory` is then to be cleared.

    With `links` what points at a subject's own lesions is made by templates, which fits less often.
    """
    dictionary, result = memory.dictionary, whole.ToFhir([])
    study = group.study
    ctx.enter_design(study["SE"].rows() if "SE" in study else (), ())
    ctx.enter_exposure(study["EX"].rows() if "EX" in study else ())
    order = sorted(study, key=lambda one: dictionary.rank(one.name))
    apart = [one.name for one in order if _fits(one, setting, dictionary, memory)]
    tables = {
        one.name: one
        for one in study
        if one.name not in apart and not (one.name[:4] == "SUPP" and one.name[4:] in apart)
    }
    rest = replace(group, study=replace(study, tables=tables))
    mapped, plain = groups.sorted_out(rest, dictionary, setting.wrong)
    columns: dict[str, Columns] = {}
    for name in apart:
        supp = study.tables.get(f"SUPP{name}")
        columns[name], loose = with_qualifiers(study[name], supp)
        if loose:
            numbers = group.numbers[f"SUPP{name}"]
            plain[f"SUPP{name}"] = [replace(one, number=numbers[one.number - 1]) for one in loose]
    plain = _as_sorted(plain, group, dictionary)

    written = whole.write_all({"DM": mapped.pop("DM", [])}, ctx)
    groups.restore(setting, ctx)
    places: dict[str, tuple[int, int]] = {}
    datasets: list[Dataset] = []
    ctx.look_elsewhere(lambda reference, _within: made_of(datasets, reference))
    for turn, one in enumerate(order):
        begun = ctx.count
        if one.name in columns:
            dataset = Dataset(one.name, columns[one.name], group.numbers[one.name], ctx, memory, links=links)
            dataset.write()
            dataset.turn = turn
            datasets.append(dataset)
            places.update({name: (turn, row) for name, row in dataset.places.items()})
        elif one.name in mapped:
            written += whole.write_all({one.name: mapped[one.name]}, ctx)
            places.update(dict.fromkeys(ctx.made_since(begun), (turn, 0)))
    whole.round_trip(written, study, ctx, result)
    for dataset in datasets:
        dataset.settle(study, result, strict=strict)
    ctx.take_back()
    _apart_for_good(datasets, ctx)
    begun = ctx.count
    whole.carry_all(study, plain, ctx, result)
    places.update(dict.fromkeys(ctx.made_since(begun), (len(order), 0)))
    made = groups.told(setting, group, ctx, result)
    for _, _, resource in made.shared.resources:
        _spell_out(resource)
    lines = [(one["resourceType"], one["id"], encode(tidy(one, setting.release))) for one in made.resources]
    if strict:
        slow = [Lines(kind, 1, line) for kind, _, line in lines]
        quick = [Lines("", 1, line) for each in datasets for line in each.doubtful]
        made.findings.extend(wrong_structure([*slow, *quick], setting.release))
    watch(datasets, [*written, *(one for each in datasets for one in each.written)])
    return replace(made, resources=[]), _joined(lines, places, datasets)


def _fits(one: Table, setting: Setting, dictionary: Dictionary, memory: Memory) -> bool:
    """Whether a dataset's rows can be taken apart: all are mapped, and one of their mappings has a plan."""
    frame = one.frame
    if one.name in setting.wrong or one.name == "DM" or not dictionary.takes(one.name, frame.columns):
        return False
    if not {"USUBJID", "DOMAIN"} <= set(frame.columns) or frame["USUBJID"].null_count():
        return False
    if not bool((frame["DOMAIN"] == one.name[:2]).fill_null(value=False).all()):
        return False
    return any(memory.plan(one.name, mapping, mapping) is not None for mapping in dictionary.of(one.name))


def _as_sorted(plain: dict[str, list[Record]], group: Group, dictionary: Dictionary) -> dict[str, list[Record]]:
    """Datasets that travel as they are in the order in which `sorted_out` has them: what was to be mapped comes first."""
    taken = [name for name in plain if dictionary.takes(name, group.study[name].frame.columns)]
    return {name: plain[name] for name in (*taken, *(one.name for one in group.study if one.name in plain))}


def _spell_out(resource: Resource) -> None:
    """What is handed on is plain JSON: list elements that are text already are read."""
    for value in resource.values():
        if isinstance(value, list):
            value[:] = [decode(bytes(one)) if isinstance(one, Raw) else one for one in value]


def _apart_for_good(datasets: list[Dataset], ctx: Context) -> None:
    """Raises UnfitError where two records have the same key: which is the second hangs on their order."""
    ids: dict[str, list[str]] = {}
    for each in datasets:
        for part in each.parts:
            ids.setdefault(part.plan.mapping.resource, []).extend(part.fit_ids())
        for one in each.linked:
            ids.setdefault(one.kind, []).extend(one.ids)
    for name in ctx.resources:
        kind, _, known = name.partition("/")
        if kind in ids:
            ids[kind].append(known)
    if any(len(set(its)) < len(its) for its in ids.values()):
        raise UnfitError("records of several datasets share a key")


# --- lines in order -------------------------------------------------------------------------------------------------


def _joined(
    lines: list[tuple[str, str, bytes]], places: dict[str, tuple[int, int]], datasets: list[Dataset]
) -> list[Lines]:
    """All lines by type, in the order in which the rows' own functions would have made the resources."""
    made: dict[str, list[tuple[tuple[int, int], bytes]]] = {name: [] for name in TYPES}
    for kind, one, line in lines:
        made.setdefault(kind, []).append((places.get(f"{kind}/{one}", (-1, 0)), line))
    found = []
    for kind in dict.fromkeys((*made, *(name for each in datasets for name in each.lines))):
        its = made.get(kind, [])
        texts: list[bytes] = []
        at = 0
        for each in datasets:
            parts = each.lines.pop(kind, ())
            if not parts:
                continue
            while at < len(its) and its[at][0][0] < each.turn:
                texts.append(its[at][1])
                at += 1
            here = []
            while at < len(its) and its[at][0][0] == each.turn:
                here.append((its[at][0][1], [its[at][1]]))
                at += 1
            texts += _in_rows(parts, here)
        texts += [text for _, text in its[at:]]
        if texts:
            found.append(_lines(kind, texts))
    return found


def _in_rows(parts: Iterable[tuple[Any, list[bytes]]], here: list[tuple[int, list[bytes]]]) -> list[bytes]:
    """The lines of a dataset in the order of its rows."""
    parts = list(parts)
    if len(parts) == 1 and not here:
        return parts[0][1]
    rows = np.concatenate([rows for rows, _ in parts] + [np.array([row for row, _ in here], dtype=np.int64)])
    texts = [text for _, its in parts for text in its] + [text for _, its in here for text in its]
    return [texts[at] for at in np.argsort(rows, kind="stable").tolist()]
