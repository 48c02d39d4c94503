"""Push: a study's resources to a server, each to be found again; a second push changes nothing.

First the server is asked what it holds, then only what differs is sent, in transactions of bounded size, targets before
what points at them. Where nobody knows what a request did (a cut connection, an answer that is none), the server is
asked again before anything is repeated. A transaction that is refused is taken apart until the entry at fault stands
alone; what points at it falls with it, the rest goes on.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal
from uuid import NAMESPACE_URL, uuid5

from trialbridge.base.errors import ServerError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.http import shown
from trialbridge.base.http_retry import pause
from trialbridge.exchange.journal import Written
from trialbridge.exchange.kinds import references
from trialbridge.exchange.likeness import digest
from trialbridge.exchange.push_order import groups, packed
from trialbridge.exchange.push_state import decide, unable, unfindable
from trialbridge.fhir.bundle import with_references
from trialbridge.fhir.server.client import RefusedError, said
from trialbridge.fhir.server.search import token
from trialbridge.fhir.server.transactions import Result, Write, ways, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trialbridge.exchange.journal import Journal
    from trialbridge.exchange.push_state import Decision, Holdings
    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.server.client import Server
    from trialbridge.fhir.server.transactions import Way

OnError = Literal["continue", "stop", "rollback"]
_ROUNDS = 8  # of asking again after answers nobody can read
_UNREADABLE = 3  # of these, after answers that came and say nothing
_TRANSIENT = frozenset({408, 425, 429})
_ALIKE = 20  # refusals of single entries in a row, nothing taken before: the server takes nothing


@dataclass(frozen=True, slots=True)
class Options:
    """How to push. `bundle` is the most resources in one transaction; `on_error` what a refusal does to the rest."""

    bundle: int = 100
    on_error: OnError = "continue"
    dry_run: bool = False
    run: str = ""


@dataclass(slots=True)
class Pushed:
    """What became of each resource, by name; `decided` before anything was sent."""

    way: Way = "transaction"
    decided: dict[str, Decision] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    rolled_back: list[str] = field(default_factory=list)
    requests: int = 0
    stopped: bool = False
    findings: list[Finding] = field(default_factory=list)

    def of(self, deed: str) -> list[str]:
        """The names of one deed, as decided."""
        return [name for name, one in self.decided.items() if one.deed == deed]

    def counts(self) -> dict[str, int]:
        """How many of each: they add up to all."""
        sent = {*self.created, *self.updated, *self.failed, *self.rolled_back}
        left = [name for name in (*self.of("create"), *self.of("update")) if name not in sent]
        return {
            "created": len(self.created),
            "updated": len(self.updated),
            "unchanged": len(self.of("unchanged")),
            "matched": len(self.of("matched")),
            "conflicts": len(self.of("conflict")),
            "failed": len(self.failed),
            "rolled back": len(self.rolled_back),
            "not sent": len(left),
        }


def push(holdings: Holdings, options: Options, told: Callable[[str], None] = lambda _: None) -> Pushed:
    """Send what differs. Raises ServerError where the server is gone for good, or refuses everything."""
    pushed = Pushed(ways(holdings.server))
    names = list(holdings.resources)
    able = _able(holdings, names, pushed)
    told("asking what the server holds")
    pushed.decided = decide(holdings, able)
    pushed.findings.extend(_conflicts(holdings, pushed))
    if options.dry_run:
        return pushed
    about = {"software": f"trialbridge {version('trialbridge')}", "server": holdings.server.url}
    holdings.journal.begin(options.run, {**about, "resources": len(names)})
    for name, why in pushed.failed.items():
        holdings.journal.failed(holdings.resources[name], why, None, None)
    sender = _Sender(holdings, options, pushed)
    wanted = [name for name in able if pushed.decided[name].deed in ("create", "update")]
    ordered = groups(holdings.resources[name] for name in wanted)
    done = 0
    for bundle in packed(ordered, holdings.resources, options.bundle):
        sender.send(bundle)
        done += sum(map(len, bundle))
        told(f"sending: {done:,} of {len(wanted):,}")
        if pushed.failed and options.on_error != "continue":
            pushed.stopped = True
            break
    if pushed.failed and options.on_error == "rollback":
        told("rolling back")
        _roll_back(holdings, pushed, options)
    return pushed


def _able(holdings: Holdings, names: list[str], pushed: Pushed) -> list[str]:
    """The names the server can take at all; the others have failed beforehand."""
    told = unable(holdings.server, holdings.ids)
    for name in names:
        if (why := told.get(name.partition("/")[0])) is not None:
            pushed.failed[name] = why
    lost = unfindable(holdings)
    if lost:
        message = f"The server chooses the ids of {', '.join(lost)} and cannot search them by _tag."
        fix = "keep the journal in .push: without it a push again would make them twice"
        where = Where(file=shown(holdings.server.url))
        pushed.findings.append(Finding("TB-PUSH-FIND", Severity.WARNING, where, message, fix))
    return [name for name in names if name not in pushed.failed]


class _Sender:
    """Sends Bundles and keeps account."""

    def __init__(self, holdings: Holdings, options: Options, pushed: Pushed) -> None:
        self._holdings = holdings
        self._server: Server = holdings.server
        self._journal: Journal = holdings.journal
        self._options = options
        self._pushed = pushed
        self._refused: Counter[int | None] = Counter()

    def send(self, bundle: list[list[str]]) -> None:
        """Send groups of resources in one Bundle; what fails is kept, what can go on goes on."""
        bundle = [group for group in bundle if not self._fallen(group)]
        doubtful = False
        for number in range(1, _ROUNDS + 1):
            try:
                bundle = self._left(bundle) if doubtful else bundle
            except ServerError as error:
                self._again(number, error)
                continue
            if not bundle:
                return
            doubtful = True
            try:
                self._try(bundle)
            except RefusedError as error:
                if _final(error.status, number):
                    self._apart(bundle, error)
                    return
                self._again(number, error)
            except ServerError as error:
                self._again(number if error.status is None else number + _ROUNDS - _UNREADABLE, error)
            else:
                return

    def _fallen(self, group: list[str]) -> bool:
        """Whether a resource of the group points at one that has failed and is not there: then the group fails too."""
        down, there = self._pushed.failed, self._holdings.names
        if any(name in down for name in group):
            return True
        for name in group:
            targets = references(self._holdings.resources[name])
            at = next((one for one in targets if one in down and one not in there), None)
            if at is not None:
                self._fail(group, f"it points at {at}, which has failed", None, None)
                return True
        return False

    def _again(self, number: int, error: ServerError) -> None:
        """Wait before asking again; at the last round give up."""
        if number >= _ROUNDS:
            raise error
        time.sleep(pause(number, None, 15.0))

    def _left(self, bundle: list[list[str]]) -> list[list[str]]:
        """After an answer nobody can read: what the server has taken is done, the rest is left to send."""
        names = [name for group in bundle for name in group]
        now = decide(self._holdings, names)
        for name, decision in now.items():
            if decision.deed in ("unchanged", "matched") or (
                decision.like == "digits" and self._was_sent(name, decision)
            ):
                self._account(name, decision.name or name, decision.version)
            else:
                self._pushed.decided[name] = decision
        taken = {*self._pushed.created, *self._pushed.updated}
        conflicts = [name for name in names if name not in taken and now[name].deed == "conflict"]
        for name in conflicts:
            self._fail([name], "it was changed on the server meanwhile", 409, None)
        left = [[name for name in group if name not in taken and name not in conflicts] for group in bundle]
        return [group for group in left if group]

    def _was_sent(self, name: str, decision: Decision) -> bool:
        """Whether the server has another version than before we sent: ours then, kept with fewer digits."""
        return decision.version is not None and decision.version != self._pushed.decided[name].version

    def _try(self, bundle: list[list[str]]) -> None:
        """One request (or one an entry, where the server knows no Bundles)."""
        names = [name for group in bundle for name in group]
        inside = {name: self._full_url(name) for name in names}
        writes = [self._write(name, inside) for name in names]
        self._journal.sending({name: digest(self._holdings.resources[name]) for name in names})
        self._pushed.requests += len(writes) if self._pushed.way == "single" else 1
        results = write(self._server, writes, self._pushed.way)
        written: dict[str, Written] = {}
        for name, result in zip(names, results, strict=True):
            if result.ok:
                there = result.name or self._holdings.names.get(name) or name
                written[name] = Written(digest(self._holdings.resources[name]), there, result.version)
                self._enter(name, there)
        self._journal.done(written)
        for name, result in zip(names, results, strict=True):
            if not result.ok:
                self._fail([name], _reason(result), result.status, result.outcome)
        if written:
            self._refused.clear()

    def _full_url(self, name: str) -> str:
        """The entry's fullUrl: its address, or a urn where the server is to choose the id."""
        there = self._holdings.names.get(name)
        if there is None and self._holdings.ids[name.partition("/")[0]] == "client":
            there = name
        return f"{self._server.url}/{there}" if there else f"urn:uuid:{uuid5(NAMESPACE_URL, name)}"

    def _write(self, name: str, inside: dict[str, str]) -> Write:
        """The entry of one resource."""
        kind, _, own = name.partition("/")
        decision = self._pushed.decided[name]
        body = self._pointed(self._holdings.tagged(name), inside)
        if decision.deed == "create" and self._holdings.ids[kind] == "server":
            made = {key: value for key, value in body.items() if key != "id"}
            tag = f"_tag={token(self._holdings.tag_system, own)}"
            findable = "_tag" in self._server.capabilities().of_type(kind).parameters
            return Write("POST", kind, made, inside[name], if_none_exist=tag if findable else None)
        there = decision.name or name
        body = {**body, "id": there.partition("/")[2]}
        return Write("PUT", there, body, inside[name], if_match=decision.version)

    def _pointed(self, resource: Resource, inside: dict[str, str]) -> Resource:
        """References as the server must see them: by the id there, or by the urn of an entry of the same Bundle."""

        def renamed(text: str) -> str:
            if text in self._holdings.names:
                return self._holdings.names[text]
            url = inside.get(text, "")
            return url if url.startswith("urn:") else text

        return with_references(resource, renamed)

    def _enter(self, name: str, there: str) -> None:
        self._holdings.names[name] = there
        known = self._pushed.created if self._pushed.decided[name].deed == "create" else self._pushed.updated
        if name not in known:
            known.append(name)

    def _account(self, name: str, there: str, made: str | None) -> None:
        """The server has it after all."""
        self._enter(name, there)
        self._journal.done({name: Written(digest(self._holdings.resources[name]), there, made)})

    def _apart(self, bundle: list[list[str]], error: RefusedError) -> None:
        """A refused Bundle: halves of it, until the group at fault stands alone."""
        taken = self._pushed.created or self._pushed.updated
        if error.status == 401 or (error.status == 403 and not taken):
            raise error
        if len(bundle) > 1 and self._options.on_error == "continue":
            half = len(bundle) // 2
            self.send(bundle[:half])
            self.send(bundle[half:])
            return
        names = [name for group in bundle for name in group]
        self._refused[error.status] += 1
        told = said(error.outcome)
        self._fail(
            names, f"the server answered {error.status}{f': {told}' if told else ''}", error.status, error.outcome
        )
        if self._refused[error.status] >= _ALIKE and not taken:
            raise error

    def _fail(self, names: Iterable[str], why: str, status: int | None, outcome: Resource | None) -> None:
        for name in names:
            if name not in self._pushed.failed:
                self._pushed.failed[name] = why
                self._journal.failed(self._holdings.resources[name], why, status, outcome)


