"""What a resource of the wrong shape upsets becomes a finding, never a traceback."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from trialbridge.base.finding import Finding, Severity, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.mappings.kit import Resource


@contextmanager
def sound(resource: Resource, findings: list[Finding]) -> Iterator[None]:
    """Whatever a resource of the wrong shape upsets becomes a finding; the resource is left to the residue.

    The boundary's check catches such resources with their place; this is for input that was not checked.
    """
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        findings.append(
            Finding(
                "TB-RESOURCE-SHAPE",
                Severity.ERROR,
                Where(resource=f"{resource.get('resourceType')}/{resource.get('id')}"),
                f"The resource is not shaped as FHIR says ({type(error).__name__}); it gives no record.",
                "let the boundary check it: it names the element",
            )
        )
