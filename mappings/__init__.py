"""The dictionary between the languages: one file a domain, one line a variable.

`ALL` is the whole of it, in the order of writing: what others point at comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.mappings.ae import AE
from trialbridge.mappings.ce import CE
from trialbridge.mappings.co import CO
from trialbridge.mappings.dd import DD
from trialbridge.mappings.design import TA, TE, TI, TV
from trialbridge.mappings.dm import DM
from trialbridge.mappings.ds import DS
from trialbridge.mappings.fa import FA
from trialbridge.mappings.ho import HO
from trialbridge.mappings.lb import LB
from trialbridge.mappings.mh import MH
from trialbridge.mappings.pr import PR
from trialbridge.mappings.qs import QS
from trialbridge.mappings.rs import RS
from trialbridge.mappings.se import SE
from trialbridge.mappings.su import SU
from trialbridge.mappings.sv import SV
from trialbridge.mappings.tr import TR
from trialbridge.mappings.treatments import CM, EC, EX
from trialbridge.mappings.tu import TU
from trialbridge.mappings.vs import VS

if TYPE_CHECKING:
    from trialbridge.mappings.kit import Mapping

ALL: tuple[Mapping, ...] = (
    TV,
    DM,
    SE,
    *DS,
    SV,
    MH,
    TU,
    *PR,
    *TR,
    *RS,
    *EX,
    EC,
    CM,
    *VS,
    *LB,
    *QS,
    *DD,
    *FA,
    SU,
    CE,
    HO,
    AE,
    CO,
    TA,
    TE,
    TI,
)

__all__ = ["ALL"]
