"""What to ask for so that an export becomes ready: one query for each subject, dataset and variable.

Where all subjects of a site lack a variable in all their records, one query to the site stands for them. A value that
follows from another that is asked for (a study day, from its date) is not asked for itself.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

from trialbridge.converters.gaps import places_of
from trialbridge.converters.readiness import NO_SITE, NO_SUBJECT, STUDY, TRIAL_DESIGN
from trialbridge.mappings.names import constants

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.converters.origins import Lineage
    from trialbridge.converters.readiness import Missing, Readiness
    from trialbridge.mappings.kit import Mapping

_DICTIONARY_CODED = frozenset("LLT LLTCD DECOD PTCD HLT HLTCD HLGT HLGTCD BODSYS BDSYCD SOC SOCCD CLAS CLASCD".split())
_DERIVED_BY_SPONSOR = frozenset({"RFSTDTC", "RFENDTC", "RFXSTDTC", "RFXENDTC", "AGEU"})
_LINKS = {"STUDYID": "ResearchSubject.study"}
_NAMED = 5  # resources named in a query


@dataclass(frozen=True, slots=True)
class Query:
    """One question. `subject` is a USUBJID, `(all 12)` of the site, or empty, as `site` is, where the study is asked of.

    `ask` is site or sponsor; `core` Req or Exp.

    `missing` says what is wrong, `path` where the value would stand in FHIR (empty: FHIR has no element the dictionary
    reads), `records` how many records lack it, `resources` the first of them.
    """

    subject: str
    site: str
    ask: str
    dataset: str
    variable: str
    label: str
    core: str
    missing: str
    path: str
    records: int
    resources: str
    question: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is missing, by record and variable, and of DM by subject and variable."""

    records: frozenset[tuple[int, str]]
    subjects: frozenset[tuple[str, str]]

    def holds(self, one: Missing, name: str) -> bool:
        """Whether what a computation lacks is missing itself: `AESTDTC` of the record, `DM.RFSTDTC` of its subject."""
        home, _, variable = name.rpartition(".")
        if variable == one.variable.name and home in ("", one.dataset):
            return False
        if home == "DM":
            return (one.subject, variable) in self.subjects
        return not home and (id(one.source), variable) in self.records


def queries(found: Readiness, of: Lineage) -> list[Query]:
    """The queries, required variables first, then by site, subject and dataset."""
    asked_for = _Asked(
        frozenset((id(one.source), one.variable.name) for one in found.missing),
        frozenset((one.subject, one.variable.name) for one in found.missing if one.dataset == "DM"),
    )
    groups: dict[tuple[str, str, str, str, str], list[Missing]] = defaultdict(list)
    for one in found.missing:
        where = _place(one, asked_for, of)
        if where is not None:
            why, path = where
            groups[one.site, one.dataset, one.variable.name, why, _named(path, of)].append(one)
    records = _records(of)
    made: list[Query] = []
    for (site, dataset, _, why, path), those in groups.items():
        by_subject: dict[str, list[Missing]] = defaultdict(list)
        for one in those:
            by_subject[one.subject].append(one)
        having = {subject for (name, subject) in records if name == dataset and _site(found, subject) == site}
        total = sum(records[dataset, subject] for subject in having)
        if len(having) > 1 and len(those) == total:
            made.append(_query(f"(all {len(having)})", those, why, path))
        else:
            made.extend(_query(subject, its, why, path) for subject, its in by_subject.items())
    if not found.records["DM"]:
        made.append(_no_subjects())
    return sorted(made, key=lambda one: (one.core != "Req", one.site, one.dataset != "DM", one.dataset, one.subject))


