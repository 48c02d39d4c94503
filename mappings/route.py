"""What a resource is about: the tests by which a mapping knows its own.

An Observation may be VS, LB, RS, TR or TU; its code decides, the element never guesses from a value's code
(C41338 is a severity and a grade; C48275 a grade, an outcome and a criterion).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from trialbridge.mappings.names import NCIT
from trialbridge.mappings.spellings import record_parts
from trialbridge.sdtm import terminology

if TYPE_CHECKING:
    from trialbridge.mappings.kit import Resource


@lru_cache(maxsize=64)
def _codes(codelist: str) -> frozenset[str]:
    return frozenset(term.code for term in terminology.default().codelist(codelist).terms)


def has_code(resource: Resource, codelist: str, *others: tuple[str, str]) -> bool:
    """Whether the resource's code has a term of the codelist (C-code), or one of other (system, code) pairs."""
    code = resource.get("code")
    for coding in (code.get("coding") or ()) if isinstance(code, dict) else ():
        system, value = coding.get("system"), coding.get("code")
        if system == NCIT and value in _codes(codelist):
            return True
        if (system, value) in others:
            return True
    return False


def domain_named(resource: Resource, system: str) -> str | None:
    """The domain that the record's own business identifier names (STUDYID|DOMAIN|USUBJID|--SEQ), if it has one.

    AdverseEvent has room for one identifier in R4: there the record's stands in an extension.
    """
    found = resource.get("identifier")
    identifiers = list(found) if isinstance(found, list) else [found]
    if resource.get("resourceType") == "AdverseEvent":
        beside = resource.get("extension")
        identifiers += [
            one.get("valueIdentifier") for one in (beside if isinstance(beside, list) else ()) if isinstance(one, dict)
        ]
    for identifier in identifiers:
        if isinstance(identifier, dict) and identifier.get("system") == system:
            parts = record_parts(identifier.get("value"))
            if parts:
                return parts[1]
    return None
