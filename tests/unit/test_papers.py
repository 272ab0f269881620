"""README, `.env.example`, `llmcost.example.toml`, `manifest.yml` and the code name the same things: whoever adds a
setting, a word, a scope or a command adds its line, and whoever takes one away takes its line away."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.main import get_command

from bot.cli.main import app
from bot.reports.words import WORDS
from bot.settings.catalog_file import FEATURE_KEYS, RULE_KEYS
from bot.settings.environment import SECOND_NAMES, variable_names
from bot.settings.price_entries import PRICE_KEYS
from bot.slack.hearing import COMMAND, Answerers, hear
from bot.slack.scopes import SCOPES
from tests.standins.slack import SCOPES as METHODS
from tests.standins.slack_needs import EVENT_SCOPES, NEEDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
MANIFEST = yaml.safe_load((ROOT / "manifest.yml").read_text())


COMMANDS = get_command(app).commands  # type: ignore[attr-defined] # it is a group


def table(head: str) -> list[str]:
    """The lines of the README's table that begins so, without their bars."""
    body = README.partition(f"{head}\n")[2].partition("\n\n")[0]
    return [line.removeprefix("| ").removesuffix(" |") for line in body.splitlines()[1:]]


@pytest.mark.parametrize("name", variable_names())
def test_every_setting_has_its_line_in_the_readme(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.pattern)
def test_every_word_has_its_line_in_the_readme(word: object) -> None:
    assert f"| `{word.pattern}` | {word.meaning} |" in README  # type: ignore[attr-defined] # parametrize knows no types


def test_the_readme_has_no_line_for_a_word_that_is_none() -> None:
    assert set(table("| say | for |")) == {f"`{word.pattern}` | {word.meaning}" for word in WORDS}


def test_the_readme_names_no_setting_that_is_none() -> None:
    listed = [line.split("`")[1] for line in table("| variable | default | for |")]
    assert sorted(listed) == sorted(variable_names())
    named = set(re.findall(r"\b(?:LLMCOST|SLACK|LANGSMITH|LANGCHAIN|DATABASE)_[A-Z0-9_]+", README))
    others = {"LANGCHAIN_METADATA"}  # what does not work is said too
    assert named - others <= {*variable_names(), *SECOND_NAMES.values()}


def test_every_key_of_the_file_is_in_the_example() -> None:
    example = (ROOT / "llmcost.example.toml").read_text()
    missing = [key for key in (*FEATURE_KEYS, *RULE_KEYS, *PRICE_KEYS) if not re.search(rf"\b{key} = ", example)]
    assert missing == []


def test_every_subcommand_is_in_the_readme() -> None:
    told = [line.split("`")[1].split()[1] for line in table("| command | does |")]
    assert sorted(told) == sorted(COMMANDS)


def test_the_readme_names_no_subcommand_that_is_none() -> None:
    named = re.findall(r"`(?:\.venv/bin/)?llmcost ([a-z][a-z-]*)", README)
    assert {*named} - {*COMMANDS} == set()
    assert len(table("| command | does |")) > 10


@pytest.mark.parametrize("line", table("| command | does |"), ids=lambda line: line.split("`")[1])
def test_the_readme_names_no_option_that_is_none(line: str) -> None:
    command = line.split("`")[1].split()[1]
    taken = {option for parameter in COMMANDS[command].params for option in parameter.opts}
    assert {*re.findall(r"--[a-z-]+", line)} <= taken


def test_the_readme_names_no_target_and_no_file_that_is_none() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"(?:`|^    )make ([a-z-]+)", README, re.MULTILINE)
    assert len(targets) > 5
    assert [target for target in targets if f"\n{target}:" not in makefile] == []
    files = re.findall(r'(?:\]\(|src="|srcset=")((?!https://)[^)"]+)', README)
    assert len(files) > 10
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_the_manifest_declares_the_command_that_is_heard() -> None:
    (command,) = MANIFEST["features"]["slash_commands"]
    assert command["command"] == COMMAND
    assert command["should_escape"] is True


class Recorder:
    """What Bolt is told to hear: it stands in for an App."""

    def __init__(self) -> None:
        self.heard: dict[str, list[Any]] = {}

    def __getattr__(self, kind: str) -> Callable[[Any], Callable[[Any], None]]:
        def register(what: Any) -> Callable[[Any], None]:
            self.heard.setdefault(kind, []).append(what)
            return lambda _: None

        return register


class Anything:
    """A part whose methods are named and never called."""

    def __getattr__(self, name: str) -> "Anything":
        return Anything()

    def __call__(self) -> None:
        raise AssertionError("nothing is heard here")


