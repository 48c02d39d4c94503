"""The boundary check of one resource with its place: what is wrong with it, as findings on its file and line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trialbridge.base.errors import DoesNotFitError
from trialbridge.fhir.check import check
from trialbridge.fhir.jsontext import encode
from trialbridge.fhir.strict import sound

if TYPE_CHECKING:
    from trialbridge.base.finding import Finding
    from trialbridge.fhir.located import Located
    from trialbridge.fhir.releases import Release


def checked(item: Located, line: bytes | None, release: Release) -> list[Finding]:
    """The findings of `check` at the place the resource was read; none where its structure is right.

    `line` is the resource's own JSON, where it is at hand. Most resources are passed at once (see `strict`).
    """
    try:
        passed = sound(encode(item.resource) if line is None else line, str(item.resource.get("resourceType")), release)
    except DoesNotFitError:
        passed = False
    return [] if passed else [placed(one, item) for one in check(item.resource, release)]


def placed(finding: Finding, item: Located) -> Finding:
    """A finding on a resource as one on its place in the file: `Bundle.entry[3].resource.name[0]`."""
    path = finding.where.path or ""
    if item.path:
        path = item.path + path.removeprefix(str(item.resource.get("resourceType")))
    return replace(finding, where=replace(item.where, path=path or None))
