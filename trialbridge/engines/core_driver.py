"""Runs CDISC CORE's library and writes a report as CORE's own command does. Executed by the Python that CORE lives in.

    python core_driver.py REQUEST.json

CORE's package has no command line, wants Python 3.12 and pins what it depends on, so it is never imported by
trialbridge; this file imports nothing of trialbridge. The request: data (folder), output (file), cache (folder with
rules.pkl and its kin), standard, version, ct (packages, may be empty), define (file or null), rules (ids), jobs.
Keys and statuses of the report are CORE's.
"""

from __future__ import annotations

import importlib.metadata
import json
import multiprocessing
import os
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

SUFFIXES = (".xpt", ".json", ".ndjson", ".csv")
LISTINGS = ("_datasets.csv", "_variables.csv")


class OnlyData(pickle.Unpickler):
    """Reads the cache without running what a pickle may hold: containers of plain values only."""

    def find_class(self, module: str, name: str) -> Any:
        """Only sets are let in."""
        if module == "builtins" and name in {"set", "frozenset"}:
            return {"set": set, "frozenset": frozenset}[name]
        raise pickle.UnpicklingError(f"refused: {module}.{name}")


def held(cache: Path, name: str) -> Any:
    """One file of the cache."""
    with (cache / f"{name}.pkl").open("rb") as file:
        return OnlyData(file).load()


def packages(request: dict[str, Any]) -> list[str]:
    """The terminology to use: what was asked for and is in the cache, else the newest there."""
    there = sorted(one.stem for one in Path(request["cache"]).glob("sdtmct-*.pkl"))
    wanted = [one for one in request["ct"] if one in there]
    return wanted or there[-1:]


def library(request: dict[str, Any], ct: list[str]) -> Any:
    """What CORE knows of the standard, from its cache."""
    from cdisc_rules_engine.models.library_metadata_container import (
        LibraryMetadataContainer,
    )
    from cdisc_rules_engine.utilities import utils

    cache, named = Path(request["cache"]), (request["standard"], request["version"], None)
    standard = held(cache, "standards_details").get(utils.get_standard_details_cache_key(*named))
    if not standard:
        sys.exit(f"CORE's cache has no {request['standard']} {request['version']}")
    model = held(cache, "standards_models").get(utils.get_model_details_cache_key_from_ig(standard), {})
    variables = held(cache, "variables_metadata").get(utils.get_library_variables_metadata_cache_key(*named))
    codelists = held(cache, "variable_codelist_maps").get(utils.get_variable_codelist_map_cache_key(*named))
    return LibraryMetadataContainer(
        standard_metadata=standard,
        standard_schema_definition={},
        model_metadata=model,
        variables_metadata=variables,
        variable_codelist_map=codelists,
        ct_package_metadata={one: held(cache, one) for one in ct},
        published_ct_packages={one.stem for one in cache.glob("*ct-*.pkl")},
        cache_path=str(cache),
    )


def engine(request: dict[str, Any], paths: list[str], ct: list[str]) -> Any:
    """CORE's engine over the files."""
    from cdisc_rules_engine.config import config
    from cdisc_rules_engine.models.external_dictionaries_container import (
        ExternalDictionariesContainer,
    )
    from cdisc_rules_engine.rules_engine import RulesEngine
    from cdisc_rules_engine.services import logger
    from cdisc_rules_engine.services.cache import InMemoryCacheService
    from cdisc_rules_engine.services.data_services import DataServiceFactory

    logger.disabled = True
    cache = InMemoryCacheService()
    about = {
        "standard": request["standard"],
        "standard_version": request["version"],
        "standard_substandard": None,
        "library_metadata": library(request, ct),
        "max_dataset_size": max(Path(one).stat().st_size for one in paths),
    }
    listings = {
        key: str(Path(request["data"]) / name)
        for key, name in (("datasets_csv_path", LISTINGS[0]), ("variables_csv_path", LISTINGS[1]))
        if (Path(request["data"]) / name).is_file()
    }
    service = DataServiceFactory(config=config, cache_service=cache, **about, **listings).get_data_service(paths)
    return RulesEngine(
        cache=cache,
        data_service=service,
        config_obj=config,
        external_dictionaries=ExternalDictionariesContainer({}),
        dataset_paths=paths,
        ct_packages=ct,
        define_xml_path=request["define"],
        validate_xml=False,
        **about,
    )


