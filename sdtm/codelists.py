"""CDISC Controlled Terminology in memory: `Term`, `Codelist`, `Terminology`.

Every term has the NCI code of its concept. The two codelists of a short and a long test name (TRTESTCD and TRTEST)
hold the same concepts, so that the code pairs a test code with its name: this is how NCI publishes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ADD_A_PACKAGE = "install the whole package from NCI with `trialbridge terminology add FILE`"


@dataclass(frozen=True, slots=True)
class Term:
    """One term: NCI code (`C25200`), CDISC submission value, NCI preferred term, CDISC synonyms."""

    code: str
    submission_value: str
    preferred_term: str = ""
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True)  # not slotted: its indexes are made on first use and kept in the instance
class Codelist:
    """One codelist: NCI code (`C66731`), submission value (`SEX`), name, whether a sponsor may add terms."""

    code: str
    submission_value: str
    name: str
    extensible: bool
    terms: tuple[Term, ...]
    preferred_term: str = ""

    @cached_property
    def _values(self) -> Mapping[str, Term]:
        return {term.submission_value: term for term in self.terms}

    @cached_property
    def _codes(self) -> Mapping[str, Term]:
        return {term.code: term for term in self.terms}

    def by_value(self, value: str) -> Term | None:
        """The term with this submission value, in this very spelling; None if there is none."""
        return self._values.get(value)

    def by_code(self, code: str) -> Term | None:
        """The term of this NCI concept; None if there is none."""
        return self._codes.get(code)

    def __contains__(self, value: object) -> bool:
        """Whether this is a submission value of the list."""
        return value in self._values

    def __iter__(self) -> Iterator[Term]:
        """The terms, in the package's order."""
        return iter(self.terms)


@dataclass(frozen=True)  # not slotted, as Codelist
class Terminology:
    """One package, or a part of one: its name (`sdtmct-2025-03-28`), codelists, and in `about` what is in it."""

    package: str
    codelists: tuple[Codelist, ...]
    about: str = ""

    @cached_property
    def _by_name(self) -> Mapping[str, Codelist]:
        named = {codelist.submission_value: codelist for codelist in self.codelists}
        return {**named, **{codelist.code: codelist for codelist in self.codelists}}

    def codelist(self, name: str) -> Codelist:
        """The codelist with this NCI code or submission value. Raises UnknownNameError if the package has none."""
        try:
            return self._by_name[name]
        except KeyError:
            about = f" ({self.about})" if self.about else ""
            message = f"Terminology package {self.package}{about} has no codelist {name}."
            raise UnknownNameError(message, fix=f"check the name, or {ADD_A_PACKAGE}") from None

    def __contains__(self, name: object) -> bool:
        """Whether there is a codelist of this NCI code or submission value."""
        return name in self._by_name

    def decode(self, codelist: str, value: str) -> str | None:
        """The long name of a short one: TRTESTCD, LDIAM -> Longest Diameter; None if the list has no such value.

        `codelist` is the list of short names. Raises UnknownNameError if it, or its list of long names, is missing.
        """
        return self._partner_value(self.codelist(codelist), self._names_of(codelist), value)

    def encode(self, codelist: str, name: str) -> str | None:
        """The short name of a long one: TRTESTCD, Longest Diameter -> LDIAM; None if there is no such name.

        `codelist` is the list of short names, as for `decode`. Raises UnknownNameError likewise.
        """
        return self._partner_value(self._names_of(codelist), self.codelist(codelist), name)

    def _names_of(self, codelist: str) -> Codelist:
        """The list of long names: xxTESTCD has xxTEST, xxTC (of questionnaires) has xxTN."""
        short = self.codelist(codelist).submission_value
        if short.endswith("CD"):
            return self.codelist(short.removesuffix("CD"))
        if short.endswith("TC"):
            return self.codelist(short.removesuffix("TC") + "TN")
        raise UnknownNameError(
            f"Codelist {short} is no list of short names, so it has no list of long ones.",
            fix="give a list like TRTESTCD, ONCRTSCD or TSPARMCD",
        )

    @staticmethod
    def _partner_value(known: Codelist, wanted: Codelist, value: str) -> str | None:
        term = known.by_value(value)
        partner = wanted.by_code(term.code) if term else None
        return partner.submission_value if partner else None