def heard() -> dict[str, list[Any]]:
    """Everything that the whole bot hears, by kind."""
    app: Any = Recorder()
    part: Any = Anything()
    hear(app, Answerers(part, part, part), "T1", lambda answer, **_: answer, lambda _: None)
    found: dict[str, list[Any]] = app.heard
    return found


def asked_of_slack() -> set[str]:
    """The Web API's methods that the code names, whoever calls them: `self._client.views_open`, `"auth.test"`."""
    code = "\n".join(path.read_text() for path in (ROOT / "bot" / "slack").glob("*.py"))
    return {method for method in METHODS if re.search(rf"\b{method.replace('.', '[._]')}\b", code)}


def test_the_manifest_declares_what_is_heard_and_no_more() -> None:
    found = heard()
    assert set(found) == {"command", "action", "view", "options", "event"}
    assert found["command"] == [command["command"] for command in MANIFEST["features"]["slash_commands"]]
    events = ["message.im" if event == "message" else event for event in found["event"]]
    assert sorted(events) == sorted(MANIFEST["settings"]["event_subscriptions"]["bot_events"])
    assert MANIFEST["settings"]["interactivity"] == {"is_enabled": bool(found["action"])}
    home = MANIFEST["features"]["app_home"]
    assert home["home_tab_enabled"] is ("app_home_opened" in events)
    assert home["messages_tab_read_only_enabled"] is ("message.im" not in events)


def pressed(shown: Any) -> Iterator[str]:
    """The actions of what can be pressed; a modal's fields are sent with the whole of it."""
    if isinstance(shown, list):
        for one in shown:
            yield from pressed(one)
    elif isinstance(shown, dict) and shown.get("type") != "input":
        if "action_id" in shown:
            yield shown["action_id"]
        yield from pressed(list(shown.values()))


def test_every_button_and_modal_that_is_shown_is_heard() -> None:
    """An action or view whose name is a constant of the code, and that nobody hears, does nothing when it is used."""
    found = heard()
    assert len(set(map(str, found["action"]))) == len(found["action"])
    files = [json.loads(path.read_text()) for path in (ROOT / "tests" / "golden").glob("*.slack.json")]
    shown = {action for one in files for action in pressed(one)}
    names = [one for one in found["action"] if isinstance(one, str)]
    patterns = [one for one in found["action"] if not isinstance(one, str)]
    assert {one["callback_id"] for one in files if "callback_id" in one} <= set(found["view"])
    assert [one for one in shown if one not in names and not any(pattern.match(one) for pattern in patterns)] == []


def test_the_manifest_asks_for_the_scopes_that_are_used_and_no_other() -> None:
    """The scopes of what is called, of what is heard, and of history in both kinds of places. Answers go to
    response_url, which needs none; `commands` brings it. That Slack refuses without them is said in
    tests/contract/test_slack_api.py."""
    scopes = MANIFEST["oauth_config"]["scopes"]
    assert list(scopes) == ["bot"]
    called = {scope for method in asked_of_slack() if (scope := METHODS[method]) is not None}
    events = {EVENT_SCOPES[event] for event in heard()["event"]} - {None}
    history = {"channels:history", "im:history"}
    assert (
        {*scopes["bot"]}
        == {"commands", *called, *events, *history}
        == {"commands", "app_mentions:read", *NEEDS.values()}
    )
    assert {*scopes["bot"]} == {*SCOPES}


def test_the_manifest_fits_slacks_schema() -> None:
    schema = json.loads((ROOT / "tests" / "standins" / "slack_manifest.schema.json").read_text())
    jsonschema.validate(MANIFEST, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(MANIFEST | {"featurs": {}}, schema)


def test_every_scope_has_its_reason() -> None:
    lines = (ROOT / "manifest.yml").read_text()
    assert [scope for scope in MANIFEST["oauth_config"]["scopes"]["bot"] if f"\n#   {scope} " not in lines] == []


def test_the_security_paper_names_the_scopes_of_the_manifest_and_no_other() -> None:
    named = re.findall(r"^\| `([a-z:._]+)` \| \S", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)
    assert named == MANIFEST["oauth_config"]["scopes"]["bot"]


def test_the_security_paper_names_what_is_there() -> None:
    paper = (ROOT / "SECURITY.md").read_text()
    assert set(re.findall(r"LLMCOST_[A-Z_]+", paper)) <= set(variable_names())
    assert set(re.findall(r"`llmcost ([a-z]+)", paper)) <= {*COMMANDS}
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