def _final(status: int | None, number: int) -> bool:
    """Whether a refusal stands: 4xx does, but for haste; a server's own fault (500) does at its third time."""
    if status is None or status in _TRANSIENT:
        return False
    return status < 500 or (status in (500, 501) and number >= _UNREADABLE)


def _reason(result: Result) -> str:
    told = said(result.outcome)
    return f"the server answered {result.status}{f': {told}' if told else ''}"


def _roll_back(holdings: Holdings, pushed: Pushed, options: Options) -> None:
    """Undo what this push did, the last first: what it made is deleted, what it changed is put back.

    A version that is not ours any more is left alone, and said (TB-PUSH-ROLLBACK).
    """
    done = [*pushed.created, *pushed.updated]
    ordered = groups(holdings.resources[name] for name in done)[::-1]
    for bundle in packed(ordered, holdings.resources, options.bundle):
        names = [name for group in bundle for name in group]
        writes = [_undoing(holdings, pushed, name) for name in names]
        try:
            results = write(holdings.server, writes, pushed.way)
        except ServerError as error:
            pushed.findings.append(_not_undone(holdings, names, error.message))
            continue
        undone = [name for name, result in zip(names, results, strict=True) if result.ok]
        pushed.rolled_back.extend(undone)
        holdings.journal.undone(undone)
        if len(undone) < len(names):
            pushed.findings.append(_not_undone(holdings, [one for one in names if one not in undone], "it was refused"))
    pushed.created = [name for name in pushed.created if name not in pushed.rolled_back]
    pushed.updated = [name for name in pushed.updated if name not in pushed.rolled_back]


