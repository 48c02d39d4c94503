"""What writer and reader of PRS results XML share: the namespace, the picklists, the ids of groups.

Source: RRSUploadSchema 2017.04.18; the picklists' display values from the results data element definitions. Group ids
must be unique in the document, so they are numbered within their table, as PRS does in its own downloads.
"""

from __future__ import annotations

RRS = "http://clinicaltrials.gov/rrs"

OTHER = "Other"
STUDY_SPECIFIC = "Study-Specific Measure"
"""The title of a baseline measure that is none of the registry's own; its real title stands in otherTitle."""

METHODS = (
    "ANCOVA",
    "ANOVA",
    "Chi-squared",
    "Chi-squared, Corrected",
    "Cochran-Mantel-Haenszel",
    "Fisher Exact",
    "Kruskal-Wallis",
    "Log Rank",
    "Mantel Haenszel",
    "McNemar",
    "Mixed Models Analysis",
    "Regression, Cox",
    "Regression, Linear",
    "Regression, Logistic",
    "Sign Test",
    "t-Test, 1 Sided",
    "t-Test, 2 Sided",
    "Wilcoxon (Mann-Whitney)",
)
ESTIMATES = (
    "Cox Proportional Hazard",
    "Hazard Ratio (HR)",
    "Hazard Ratio, Log",
    "Mean Difference (Final Values)",
    "Mean Difference (Net)",
    "Median Difference (Final Values)",
    "Median Difference (Net)",
    "Odds Ratio (OR)",
    "Odds Ratio, Log",
    "Risk Difference (RD)",
    "Risk Ratio (RR)",
    "Risk Ratio, Log",
    "Slope",
)
LISTED_LEVELS = ("80", "90", "95", "97.5", "99")
"""The levels of confidence intervals that have a name of their own ("95% Confidence Interval")."""
INTERVAL = "% Confidence Interval"
OTHER_LEVEL = "Other Confidence Interval Level"

FLOW, BASELINE, EVENTS = "ParticipantFlow-Group", "Baseline-Group", "ReportedEvents-InterventionGroup"


def group_id(table: str, number: int) -> str:
    """The id of the group at a place (from 0) of a table."""
    return f"{table}.{number + 1}"


def outcome_table(number: int) -> str:
    """The name of an outcome measure's table, from 0."""
    return f"OutcomeMeasure.{number + 1}-Group"
