"""Readiness: which required and expected variables of SDTM a FHIR export can fill, and by whom they are lacking.

What the conversion makes of the export is counted, record by record; a variable counts where it has a value, or where
the record itself says that it may rightly be empty (`converters.applicable`). Required and expected: SDTMIG's Core.
Datasets: those of which a resource gives a record, and DM always. `converters.queries` makes the questions.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError
from trialbridge.converters.applicable import applies
from trialbridge.converters.gaps import Gap, gap_of, places_of
from trialbridge.converters.tracing import homes, named
from trialbridge.sdtm import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialbridge.converters.origins import Lineage
    from trialbridge.converters.to_sdtm import Source
    from trialbridge.sdtm.metadata import VariableMetadata

TRIAL_DESIGN = frozenset({"TA", "TD", "TE", "TI", "TM", "TS", "TV"})
NO_SITE = "(no site)"
NO_SUBJECT = "(unknown)"
STUDY = "(study)"
"""Stands for subject and site of records that are about the study, not a subject: trial design. Never in an answer."""


@dataclass(slots=True)
class Share:
    """How many of the values wanted are there: required, expected."""

    required: int = 0
    required_of: int = 0
    expected: int = 0
    expected_of: int = 0

    def count(self, core: str, filled: int, of: int) -> None:
        """Add so many values of so many."""
        if core == "Req":
            self.required += filled
            self.required_of += of
        else:
            self.expected += filled
            self.expected_of += of

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON; percent is None where nothing is wanted."""
        return {
            "required": {
                "filled": self.required,
                "of": self.required_of,
                "percent": percent(self.required, self.required_of),
            },
            "expected": {
                "filled": self.expected,
                "of": self.expected_of,
                "percent": percent(self.expected, self.expected_of),
            },
        }


@dataclass(slots=True)
class Fill:
    """One variable: records with a value of those that should have one, subjects whose records all have it; by site.

    Of trial design no record is a subject's or a site's.
    `paths` are the elements it is read from, `how` in words where there is none.
    """

    dataset: str
    variable: str
    label: str
    core: str
    paths: tuple[str, ...]
    how: str
    filled: int
    of: int
    subjects: int
    subjects_of: int
    by_site: dict[str, tuple[int, int]]

    @property
    def missing(self) -> int:
        """Values that should be there and are not."""
        return self.of - self.filled

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "dataset": self.dataset,
            "variable": self.variable,
            "label": self.label,
            "core": self.core,
            "paths": list(self.paths),
            "how": self.how,
            "filled": self.filled,
            "of": self.of,
            "percent": percent(self.filled, self.of),
            "subjects": self.subjects,
            "subjectsOf": self.subjects_of,
            "percentOfSubjects": percent(self.subjects, self.subjects_of),
            "bySite": {
                site: {"filled": filled, "of": of, "percent": percent(filled, of)}
                for site, (filled, of) in self.by_site.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Missing:
    """A value that should be there: in which record, of whom, and why it is not."""

    dataset: str
    variable: VariableMetadata
    subject: str
    site: str
    resource: str
    gap: Gap
    source: Source


@dataclass(frozen=True, slots=True)
class Readiness:
    """What an export can fill.

    `records` by dataset; `subjects` and `sites` with their share, and the `study` with that of its trial design, which is
    of no subject and no site; `site_of` each subject.
    """

    version: str
    records: Mapping[str, int]
    fills: tuple[Fill, ...]
    overall: Share
    subjects: Mapping[str, Share]
    sites: Mapping[str, Share]
    study: Share
    site_of: Mapping[str, str]
    missing: tuple[Missing, ...]

    @property
    def ready(self) -> bool:
        """Whether there is a subject, and no required variable is missing anywhere."""
        return self.records["DM"] > 0 and all(one.core != "Req" or not one.missing for one in self.fills)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "ready": self.ready,
            "sdtmig": self.version,
            "records": dict(self.records),
            "overall": self.overall.as_dict(),
            "study": self.study.as_dict(),
            "sites": {name: one.as_dict() for name, one in self.sites.items()},
            "subjects": {
                name: {"site": self.site_of.get(name, NO_SITE), **one.as_dict()} for name, one in self.subjects.items()
            },
            "variables": [one.as_dict() for one in self.fills],
        }


def percent(part: int, of: int) -> float | None:
    """Percent to one decimal, never rounded up to 100; None of nothing."""
    if not of:
        return None
    return min(round(100 * part / of, 1), 99.9) if part < of else 100.0


