"""References to what every subject has its own of: made once as a template, with marks where the ids stand.

A lesion's Observation differs from the next lesion's by ids alone: of the subject, of the BodyStructure, of the cancer.
So the mapping's functions are run with marks for the cells that name them, in surroundings (`Standing`) that answer
with marks. A mark can be passed on and nothing else: whatever looks at it raises, and the element is made as all
others are. What comes out must also be what the functions make of the first row itself. Each row's ids are then put
into the text where the marks stand.

What a mark stands for is a column: of a cell its variable's; `@subject` has the reference to the subject's Patient,
`@cancer` to the cancer, `@lesion TRLNKID` to the lesion of that name, `@id BodyStructure STUDYID …` the id of that key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trialbridge.converters.by_element.rows import Memo, Traced, UnfitError
from trialbridge.converters.by_element.said import Said, element_texts, mark, put_in_links, settle_element
from trialbridge.converters.by_element.standing import CANCER, LESION_OF, SUBJECT, USUBJID, Links, Sealed, Standing
from trialbridge.converters.context import key_text
from trialbridge.converters.order import tidy
from trialbridge.fhir.ids import id_text, many_ids
from trialbridge.fhir.jsontext import encode
from trialbridge.mappings.spellings import LESION, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.converters.by_element.clusters import Cluster
    from trialbridge.converters.by_element.plan import Element, Plan
    from trialbridge.converters.by_element.rows import Column, Columns
    from trialbridge.converters.context import Context
    from trialbridge.mappings.kit import Mapping, Resource


def links(cluster: Cluster, mapping: Mapping, reader: Mapping, reads: Iterable[str], *, shared: bool) -> Links | None:
    """The links of an element, if it has such as can be made by a template; `reads` are the variables it is compared by."""
    if shared or cluster.each or mapping is not reader:
        return None
    lines = [one.line for one in cluster.things if one.line is not None and one.place is not None]
    parts = [one.part for one in cluster.things if one.part is not None and one.place is not None]
    lesions = [one.variable for one in lines if one.spelling is LESION]
    # BodyStructures alone: every row has its own, and no row is one by itself
    if len(parts) + len(lesions) != 1 or any(one.type != "BodyStructure" or USUBJID not in one.key for one in parts):
        return None
    part = parts[0] if parts else None
    kept = [one.variable for one in lines if one.spelling is TEXT and part is not None and one.variable in part.key]
    sealed = {one: Sealed(mark(one)) for one in (USUBJID, *lesions, *kept)}
    memo = Memo[Any](one for one in reads if one not in sealed)
    return Links(sealed, lesions[0] if lesions else None, part, memo)


# --- templates --------------------------------------------------------------------------------------------------------


def write_links(plan: Plan, element: Element, columns: Columns, at: int, ctx: Context, url: str) -> Any:
    """As `write_element`, but as a template, and settled: nothing it says hangs on the subjects at hand."""
    its = element.links
    assert its is not None
    said, row = Said(columns, at), Traced(columns, at, its.sealed)
    standing = Standing(ctx, its, row, plan.hook, marked=True)
    try:
        said.before = said.made = _made(element, standing, ctx)
        settle_element(plan, element, said, standing, url, its.sealed)  # type: ignore[arg-type]  # it refuses what it has not
        own = Standing(ctx, its, Traced(columns, at, {}), plan.hook, marked=False)
        made, part = _made(element, own, ctx), own.part
        said.made = said.before = _plain(said.made)
        said.link = tidy(_plain(standing.part), ctx.release) if standing.part else {}
        texts = [put_in_links(its.names(), encode(one), columns, at) for one in (said.made, said.link)]
        _prove(said.fit and texts == [encode(made), encode(tidy(part, ctx.release) if part else {})])
        _prove(all(columns.value(f"!{one}", at) != 2 for one in its.sealed))  # 2: an empty text
        _take_apart(element, said)
    except Exception as error:  # whatever it is: from now on this element is made as all others
        element.links = None
        raise UnfitError("not by a template") from error
    return said, row.asked, False


def _prove(true: bool) -> None:  # noqa: FBT001 - as an assertion
    if not true:
        raise UnfitError("what is made of marks is not what is made of the row")


def _made(element: Element, standing: Standing, ctx: Context) -> Resource:
    before, ctx.row = ctx.row, standing.row  # type: ignore[assignment]  # a row that is watched
    try:
        primary: Resource = element.write.write(standing.row, standing)[0] or {}  # type: ignore[arg-type]  # as a context
        if element.lead is not None and set(element.lead.write(standing.row, standing)[0] or ()) == {"resourceType"}:  # type: ignore[arg-type]  # as a context
            raise UnfitError("its place in the list")
    finally:
        ctx.row = before
    del primary["resourceType"]
    if "component" in primary or "dataAbsentReason" in primary:
        raise UnfitError("more is done to a value")
    return primary


def _plain(value: Any) -> Any:
    """The same with marks that may be looked at."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return str.__str__(value) if type(value) is Sealed else value


def _take_apart(element: Element, said: Said) -> None:
    """The texts of an element around its one mark, and the pieces of its part's text: texts and columns in turns."""
    its = element.links
    assert its is not None
    names = {mark(name).encode(): name for name in its.names()}
    marks = re.compile(b"(" + b"|".join(names) + b")")
    texts = {}
    for name, (text, _) in element_texts(element, said).items():
        before, *others = marks.split(text)
        if len(others) > 2 or (others and said.hole):
            raise UnfitError("two marks")
        texts[name] = (before, others[1] if others else b"")
        said.hole = names[others[0]] if others else said.hole
    said.texts = texts
    if said.link:
        said.pieces = tuple(names.get(one, one) for one in marks.split(encode(said.link)))


# --- what marks stand for ---------------------------------------------------------------------------------------------


def stood_for(columns: Columns, name: str, ctx: Context) -> Column:
    """The column of that name."""
    kind, *names = name.split()
    if name == SUBJECT:
        return _references(columns, (USUBJID,), lambda key: ctx.subject(*key))
    if name == CANCER:
        codes, found = _references(columns, (USUBJID,), lambda key: ctx.fact("cancer", *key))
        if not all(one is None or one.startswith("Condition/") for one in found):
            raise UnfitError("a cancer that is no Condition")
        return codes, found
    if kind == LESION_OF:
        domain = ctx.dataset[:2]
        return _references(
            columns, (USUBJID, *names, f"{domain}EVAL", f"{domain}EVALID"), lambda key: _lesion(key, ctx)
        )
    resource_type, *variables = names
    keys, codes = columns.combinations(variables)
    return codes, list(many_ids(id_text(ctx.base, resource_type, *map(key_text, key)) for key in keys))


def _references(columns: Columns, names: tuple[str, ...], of: Any) -> Column:
    keys, codes = columns.combinations(names)
    return codes, [_reference(of(key)) for key in keys]


def _reference(found: Any) -> str | None:
    if found is None:
        return None
    if list(found) != ["reference"]:
        raise UnfitError("not a plain reference")
    return str(found["reference"])


def _lesion(key: tuple[Any, ...], ctx: Context) -> Any:
    """The reference to a lesion, which must be one from which its name can be read."""
    found = ctx.lesion_of(*key) if key[1] is not None else None
    if found is not None:
        told = ctx.lesion_names.get(found["reference"]) or ctx.identifier_of(found, "tulnkid")
        if told != key[1]:
            raise UnfitError("a lesion of another name")
    return found
