"""What a resource of the wrong shape upsets becomes a finding, never a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.base.finding import Finding, Severity, Where

if TYPE_CHECKING:
    from trialbridge.mappings.kit import Resource


SHAPE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading a resource of the wrong shape raises."""


class sound:  # noqa: N801 - used as a function: `with sound(resource, findings):`
    """Whatever a resource of the wrong shape upsets becomes a finding; the resource is left to the residue.

    The boundary's check catches such resources with their place; this is for input that was not checked. A class, not
    a generator: it surrounds every resource, several times.
    """

    __slots__ = ("_findings", "_resource")

    def __init__(self, resource: Resource, findings: list[Finding]) -> None:
        self._resource = resource
        self._findings = findings

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if kind is None or not isinstance(error, SHAPE):
            return False
        resource = self._resource
        self._findings.append(
            Finding(
                "TB-RESOURCE-SHAPE",
                Severity.ERROR,
                Where(resource=f"{resource.get('resourceType')}/{resource.get('id')}"),
                f"The resource is not shaped as FHIR says ({type(error).__name__}); it gives no record.",
                "let the boundary check it: it names the element",
            )
        )
        return True
