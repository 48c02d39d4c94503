"""A record as one readable HTML page with its results tables; self-contained, no script, nothing fetched.

The same record gives the same bytes: the page bears no date of its own.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from trialbridge.base.writing import whole_file
from trialbridge.registry import page_results
from trialbridge.registry.content import text
from trialbridge.registry.criteria import split
from trialbridge.registry.dates import to_words
from trialbridge.registry.enums import enumeration
from trialbridge.registry.html import escaped, facts, listed, prose, section, table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trialbridge.base.finding import Finding
    from trialbridge.registry.record import Record, RecordDate

STYLE = """\
:root { color-scheme: light dark; --ink: #1c2430; --dim: #5a6675; --line: #d5dbe3; --band: #f2f5f9; --paper: #fff; --mark: #0b5a8a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9f0; --dim: #9aa7b8; --line: #344050; --band: #1d2631; --paper: #131a22; --mark: #7cc0ee; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", "Liberation Sans", sans-serif; }
header { border-bottom: 2px solid var(--mark); padding-bottom: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .25rem 0; }
h2 { font-size: 1.25rem; margin: 2.25rem 0 .5rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .25rem; }
p { margin: .5rem 0; max-width: 48rem; }
ul { margin: .25rem 0 .5rem; padding-left: 1.25rem; max-width: 48rem; }
.id, .note, .official { color: var(--dim); }
.note { font-size: .9rem; }
.badge { display: inline-block; border: 1px solid var(--mark); color: var(--mark); border-radius: 1rem; padding: .05rem .7rem;
  margin: .25rem .35rem 0 0; font-size: .85rem; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem; }
.facts { margin: .25rem 0 .9rem; }
.facts th { color: var(--dim); font-weight: 500; white-space: nowrap; padding-left: 0; }
.wide { overflow-x: auto; margin: .75rem 0; }
.data { width: 100%; font-size: .92rem; border-top: 2px solid var(--ink); border-bottom: 2px solid var(--ink); }
.data caption { text-align: left; font-weight: 600; padding: .25rem 0 .5rem; }
.data thead th { border-bottom: 1px solid var(--ink); vertical-align: bottom; }
.data tbody th { font-weight: 400; }
.data tbody tr + tr > * { border-top: 1px solid var(--line); }
.data .block th { background: var(--band); font-weight: 600; }
.data td { font-variant-numeric: tabular-nums; }
"""


def write(record: Record, target: Path, findings: Iterable[Finding] = ()) -> list[Path]:
    """The page as one file, whole or not at all."""
    with whole_file(target) as part:
        part.write_text(page(record, findings), encoding="utf-8", newline="\n")
    return [target]


def page(record: Record, findings: Iterable[Finding] = ()) -> str:
    """The page as text; with findings of a check as its last section."""
    title = " – ".join(filter(None, (record.nct_id, record.brief_title))) or "Trial record"
    body = "\n".join(filter(None, (_header(record), *_sections(record), _findings(findings))))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escaped(title)}</title>\n'
        f"<style>\n{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _shown(name: str, value: str) -> str:
    """A value as people read it: the public spelling, else the value itself."""
    return enumeration(name).writes["public"].get(value, value)


def _phases(record: Record) -> str:
    joined = ",".join(record.phases)
    return enumeration("Phases").writes["public"].get(joined, joined)


def _header(record: Record) -> str:
    badges = (_shown("Status", record.status), _shown("StudyType", record.study_type), _phases(record))
    shown = "".join(f"<span class=badge>{escaped(one)}</span>" for one in badges if one and one != "N/A")
    ids = " · ".join(dict.fromkeys(filter(None, (record.nct_id, record.org_study_id, record.acronym))))
    official = f"<p class=official>{escaped(record.official_title)}</p>" if record.official_title else ""
    return f"<header><p class=id>{escaped(ids)}</p><h1>{escaped(record.brief_title)}</h1>{official}{shown}</header>"


def _sections(record: Record) -> list[str]:
    return [
        section("Key facts", _facts(record)),
        section("Summary", prose(record.brief_summary)),
        section("Description", prose(record.detailed_description)),
        section("Arms and interventions", _arms(record)),
        section("Outcome measures", _outcomes(record)),
        section("Eligibility", _eligibility(record)),
        section("Locations", _locations(record)),
        *page_results.sections(record.results),
    ]


def _date(of: RecordDate) -> str:
    kind = {"ACTUAL": " (actual)", "ESTIMATED": " (estimated)"}.get(of.type, "")
    return to_words(of.date) + kind if of.date else ""


def _facts(record: Record) -> str:
    design, count = record.design, record.enrollment
    kind = {"ACTUAL": " (actual)", "ESTIMATED": " (estimated)"}.get(count.type, "")
    masked = ", ".join(_shown("WhoMasked", one) for one in design.who_masked)
    masking = _shown("DesignMasking", design.masking) + (f" ({masked})" if masked else "")
    return facts(
        (
            ("Conditions", "; ".join(record.conditions)),
            ("Sponsor", record.lead_sponsor.name),
            ("Collaborators", "; ".join(one.name for one in record.collaborators)),
            ("Enrolment", "" if count.count is None else f"{count.count}{kind}"),
            ("Start", _date(record.start)),
            ("Primary completion", _date(record.primary_completion)),
            ("Completion", _date(record.completion)),
            ("Last verified", to_words(record.verified)),
            (
                "Why stopped",
                text(record.content, "protocolSection.statusModule.whyStopped"),
            ),
            ("Purpose", _shown("PrimaryPurpose", design.primary_purpose)),
            ("Allocation", _shown("DesignAllocation", design.allocation)),
            ("Model", _shown("InterventionalAssignment", design.intervention_model)),
            ("Observational model", _shown("ObservationalModel", design.observational_model)),
            ("Time perspective", _shown("DesignTimePerspective", design.time_perspective)),
            ("Masking", masking),
            ("Other ids", "; ".join(one.id for one in record.secondary_ids)),
            ("Keywords", "; ".join(record.keywords)),
        )
    )


def _arms(record: Record) -> str:
    arms = [
        (arm.label, _shown("ArmGroupType", arm.type), arm.description, "; ".join(arm.intervention_names))
        for arm in record.arms
    ]
    interventions = [
        (one.name, _shown("InterventionType", one.type), one.description, "; ".join(one.other_names))
        for one in record.interventions
    ]
    parts = []
    if arms:
        parts.append(table(("Arm", "Type", "Description", "Interventions"), arms))
    if interventions:
        parts.append(table(("Intervention", "Type", "Description", "Also called"), interventions))
    return "".join(parts)


def _outcomes(record: Record) -> str:
    rows: list[tuple[str, ...]] = []
    kind = ""
    for one in record.outcomes:
        if one.kind != kind:
            kind = one.kind
            rows.append((kind.capitalize(),))
        rows.append((one.measure, one.time_frame, one.description if one.description != one.measure else ""))
    return table(("Measure", "Time frame", "Description"), rows) if rows else ""


def _eligibility(record: Record) -> str:
    of = record.eligibility
    healthy = {True: "Accepted", False: "Not accepted", None: ""}[of.healthy_volunteers]
    ages = " to ".join((of.minimum_age or "no lower limit", of.maximum_age or "no upper limit"))
    shown = facts(
        (
            ("Ages", ages if of.criteria or of.minimum_age or of.maximum_age else ""),
            ("Sex", _shown("Sex", of.sex)),
            ("Healthy volunteers", healthy),
            ("Population", of.study_population),
            ("Sampling", _shown("SamplingMethod", of.sampling_method)),
        )
    )
    criteria = split(of.criteria)
    for category, title in (("", ""), ("INCLUSION", "Inclusion criteria"), ("EXCLUSION", "Exclusion criteria")):
        texts = [one.text for one in criteria if one.category == category]
        if texts:
            shown += (f"<h3>{title}</h3>" if title else "") + listed(texts)
    return shown


def _locations(record: Record) -> str:
    rows = [
        (
            one.facility or "–",
            ", ".join(filter(None, (one.city, one.state, one.zip))),
            one.country,
            _shown("Status", one.status),
        )
        for one in record.locations
    ]
    return table(("Facility", "Place", "Country", "Status"), rows) if rows else ""


def _findings(findings: Iterable[Finding]) -> str:
    rows = [
        f"<tr><th scope=row>{escape(str(one.severity))}</th><td>{escape(one.id)}</td><td>{escape(str(one.where))}</td>"
        f"<td>{escape(one.message)} {escape(one.fix)}</td></tr>"
        for one in findings
    ]
    if not rows:
        return ""
    head = "<tr><th>Severity</th><th>Rule</th><th>Where</th><th>What</th></tr>"
    return section(
        "Findings of the check",
        f"<div class=wide><table class=data><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table></div>",
    )
