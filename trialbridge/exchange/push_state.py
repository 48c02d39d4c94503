"""What a server holds of a push, and what is to be done with each resource.

A resource is found again by its own id where the server lets clients choose ids (an update that creates), for our ids
are made of business keys. Where the server chooses, each resource bears a tag with our id, by which it is found: every
type can be searched by `_tag`, also AdverseEvent, which R4 cannot search by identifier. Identifiers of lesions and
visits tell them apart within a subject only, so they never decide; those of subjects, studies and records are unique,
and a resource that has one of them under another id is taken for the same one and left as it is.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from trialbridge.exchange.likeness import TAG, Likeness, bare, digest, likeness
from trialbridge.fhir.bundle import with_references
from trialbridge.fhir.ids import system
from trialbridge.fhir.located import name_of
from trialbridge.fhir.server.search import by_ids, matches, token

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trialbridge.exchange.journal import Journal
    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.server.capability import TypeCapabilities
    from trialbridge.fhir.server.client import Server

Deed = Literal["create", "update", "unchanged", "matched", "conflict"]
Ids = Literal["client", "server"]
_UNIQUE = ("studyid", "usubjid", "sdtm-record")
_SOME = 20


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a resource: the deed, its name on the server, the version there, how it differs."""

    deed: Deed
    name: str | None = None
    version: str | None = None
    like: Likeness | None = None


@dataclass(slots=True)
class Holdings:
    """Our resources by name, who chooses the ids of each type, and the names they have on the server, once known."""

    server: Server
    resources: Mapping[str, Resource]
    base_url: str
    journal: Journal
    ids: Mapping[str, Ids]
    workers: int = 4
    overwrite: bool = False
    names: dict[str, str] = field(default_factory=dict)
    previous: dict[str, Resource] = field(default_factory=dict)

    @property
    def tag_system(self) -> str:
        """The system of the tag by which a resource is found again."""
        return system(self.base_url, TAG)

    def tagged(self, name: str) -> Resource:
        """Our resource as it is sent: bare, with the tag where the server chooses its id."""
        made = bare(self.resources[name])
        if self.ids[made["resourceType"]] == "client":
            return made
        meta = made.get("meta") or {}
        tags = [*(meta.get("tag") or ()), {"system": self.tag_system, "code": name.partition("/")[2]}]
        return {**made, "meta": {**meta, "tag": tags}}

    def expected(self, name: str) -> Resource:
        """Our resource as the server should give it back: under its id there, pointing at the ids there."""
        made = with_references(bare(self.resources[name]), lambda text: self.names.get(text, text))
        return {**made, "id": self.names[name].partition("/")[2]}


def who_chooses(server: Server, kinds: Iterable[str], wanted: str) -> dict[str, Ids]:
    """Who chooses the ids of each type: we, where an update may create; else the server."""
    if wanted in ("client", "server"):
        return dict.fromkeys(kinds, wanted)  # type: ignore[arg-type]  # one of the two, just asked
    capabilities = server.capabilities()
    return {kind: "client" if _ours(capabilities.of_type(kind)) else "server" for kind in kinds}


def _ours(can: TypeCapabilities) -> bool:
    """A server that does not say whether an update may create is tried: it refuses if it may not."""
    return "update" in can.interactions and can.update_create is not False


def decide(holdings: Holdings, names: list[str]) -> dict[str, Decision]:
    """What to do with these resources, from what the server holds of them now. Raises ServerError."""
    there = _found(holdings, names)
    holdings.names.update((name, name_of(theirs)) for name, theirs in there.items())
    made = {name: Decision("create") for name in names if name not in there}
    _match(holdings, made)
    return {name: made[name] if name in made else _decided(holdings, name, there[name]) for name in names}


def _found(holdings: Holdings, names: list[str]) -> dict[str, Resource]:
    """The server's copies by our names."""
    jobs: list[tuple[str, list[str]]] = []
    for kind, own in _by_kind(names):
        size = 50 if holdings.ids[kind] == "client" else _SOME
        jobs.extend((kind, own[at : at + size]) for at in range(0, len(own), size))
    found: dict[str, Resource] = {}
    pool = ThreadPoolExecutor(max_workers=holdings.workers)
    try:
        for its in pool.map(lambda job: _held(holdings, *job), jobs):
            found.update(its)
    finally:
        pool.shutdown(cancel_futures=True)
    return found


