"""The documents: links lead somewhere, commands exist with the options shown, no statement about options that are gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from trialbridge.cli import app

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")])
FENCED = re.compile(r"```.*?```", re.DOTALL)


def _anchors(text: str) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    heads = [re.sub(r"[`*]", "", one).strip().lower() for one in re.findall(r"(?m)^#+ (.*)$", FENCED.sub("", text))]
    return {re.sub(r"[^\w\- ]", "", one).replace(" ", "-") for one in heads}


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda one: one.name)
def test_links_lead_somewhere(file):
    """A reader would follow a link to nothing, or to a heading that has another name by now."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", file.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        target = file.parent / path if path else file
        if link.startswith("http"):
            continue
        if not target.exists() or (anchor and anchor not in _anchors(target.read_text(encoding="utf-8"))):
            dead.append(link)
    assert not dead


def _shown(text: str) -> list[list[str]]:
    """The command lines a document shows: in code, or on a line of its own after a prompt."""
    found = re.findall(r"(?m)(?:^|`|\$ )trialbridge ([a-z][^`\n#]*)", text)
    return [re.sub(r"[\[\]…]", " ", one.replace("\\|", "|")).replace(" | ", "|").split() for one in found]


def _wrong(words: list[str]) -> list[str]:
    """The words that are no command, or no option of the command they stand with; `a|b` are two to choose from."""
    command = typer.main.get_command(app)
    at = 0
    while isinstance(command, typer.core.TyperGroup):
        named = words[at].split("|") if at < len(words) else []
        unknown = [one for one in named if one not in command.commands]
        if not named or unknown:
            return unknown
        command, at = command.commands[named[0]], at + 1
    known = {one for of in command.params for one in (*of.opts, *of.secondary_opts)} | {"--help", "-h"}
    return [one for one in words[at:] if re.match(r"--?[a-z]", one) and one.split("|")[0] not in known]


@pytest.mark.parametrize("file", [one for one in DOCUMENTS if one.name != "CHANGELOG.md"], ids=lambda one: one.name)
def test_commands_and_options_shown_exist(file):
    """A reader would type a command that is refused."""
    assert not [(words, _wrong(words)) for words in _shown(file.read_text(encoding="utf-8")) if _wrong(words)]


def test_this_check_sees_what_is_wrong():
    """The checks above could not fail."""
    text = "```\n$ trialbridge convert A --to sdtm --nonsense\ntrialbridge registry page|fly X\n```\nand `trialbridge diff A B`"
    assert [_wrong(words) for words in _shown(text)] == [["--nonsense"], ["fly"], []]
    assert _anchors("# A `b` (C)\n```\n# no\n```\n## D, e-f\n") == {"a-b-c", "d-e-f"}
