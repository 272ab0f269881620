"""README, `.env.example`, `llmcost.example.toml`, `manifest.yml` and the code name the same things: whoever adds a
setting, a word, a scope or a command adds its line."""

import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from bot.cli.main import app
from bot.reports.words import WORDS
from bot.settings.catalog_file import FEATURE_KEYS, RULE_KEYS
from bot.settings.environment import SECOND_NAMES, variable_names
from bot.settings.price_entries import PRICE_KEYS
from bot.slack.connection import COMMAND
from tests.standins.slack_needs import NEEDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
MANIFEST = yaml.safe_load((ROOT / "manifest.yml").read_text())


@pytest.mark.parametrize("name", variable_names())
def test_every_setting_has_its_line_in_the_readme(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.pattern)
def test_every_word_has_its_line_in_the_readme(word: object) -> None:
    assert f"| `{word.pattern}` | {word.meaning} |" in README  # type: ignore[attr-defined] # parametrize knows no types


def test_the_readme_names_no_setting_that_is_none() -> None:
    named = set(re.findall(r"\b(?:LLMCOST|SLACK|LANGSMITH|LANGCHAIN|DATABASE)_[A-Z0-9_]+", README))
    others = {"LANGCHAIN_METADATA"}  # what does not work is said too
    assert named - others <= {*variable_names(), *SECOND_NAMES.values()}


def test_every_key_of_the_file_is_in_the_example() -> None:
    example = (ROOT / "llmcost.example.toml").read_text()
    missing = [key for key in (*FEATURE_KEYS, *RULE_KEYS, *PRICE_KEYS) if not re.search(rf"\b{key} = ", example)]
    assert missing == []


def test_every_subcommand_is_in_the_readme() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined] # it is a group
    missing = [name for name in commands if f"llmcost {name}" not in README]
    assert missing == []


def test_the_manifest_declares_the_command_that_is_heard() -> None:
    (command,) = MANIFEST["features"]["slash_commands"]
    assert command["command"] == COMMAND
    assert command["should_escape"] is True


def test_the_manifest_asks_for_the_scopes_that_are_used_and_no_other() -> None:
    """Answers go to response_url, which needs none; `commands` brings it. What the others are for, and that it is
    refused without them, is said in tests/contract/test_slack_api.py."""
    scopes = MANIFEST["oauth_config"]["scopes"]
    assert list(scopes) == ["bot"]
    assert {*scopes["bot"]} == {"commands", *NEEDS.values()}
    assert MANIFEST["settings"]["interactivity"] == {"is_enabled": True}


def test_every_scope_has_its_reason() -> None:
    lines = (ROOT / "manifest.yml").read_text()
    assert [scope for scope in MANIFEST["oauth_config"]["scopes"]["bot"] if f"\n#   {scope} " not in lines] == []


def test_the_security_paper_names_the_scopes_of_the_manifest_and_no_other() -> None:
    named = re.findall(r"^\| `([a-z:.]+)` \| \S", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)
    assert named == MANIFEST["oauth_config"]["scopes"]["bot"]


def test_the_security_paper_names_what_is_there() -> None:
    paper = (ROOT / "SECURITY.md").read_text()
    assert set(re.findall(r"LLMCOST_[A-Z_]+", paper)) <= set(variable_names())
    assert set(re.findall(r"`llmcost ([a-z]+)", paper)) <= set(get_command(app).commands)  # type: ignore[attr-defined] # it is a group
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{target}:" in makefile for target in re.findall(r"`make ([a-z-]+)`", paper))


def test_direct_messages_can_be_received() -> None:
    assert MANIFEST["features"]["app_home"]["messages_tab_enabled"] is True


def test_the_manifest_keeps_slacks_lengths() -> None:
    shown = MANIFEST["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 175 <= len(shown["long_description"]) <= 4000


def test_no_paper_and_no_code_names_a_package_registry() -> None:
    hosts = ("pypi" + ".org", "python" + "hosted.org", "index-" + "url", "npm" + "js.org")
    papers = [*ROOT.glob("*.*"), *(ROOT / "bot").rglob("*.py"), ROOT / "Makefile"]
    named = [path.name for path in papers if path.is_file() and any(host in path.read_text() for host in hosts)]
    assert named == []
