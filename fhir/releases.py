"""The FHIR releases trialbridge knows: R4 (4.0.1) and R5 (5.0.0).

R4B (4.3.0) counts as R4: for the resources used here the two have the same elements
(https://hl7.org/fhir/R4B/diff.html; PlanDefinition.subject[x] alone gains a type).

>>> release("4.0.1"), release("r4b"), release("R5")
('R4', 'R4', 'R5')
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from trialbridge.base.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

Release = Literal["R4", "R5"]

FHIR_VERSION: Mapping[Release, str] = MappingProxyType({"R4": "4.0.1", "R5": "5.0.0"})

_SPELLINGS: Mapping[str, Release] = MappingProxyType(
    {
        **dict.fromkeys(("R4", "R4B", "4.0", "4.0.0", "4.0.1", "4.1.0", "4.3", "4.3.0"), "R4"),
        **dict.fromkeys(("R5", "5.0", "5.0.0"), "R5"),
    }
)


def release(name: str) -> Release:
    """The release a user's spelling means (`R4`, `r4b`, `4.0.1`, `R5`, `5.0`). Raises UnknownNameError."""
    try:
        return _SPELLINGS[name.strip().upper()]
    except KeyError:
        raise UnknownNameError(f"No FHIR release is called {name!r}.", fix="Use R4, R4B or R5.") from None
