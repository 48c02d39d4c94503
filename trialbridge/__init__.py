"""trialbridge: a clinical trial in FHIR, SDTM and the registry, carried without loss.

The names below are the whole public API; each is loaded when it is first used, so that `import trialbridge` is quick.

    study = trialbridge.read("m5/datasets/S1/tabulations/sdtm")
    done = trialbridge.to_fhir(study)
    trialbridge.write(done.resources, "out", "ndjson")
    back = trialbridge.to_sdtm(done.resources).study
    assert trialbridge.diff(study, back).equal
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialbridge.api import as_models, diff, explain, read, to_fhir, to_sdtm, write
    from trialbridge.base.errors import TrialbridgeError
    from trialbridge.base.finding import Finding
    from trialbridge.converters.study import Converted
    from trialbridge.sdtm.table import Study, Table
    from trialbridge.sources import Resources

__all__ = [
    "Converted",
    "Finding",
    "Resources",
    "Study",
    "Table",
    "TrialbridgeError",
    "as_models",
    "diff",
    "explain",
    "read",
    "to_fhir",
    "to_sdtm",
    "write",
]

_HOMES = {
    "Converted": "converters.study",
    "Finding": "base.finding",
    "Resources": "sources",
    "Study": "sdtm.table",
    "Table": "sdtm.table",
    "TrialbridgeError": "base.errors",
}


if not TYPE_CHECKING:  # a type checker that saw this would take any name for one of ours

    def __getattr__(name: str) -> Any:
        """The public names, from their modules (PEP 562)."""
        if name in __all__:
            found = getattr(import_module(f"trialbridge.{_HOMES.get(name, 'api')}"), name)
            globals()[name] = found
            return found
        raise AttributeError(f"module 'trialbridge' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
