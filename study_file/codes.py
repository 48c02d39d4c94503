"""The section `codes`: what the form says for each submission value.

codes:
  SEX: {M: Man, F: Vrouw}                       # read and written
  OUTCOME: {FATAL: [Fatal, Overleden, "5"]}      # the first is written, all are read
  EVAL: {INDEPENDENT ASSESSOR: {read: [R1, R2]}} # read only
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, RootModel, field_validator, model_validator

from trialbridge.study_file.section import Section


class Texts(Section):
    """The form's texts for one value: those that are read, and the one that is written."""

    read: tuple[str, ...] = Field((), description="Texts that mean this value.")
    write: str | None = Field(None, description="The text written on the form; none: the value is not written.")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        """One text, or a list whose first is written."""
        if isinstance(given, bool):
            raise ValueError("YAML reads an unquoted yes, no, on or off as true or false; put it in quotes")  # noqa: TRY004 - pydantic reports ValueErrors
        if isinstance(given, str | int | float):
            return {"read": (str(given),), "write": str(given)}
        if isinstance(given, list):
            texts = tuple(str(one) for one in given)
            return {"read": texts, "write": texts[0] if texts else None}
        return given

    @field_validator("read", mode="before")
    @classmethod
    def _texts(cls, given: Any) -> Any:
        return tuple(str(one) for one in given) if isinstance(given, list) else given


class Codes(RootModel[dict[str, Texts]]):
    """A code table. A text that means two values is refused."""

    @field_validator("root", mode="before")
    @classmethod
    def _values(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        for value in given:
            if isinstance(value, bool):
                raise ValueError("YAML reads an unquoted yes, no, on or off as true or false; put it in quotes")  # noqa: TRY004 - pydantic reports ValueErrors
        return {str(value): texts for value, texts in given.items()}

    @model_validator(mode="after")
    def _inverts(self) -> Codes:
        seen: dict[str, str] = {}
        for value, texts in self.root.items():
            for text in (*texts.read, *(() if texts.write is None else (texts.write,))):
                key = text.casefold()
                if seen.setdefault(key, value) != value:
                    raise ValueError(f"{text!r} stands for both {seen[key]!r} and {value!r}; it can mean one of them")
        return self
