"""Which computed outcome answers which registered one: by words of its title and description, in this order.

A registered measure is answered by the first entry all of whose words it has and none of whose it must not have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """The key of a computed outcome, the words that a registered measure must have, and those it must not."""

    key: str
    words: tuple[str, ...]
    without: tuple[str, ...] = ()


ANSWERS = (
    Answer("pfs", (r"progression[- ]free",)),
    Answer("remission-non-irradiated", (r"remission|response", r"non[- ]?irradiated|un[- ]?irradiated|abscopal")),
    Answer("remission-irradiated", (r"remission|response", r"irradiated"), (r"non[- ]?irradiated|un[- ]?irradiated",)),
    Answer("toxicity", (r"toxicit|adverse event|ctcae",)),
)


def answer_to(measure: str, description: str = "") -> str | None:
    """The key of the computed outcome that answers a registered measure; None if none does.

    >>> answer_to("Remission rate non-irradiated lesion(s)"), answer_to("Toxicity"), answer_to("Quality of life")
    ('remission-non-irradiated', 'toxicity', None)
    """
    for text in (measure, f"{measure} {description}"):
        for one in ANSWERS:
            if all(re.search(word, text, re.IGNORECASE) for word in one.words) and not any(
                re.search(word, text, re.IGNORECASE) for word in one.without
            ):
                return one.key
    return None
