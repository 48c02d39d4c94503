"""The rule set of de-identification as data: read from YAML, checked, each fault named.

The bundled one is `data/deidentify.yaml`; it says where its rules come from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from trialbridge.base.deidentify import Action
from trialbridge.base.deidentify_ages import AgeRules
from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.fhir.deidentify import FhirRules
from trialbridge.fhir.elements import nodes
from trialbridge.sdtm.deidentify import SdtmRules
from trialbridge.study_file.section import Section

BUNDLED = Path(__file__).parent / "data" / "deidentify.yaml"


class _Dates(Section):
    most: Annotated[int, Field(ge=1, le=3650)] = 365


class _Ages(Section):
    most: Annotated[int, Field(ge=1)]
    words: tuple[str, ...]
    others: tuple[str, ...]
    names: tuple[str, ...]
    codes: frozenset[str]
    births: tuple[str, ...]
    birth_codes: frozenset[str]


class _Fhir(Section):
    subject_resources: frozenset[str]
    study_resources: frozenset[str]
    types: dict[str, Action]
    paths: dict[str, Action] = Field(default_factory=dict)
    identifiers: dict[str, Action] = Field(default_factory=dict)
    extensions: tuple[str, ...] = ()


class _Sdtm(Section):
    variables: dict[str, Action]
    study_datasets: frozenset[str] = frozenset()


class RuleSet(Section):
    """All rules: how far dates move, from which age on ages go, and what happens to each element and variable."""

    dates: _Dates = _Dates()
    ages: _Ages
    fhir: _Fhir
    sdtm: _Sdtm

    def for_fhir(self) -> FhirRules:
        """The rules as the FHIR walk takes them."""
        one = self.fhir
        return FhirRules(
            one.subject_resources,
            one.study_resources,
            one.types,
            one.paths,
            one.identifiers,
            one.extensions,
            self.for_ages(),
        )

    def for_sdtm(self) -> SdtmRules:
        """The rules as the SDTM tables take them."""
        return SdtmRules(self.sdtm.variables, self.sdtm.study_datasets, self.for_ages())

    def for_ages(self) -> AgeRules:
        """What an age is known by, and from which on it goes."""
        one = self.ages
        return AgeRules(one.most, one.words, one.others, one.names, one.codes, one.births, one.birth_codes)


def load_rules(file: Path | None = None) -> RuleSet:
    """The rule set of a file, or the bundled one. Raises UnreadableInputError that names each faulty place."""
    source = file or BUNDLED
    where = Where(file=str(source))
    try:
        data: Any = yaml.safe_load(source.read_text(encoding="utf-8"))
        rules = RuleSet.model_validate(data)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = Where(file=str(source), line=mark.line + 1 if mark else None)
        raise UnreadableInputError("This is no YAML.", where, "mend the line") from None
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors(include_url=False, include_input=False)
        )
        raise UnreadableInputError(f"The rule set is not right: {told}.", where, "see docs/deidentify.md") from None
    strange = sorted(
        one
        for one in (*rules.fhir.subject_resources, *rules.fhir.study_resources, *rules.fhir.types)
        if not any(one in nodes(release) for release in ("R4", "R5"))
    )
    if strange:
        raise UnreadableInputError(f"FHIR has no type {', '.join(strange)}.", where, "mend the spelling")
    return rules
