"""The section `domains`: what each SDTM dataset is made of, a block for each source that feeds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from trialbridge.study_file.lines import VariableLine
from trialbridge.study_file.section import Condition, Section

if TYPE_CHECKING:
    from collections.abc import Iterator


class Each(Section):
    """One of several rows that a record makes: a test of a findings form."""

    when: Condition | None = Field(None, description="The row is made where this holds.")
    variables: dict[str, VariableLine] = Field(description="Beside those of the block.")


class Domain(Section):
    """Rows of one dataset from the records of one source, or rows written out."""

    domain: str = Field(pattern=r"[A-Z][A-Z0-9]{1,7}", description="The dataset: DM, AE, RELREC.")
    source: str | None = Field(None, alias="from", description="The source whose records make the rows.")
    when: Condition | None = Field(None, description="Only records for which this holds.")
    variables: dict[str, VariableLine] = Field(default_factory=dict)
    same: tuple[str, ...] = Field((), description="Variables taken as they are from columns of the same name.")
    each: tuple[Each, ...] = Field((), description="Several rows a record (unpivot): a test each.")
    rows: tuple[dict[str, str | float | None], ...] = Field((), description="Rows written out, without a source.")
    keep: tuple[str, ...] = Field((), description="Variables the dataset has though they may be empty.")
    order: tuple[str, ...] = Field((), description="Number the rows (--SEQ) by these variables first.")

    @model_validator(mode="after")
    def _whole(self) -> Domain:
        if (self.source is None) != bool(self.rows):
            raise ValueError("a block has `from` (a source) or `rows`, one of them")
        return self

    def lines(self) -> Iterator[VariableLine]:
        """Every line of the block."""
        yield from self.variables.values()
        for one in self.each:
            yield from one.variables.values()

    def names(self) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """What is named elsewhere: its place in the block, `source`, `codes` or `dataset`, and the name."""
        if self.source is not None:
            yield ("from",), "source", self.source
        yield from _names(("variables",), self.variables)
        for number, one in enumerate(self.each):
            yield from _names(("each", number, "variables"), one.variables)


def _names(
    place: tuple[str | int, ...], lines: dict[str, VariableLine]
) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    for variable, one in lines.items():
        if one.in_ is not None:
            yield (*place, variable, "in"), "source", one.in_
        for name in (*one.of, *((one.sequence_of,) if one.sequence_of else ())):
            dataset, dot, _ = name.partition(".")
            if dot or name == one.sequence_of:
                yield (*place, variable), "dataset", dataset
        if one.codes is not None:
            yield (*place, variable, "codes"), "codes", one.codes
        for number, part in enumerate(one.concat or ()):
            if part.codes is not None:
                yield (*place, variable, "concat", number), "codes", part.codes
