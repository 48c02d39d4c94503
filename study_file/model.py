"""The study file's model: sections that each stand in a module of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from trialbridge.study_file.codes import Codes
from trialbridge.study_file.design import Design
from trialbridge.study_file.domains import Domain
from trialbridge.study_file.reading import Reading
from trialbridge.study_file.records import Records
from trialbridge.study_file.section import Section
from trialbridge.study_file.sources import Source, Subjects
from trialbridge.study_file.visits import Visits

if TYPE_CHECKING:
    from collections.abc import Iterator

Place = tuple[str | int, ...]

__all__ = ["Identity", "Section", "StudyFile"]


def _listed(given: Any) -> Any:
    """Nothing written under a heading is an empty list."""
    return () if given is None else given


class Identity(Section):
    """Which study this is."""

    id: str = Field(min_length=1, description="STUDYID, as the sponsor writes it.")
    title: str | None = None
    registry: str | None = Field(None, description="The registry's number, such as NCT03406468.")
    sponsor: str | None = None


class StudyFile(Section):
    """A whole `study.yaml`."""

    study: Identity
    reading: Reading = Field(Reading(), description="How the centre writes dates, numbers and blanks.")
    records: Records = Field(Records(), description="Which of a hospital's records are the study's.")
    subjects: Subjects = Field(Subjects(), description="How a record says whose it is.")
    sources: dict[str, Source] = Field(default_factory=dict, description="The centre's tables, by the names used here.")
    codes: dict[str, Codes] = Field(default_factory=dict, description="Code tables: submission value -> form's text.")
    visits: Visits = Field(Visits(), description="The planned visits.")
    design: Design = Field(
        Design(), description="What a registry record does not say of the design: elements, arms, TS."
    )
    domains: Annotated[tuple[Domain, ...], BeforeValidator(_listed)] = Field(
        default=(), description="What each SDTM dataset is made of."
    )

    def misnamed(self) -> Iterator[tuple[Place, str]]:
        """Every source and code table that is named and not there: its place in the file, and what is wrong."""
        for number, one in enumerate(self.domains):
            for place, kind, name in one.names():
                there = self.sources if kind == "source" else self.codes
                if kind == "dataset":
                    made = {block.domain for block in self.domains}
                    if name not in made:
                        yield (
                            ("domains", number, *place),
                            f"no block makes dataset {name!r}; there are: {', '.join(sorted(made))}",
                        )
                    continue
                if name not in there and not (kind == "codes" and name == "VISITS"):
                    known = ", ".join(there) or "none"
                    yield ("domains", number, *place), f"there is no {kind} {name!r}; there are: {known}"
