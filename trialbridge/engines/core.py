"""CDISC CORE, the reference implementation of the conformance rules, run beside ours as a program of its own.

Three forms are known: the released executable (`core`), a source checkout (`core.py`), and the package
cdisc-rules-engine in a Python 3.12 environment of its own, also one that `uv` makes when asked for by `uvx`. CORE's
findings keep CORE's ids. Nothing is installed, and nothing is fetched unless `uvx` is named.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.rule import Checked, Rule, Status
from trialbridge.sdtm import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trialbridge.sdtm.table import Study

UVX = "uvx"
PACKAGE = "cdisc-rules-engine==0.17.1"
VARIABLE, CACHE = "TRIALBRIDGE_CORE", "TRIALBRIDGE_CORE_CACHE"
_DRIVER = Path(__file__).with_name("core_driver.py")
_HOW = (
    "give --core PATH: CORE's executable, its source folder, or the folder of a Python 3.12 environment with "
    f"cdisc-rules-engine; or --core {UVX} where uv may fetch it"
)
_NEEDED = ("rules.pkl", "rules_dictionary.pkl", "standards_details.pkl", "variables_metadata.pkl")


@dataclass(frozen=True, slots=True)
class Core:
    """An installed CORE: how it is called, and whether that is its own command line or the library behind our driver."""

    command: tuple[str, ...]
    library: bool
    cache: Path | None = None


@dataclass(frozen=True, slots=True)
class CoreRun:
    """What CORE said. `why` is empty when it ran, else tells why it did not; `ct` is the terminology it used."""

    checked: tuple[Checked, ...] = ()
    version: str = ""
    ct: str = ""
    why: str = ""


def find(path: Path | str | None = None, cache: Path | None = None) -> Core:
    """The CORE at that path (or $TRIALBRIDGE_CORE). Raises UnknownNameError saying what to give.

    `cache` (or $TRIALBRIDGE_CORE_CACHE) is the folder with CORE's rules and metadata; the executable brings its own.
    """
    given = str(path) if path is not None else os.environ.get(VARIABLE, "")
    kept = cache or (Path(os.environ[CACHE]) if CACHE in os.environ else None)
    if not given:
        raise UnknownNameError("It is not said where CDISC CORE is.", fix=_HOW)
    if given == UVX:
        uv = shutil.which("uv")
        if uv is None:
            raise UnknownNameError("uv, which should fetch CDISC CORE, is not installed.", fix=_HOW)
        command = (uv, "run", "--no-project", "--quiet", "--python", "3.12", "--with", PACKAGE, "python")
        return _with_cache(command, kept)
    place = Path(given)
    if place.is_dir():
        return _in_folder(place, kept)
    if not place.is_file():
        raise UnknownNameError(f"There is no CDISC CORE at {given}.", Where(file=given), _HOW)
    if place.name.startswith("python"):
        return _with_cache((str(place),), kept)
    if place.suffix == ".py":
        return Core((_python_of(place.parent), str(place)), library=False, cache=kept)
    return Core((str(place),), library=False, cache=kept)


def _in_folder(folder: Path, cache: Path | None) -> Core:
    """CORE in a folder: a release, a checkout, or an environment."""
    for name in ("core", "core.exe"):
        if (folder / name).is_file():
            return Core((str(folder / name),), library=False, cache=cache)
    if (folder / "core.py").is_file():
        return Core((_python_of(folder), str(folder / "core.py")), library=False, cache=cache)
    for name in ("bin/python", "Scripts/python.exe"):
        if (folder / name).is_file():
            return _with_cache((str(folder / name),), cache)
    raise UnknownNameError(f"There is no CDISC CORE in {folder}.", Where(file=str(folder)), _HOW)


def _python_of(folder: Path) -> str:
    """The Python of a checkout: of its own environment if it has one."""
    own = [folder / one / "bin" / "python" for one in (".venv", "venv")]
    return next((str(one) for one in own if one.is_file()), shutil.which("python3.12") or "python3.12")


def _with_cache(command: tuple[str, ...], cache: Path | None) -> Core:
    """The library, which needs a cache folder. Raises UnknownNameError if it is not there."""
    lacking = [name for name in _NEEDED if cache is None or not (cache / name).is_file()]
    if lacking:
        where = "no folder is named" if cache is None else f"{cache} has no {', '.join(lacking)}"
        raise UnknownNameError(
            f"CDISC CORE's library needs its cache of rules: {where}.",
            fix="give --core-cache FOLDER: `resources/cache` of CORE's repository, of the same version",
        )
    return Core(command, library=True, cache=cache)


def run(
    study: Study,
    core: Core,
    *,
    version: str = "3.4",
    ct: Sequence[str] = (),
    define: Path | None = None,
    rules: Sequence[str] = (),
    jobs: int | None = None,
) -> CoreRun:
    """Runs CORE over the study, written for it as Dataset-JSON in a folder that is gone afterwards.

    `ct` are terminology packages, of which CORE takes those it has; `rules` CORE's ids, all if empty. Never raises for
    what CORE does: `why` says it.
    """
    with tempfile.TemporaryDirectory(prefix="trialbridge-core-") as home:
        data, report = Path(home) / "data", Path(home) / "report.json"
        files.write(study, data, "json")
        return run_on(data, core, report, version=version, ct=ct, define=define, rules=rules, jobs=jobs)


def run_on(
    data: Path,
    core: Core,
    report: Path,
    *,
    version: str = "3.4",
    ct: Sequence[str] = (),
    define: Path | None = None,
    rules: Sequence[str] = (),
    jobs: int | None = None,
) -> CoreRun:
    """As `run`, over a folder as it stands (XPT, Dataset-JSON, or CORE's CSV layout); the report is kept."""
    dashed = version.replace(".", "-")
    if core.library:
        request = {
            "data": str(data.resolve()),
            "output": str(report.resolve()),
            "cache": str(core.cache.resolve()) if core.cache else "",
            "standard": "sdtmig",
            "version": dashed,
            "ct": list(ct),
            "define": str(define.resolve()) if define else None,
            "rules": list(rules),
            "jobs": jobs or min(os.cpu_count() or 1, 4),
        }
        asked = report.with_suffix(".request.json")
        asked.write_text(json.dumps(request), encoding="utf-8")
        command = [*core.command, str(_DRIVER), str(asked)]
    else:
        command = [*core.command, *_options(data, report, dashed, ct, define, rules, core.cache)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_home_of(core))  # noqa: S603 - what the user named
    except OSError as error:
        return CoreRun(why=f"{core.command[0]} cannot be started: {error.strerror}")
    if not report.is_file():
        last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        return CoreRun(why=f"it ended with code {done.returncode} and without a report: {last[:200]}")
    return read(report)


def _options(
    data: Path,
    report: Path,
    version: str,
    ct: Sequence[str],
    define: Path | None,
    rules: Sequence[str],
    cache: Path | None,
) -> list[str]:
    """The options of CORE's own command line, in its spelling."""
    output = str(report.resolve().with_suffix(""))
    options = ["validate", "-s", "sdtmig", "-v", version, "-d", str(data.resolve()), "-o", output, "-of", "JSON"]
    options += ["-p", "disabled"]
    options += [text for one in ct for text in ("-ct", one)]
    options += [text for one in rules for text in ("-r", one)]
    options += ["-dxp", str(define.resolve())] if define else []
    return options + (["-ca", str(cache.resolve())] if cache else [])


def _home_of(core: Core) -> Path | None:
    """The command line opens its resources relative to its own folder."""
    return None if core.library else Path(core.command[-1]).resolve().parent


def read(report: Path) -> CoreRun:
    """CORE's JSON report as what its rules said. Raises UnreadableInputError where it is none."""
    try:
        held = json.loads(report.read_text("utf-8"))
        said = tuple(_checked(held))
        details = held.get("Conformance_Details", {})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"This is no JSON report of CDISC CORE: {type(error).__name__}."
        raise UnreadableInputError(message, Where(file=str(report)), "run CORE with -of JSON") from error
    return CoreRun(said, str(details.get("CORE_Engine_Version") or ""), str(details.get("CT_Version") or ""))


def _checked(held: dict[str, Any]) -> Iterator[Checked]:
    """Each rule of the report with its findings."""
    found: dict[str, list[Finding]] = {}
    for one in held["Issue_Details"]:
        found.setdefault(one["core_id"], []).append(_finding(one))
    for one in held["Rules_Report"]:
        core_id = one["core_id"]
        rule = Rule(
            id=core_id,
            check=_not_ours,
            severity=Severity.ERROR,
            message=str(one.get("message") or ""),
            cdisc=_ids(one.get("cdisc_rule_id")),
            fda=_ids(one.get("fda_rule_id")),
            section="CDISC CORE",
        )
        status = Status(str(one["status"]).upper())
        yield Checked(rule, status, tuple(found.pop(core_id, ())), str(one.get("reason") or ""))


def _not_ours(*_: object) -> Iterator[Finding]:
    """A rule of CDISC CORE, which CORE runs."""
    raise NotImplementedError


def _ids(text: object) -> tuple[str, ...]:
    """`CG0006, FB1603` as two ids."""
    return tuple(part for part in str(text or "").replace(",", " ").split() if part)


def _finding(one: dict[str, Any]) -> Finding:
    """One issue of the report."""
    names, values = one.get("variables") or [], one.get("values") or []
    cells = tuple((str(name), "" if value is None else str(value)) for name, value in zip(names, values, strict=False))
    row = str(one.get("row") or "").strip()
    where = Where(
        dataset=(str(one.get("dataset") or "").upper().split(".", 1)[0]) or None,
        subject=str(one.get("USUBJID") or "") or None,
        row=int(float(row)) if row.replace(".", "", 1).isdecimal() else None,
        variable=cells[0][0] if cells else None,
        seq=str(one.get("SEQ") or "") or None,
    )
    return Finding(one["core_id"], Severity.ERROR, where, str(one.get("message") or ""), cells=cells)
