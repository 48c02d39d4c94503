"""What a define says and a specification workbook has no column for: named when one is written, with how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.sdtm.define.model import NCI_CODE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trialbridge.sdtm.define.model import Define


def losses(define: Define, target: Path) -> list[Finding]:
    """A warning for each kind of thing that the workbook does not hold."""
    return [
        Finding(
            "TB-DEFINE-0010",
            Severity.WARNING,
            Where(file=target.name),
            f"{count} times {what}: the workbook has no place for it, so it is not there.",
            "keep the define.xml beside it",
        )
        for what, count in _unplaced(define)
        if count
    ]


def _unplaced(define: Define) -> Iterator[tuple[str, int]]:
    crf = {one.leaf for one in define.crf}
    codelists, terms = define.codelists, [term for one in define.codelists for term in one.terms]
    documents = [one.documents for one in define.methods] + [one.documents for one in define.comments]
    of_origins = [document for item in define.items for origin in item.origins for document in origin.documents]
    aliases = [one.aliases for one in define.datasets] + [one.aliases for one in define.items]
    codes = [alias for one in codelists for alias in one.aliases] + [alias for one in terms for alias in one.aliases]
    texts = [one.text for one in codelists] + [one.text for one in terms] + [one.text for one in define.value_lists]
    yield "an item's second origin", sum(len(one.origins) > 1 for one in define.items)
    yield "a document of an origin that is not the CRF", sum(one.leaf not in crf for one in of_origins)
    yield "a second document of a method or comment", sum(len(one) > 1 for one in documents)
    yield "a second code of a method", sum(len(one.expressions) > 1 for one in define.methods)
    yield "an alias of a dataset or variable", sum(map(bool, aliases))
    yield "an alias of a codelist or term other than its NCI code", sum(one.context != NCI_CODE for one in codes)
    yield "a term's rank", sum(bool(one.rank) for one in terms)
    yield "a description of a codelist, term or value list", sum(map(bool, texts))
    yield "a codelist's SAS format", sum(bool(one.sas_format) for one in codelists)
    yield "a codelist of roles", sum(bool(ref.role_codelist) for _, ref in define.references())
    yield "a comment of the whole define", int(bool(define.comment))
