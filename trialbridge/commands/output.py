"""The output folder of `convert`, written whole or not at all: data, ledger, findings, residue, rejects, manifest.

With one format the data stand in the folder itself, with several each in a sub-folder of its name. What an earlier
conversion into the same folder has written (it is in run_manifest.json) and this one has not is removed, so that a
folder never mixes two runs.
"""

from __future__ import annotations

import hashlib
import shutil
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from trialbridge import api, boundary, sources
from trialbridge.base.errors import DoesNotFitError, UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.writing import whole_folder
from trialbridge.commands.shell import counts
from trialbridge.fhir import files as fhir_files
from trialbridge.fhir.jsontext import decode, encode, pretty
from trialbridge.sdtm import files as sdtm_files
from trialbridge.sdtm.files import parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from trialbridge.commands.outcome import Outcome
    from trialbridge.converters.bulk import Bulk

RUN_MANIFEST = sources.RUN_MANIFEST


def checked_formats(to: str, formats: Iterable[str]) -> tuple[str, ...]:
    """The formats asked for, once each, or the default. Raises UnknownNameError."""
    chosen = tuple(dict.fromkeys(one.lower() for one in formats))
    if to == "forms":
        from trialbridge.commands import forms  # noqa: PLC0415 - only for forms

        return forms.checked_formats(chosen)
    if to == "sdtm":
        for one in chosen:
            api.sdtm_format(one)
        return chosen or ("dataset-json",)
    for one in chosen:
        if one not in fhir_files.FORMATS:
            raise UnknownNameError(
                f"There is no FHIR format {one!r}.", fix=f"Use {', '.join(fhir_files.FORMATS)}; or --to sdtm."
            )
    return chosen or ("ndjson",)


def check_target(target: Path, given: Iterable[Path], formats: tuple[str, ...]) -> None:
    """Refuses to write among the input. Raises UnreadableInputError."""
    if target.exists() and not target.is_dir():
        raise UnreadableInputError("The output is a file.", Where(file=str(target)), "Give a folder.")
    places = {target.resolve()} if len(formats) == 1 else {target.resolve(), *((target / f).resolve() for f in formats)}
    for path in given:
        home = path.resolve() if path.is_dir() else path.resolve().parent
        if home in places:
            message = "The output folder is where the input stands."
            raise UnreadableInputError(message, Where(file=str(target)), "Give another folder with -o.")


def write(
    outcome: Outcome,
    target: Path,
    formats: tuple[str, ...],
    about: dict[str, Any],
    given: list[Path],
    encoding: str | None = None,
) -> list[str]:
    """Everything into the folder; the names of the files made, relative to it. Raises DoesNotFitError.

    `encoding` is that of text in XPT, by default ASCII.
    """
    with run_folder(target, about, given) as (part, names):
        for name in formats:
            _write_data(outcome, part if len(formats) == 1 else part / name, name, encoding)
        if outcome.ledger is not None:
            (part / "ledger.json").write_bytes(pretty(outcome.ledger.as_dict()))
        found = [one.as_dict() for one in outcome.findings]
        (part / "findings.json").write_bytes(pretty({"counts": counts(outcome.findings), "findings": found}))
        for name, attach in outcome.attachments.items():
            attach(part / name)
        for name, lines in outcome.origins.items():
            with (part / name).open("wb") as file:
                file.writelines(lines)
        if outcome.rejects:
            rejected = b"".join(encode(boundary.as_record(one)) + b"\n" for one in outcome.rejects)
            (part / "rejects.ndjson").write_bytes(rejected)
    return names


