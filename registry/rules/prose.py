"""What free text must not hold: results, payments, persons, placeholders.

Sources: NLM's Major Comments (results or conclusions in free text; payment of participants; information inappropriate
for posting).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trialbridge.registry.content import leaves
from trialbridge.registry.rules.say import error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.base.finding import Finding
    from trialbridge.registry.record import Record

PROSE = re.compile(
    r"(?:description|briefSummary|eligibilityCriteria|studyPopulation|whyStopped|comment|Comment|notes|Details|measure|title"
    r"|timeFrame|detailedDescription|[a-z]+Description|label)$"
)
_NO_PROSE = re.compile(r"contacts|Contact|Official|references|largeDocs|derivedSection|availIpds|seeAlsoLinks")
_RESULT = re.compile(
    r"\bp\s*[<=>]\s*0?\.\d|\b(?:results (?:showed|show|demonstrated|indicate)|we (?:found|observed|conclude)"
    r"|was (?:significantly|statistically) |were (?:significantly|statistically) |these (?:data|results) (?:suggest|support))",
    re.IGNORECASE,
)
_PAYMENT = re.compile(
    r"[$€£]\s?\d|\b(?:will (?:be|get|receive) (?:paid|compensated|reimbursed|a gift card)|gift cards?|monetary compensation"
    r"|paid for (?:their )?participation|compensated for (?:their )?(?:time|participation))\b",
    re.IGNORECASE,
)
_PERSON = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+|\+?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b")
_PLACEHOLDER = re.compile(
    r"\bTB[DAC]\b|\bXXX+\b|\bto be (?:determined|confirmed|completed)\b|\blorem ipsum\b|\?\?\?", re.IGNORECASE
)


def _texts(record: Record) -> Iterator[tuple[str, str]]:
    for path, value in leaves(record.content):
        if isinstance(value, str) and PROSE.search(path) and not _NO_PROSE.search(path):
            yield path, value


def no_results_in_prose(record: Record) -> Iterator[Finding]:
    """Results and conclusions stand in tables, not in free text. Source: NLM Major Comment on results in free text."""
    for path, value in _texts(record):
        match = _RESULT.search(value)
        if match:
            yield warning("PROSE-RESULT", path, f"{match[0]!r} reads like a result.", "report it in the tables")


def no_payments(record: Record) -> Iterator[Finding]:
    """Nothing is said of paying participants. Source: NLM Major Comment on payment information."""
    for path, value in _texts(record):
        match = _PAYMENT.search(value)
        if match:
            yield error("PROSE-PAYMENT", path, f"{match[0]!r} reads like a payment to participants.", "remove it")


def no_persons_in_prose(record: Record) -> Iterator[Finding]:
    """Free text holds no telephone number and no address of a person. Source: NLM Major Comment on inappropriate information."""
    for path, value in _texts(record):
        if _PERSON.search(value):
            yield error(
                "PROSE-PERSON", path, "A telephone number or address stands in free text.", "move it to contacts"
            )


def no_placeholders(record: Record) -> Iterator[Finding]:
    """Nothing is left to be filled in. Source: protocol review criteria (complete, understandable information)."""
    for path, value in _texts(record):
        match = _PLACEHOLDER.search(value)
        if match:
            yield error("PROSE-PLACEHOLDER", path, f"{match[0]!r} is left to be filled in.", "write it")
