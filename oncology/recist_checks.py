"""What the criteria ask of a baseline: how many target lesions, and how large. Doubts, never a reason to stop.

RECIST 1.0: Therasse 2000, "Measurability of tumor lesions at baseline", "Specifications by methods", at most ten
target lesions, five an organ. RECIST 1.1: Eisenhauer 2009, section 3.1.1 and 4.2, at most five, two an organ, all nodes
being one organ (recist.eortc.org).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.oncology.lesions import Kind, roots
from trialbridge.oncology.recist_target import mm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.oncology.lesions import Reader
    from trialbridge.oncology.recist_criteria import Criteria


def baseline_checks(reader: Reader, criteria: Criteria) -> Iterator[Finding]:
    """Too many target lesions, too many in an organ, target lesions too small to be one, or without a baseline size."""
    where = Where(dataset="TU", subject=reader.usubjid, variable="TULNKID")
    who = f" ({reader.evalid or reader.eval})" if reader.eval else ""
    targets = {
        lnkid: one
        for lnkid, one in reader.lesions.items()
        if one.kind is Kind.TARGET and roots(lnkid, reader.lesions.keys()) == (lnkid,)
    }
    if len(targets) > criteria.max_targets:
        said = f"{len(targets)} target lesions{who}, {criteria.label} allows {criteria.max_targets}."
        yield Finding("TB-RECIST-007", Severity.WARNING, where, said, "choose the target lesions the protocol allows")
    organs = Counter("LYMPH NODE" if one.node and criteria.short_axis_nodes else one.loc for one in targets.values())
    for organ, count in sorted(organs.items()):
        if organ and count > criteria.max_per_organ:
            said = f"{count} target lesions in {organ}{who}, {criteria.label} allows {criteria.max_per_organ} an organ."
            yield Finding(
                "TB-RECIST-008", Severity.WARNING, where, said, "choose the target lesions the protocol allows"
            )
    for lnkid, lesion in sorted(targets.items()):
        sizes = [point.readings[lnkid].mm for point in reader.baseline if lnkid in point.readings]
        known = [size for size in sizes if size is not None]
        node = lesion.node and criteria.short_axis_nodes
        least = criteria.least_node_mm if node else criteria.least_mm
        if not known:
            said = f"{lnkid}{who} has no size at baseline; there is no baseline sum."
            yield Finding("TB-RECIST-009", Severity.WARNING, where, said, "see TR at baseline")
        elif known[-1] < least:
            axis = " by short axis" if node else ""
            said = f"{lnkid}{who} is {mm(known[-1])} mm at baseline{axis}, a target lesion is at least {least} mm."
            yield Finding("TB-RECIST-010", Severity.WARNING, where, said, "follow it as a non-target lesion")