@contextmanager
def run_folder(target: Path, about: dict[str, Any], given: list[Path]) -> Iterator[tuple[Path, list[str]]]:
    """A folder to write into, whole or not at all, and the names of what was made, filled in at the end.

    A run manifest is added (`about` and the digests of input and output), and what an earlier run wrote into `target`
    and this one did not is removed.
    """
    earlier = _earlier(target)
    names: list[str] = []
    with whole_folder(target) as part:
        yield part, names
        made = {str(one.relative_to(part)): _digest(one) for one in sorted(part.rglob("*")) if one.is_file()}
        manifest = {
            "software": f"trialbridge {version('trialbridge')}",
            **about,
            "inputs": [{"name": one.name, "sha256": _digest(one)} for one in _input_files(given)],
            "outputs": [{"name": name, "sha256": digest} for name, digest in made.items()],
        }
        (part / RUN_MANIFEST).write_bytes(pretty(manifest))
    names.extend([*made, RUN_MANIFEST])
    _remove_stale(target, earlier, made)


def _write_data(outcome: Outcome, folder: Path, name: str, encoding: str | None) -> None:
    """One format of the data; the residue stands beside the tables it belongs to."""
    if outcome.laid is not None:
        folder.mkdir(exist_ok=True)
        for one in outcome.laid.folder.iterdir():
            one.replace(folder / one.name)
        return
    if outcome.bulk is not None:
        _write_pieces(outcome.bulk, folder, name, encoding)
        return
    if outcome.forms is not None:
        from trialbridge.commands import forms  # noqa: PLC0415 - only for forms

        forms.write(outcome.forms, folder, name)
        return
    if outcome.study is None or outcome.to == "fhir":
        folder.mkdir(exist_ok=True)
        fhir_files.write(outcome.resources, folder, name, outcome.release)
        if outcome.study is not None and outcome.study.residue:
            api.write_residue(outcome.study, folder)
        return
    with _hinted():
        sdtm_files.write(outcome.study, folder, api.sdtm_format(name), encoding=encoding)
    if outcome.study.residue:
        api.write_residue(outcome.study, folder)


def _write_pieces(bulk: Bulk, folder: Path, name: str, encoding: str | None) -> None:
    """A conversion in shards, a dataset after the other; a format that wants the whole study gets it."""
    kind = api.sdtm_format(name)
    folder.mkdir(exist_ok=True)
    with _hinted():
        if kind not in parts.IN_PIECES:
            sdtm_files.write(bulk.study(), folder, kind)
        else:
            for one in bulk.datasets:
                parts.write(one.about, one.height, one.frames, folder, kind, encoding or "ascii")
    if bulk.beside is not None and bulk.beside.path is not None:
        shutil.copyfile(bulk.beside.path, folder / sources.RESIDUE)


@contextmanager
def _hinted() -> Iterator[None]:
    """Say which format holds what one does not."""
    try:
        yield
    except DoesNotFitError as error:
        fix = f"{error.fix}; or choose a format that holds it (--format dataset-json)".removeprefix("; ")
        raise DoesNotFitError(error.message, error.where, fix) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _input_files(given: Iterable[Path]) -> list[Path]:
    """The files read, folders opened, with the residue that was used."""
    found: list[Path] = []
    for path in given:
        inner = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
        skipped = sources.NEIGHBOURS - {sources.RESIDUE}
        found.extend(one for one in inner if one.name.lower() not in skipped and not one.name.startswith("."))
    return found


def _earlier(target: Path) -> dict[str, str]:
    """What an earlier run wrote here: name and SHA-256."""
    try:
        listed = decode((target / RUN_MANIFEST).read_bytes())["outputs"]
        return {one["name"]: one["sha256"] for one in listed}
    except (FileNotFoundError, NotADirectoryError, UnreadableInputError, KeyError, TypeError):
        return {}


def _remove_stale(target: Path, earlier: dict[str, str], made: dict[str, str]) -> None:
    """Remove what the earlier run wrote and nobody has changed since."""
    for name, digest in earlier.items():
        path = target / name
        inside = path.resolve().is_relative_to(target.resolve())
        if name not in made and inside and path.is_file() and _digest(path) == digest:
            path.unlink()
            if path.parent != target and not any(path.parent.iterdir()):
                path.parent.rmdir()
