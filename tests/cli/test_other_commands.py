"""explain, doctor, terminology, extensions; and what holds of all commands: documented, quick to help."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from trialbridge.commands import doctor

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
ENTRY = [sys.executable, "-P", "-c", "from trialbridge.cli import main; main()"]


# --- explain ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # SDTMIG 3.4: label, core, codelist; the line's path; FHIR's own code
        ("AESER", ["Serious Event", "expected", "NY (C66742)", "AdverseEvent.seriousness", "non-serious"]),
        ("DM.SEX", ["Sex", "required", "SEX (C66731)", "Patient.gender", "F <-> female"]),
        ("dm.sex", ["Patient.gender"]),
        ("SUPPPR.PRFRACN", ["Procedure.extension", "fractionsDelivered"]),
        ("Patient.gender", ["DM.SEX", "F <-> female"]),
        ("Patient.deceased.ofType(dateTime)", ["DM.DTHDTC"]),
        ("Observation.value", ["TR.TRORRES"]),
        ("Patient.telecom", ["residue"]),
        # NCI Thesaurus C49498 is RECOVERED/RESOLVED in codelist OUT (C66768)
        ("C49498", ["RECOVERED/RESOLVED", "OUT (C66768)", "AE.AEOUT", "R4 only", "R5 only"]),
        ("NOT RECOVERED/NOT RESOLVED", ["OUT (C66768)", "AE.AEOUT"]),
        ("C66731", ["SEX", "not extensible"]),
        # mCODE 4.0.0 radiotherapy course summary: the fixed SNOMED CT code of every course
        ("1217123003", ["PR.PRDECOD", "always", "Procedure.code"]),
        ("http://hl7.org/fhir/us/core/StructureDefinition/us-core-race", ["DM.RACE"]),
        ("AESTDY", ["derived", "4.4.4"]),
        ("AEDUR", ["travels whole"]),
    ],
)
def test_explain(run, name, expected):
    """A name the help promises would not be explained, or with the wrong line."""
    done = run("explain", name)
    assert done.code == 0
    for text in expected:
        assert text in done.out


def test_explain_one_dataset_alone(run):
    """DM.SEX would be explained by other datasets' variables too."""
    found = run("explain", "DM.ARMCD", "--json").json
    assert {one["dataset"] for one in found["variables"]} == {"DM"}
    assert {one["dataset"] for one in run("explain", "ARMCD", "--json").json["variables"]} > {"DM"}


def test_explain_one_type_of_resource_alone(run):
    """Medication would be explained by what MedicationAdministration holds, MedicationRequest likewise."""
    lines = run("explain", "Medication", "--json").json["lines"]
    assert lines
    for one in lines:
        assert any(path.startswith("Medication.") for path in (one["path"], *one["also"])), one["path"]


def test_explain_unknown(run):
    """A typing error would be explained by nothing, without a hint."""
    done = run("explain", "AESERR")
    assert done.code == 2
    assert "AESER" in done.err
    assert run("explain", "C00000000").code == 2


# --- doctor, terminology, extensions ----------------------------------------------------------------------------------


def test_doctor(run):
    """`doctor` would not say what a bug report needs."""
    done = run("doctor", "--json")
    assert done.code == 0
    assert done.json["problems"] == []
    assert done.json["trialbridge"]["python"] == sys.version.split()[0]
    assert all(done.json["packages"].values())
    assert {"polars", "msgspec", "fhir.resources", "typer"} <= set(done.json["packages"])
    assert "polars" in run("doctor").out


def test_doctor_tells_what_an_extra_would_bring(run, monkeypatch):
    """Who wants `serve` would read of our test tools, and not how to get what is missing."""
    needs = ["polars>=1", 'polars-nowhere>=2; extra == "serve"', "typer; extra == 'sql'", 'pytest>=8; extra == "test"']
    monkeypatch.setattr(doctor, "requires", lambda _: needs)
    found = run("doctor", "--json").json
    assert list(found["packages"]) == ["polars"]
    assert found["optional"]["polars-nowhere"] == "not installed: pip install 'trialbridge[serve]'"
    assert list(found["optional"]) == ["polars-nowhere", "typer"]
    assert found["problems"] == []


def test_doctor_finds_what_is_missing(run, monkeypatch):
    """A package chosen and not installed would pass."""
    monkeypatch.setenv("TRIALBRIDGE_CT", "sdtmct-2099-01-01")
    assert run("doctor").code == 1
    assert "sdtmct-2099-01-01" in run("doctor", "--json").json["problems"][0]


NCI = (
    "Code\tCodelist Code\tCodelist Extensible (Yes/No)\tCodelist Name\tCDISC Submission Value\tCDISC Synonym(s)\t"
    "CDISC Definition\tNCI Preferred Term\n"
    "C66731\t\tNo\tSex\tSEX\tSex\tThe sex.\tCDISC SDTM Sex Terminology\n"
    "C16576\tC66731\t\tSex\tF\tFemale\tFemale.\tFemale\n"
)


def test_terminology(run, tmp_path):
    """A package would not be installed, listed or chosen; or be chosen by being installed."""
    file = tmp_path / "SDTM Terminology 2026-03-27.txt"
    file.write_text(NCI)
    added = run("terminology", "add", file, "--package", "sdtmct-2026-03-27", "--json")
    assert added.json == {"package": "sdtmct-2026-03-27", "codelists": 1, "terms": 1}
    listed = run("terminology", "list", "--json").json
    assert listed["available"] == ["sdtmct-2025-03-28", "sdtmct-2026-03-27"]
    assert listed["in_use"] == "sdtmct-2025-03-28"
    assert run("terminology", "use", "sdtmct-2026-03-27").code == 0
    assert "sdtmct-2026-03-27  in use" in run("terminology", "list").out
    assert run("terminology", "use", "bundled", "--json").json == {"in_use": "sdtmct-2025-03-28"}


