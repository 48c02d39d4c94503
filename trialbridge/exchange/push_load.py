"""What is to be pushed, made ready: each resource once, with an id, pointing at the others by `Type/id`."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from trialbridge.base.finding import Finding, Severity
from trialbridge.fhir.bundle import pool, relative_references
from trialbridge.fhir.ids import resource_id
from trialbridge.fhir.jsontext import encode
from trialbridge.fhir.located import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.fhir.located import Located, Resource

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def ready(items: Iterable[Located], base_url: str) -> tuple[dict[str, Resource], list[Finding]]:
    """The resources by `Type/id`. One without an id gets one made of its content: the same in each run."""
    held = pool(items)
    findings = list(held.findings)
    named = []
    for item in held.items:
        resource = item.resource
        if not resource.get("id"):
            content = hashlib.blake2b(encode(resource), digest_size=16).hexdigest()
            own = resource_id(base_url, str(resource["resourceType"]), content)
            named.append(replace(item, resource={**resource, "id": own}))
        elif _ID.fullmatch(str(resource["id"])):
            named.append(item)
        else:
            message = "Its id is none FHIR allows; it was not sent."
            fix = "mend the id: letters, digits, - and ., 64 at the most"
            findings.append(Finding("TB-PUSH-ID", Severity.ERROR, item.where, message, fix))
    return {name_of(one): one for one in relative_references(named)}, findings