def checked(job: tuple[dict[str, Any], list[dict[str, Any]], list[str], list[str]]) -> list[tuple[str, list[Any]]]:
    """Each rule's results over all datasets; a rule that breaks is an execution error."""
    request, rules, paths, ct = job
    warnings.simplefilter("ignore")
    runner = engine(request, paths, ct)
    done = []
    for rule in rules:
        try:
            results = [one for each in runner.validate_single_rule(rule).values() for one in each]
        except Exception as error:  # noqa: BLE001 - the other rules still run
            results = [{"executionStatus": "execution error", "message": type(error).__name__, "errors": []}]
        done.append((rule["core_id"], results))
    return done


def issues(core_id: str, results: list[Any], executability: str) -> list[dict[str, Any]]:
    """The Issue_Details of one rule."""
    return [
        {
            "core_id": core_id,
            "message": result.get("message"),
            "executability": executability,
            "dataset": error.get("dataset") or result.get("dataset"),
            "USUBJID": error.get("USUBJID") or "",
            "row": error.get("row"),
            "SEQ": error.get("SEQ"),
            "variables": list(error.get("value") or {}),
            "values": ["" if value is None else str(value) for value in (error.get("value") or {}).values()],
        }
        for result in results
        if result.get("executionStatus") == "issue reported"
        for error in result.get("errors", [])
    ]


def reasons(results: list[Any]) -> str:
    """Why a rule was skipped or broke, in CORE's words; never its data."""
    said = {
        str(error.get("error") or result.get("executionStatus"))
        for result in results
        if result.get("executionStatus") in {"skipped", "execution error"}
        for error in (result.get("errors") or [{}])
    }
    return "; ".join(sorted(said))


def main() -> None:
    """Runs the request."""
    request = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    import cdisc_rules_engine
    from cdisc_rules_engine.models.rule_validation_result import RuleValidationResult
    from cdisc_rules_engine.utilities.utils import get_execution_status

    files = sorted(one for one in Path(request["data"]).iterdir() if one.suffix.lower() in SUFFIXES)
    paths = [str(one) for one in files if one.name not in LISTINGS]
    if not paths:
        sys.exit("there is no dataset that CORE reads")
    os.chdir(Path(cdisc_rules_engine.__file__).parents[1])  # the package opens its schemas relative to here
    cache = Path(request["cache"])
    known, by_standard = held(cache, "rules"), held(cache, "rules_dictionary")
    names = by_standard.get(f"{request['standard']}/{request['version']}")
    if not names:
        sys.exit(f"CORE's cache has no rules of {request['standard']} {request['version']}")
    rules = [known[one] for one in sorted(names) if not request["rules"] or known[one]["core_id"] in request["rules"]]
    ct = packages(request)
    jobs = max(1, min(int(request["jobs"]), len(rules)))
    work = [(request, rules[number::jobs], paths, ct) for number in range(jobs)]
    if jobs == 1:
        done = [checked(work[0])]
    else:
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            done = pool.map(checked, work)
    results = dict(one for each in done for one in each)
    report: dict[str, Any] = {
        "Conformance_Details": {
            "CORE_Engine_Version": importlib.metadata.version("cdisc-rules-engine"),
            "CT_Version": ", ".join(ct),
        },
        "Issue_Details": [],
        "Rules_Report": [],
    }
    for rule in rules:
        core_id, about = rule["core_id"], RuleValidationResult(rule, [])
        status = str(get_execution_status(results[core_id]))
        report["Issue_Details"] += issues(core_id, results[core_id], about.executability)
        report["Rules_Report"].append(
            {
                "core_id": core_id,
                "version": "1",
                "cdisc_rule_id": about.cdisc_rule_id,
                "fda_rule_id": about.fda_rule_id,
                "message": about.message,
                "status": status.upper(),
                "reason": reasons(results[core_id]) if status in {"skipped", "execution error"} else "",
            }
        )
    Path(request["output"]).write_text(json.dumps(report, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