def as_csv(made: Iterable[Query]) -> str:
    """The queries as CSV with a header, lines ending in CRLF (RFC 4180)."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(one.name for one in fields(Query))
    writer.writerows(astuple(one) for one in made)
    return text.getvalue()


def _site(found: Readiness, subject: str) -> str:
    if subject == STUDY:
        return STUDY
    return found.site_of.get(subject, NO_SITE)


def _records(of: Lineage) -> dict[tuple[str, str], int]:
    """How many records each subject has in each dataset."""
    counted: dict[tuple[str, str], int] = defaultdict(int)
    for dataset, its in of.sources.items():
        for one in its:
            unnamed = STUDY if dataset in TRIAL_DESIGN else NO_SUBJECT
            counted[dataset, str(one.record.row.get("USUBJID") or unnamed)] += 1
    return dict(counted)


def _place(one: Missing, asked_for: _Asked, of: Lineage) -> tuple[str, str] | None:
    """What is wrong and where the value would stand; None where another query asks for what it follows from."""
    gap = one.gap
    path = gap.paths[0] if gap.paths else ""
    if gap.unread:
        return f"not understood: what stands at {_without_positions(gap.unread)}", path
    if any(asked_for.holds(one, name) for name in gap.lacks):
        return None
    if gap.absent and path:
        return f"given as absent ({gap.absent})", path
    return ("empty", path) if path else _not_computed(one, of)


def _not_computed(one: Missing, of: Lineage) -> tuple[str, str]:
    """A variable without an element of its own: what its computation lacks, or that nothing says it."""
    for name in one.gap.lacks:
        variable = name.rpartition(".")[2]
        if one.dataset == "DM" and variable in _LINKS:
            return "empty", _LINKS[variable]
        path = "" if "." in name else next(iter(_paths(one.source.mapping, variable, of)), "")
        if path:
            return f"not computed: {name} is empty", path
    return (f"not computed ({one.gap.note})" if one.gap.note else "no element of FHIR that the dictionary reads"), ""


def _paths(mapping: Mapping, variable: str, of: Lineage) -> tuple[str, ...]:
    return places_of(mapping, variable, of.ctx.release, of.ctx.base)


def _without_positions(path: str) -> str:
    """A path without list positions, so that the same gap of several records is one."""
    return re.sub(r"\[\d+\]", "", path)


def _named(path: str, of: Lineage) -> str:
    """A path with what its `%names` stand for: urls, and the code of a concept."""
    known = constants(of.ctx.base)

    def name(found: re.Match[str]) -> str:
        value = known.get(found[1])
        if isinstance(value, dict):
            value = value["coding"][0]["code"]
        return f"'{value}'" if isinstance(value, str) else found[0]

    return re.sub(r"%([\w-]+)", name, path)


def _query(subject: str, those: list[Missing], why: str, path: str) -> Query:
    first = those[0]
    name, label = first.variable.name, first.variable.label
    names = list(dict.fromkeys(one.resource for one in those if one.resource))
    listed = "; ".join(names[:_NAMED]) + (f"; and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    ask = "sponsor" if _is_sponsors(first.dataset, name, path) else "site"
    of_the_study = subject == STUDY
    return Query(
        "" if of_the_study else subject,
        "" if of_the_study else first.site,
        ask,
        first.dataset,
        name,
        label,
        first.variable.core,
        why,
        path,
        len(those),
        listed,
        _question(first, subject, len(those), why, path, ask),
    )


def _is_sponsors(dataset: str, variable: str, path: str) -> bool:
    """Whether the sponsor, not the site, knows: dictionary coding, reference dates, the design."""
    if dataset != "DS" and variable[:2] == dataset[:2] and variable[2:] in _DICTIONARY_CODED:
        return True
    return dataset in TRIAL_DESIGN or variable in _DERIVED_BY_SPONSOR or variable == "STUDYID" or not path


def _question(one: Missing, subject: str, records: int, why: str, path: str, ask: str) -> str:
    """The question in words a person can answer."""
    whom = "each subject" if subject.startswith("(all") else "the study" if subject == STUDY else f"subject {subject}"
    what = f"{one.variable.label} ({one.dataset}.{one.variable.name})"
    which = f"{records} {one.dataset} record{'s' * (records != 1)} of {whom}" if one.dataset != "DM" else whom
    if why.startswith("not understood"):
        return f"{what} of {which}: a value is sent, but with a code or text that has no SDTM term. Which one is meant?"
    if why.startswith("given as absent"):
        return f"{what} of {which} is sent as absent: can it be given, or is it truly not known?"
    if not path:
        return f"FHIR does not say {what} of {which}: please supply it from the study's own data."
    verb = "Please code" if ask == "sponsor" and one.variable.name[2:] in _DICTIONARY_CODED else "Please send"
    return f"{verb} {what} of {which}; in FHIR it stands at {path}."


def _no_subjects() -> Query:
    path = "ResearchSubject.identifier"
    return Query(
        NO_SUBJECT,
        NO_SITE,
        "site",
        "DM",
        "USUBJID",
        "Unique Subject Identifier",
        "Req",
        "no subject in the export",
        path,
        0,
        "",
        "The export has neither a ResearchSubject nor a Patient: please export them with the records.",
    )
