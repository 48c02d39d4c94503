"""Small parts both writers of PRS results XML use: text if there is any, display values, ids of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import DoesNotFitError
from trialbridge.base.finding import Where
from trialbridge.registry import enums
from trialbridge.registry.content import text
from trialbridge.registry.files import rrs
from trialbridge.registry.files.xmltree import add
from trialbridge.registry.markup import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lxml import etree

    from trialbridge.registry.files.xmllines import Findings

PROSE = frozenset(
    (
        *("comment", "description", "estimateComment", "groupDescription", "measureDescription", "notes"),
        *("nonInferiorityTestComment", "otherAnalysis", "populationAnalysisDescription", "preAssignmentDescription"),
        *("pValueComment", "recruitmentDetails", "statisticalTestComment"),
    )
)


def some(parent: etree._Element, name: str, value: str) -> None:
    """A child with text, if there is text; prose, which is markdown in the API, as plain text."""
    if value:
        add(parent, name, plain(value) if name in PROSE else value)


def spelled(name: str, value: str, path: str, findings: Findings) -> str:
    """A value's display text; one that has none stays as it is, with a finding."""
    if not value:
        return ""
    found, more = enums.write(name, value, "prs", Where(path=path))
    findings += more
    return found or value


def group_ids(table: str, groups: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The record's group ids with those of the document. Raises DoesNotFitError for an id given twice."""
    names = [text(one, "id") for one in groups]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DoesNotFitError(f"Two groups of one table have the id {twice!r}.", fix="give each its own")
    return {text(one, "id"): rrs.group_id(table, number) for number, one in enumerate(groups)}


def group_of(ids: Mapping[str, str], stats: Mapping[str, Any]) -> str:
    """The document's id for a cell's group; a group that is not listed would break the schema, so it is refused."""
    name = text(stats, "groupId")
    if name not in ids:
        raise DoesNotFitError(f"A number is given for group {name!r}, which its table does not list.", fix="list it")
    return ids[name]
