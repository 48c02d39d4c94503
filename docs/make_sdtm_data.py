"""Makes the data files of sdtm/data from two JSON files of facts; see docs/data-origin.md for where those come from.

    python docs/make_sdtm_data.py SDTMIG_VARIABLES.json SDTM_CT.json sdtm/data [CORE_CACHE]

The first file has the domains our mappings began with; the others come from the cache folder of CDISC CORE
(standards_details.pkl), read without running any code of it.

The outputs are plain tab-separated text, so that a new version of the standard shows as a readable diff.
A fact that would not survive the format (a tab in a label, an order that is not 1, 2, 3 ...) stops the script.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import Any

METADATA_HEADER = """\
# SDTMIG {version}: datasets and variables, facts only (names, labels, types, core, role, order, codelists).
# Origin: CDISC Library content, as published in OpenStudyBuilder's public repository and in CDISC CORE's cache;
# see docs/data-origin.md.
# Made by docs/make_sdtm_data.py. Lines in the order of the standard, tab-separated:
# D name label class structure
# V name label type core role codelists(code=name ...) described-value-domain values model-variable
"""
TERMINOLOGY_HEADER = """\
# CDISC SDTM Controlled Terminology, codes and values without the definitions.
# Origin: NCI EVS text file by way of the R package sdtm.terminology (Apache-2.0); see docs/data-origin.md.
# Made by docs/make_sdtm_data.py. Lines, tab-separated, terms after their codelist:
# L code extensible submission-value name preferred-term
# T code submission-value preferred-term synonym synonym ...
#package\t{package}
#about\t{about}
"""
ABOUT = "{held} of the package's 1158 codelists, those that the bundled domains and trial summary need"


def main(variables: Path, terminology: Path, folder: Path, cache: Path | None = None) -> None:
    """Write one metadata file a version and one terminology file."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {one["code"]: one["submission_value"] for one in json.loads(terminology.read_text())["codelists"]}
    for version, datasets in json.loads(variables.read_text())["versions"].items():
        if cache is not None:
            others = core_datasets(cache / "standards_details.pkl", version, names)
            datasets |= {name: one for name, one in others.items() if name not in datasets}
        text = METADATA_HEADER.format(version=version) + metadata(datasets)
        (folder / f"sdtmig-{version}.tsv").write_text(text, encoding="utf-8", newline="\n")
    package = json.loads(terminology.read_text())
    about = ABOUT.format(held=len(package["codelists"]))
    text = TERMINOLOGY_HEADER.format(package=package["package"], about=about) + codelists(package["codelists"])
    (folder / f"{package['package']}.tsv").write_text(text, encoding="utf-8", newline="\n")


class _PlainData(pickle.Unpickler):
    """Reads lists, dicts, texts and sets; refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        """Only sets."""
        if module == "builtins" and name in {"set", "frozenset"}:
            return {"set": set, "frozenset": frozenset}[name]
        raise SystemExit(f"{module}.{name} has no place in a cache of plain data")


def core_datasets(file: Path, version: str, names: dict[str, str]) -> dict[str, Any]:
    """The datasets of a version in CORE's cache, shaped as the first file's."""
    with file.open("rb") as stream:
        standards = _PlainData(stream).load()
    classes = standards[f"standards/sdtmig/{version.replace('.', '-')}"]["classes"]
    return {
        dataset["name"]: {
            "label": dataset["label"],
            "class": group["name"],
            "structure": dataset["datasetStructure"],
            "variables": [
                _core_variable(position, one, names)
                for position, one in enumerate(dataset["datasetVariables"], start=1)
            ],
        }
        for group in classes
        for dataset in group.get("datasets", ())
    }


def _core_variable(position: int, one: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    links = one["_links"]
    codes = [link["href"].rsplit("/", 1)[1] for link in links.get("codelist", ())]
    model = links.get("modelClassVariable") or links.get("modelDatasetVariable") or {"href": "/"}
    return {
        "variable": one["name"],
        "label": one["label"],
        "type": one["simpleDatatype"],
        "core": one["core"],
        "role": one["role"],
        "order": position,
        "codelists": codes,
        "codelist_names": [names.get(code, code) for code in codes],
        "described_value_domain": one.get("describedValueDomain"),
        "value_list": one.get("valueList"),
        "model_variable": model["href"].rsplit("/", 1)[1],
    }


def metadata(datasets: dict[str, Any]) -> str:
    """The D and V lines of one version."""
    lines = []
    for name, dataset in datasets.items():
        lines.append(row("D", name, dataset["label"], dataset["class"], dataset["structure"]))
        for position, variable in enumerate(dataset["variables"], start=1):
            if variable["order"] != position:
                raise SystemExit(f"{name}.{variable['variable']}: order {variable['order']} at position {position}")
            pairs = zip(variable["codelists"], variable["codelist_names"], strict=True)
            lines.append(
                row(
                    "V",
                    variable["variable"],
                    variable["label"],
                    variable["type"],
                    variable["core"],
                    variable["role"],
                    " ".join(f"{code}={codelist}" for code, codelist in pairs),
                    variable["described_value_domain"] or "",
                    " ".join(variable["value_list"] or ()),
                    variable["model_variable"] or "",
                )
            )
    return "".join(lines)


def codelists(items: list[dict[str, Any]]) -> str:
    """The L and T lines of one package."""
    lines = []
    for item in items:
        extensible = "Yes" if item["extensible"] else "No"
        head = (item["code"], extensible, item["submission_value"], item["name"], item["preferred_term"])
        lines.append(row("L", *head))
        lines += [
            row("T", term["code"], submission_value(item["code"], term), term["preferred_term"], *term["synonyms"])
            for term in item["terms"]
        ]
    return "".join(lines)


def submission_value(codelist: str, term: dict[str, Any]) -> str:
    """The term's value; NA of codelist NY is put back, which R read as its own "missing" on the way here."""
    if term["submission_value"] is None and (codelist, term["code"]) == ("C66742", "C48660"):
        return "NA"
    if not term["submission_value"]:
        raise SystemExit(f"term {term['code']} of codelist {codelist} has no submission value")
    return str(term["submission_value"])


def row(*cells: str) -> str:
    """One line. Stops on a cell that would break it."""
    for cell in cells:
        if any(character in cell for character in "\t\r\n"):
            raise SystemExit(f"a cell holds a tab or a line break: {cell!r}")
    return "\t".join(cells) + "\n"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
