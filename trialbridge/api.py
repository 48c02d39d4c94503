"""The Python API: read, convert, compare, explain, write. `import trialbridge` gives these names.

Data may be a `Study`, `Resources`, plain resources (dicts), fhir.resources models, or a path to any of them on disk.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, overload

from trialbridge import dictionary, sources
from trialbridge.base.errors import TrialbridgeError, UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Severity
from trialbridge.base.writing import whole_file, whole_folder
from trialbridge.converters import study as converters
from trialbridge.converters.compare import Comparison, compare_resources, compare_studies
from trialbridge.converters.dictionary import DICTIONARY
from trialbridge.converters.doubtful import doubtful
from trialbridge.fhir import files as fhir_files
from trialbridge.fhir.bundle import pool, relative_references
from trialbridge.fhir.check import as_model, from_model
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.jsontext import encode
from trialbridge.fhir.located import Located
from trialbridge.fhir.releases import release as release_named
from trialbridge.sdtm import files as sdtm_files
from trialbridge.sdtm.table import Study
from trialbridge.sources import RESIDUE, Resources

if TYPE_CHECKING:
    from trialbridge.converters.study import Converted
    from trialbridge.dictionary import Explanation
    from trialbridge.fhir.releases import Release

__all__ = ["as_models", "diff", "explain", "read", "to_fhir", "to_sdtm", "write"]

Place: TypeAlias = str | Path


class Model(Protocol):
    """A fhir.resources model (or any pydantic model of a resource)."""

    def model_dump_json(self) -> str:
        """Its JSON."""


Item: TypeAlias = Located | dict[str, Any] | Model
Given: TypeAlias = Resources | Iterable[Item]

SDTM_FORMATS = {
    "dataset-json": "json",
    "core-csv": "core",
    **{name: name for name in sdtm_files.FORMATS if name not in ("json", "core")},
}
"""The names users say (CDISC's and CORE's words) and the rows of `sdtm.files.FORMATS`."""


@overload
def read(source: Place | Iterable[Place], *, kind: Literal["sdtm"]) -> Study: ...
@overload
def read(source: Place | Iterable[Place], *, kind: Literal["fhir"], release: str | None = None) -> Resources: ...
@overload
def read(source: Place | Iterable[Place], *, kind: None = None, release: str | None = None) -> Study | Resources: ...
def read(
    source: Place | Iterable[Place], *, kind: Literal["sdtm", "fhir"] | None = None, release: str | None = None
) -> Study | Resources:
    """Files and folders, recognised by content: SDTM datasets as a `Study`, FHIR as `Resources`.

    With `kind`, input of the other kind is an error. A folder's residue.ndjson comes with its study. `release` (`R4`,
    `R4B`, `R5`) is only needed for XML in R5. Raises UnreadableInputError.
    """
    listed = [source] if isinstance(source, str | Path) else list(source)
    found = sources.find([Path(one) for one in listed])
    if kind is not None and found.kind != kind:
        raise UnreadableInputError(f"This is {found.kind}, not {kind}.", fix="Check the path, or leave kind out.")
    if found.kind == "sdtm":
        return sources.read_study(found)
    return sources.read_resources(found, _release(release))


def write(data: Study | Given, folder: Place, format: str) -> list[Path]:  # noqa: A002 - the user's word
    """A study or resources as files of one format in a folder, all or none; the paths made.

    A study: xpt, dataset-json, ndjson, dsjc, parquet, csv, xlsx, core-csv; its residue is written as residue.ndjson
    beside the tables. Resources: ndjson, bundle, transaction, xml. Raises UnknownNameError, DoesNotFitError.
    """
    target = Path(folder)
    if isinstance(data, Study):
        with whole_folder(target) as part:
            made = list(sdtm_files.write(data, part, sdtm_format(format)))
            if data.residue or (target / RESIDUE).exists():  # never leave another study's
                made.append(write_residue(data, part))
        return [target / path.relative_to(part) for path in made]
    items = list(_items(data))
    release = data.release if isinstance(data, Resources) else converters.release_of(pool(items))
    return fhir_files.write(items, target, format, release)


def sdtm_format(name: str) -> str:
    """The name in `sdtm.files.FORMATS` of a format a user names. Raises UnknownNameError."""
    wanted = name.lower()
    if wanted in SDTM_FORMATS:
        return SDTM_FORMATS[wanted]
    if wanted in sdtm_files.FORMATS:
        return wanted
    raise UnknownNameError(f"There is no SDTM format {name!r}.", fix=f"Use {', '.join(sorted(SDTM_FORMATS))}.")


def write_residue(study: Study, folder: Path) -> Path:
    """residue.ndjson of a study."""
    with whole_file(folder / RESIDUE) as part:
        part.write_bytes(b"".join(encode(dict(entry)) + b"\n" for entry in study.residue))
    return folder / RESIDUE


def to_fhir(data: Study | Place, *, base: str = BASE, release: str = "R4") -> Converted:
    """A study as FHIR resources of a release (`R4`, `R4B`, `R5`), every cell accounted for in the ledger.

    `base` is the URL under which our identifier systems and extensions stand. Raises DoesNotFitError where the
    study's residue is of another release.
    """
    study = data if isinstance(data, Study) else read(data, kind="sdtm")
    made = converters.to_fhir(study, base=base, release=release_named(release))
    if study.residue:
        converters.refuse_another_release(made.resources, release_named(release))
    made.findings[:0] = doubtful(study, DICTIONARY)
    return made


def to_sdtm(
    data: Given | Place,
    *,
    base: str = BASE,
    release: str | None = None,
    version: str = "3.4",
    residue: bool = True,
) -> Converted:
    """The study that resources tell, as SDTM tables of a guide (`3.4`, `3.3`), with its residue and the ledger.

    `release` None: told from the resources. Raises UnreadableInputError where files hold what is no resource: the
    command `trialbridge convert` sorts such out instead.
    """
    of = _release(release)
    if isinstance(data, str | Path):
        data = read(data, kind="fhir", release=release)
    if isinstance(data, Resources):
        _whole(data)
        of = of or data.release
    return converters.to_sdtm(_items(data), base=base, release=of, version=version.replace("-", "."), residue=residue)


def diff(a: Study | Given | Place, b: Study | Given | Place) -> Comparison:
    """Two studies cell by cell, or two sets of resources element by element (references between them as `Type/id`).

    Raises TrialbridgeError where one side is a study and the other is not, or holds what is no resource.
    """
    one, other = _side(a), _side(b)
    if isinstance(one, Study) and isinstance(other, Study):
        return compare_studies(one, other)
    if isinstance(one, Study) or isinstance(other, Study):
        raise TrialbridgeError("One side is SDTM and the other FHIR.", fix="Convert one of them first.")
    return compare_resources(relative_references(one), relative_references(other))


def explain(name: str) -> Explanation:
    """What the dictionary and the standards say of a variable, a FHIR path or a code. Raises UnknownNameError."""
    return dictionary.explain(name)


def as_models(data: Given, release: str | None = None) -> list[Any]:
    """The resources as fhir.resources models (R4B's for R4). Raises UnreadableInputError naming the first that fails.

    Models hold decimals as they can and write them as floats: keep the plain resources where digits matter.
    """
    items = list(_items(data))
    of = _release(release)
    if of is None:
        of = data.release if isinstance(data, Resources) else converters.release_of(pool(items))
    return [as_model(item.resource, of) for item in items]


def _side(data: Study | Given | Place) -> Study | list[Located]:
    if isinstance(data, str | Path):
        data = read(data)
    if isinstance(data, Study):
        return data
    if isinstance(data, Resources):
        _whole(data)
    return list(_items(data))


def _whole(data: Resources) -> None:
    """Raises UnreadableInputError where something was no resource: the outcome would be about a part only."""
    for one in data.rejects:
        if one.finding.severity is Severity.ERROR:
            raise UnreadableInputError(one.finding.message, one.finding.where, one.finding.fix)


def _items(data: Given) -> Iterable[Located]:
    if isinstance(data, Resources):
        yield from data.items
        return
    for one in data:
        if isinstance(one, Located):
            yield one
        else:
            yield Located(one if isinstance(one, dict) else from_model(one))


def _release(name: str | None) -> Release | None:
    return None if name is None else release_named(name)
