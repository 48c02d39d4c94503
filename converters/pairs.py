"""Which resource that the tables make is which resource of the source: the same record, or a part of it.

FHIR to SDTM and back gives resources ids of our own; the residue says which of the source's each of them is. A record
pairs the resource it was read from with the one it makes, and the parts (subject, visit, lesion, site) likewise, by
their names in the mapping; the first to pair a resource has it. A study pairs by its identifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trialbridge.converters.to_sdtm import Source
    from trialbridge.mappings.kit import Resource


class Renames:
    """Made resource to source resource, both as `Type/id`: first come, first served."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}
        self._taken: set[str] = set()

    def pair(self, made: str, source: str) -> None:
        """Pair the two, unless one of them is paired."""
        if source not in self._taken and made not in self.of:
            self.of[made] = source
            self._taken.add(source)


def pairs_of(one: Source, made: Mapping[str, str], keys: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    """The pairs of a record: `made` has what it makes by the name of the part, `keys` the source's by their id()."""
    for name, mine in one.parts.items():
        if name == "Each":
            continue
        key, its = keys.get(id(mine)), made.get(name)
        if mine is None or key is None or its is None:
            continue
        if its.partition("/")[0] == mine.get("resourceType"):
            yield its, key


def name_of(made: Resource) -> str:
    """What a resource that was made is called: `Type/id`."""
    return f"{made['resourceType']}/{made['id']}"


def names_of(parts: Mapping[str, Resource]) -> dict[str, str]:
    """The same of the parts that a record made."""
    return {name: name_of(one) for name, one in parts.items() if name != "Each"}


def study_pairs(made: Iterable[Resource], source: Mapping[str, Resource]) -> Iterator[tuple[str, str]]:
    """The pairs of whole studies (no sites): the made one's identifier is one of the source's, or its id."""
    studies = [(key, one) for key, one in source.items() if _is_study(one)]
    for one in made:
        if _is_study(one):
            named = one["identifier"][0]["value"] if one.get("identifier") else None
            for key, mine in studies:
                if named in _identifiers(mine) or named == mine.get("id"):
                    yield name_of(one), key


def _is_study(one: Resource) -> bool:
    return one.get("resourceType") == "ResearchStudy" and "partOf" not in one


def _identifiers(study: Resource) -> list[Any]:
    given = study.get("identifier")
    return [one.get("value") for one in given if isinstance(one, dict)] if isinstance(given, list) else []