def _undoing(holdings: Holdings, pushed: Pushed, name: str) -> Write:
    there = holdings.names[name]
    known = holdings.journal.known.get(name)
    if name in pushed.created:
        return Write("DELETE", there)
    return Write("PUT", there, holdings.previous[name], if_match=known.version if known else None)


def _not_undone(holdings: Holdings, names: list[str], why: str) -> Finding:
    message = f"{len(names)} resources could not be rolled back ({why}): {', '.join(names[:5])}."
    where = Where(file=shown(holdings.server.url))
    return Finding("TB-PUSH-ROLLBACK", Severity.ERROR, where, message, "see them on the server")


def _conflicts(holdings: Holdings, pushed: Pushed) -> Iterator[Finding]:
    for name in pushed.of("conflict"):
        message = "It was changed on the server since our last push; it was not sent."
        where = Where(file=shown(holdings.server.url), resource=name)
        yield Finding("TB-PUSH-CONFLICT", Severity.ERROR, where, message, "pull first, or give --overwrite")
    kept = pushed.of("matched")
    if kept:
        message = f"{len(kept)} resources are there under other ids, by their identifiers; they are left as they are."
        where = Where(file=shown(holdings.server.url), resource=", ".join(kept[:3]))
        yield Finding("TB-PUSH-MATCHED", Severity.NOTE, where, message, "")
