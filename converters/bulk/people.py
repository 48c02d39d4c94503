"""Whose the lines of an export are, as a first pass learns it: Patients, and what else names a subject.

A line may name its subject before the Patient is met: by a ResearchSubject, or by an identifier alone. It then waits
under a number of its own until all files are seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from trialbridge.converters.bulk.lines import Head, head_of, identifier_of, kind_at_once, kind_of, links_in, names_in
from trialbridge.converters.patients import patient_named, replacements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from trialbridge.converters.patients import Name

_REFERENCE = re.compile(r"(?:^|/)(Patient|ResearchSubject)/([A-Za-z0-9.\-]{1,64})(?:/_history/[A-Za-z0-9.\-]{1,64})?$")
NOBODY, SHARED = -1, -2
ODD = -3
"""Below it stand the numbers of what names a subject that may not have been met yet."""


@dataclass(slots=True)
class People:
    """The subjects met, each with its number."""

    shared_types: frozenset[str]
    system: str
    """Of the identifier that is USUBJID."""
    patients: dict[str, int] = field(default_factory=dict)
    """By `Patient/id`, or by an identifier of a Patient that is not there."""
    owners: dict[bytes, int] = field(default_factory=dict)
    """The number of the subject that the text of `subject.reference` means."""
    _enrolled: dict[str | Name, int] = field(default_factory=dict)
    """The owner of what lines may wait for."""
    _waiting: dict[str | Name, int] = field(default_factory=dict)
    """What lines wait for, each with its number: ResearchSubjects, identifiers of Patients."""
    _files: set[int] = field(default_factory=set)
    """The numbers of the files in which Patients were met."""
    _replaced: list[tuple[str, str]] = field(default_factory=list)
    """The Patients that were replaced, and by whom (`Patient/id`)."""
    _called: dict[int, str] = field(default_factory=dict)
    """What ResearchSubjects call their subject."""
    _stand_in: dict[int, str] = field(default_factory=dict)
    """What a Patient is called where no ResearchSubject says it."""

    @property
    def numbers(self) -> int:
        """How many numbers there are: subjects from 0 on, at the end those below 0, as Python counts."""
        return len(self.patients) - ODD + len(self._waiting)

    def owner(self, line: bytes, kind: str, head: Head, file: int) -> int:
        """The number of the subject a line belongs to, SHARED, NOBODY, or that of what names a subject, below ODD."""
        if kind == "Patient":
            return self._patient(line, head, file)
        for at, link in enumerate((head.subject, head.patient, head.individual, head.owner, head.beneficiary)):
            text = link.get("reference") if isinstance(link, dict) else None
            matched = _REFERENCE.search(text) if isinstance(text, str) else None
            if matched and matched[1] == "Patient":
                owner = self._subject(f"Patient/{matched[2]}")
                if at < 2 and isinstance(text, str) and text.isprintable():
                    self.owners[text.encode()] = owner
            elif named := f"ResearchSubject/{matched[2]}" if matched else patient_named(link):
                owner = ODD - 1 - self._waiting.setdefault(named, len(self._waiting))
            else:
                continue
            if kind == "ResearchSubject" and not (matched and matched[1] == kind):
                self._enrolled.setdefault(f"ResearchSubject/{head.id}", owner)
                self._called.setdefault(owner, identifier_of(line, self.system) or "")
            return owner
        return SHARED if kind in self.shared_types else NOBODY

    def _patient(self, line: bytes, head: Head, file: int) -> int:
        self._files.add(file)
        owner = self._subject(f"Patient/{head.id}")
        name = identifier_of(line, self.system)
        if name:
            self._stand_in.setdefault(owner, name)
        self._replaced += replacements(links_in(line), f"Patient/{head.id}", _patient_at)
        return owner

    def _subject(self, key: str) -> int:
        return self.patients.setdefault(key, len(self.patients))

    def meet(self, files: Sequence[Path]) -> None:
        """All lines are seen: whose the identifiers are by which lines name a Patient.

        They are a Patient's, else those of a subject without one; an identifier of two Patients names neither.
        """
        wanted = {name: ODD - 1 - at for name, at in self._waiting.items() if isinstance(name, tuple)}
        if not wanted:
            return
        for at in sorted(self._files):
            for name, key in _patients_named(files[at]):
                if name in wanted and self._enrolled.setdefault(name, self.patients[key]) != self.patients[key]:
                    self._enrolled[name] = NOBODY
        known = {called: owner for owner, called in self._called.items() if owner >= 0}
        for name in wanted:
            if name not in self._enrolled:
                owner = known.get(name[1]) if name[0] == self.system else None
                self._enrolled[name] = self._subject("|".join(name)) if owner is None else owner
        owners = {number: self._enrolled[name] for name, number in wanted.items()}
        self._enrolled = {name: owners.get(owner, owner) for name, owner in self._enrolled.items()}
        for number, called in list(self._called.items()):
            self._called.setdefault(owners.get(number, number), called)

    def settled(self) -> NDArray[np.int64]:
        """The subject that each number means, NOBODY where it means none."""
        found = np.full(self.numbers, NOBODY)
        found[: len(self.patients)] = np.arange(len(self.patients))
        for name, at in self._waiting.items():
            found[ODD - 1 - at] = self._enrolled.get(name, NOBODY)
        return found

    def places(self) -> NDArray[np.int32]:
        """The place of each subject in the order of names; Patients of one name share a place, so they stay together."""
        names = [""] * len(self.patients)
        for key, at in self.patients.items():
            names[at] = self._called.get(at) or self._stand_in.get(at) or key.partition("/")[2]
        for members in self._linked():
            for one in members:
                names[one] = names[members[0]]
        ranks = {name: rank for rank, name in enumerate(sorted(set(names)))}
        return np.array([ranks[name] for name in names], np.int32)

    def _linked(self) -> Iterable[list[int]]:
        """Patients between whom links lead, directly or not: what the links say of one is asked of all."""
        together: dict[str, list[str]] = {}
        for pair in self._replaced:
            members = list(dict.fromkeys(one for key in pair for one in together.get(key, [key])))
            together.update(dict.fromkeys(members, members))
        for members in {id(its): its for its in together.values()}.values():
            yield [self.patients[one] for one in members if one in self.patients]


def _patient_at(target: Any) -> str | None:
    """The Patient that a link's target means."""
    text = target.get("reference") if isinstance(target, dict) else None
    matched = _REFERENCE.search(text) if isinstance(text, str) else None
    return f"Patient/{matched[2]}" if matched and matched[1] == "Patient" else None


def _patients_named(file: Path) -> Iterator[tuple[Name, str]]:
    """The identifiers of the Patients in a file, each with `Patient/id`."""
    with file.open("rb") as stream:
        for line in stream:
            if kind_at_once(line) == "Patient" and kind_of(line):
                key = f"Patient/{head_of(line).id}"
                for name in names_in(line):
                    yield name, key
