"""Runs rules over a study: each to its end, one after another, whatever becomes of it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from trialbridge.base.rule import Checked, Status
from trialbridge.sdtm import metadata, terminology
from trialbridge.sdtm.rules.data import Data, NotThereError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trialbridge.base.rule import Rule
    from trialbridge.sdtm.codelists import Terminology
    from trialbridge.sdtm.table import Study


def run(
    study: Study,
    rules: Sequence[Rule],
    *,
    define: Any = None,
    ct: Terminology | None = None,
    most: int | None = None,
) -> Iterator[Checked]:
    """What each rule says of the study, in the order of the rules.

    `ct` is the terminology to judge codes by: by default the study's own package where it is at hand, else the one in
    use. `define` is a read Define-XML. `most` limits the findings kept of one rule. A rule that needs what the study
    does not have is SKIPPED and says why; one that breaks is EXECUTION_ERROR, and the others still run.
    """
    data = Data(study, ct or terminology_of(study), define, guide_of(study))
    for rule in rules:
        yield _run(rule, data, most)


def _run(rule: Rule, data: Data, most: int | None) -> Checked:
    try:
        findings = tuple(islice(rule.check(data), most))
    except NotThereError as reason:
        return Checked(rule, Status.SKIPPED, why=str(reason))
    except Exception as error:  # noqa: BLE001 - one broken rule must not hide what the others find
        # The text of an error may quote data; its kind does not.
        return Checked(rule, Status.EXECUTION_ERROR, why=f"{type(error).__name__} in {rule.id}")
    return Checked(rule, Status.ISSUE_REPORTED if findings else Status.SUCCESS, findings)


def terminology_of(study: Study) -> Terminology:
    """The package the study names, where it is bundled or installed; else the one in use."""
    if study.ct in terminology.available():
        return terminology.load(study.ct)
    return terminology.default()


def guide_of(study: Study) -> str:
    """The version of the guide to judge by: the study's own where it is bundled, else the latest."""
    return study.version if study.version in metadata.VERSIONS else metadata.LATEST
