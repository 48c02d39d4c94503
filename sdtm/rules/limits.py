"""What a submission's files can hold: 200 bytes a value, ASCII, no blanks in front, no stray characters.

Sources: the XPT v5 transport format (TS-140); FDA Study Data Technical Conformance Guide, 3.3; FDA business rules 1.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialbridge.sdtm.rules.data import Data, Dataset
    from trialbridge.sdtm.rules.declare import Hit

_BYTES = 200
_XPT = "XPT v5 (TS-140); SDTMIG 3.4, 4.5.3"


# What a text value must not be; asked of all columns in one pass, since mostly none breaks any.
_BREAKS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "long": lambda text: text.str.len_bytes() > _BYTES,
    "foreign": lambda text: text.str.len_bytes() != text.str.len_chars(),
    "blank": lambda text: text.str.starts_with(" "),
    "period": lambda text: text == ".",
    "control": lambda text: text.str.contains(r"[\x00-\x1f\x7f]"),
}


def _texts(data: Data, breach: str) -> Iterator[Hit]:
    """A hit for each text value that breaks a limit."""
    for one, found in data.once("texts", lambda: [(each, _breaches(each)) for each in data.all]):
        for name in found[breach]:
            yield from one.hits(_BREAKS[breach](pl.col(name)), name)


def _breaches(one: Dataset) -> dict[str, list[str]]:
    """The variables that break each limit anywhere."""
    names = [name for name, kind in one.table.frame.schema.items() if kind == pl.String]
    asked = [breaks(pl.col(name)).any() for breaks in _BREAKS.values() for name in names]
    said = one.table.frame.select(each.alias(str(number)) for number, each in enumerate(asked)).row(0) if names else ()
    return {
        breach: [name for name, found in zip(names, said[len(names) * place :], strict=False) if found]
        for place, breach in enumerate(_BREAKS)
    }


@rule("TB-XPT-0001", "A value has more than 200 bytes.", "split it over SUPP-- records or variables", section=_XPT)
def values_fit(data: Data) -> Iterator[Hit]:
    """A text value has at most 200 bytes; longer text is continued in SUPP-- or in numbered variables (TSVAL1)."""
    yield from _texts(data, "long")


@rule(
    "TB-XPT-0002",
    "A value has a character that is not ASCII.",
    "write it in ASCII (mm2, not mm²)",
    section="FDA Study Data Technical Conformance Guide, 3.3",
)
def values_are_ascii(data: Data) -> Iterator[Hit]:
    """A text value has ASCII characters only."""
    yield from _texts(data, "foreign")


@rule(
    "TB-XPT-0003",
    "A value begins with a blank.",
    "take the blank away",
    severity=Severity.WARNING,
    fda="FB1501",
    section="FDA business rules 1.5",
)
def no_leading_blanks(data: Data) -> Iterator[Hit]:
    """A text value does not begin with a blank."""
    yield from _texts(data, "blank")


@rule(
    "TB-XPT-0004",
    "A value is a single period.",
    "leave the value empty",
    fda="FB1502",
    section="FDA business rules 1.5",
)
def no_periods(data: Data) -> Iterator[Hit]:
    """A missing value is empty, not a period."""
    yield from _texts(data, "period")


@rule(
    "TB-XPT-0005",
    "A value has a control character.",
    "take it out",
    section="FDA Study Data Technical Conformance Guide, 3.3",
)
def no_control_characters(data: Data) -> Iterator[Hit]:
    """A text value has no tabs, line breaks or other control characters."""
    yield from _texts(data, "control")


@rule(
    "TB-XPT-0006", "The dataset's name has more than 8 characters.", "shorten it", cdisc="CG0018 CG0205", section=_XPT
)
def dataset_names_fit(data: Data) -> Iterator[Hit]:
    """A dataset's name has at most 8 characters."""
    for one in data.all:
        if len(one.name) > 8:
            yield one.hit()


@rule(
    "TB-XPT-0007",
    "A label has a character that is not ASCII.",
    "write the label in ASCII",
    section="FDA Study Data Technical Conformance Guide, 3.3",
)
def labels_are_ascii(data: Data) -> Iterator[Hit]:
    """The labels of datasets and variables have ASCII characters only."""
    for one in data.all:
        if not one.table.label.isascii():
            yield one.hit()
        for variable in one.table.variables:
            if not variable.label.isascii():
                yield one.hit(variable.name)


RULES = (
    values_fit,
    values_are_ascii,
    no_leading_blanks,
    no_periods,
    no_control_characters,
    dataset_names_fit,
    labels_are_ascii,
)
