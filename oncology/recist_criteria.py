"""The three versions of RECIST as data: what differs between them, and what a protocol may choose.

Sources: RECIST 1.0, Therasse et al., J Natl Cancer Inst 2000;92:205-216; RECIST 1.1, Eisenhauer et al., Eur J Cancer
2009;45:228-247, with the RECIST working group's published clarifications (recist.eortc.org); iRECIST, Seymour et al.,
Lancet Oncol 2017;18:e143-e152. Submission values are those of CDISC codelist ONCRSR (C96785).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from trialbridge.base.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

Version = Literal["1.0", "1.1", "irecist"]

CR, PR, SD, PD, NE = "CR", "PR", "SD", "PD", "NE"
NON_CR_NON_PD = "NON-CR/NON-PD"
NED = "NED"
EQUIVOCAL, UNEQUIVOCAL = "EQUIVOCAL", "UNEQUIVOCAL"

IMMUNE: Mapping[str, str] = MappingProxyType(
    {CR: "iCR", PR: "iPR", SD: "iSD", PD: "iUPD", NON_CR_NON_PD: "NON-iCR/NON-iUPD"}
)
"""RECIST 1.1 value -> iRECIST value, progression being unconfirmed until shown otherwise (Seymour 2017, Table 2)."""

PR_FALL = 30
"""Percent below the baseline sum from which a target response is PR, in all versions."""
PD_RISE = 20
"""Percent above the nadir from which a target response is PD, in all versions."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """One version of the criteria: sizes in mm, `None` where the version has no such rule."""

    version: Version
    label: str
    short_axis_nodes: bool
    """Nodes are measured by their short axis and are normal below 10 mm (1.1, section 4.2; 1.0 knows no node rule)."""
    absolute_mm: Decimal | None
    """The least absolute increase of the sum for PD (1.1, section 4.3.1)."""
    too_small_mm: Decimal | None
    """The size given to a target lesion present but too small to measure (1.1, section 4.3.2)."""
    confirmation: bool
    """Whether CR and PR must be confirmed where the protocol does not say."""
    max_targets: int
    max_per_organ: int
    least_mm: Decimal
    least_node_mm: Decimal
    overall_tables: tuple[str, str]
    """Where the overall response stands: with target lesions, and with non-target lesions only."""

    @property
    def immune(self) -> bool:
        """Whether progression is first unconfirmed, as in iRECIST."""
        return self.version == "irecist"


NODE_NORMAL_MM = Decimal(10)
"""Short axis from which a node is pathological (RECIST 1.1, section 4.2)."""

_1_0 = Criteria(
    version="1.0",
    label="RECIST 1.0",
    short_axis_nodes=False,
    absolute_mm=None,
    too_small_mm=None,
    confirmation=True,
    max_targets=10,
    max_per_organ=5,
    least_mm=Decimal(10),
    least_node_mm=Decimal(10),
    overall_tables=("Therasse 2000, Table 2", "Therasse 2000, non-target lesions"),
)
_1_1 = Criteria(
    version="1.1",
    label="RECIST 1.1",
    short_axis_nodes=True,
    absolute_mm=Decimal(5),
    too_small_mm=Decimal(5),
    confirmation=False,
    max_targets=5,
    max_per_organ=2,
    least_mm=Decimal(10),
    least_node_mm=Decimal(15),
    overall_tables=("Eisenhauer 2009, Table 1", "Eisenhauer 2009, Table 2"),
)
_IMMUNE = replace(  # lesions are measured and chosen as in RECIST 1.1 (Seymour 2017, Table 1)
    _1_1,
    version="irecist",
    label="iRECIST",
    overall_tables=("Seymour 2017, Table 2", "Seymour 2017, Table 3, note"),
)
CRITERIA: Mapping[str, Criteria] = MappingProxyType({one.version: one for one in (_1_0, _1_1, _IMMUNE)})


@dataclass(frozen=True, slots=True)
class Choices:
    """What the criteria leave to the protocol. All intervals in days; the defaults are the criteria's own.

    `confirmation`: must CR and PR be confirmed for the best response; `None` is the version's default (1.0 yes, else
    no). `confirmation_days`: the least interval (4 weeks: 1.0 "Confirmation", 1.1 section 4.6).
    `stable_days`: the least time from start to call a best response SD (6 to 8 weeks: both, same sections).
    `progression_days`: the window in which iUPD is confirmed (4 to 8 weeks, Seymour 2017). `non_target_stable`: the
    submission value for persisting non-target lesions; RECIST 1.0 speaks of incomplete response/SD. `continuing_pr`:
    a confirmed target PR stays PR until PD (working group's clarification on the definition of SD).
    `reappearance_is_pd`: after complete response any disease seen again is PD (Eisenhauer 2009, Table 3, note), also
    below the 20 % and 5 mm of section 4.3.1; where not chosen the explanation says so. `too_small_mm` overrides the size of lesions too small to measure.
    """

    confirmation: bool | None = None
    confirmation_days: int = 28
    stable_days: int = 42
    progression_days: tuple[int, int] = (28, 56)
    non_target_stable: Literal["NON-CR/NON-PD", "SD", "IR/SD"] = "NON-CR/NON-PD"
    continuing_pr: bool = False
    reappearance_is_pd: bool = False
    too_small_mm: Decimal | None = None


DEFAULT = Choices()


def criteria_of(version: str) -> Criteria:
    """The criteria of a version. Raises UnknownNameError: the version is never guessed."""
    try:
        return CRITERIA[version]
    except KeyError:
        raise UnknownNameError(
            f"There are no response criteria {version!r}; there are {', '.join(CRITERIA)}.",
            fix="name the version the protocol uses",
        ) from None