def readiness(of: Lineage, version: str = metadata.LATEST) -> Readiness:
    """What the export behind a lineage can fill. Raises UnknownNameError for an SDTMIG version not bundled."""
    sources = {"DM": [], **of.sources} if "DM" not in of.sources else of.sources
    site_of = {
        str(one.record.row["USUBJID"]): str(one.record.row.get("SITEID") or NO_SITE)
        for one in sources["DM"]
        if one.record.row.get("USUBJID")
    }
    without_reference = {  # those who rightly have no RFSTDTC have no study days
        one.record.row.get("USUBJID")
        for one in sources["DM"]
        if not one.record.row.get("RFSTDTC") and not applies("DM", "RFSTDTC", one.record.row)
    }
    overall = Share()
    subjects: dict[str, Share] = defaultdict(Share)
    sites: dict[str, Share] = defaultdict(Share)
    fills: list[Fill] = []
    missing: list[Missing] = []
    for dataset in sorted(sources, key=lambda name: (name != "DM", name)):
        its = sources[dataset]
        for variable in _wanted(dataset, version):
            lacking = [
                one
                for one in its
                if one.record.row.get(variable.name) in (None, "")
                and (variable.core == "Req" or applies(dataset, variable.name, one.record.row))
                and not (variable.name.endswith("DY") and one.record.row.get("USUBJID") in without_reference)
            ]
            held = [one for one in its if one.record.row.get(variable.name) not in (None, "")]
            fills.append(_fill(dataset, variable, held, lacking, site_of, of))
            missing.extend(_missing(dataset, variable, one, site_of, of) for one in lacking)
            for filled, those in ((1, held), (0, lacking)):
                for one in those:
                    subject, site = _who(one, site_of)
                    for share in (overall, subjects[subject], sites[site]):
                        share.count(variable.core, filled, 1)
    counted = {name: len(its) for name, its in sources.items()}
    study = subjects.pop(STUDY, Share())
    sites.pop(STUDY, None)
    order = dict(sorted(counted.items(), key=lambda item: (item[0] != "DM", item[0])))
    return Readiness(
        version,
        order,
        tuple(fills),
        overall,
        dict(sorted(subjects.items())),
        dict(sorted(sites.items())),
        study,
        site_of,
        tuple(missing),
    )


def _wanted(dataset: str, version: str) -> Iterable[VariableMetadata]:
    """The required and expected variables of a dataset; of one the guide does not list, none are known."""
    try:
        about = metadata.domain(dataset, version)
    except UnknownNameError:
        metadata.domains(version)  # an unknown version stays an error
        return ()
    return [one for one in about.variables if one.core in {"Req", "Exp"}]


def _who(source: Source, site_of: Mapping[str, str]) -> tuple[str, str]:
    """Subject and site of a record; trial design has neither."""
    if source.record.dataset in TRIAL_DESIGN:
        return STUDY, STUDY
    subject = str(source.record.row.get("USUBJID") or NO_SUBJECT)
    return subject, site_of.get(subject, NO_SITE)


def _fill(
    dataset: str,
    variable: VariableMetadata,
    held: list[Source],
    lacking: list[Source],
    site_of: Mapping[str, str],
    of: Lineage,
) -> Fill:
    sites: dict[str, tuple[int, int]] = {}
    whole: dict[str, bool] = {}
    for filled, those in ((1, held), (0, lacking)):
        for one in those:
            subject, site = _who(one, site_of)
            if subject == STUDY:
                continue
            before = sites.get(site, (0, 0))
            sites[site] = (before[0] + filled, before[1] + 1)
            whole[subject] = whole.get(subject, True) and bool(filled)
    mappings = dict.fromkeys(one.mapping for one in (*held, *lacking)) or dict.fromkeys(of.ctx.dictionary.of(dataset))
    release, base = of.ctx.release, of.ctx.base
    paths = dict.fromkeys(path for one in mappings for path in places_of(one, variable.name, release, base))
    notes = dict.fromkeys(one.note for of_ in mappings for one in of_.derived if one.variable == variable.name)
    return Fill(
        dataset,
        variable.name,
        variable.label,
        variable.core,
        tuple(paths),
        _how(dataset, variable.name, tuple(notes)),
        len(held),
        len(held) + len(lacking),
        sum(whole.values()),
        len(whole),
        dict(sorted(sites.items())),
    )


def _how(dataset: str, variable: str, notes: tuple[str, ...]) -> str:
    """How a variable without an element comes about."""
    if notes:
        return f"computed: {'; '.join(note for note in notes if note)}"
    if variable == "DOMAIN":
        return "the mapping's domain"
    return "given by the conversion" if variable == f"{dataset[:2]}SEQ" else ""


def _missing(
    dataset: str, variable: VariableMetadata, source: Source, site_of: Mapping[str, str], of: Lineage
) -> Missing:
    places = homes(source, of.ctx, of.held)
    real = (home.resource for home in (places[source.mapping.resource], *places.values()) if home.resource)
    resource = named(source.primary, of.held) or next(real, "")
    subject, site = _who(source, site_of)
    gap = gap_of(source, variable.name, of.ctx, places)
    return Missing(dataset, variable, subject, site, resource, gap, source)
