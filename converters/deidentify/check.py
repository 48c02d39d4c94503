"""The last look at what was de-identified: whether a subject's own id, name or number is still there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trialbridge.base.deidentify import REMOVED, SHORT_NAME
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.fhir.located import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialbridge.base.deidentify import Person
    from trialbridge.converters.deidentify.rules import RuleSet
    from trialbridge.fhir.located import Resource
    from trialbridge.sdtm.table import Study


def twice(people: Mapping[str, Person]) -> list[Finding]:
    """Two subjects under one pseudonym: would become one."""
    seen = [one.pseudonym for one in people.values()]
    if len(set(seen)) == len(seen):
        return []
    message = "Two subjects have the same pseudonym."
    return [Finding("TB-DEID-TWICE", Severity.ERROR, Where(), message, "make another key")]


def left_in_resources(made: list[Resource], people: Mapping[str, Person], rules: RuleSet) -> list[Finding]:
    """Resources in which a subject's own id, name or number still stands.

    In a resource of the trial, kept as it is, this is a warning: a patient called Trial is no reason to stop.
    """
    signs = _pattern(people)
    found = []
    for resource in made:
        if any(signs.search(text) for text in set(_texts(resource))):
            message = "A subject's own id, name or number is still here."
            fix = "drop or scrub the element by a rule"
            own = resource["resourceType"] in rules.fhir.subject_resources
            severity = Severity.ERROR if own else Severity.WARNING
            found.append(Finding("TB-DEID-LEFT", severity, Where(resource=name_of(resource)), message, fix))
    return found


def _pattern(people: Mapping[str, Person]) -> re.Pattern[str]:
    """What gives a person away, as whole words: ids and names; a bare short number could be any number.

    Nor is a short name a sign, in codes above all: texts lose it, but CT may be a person and a scan.
    """
    words = {
        word
        for one in people.values()
        for word, stands in one.words.items()
        if (not word.isdigit() or len(word) > 5) and (stands != REMOVED or len(word) >= SHORT_NAME)
    }
    told = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{told})(?!\w)" if told else r"(?!)")


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value


def left_in_tables(study: Study, people: Mapping[str, Person]) -> list[Finding]:
    """Variables in which a subject's own id or number still stands."""
    signs = _pattern(people)
    found = []
    for table in study:
        for variable in table.variables:
            if variable.type != "Char":
                continue
            texts = table.frame[variable.name].drop_nulls().unique().to_list()
            if any(signs.search(text) for text in texts):
                where = Where(dataset=table.name, variable=variable.name)
                message = "A subject's own id or number is still here."
                found.append(Finding("TB-DEID-LEFT", Severity.ERROR, where, message, "drop the variable by a rule"))
    return found