def test_terminology_that_is_none(run, tmp_path):
    """A file that is no package, or a name that is not installed, would be taken."""
    (tmp_path / "x.txt").write_text("nonsense")
    assert run("terminology", "add", tmp_path / "x.txt").code == 2
    assert run("terminology", "use", "sdtmct-2099-01-01").code == 2
    assert run("terminology", "list", "--json").json["available"] == ["sdtmct-2025-03-28"]


def test_extensions(run, tmp_path):
    """Our extensions would not be written under the user's base URL."""
    assert run("extensions", "-o", tmp_path / "e", "--base-url", "https://sponsor.example/x").code == 0
    made = json.loads((tmp_path / "e" / "StructureDefinition-sdtm-variable.json").read_text())
    assert made["url"] == "https://sponsor.example/x/StructureDefinition/sdtm-variable"


# --- all commands -----------------------------------------------------------------------------------------------------


def commands(group=None, words=()):
    """Every command with its words and its options, as the program itself knows them."""
    from trialbridge.cli import app

    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))
        else:
            yield (
                (*words, name),
                [
                    option
                    for one in command.params
                    for option in (*one.opts, *one.secondary_opts)
                    if option.startswith("-")
                ],
            )


def test_every_command_and_option_is_documented():
    """docs/cli.md would leave out a command or an option."""
    text = DOCUMENT.read_text()
    known = dict(commands())
    assert ("convert",) in known
    assert ("terminology", "use") in known
    for words, options in known.items():
        assert f"## {words[0]}\n" in text
        assert all(re.search(rf"\b{word}\b", text) for word in words)
        for option in options:
            assert f"`{option}" in text or option in ("--help", "-h"), (words, option)


def test_every_documented_option_exists():
    """docs/cli.md would promise an option that is gone."""
    known = {option for _, options in commands() for option in options} | {"--help", "-h", "--version"}
    assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*(?![\w-])", DOCUMENT.read_text())) <= known


def test_every_command_has_json(run):
    """A command would lack --json."""
    assert all("--json" in options and "--no-color" in options for _, options in commands())


def test_wrong_usage_is_exit_code_2(run, study, tmp_path):
    """Wrong usage would end in another code than 2."""
    assert run("convert", study, "--to", "pdf", "-o", tmp_path / "o").code == 2
    assert run("convert", study, "-o", tmp_path / "o").code == 2
    assert run("nonsense").code == 2
    assert not (tmp_path / "o").exists()


def program(*words, **environment):
    """The program in a process of its own."""
    return subprocess.run(
        [*ENTRY, *words], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("convert", "here", "--to", "pdf", "-o", "out"), "--to"),
        (("convert", "here", "--to", "sdtm"), "--output"),
        (("diff", "a", "b", "--nope"), "--nope"),
    ],
)
def test_wrong_usage_is_json_where_json_is_asked_for(words, said):
    """A program that calls ours would get no JSON for an option it misspelt."""
    done = program(*words, "--json")
    assert done.returncode == 2
    assert said in json.loads(done.stdout)["error"]["message"]


def test_version():
    """`trialbridge --version` would not tell the installed version."""
    from importlib.metadata import version

    assert program("--version").stdout.strip() == f"trialbridge {version('trialbridge')}"


def _spent(*arguments):
    """CPU seconds of a child process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_is_quick():
    """--help would load polars or fhir.resources (ten times as much): of typer and rich alone, it takes 1.1 to 1.6 times."""
    bare = [sys.executable, "-P", "-c", "import typer, rich.console, rich.table, rich.panel, importlib.metadata"]
    ratios = [_spent(*ENTRY, "--help") / _spent(*bare) for _ in range(3)]
    assert min(ratios) < 3, ratios


def test_help_and_import_load_nothing_heavy():
    """`import trialbridge`, or the command line's names, would load polars, lxml, openpyxl or fhir.resources."""
    code = "import sys, trialbridge, trialbridge.cli; print([m for m in sys.modules if m in HEAVY])"
    heavy = ("polars", "lxml", "openpyxl", "pydantic", "fhir.resources", "msgspec", "rich.table")
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"HEAVY = {heavy!r}; {code}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_bulk_conversion_loads_what_it_needs(tmp_path):
    """A small conversion would first make the study file's model and the writers of formats it does not write."""
    line = b'{"resourceType":"Patient","id":"1","identifier":[{"value":"S-1"}]}\n'
    (tmp_path / "in.ndjson").write_bytes(line)
    words = ["convert", "in.ndjson", "--to", "sdtm", "-o", "out", "--format", "parquet", "--no-residue", "--quiet"]
    code = (
        f"import sys; sys.argv[1:] = {words!r}\nfrom trialbridge.cli import app\ntry:\n    app()\n"
        "except SystemExit as end:\n    print(end.code, [m for m in sys.modules if m in HEAVY])"
    )
    heavy = ("trialbridge.study_file.model", "trialbridge.converters.forms.to_sdtm", "trialbridge.sdtm.files.xpt_write")
    code = f"HEAVY = {heavy!r}\n{code}"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip().endswith("0 []"), done.stdout
    assert (tmp_path / "out" / "dm.parquet").is_file()


def test_no_color():
    """NO_COLOR or --no-color would not be heeded; without them there are colours at a terminal."""
    forced = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    colour = "\x1b[36m"  # the cyan of a path
    without = {"NO_COLOR": ""}
    assert colour in program("explain", "DM.SEX", **forced, **without).stdout
    assert colour not in program("explain", "DM.SEX", "--no-color", **forced, **without).stdout
    assert colour not in program("explain", "DM.SEX", **forced, NO_COLOR="1").stdout
