"""The dictionary a command uses: ours, a study's own lines, its study file, and licensed dictionaries that code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.converters.dictionary import DICTIONARY, Dictionary

if TYPE_CHECKING:
    from pathlib import Path


def chosen(mapping: Path | None, study_file: Path | None, licensed: tuple[str, ...] = ()) -> Dictionary:
    """The dictionary; `licensed` are names of installed dictionaries (`meddra-27.1`).

    Raises UnreadableInputError where a file is not right, UnknownNameError where a dictionary is not installed.
    """
    dictionary = DICTIONARY
    if mapping is not None:
        from trialbridge.converters.overlay import dictionary_of  # noqa: PLC0415 - only with --mapping

        dictionary = dictionary_of(mapping)
    if study_file is not None:
        from trialbridge.converters.tailoring import tailored  # noqa: PLC0415 - only with --study-file
        from trialbridge.study_file.load import load  # noqa: PLC0415 - as above

        dictionary = tailored(dictionary, load(study_file).records)
    if licensed:
        from trialbridge.converters.coder import Coder  # noqa: PLC0415 - only with --dictionary
        from trialbridge.sdtm import dictionaries  # noqa: PLC0415 - as above

        coder = Coder(dictionaries.load(name) for name in licensed)
        dictionary = Dictionary(dictionary.mappings, dictionary.tailoring, coder)
    return dictionary