def _held(holdings: Holdings, kind: str, own: list[str]) -> dict[str, Resource]:
    """The server's copies of some resources of one type."""
    server = holdings.server
    can = server.capabilities().of_type(kind)
    if holdings.ids[kind] == "client":
        if can.searchable:
            return {name_of(one): one for one in by_ids(server, kind, own) if one.get("id") in own}
        read = ((f"{kind}/{one}", server.read(f"{kind}/{one}")) for one in own)
        return {name: one for name, one in read if one is not None}
    if "_tag" not in can.parameters:
        return _by_journal(holdings, kind, own)
    asked = (("_tag", ",".join(token(holdings.tag_system, one) for one in own)),)
    found: dict[str, Resource] = {}
    for one in matches(server, kind, asked):
        for tag in (one.get("meta") or {}).get("tag") or ():
            if tag.get("system") == holdings.tag_system:
                found[f"{kind}/{tag.get('code')}"] = one
    return found


def _by_journal(holdings: Holdings, kind: str, own: list[str]) -> dict[str, Resource]:
    """Without a search by tag only what the journal knows can be found again."""
    found: dict[str, Resource] = {}
    for one in own:
        known = holdings.journal.known.get(f"{kind}/{one}")
        there = holdings.server.read(known.name) if known else None
        if there is not None:
            found[f"{kind}/{one}"] = there
    return found


def _decided(holdings: Holdings, name: str, theirs: Resource) -> Decision:
    there = name_of(theirs)
    version = (theirs.get("meta") or {}).get("versionId")
    version = str(version) if version is not None else None
    known = holdings.journal.known.get(name)
    like = likeness(holdings.expected(name), bare(theirs, holdings.server.url, holdings.tag_system))
    if like == "same":
        return Decision("unchanged", there, version, like)
    kept = known is not None and version is not None and known.version == version and known.name == there
    if kept and known is not None and known.digest == digest(holdings.resources[name]):
        return Decision("unchanged", there, version, like)  # what we sent, as the server keeps it
    if like == "different" and not holdings.overwrite and not holdings.journal.is_ours(name, version):
        return Decision("conflict", there, version, like)
    holdings.previous[name] = theirs
    return Decision("update", there, version, like)


def _match(holdings: Holdings, made: dict[str, Decision]) -> None:
    """Of those to be made, the ones the server has under another id, by an identifier that is unique."""
    systems = {system(holdings.base_url, one) for one in _UNIQUE}
    wanted: dict[str, dict[tuple[str, str], str]] = {}
    for name in made:
        for pair in _pairs(holdings.resources[name], systems):
            wanted.setdefault(name.partition("/")[0], {})[pair] = name
    for kind, pairs in wanted.items():
        can = holdings.server.capabilities().of_type(kind)
        if "identifier" not in can.parameters or not can.searchable:
            continue
        listed = list(pairs)
        for at in range(0, len(listed), _SOME):
            asked = (("identifier", ",".join(token(*pair) for pair in listed[at : at + _SOME])),)
            for theirs in matches(holdings.server, kind, asked, private=True):
                for pair in _pairs(theirs, systems):
                    if pair in pairs:
                        holdings.names[pairs[pair]] = name_of(theirs)
                        made[pairs[pair]] = Decision("matched", name_of(theirs))


def _pairs(resource: Resource, systems: set[str]) -> Iterator[tuple[str, str]]:
    listed = resource.get("identifier")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and one.get("system") in systems and one.get("value"):
            yield str(one["system"]), str(one["value"])


def _by_kind(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    sorted_out: dict[str, list[str]] = {}
    for one in names:
        kind, _, own = one.partition("/")
        sorted_out.setdefault(kind, []).append(own)
    return list(sorted_out.items())


def unable(server: Server, kinds: Iterable[str]) -> dict[str, str]:
    """The types the server cannot take, with the reason."""
    capabilities = server.capabilities()
    told: dict[str, str] = {}
    for kind in kinds:
        can = capabilities.of_type(kind)
        if kind not in capabilities.types:
            told[kind] = f"the server has no {kind}"
        elif not {"update", "create"} & can.interactions:
            told[kind] = f"the server takes no {kind}"
    return told


def unfindable(holdings: Holdings) -> list[str]:
    """The types whose resources cannot be found again once this journal is lost."""
    capabilities = holdings.server.capabilities()
    return sorted(
        kind
        for kind, who in holdings.ids.items()
        if who == "server" and "_tag" not in capabilities.of_type(kind).parameters
    )
