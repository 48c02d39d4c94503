"""The dictionary a command uses: ours, a study's own lines (`--mapping`), and its study file (`--study-file`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.converters.dictionary import DICTIONARY, Dictionary

if TYPE_CHECKING:
    from pathlib import Path


def chosen(mapping: Path | None, study_file: Path | None) -> Dictionary:
    """The dictionary. Raises UnreadableInputError where a file is not right."""
    dictionary = DICTIONARY
    if mapping is not None:
        from trialbridge.converters.overlay import dictionary_of  # noqa: PLC0415 - only with --mapping

        dictionary = dictionary_of(mapping)
    if study_file is not None:
        from trialbridge.converters.tailoring import tailored  # noqa: PLC0415 - only with --study-file
        from trialbridge.study_file.load import load  # noqa: PLC0415

        dictionary = tailored(dictionary, load(study_file).records)
    return dictionary
