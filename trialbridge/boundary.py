"""The checks where data come in: FHIR resources by fhir.resources' models, SDTM columns by the implementation guide.

A resource that fails is rejected with file, line, id, path and reason, and its text is kept; the rest goes on. A
column of no domain is carried like any other and warned of, for SDTM keeps such data in SUPP--.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.fhir.checked import checked
from trialbridge.fhir.jsontext import encode
from trialbridge.fhir.located import Located, Reject
from trialbridge.sdtm import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialbridge.fhir.releases import Release
    from trialbridge.sdtm.table import Study


def sorted_out(items: Iterable[Located], release: Release) -> Iterator[Located | Reject | Finding]:
    """Each resource itself where its structure is right, else a reject; before a reject its further findings."""
    for item in items:
        findings = checked(item, None, release)
        wrong = [one for one in findings if one.severity is Severity.ERROR]
        yield from (one for one in findings if one not in wrong[:1])
        yield Reject(wrong[0], encode(item.resource).decode()) if wrong else item


def as_record(reject: Reject) -> dict[str, Any]:
    """A line of rejects.ndjson: file, line, id (`Type/id`), path, reason, fix, and the original text."""
    where = reject.finding.where
    return {
        "file": where.file,
        "line": where.line,
        "id": where.resource,
        "path": where.path,
        "reason": reject.finding.message,
        "fix": reject.finding.fix,
        "text": reject.text,
    }


def foreign_columns(study: Study) -> Iterator[Finding]:
    """TB-SDTM-COLUMN for each column that no domain of the guide has: neither its own nor `--` of the model."""
    for table in study:
        for variable in table.variables:
            if not _known(table.name, variable.name):
                yield Finding(
                    "TB-SDTM-COLUMN",
                    Severity.WARNING,
                    Where(dataset=table.name, variable=variable.name),
                    "No SDTM domain has this variable; it is carried as it is.",
                    f"If it is a qualifier of a record, put it into SUPP{table.name[:2]}.",
                )


def _known(dataset: str, variable: str) -> bool:
    prefix = dataset[4:6] if dataset.startswith("SUPP") else dataset[:2]
    if variable.startswith(prefix) and variable[2:] in _suffixes():
        return True
    try:
        # TSVAL1, COVAL2: a long text goes on in numbered variables (SDTMIG 3.4, 4.5.3.2)
        standard = metadata.domain(dataset)
        if variable in standard or variable.rstrip("0123456789") in standard:
            return True
    except UnknownNameError:
        pass
    return variable in _anywhere()


@cache
def _suffixes() -> frozenset[str]:
    """What follows the two letters of a domain in the model's variables (`--TERM`), in any bundled dataset."""
    names = (one.model_variable for dataset in metadata.domains() for one in dataset.variables)
    return frozenset(name[2:] for name in names if name.startswith("--"))


@cache
def _anywhere() -> frozenset[str]:
    """The variables without a domain's letters (VISITNUM, EPOCH): any dataset may have them."""
    return frozenset(
        one.name
        for dataset in metadata.domains()
        for one in dataset.variables
        if not one.model_variable.startswith("--") and not one.name.startswith(dataset.name[:2])
    )
