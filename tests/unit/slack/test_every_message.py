"""Every message has a golden file: what is said in a few sentences is shown here, group by group, and whoever makes a
message elsewhere, or one that no golden shows, is told so."""

import ast
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from bot.slack import notes
from bot.slack.messages import Message
from tests import golden
from tests.golden.notes import GROUPS, Said
from tests.standins.slack_rules import autolinked, problems

ROOT = Path(__file__).parents[3]
SLACK = ROOT / "bot" / "slack"

# What a purge leaves of a message: the ledger stands below all words. tests/golden/purged.slack.json shows it.
PURGED = ROOT / "bot" / "ledger" / "forgetting.py"
# The parts of messages and views, and the modules that make whole ones of them, from values.
PARTS = {SLACK / f"{name}.py" for name in ("blocks", "charts", "views")}
WHOLE = {
    *(SLACK / "notes").glob("*.py"),
    *(SLACK / f"{name}.py" for name in ("messages", "controls", "home_view")),
    *(SLACK / f"{name}_modal.py" for name in ("budget", "raise", "rule")),
    *(SLACK / f"{name}_message.py" for name in ("alert", "digest", "doctor", "trial")),
}
# These take the words of the others.
IN_OTHERS = {"note", "page_message", "home_note", "naming", "with_line"}
# The options of a select are asked for while somebody types, and no message.
NO_MESSAGE = {"feature_options"}


@pytest.mark.parametrize("group", GROUPS, ids=lambda module: module.__name__)
def test_a_note_looks_as_it_should(group: ModuleType) -> None:
    said = list(GROUPS[group]())
    shown = {one.name: _as_slack_gets_it(one) for one in said}
    assert len(shown) == len(said)
    name = group.__name__.rpartition(".")[2]
    golden.check(f"notes_{name}.slack.json", json.dumps(shown, ensure_ascii=False, indent=1) + "\n")


def _as_slack_gets_it(said: Said) -> object:
    if not isinstance(said.shown, Message):
        assert problems(said.shown, said.shown["type"]) == []
        return said.shown
    for form in said.shown.forms():
        assert problems(form) == []
        assert autolinked(form) == []
    return said.shown.forms()[0]


def test_every_note_is_shown() -> None:
    modules = {path.stem for path in Path(str(notes.__path__[0])).glob("*.py")} - {"__init__"}
    assert modules == {module.__name__.rpartition(".")[2] for module in GROUPS}
    for module, said in GROUPS.items():
        shown = {one.function.__name__ for one in said()}
        assert shown == set(_makers(ast.parse(inspect.getsource(module)))), module.__name__


def test_every_other_message_and_view_is_shown() -> None:
    """By a test that holds what it makes to a golden file."""
    tests = [path for path in (ROOT / "tests").rglob("test_*.py") if "golden.check(" in path.read_text()]
    called = {name for path in tests for name in _called(ast.parse(path.read_text()))}
    whole = {name for path in WHOLE - {*(SLACK / "notes").glob("*.py")} for name in _makers(_parsed(path))}
    assert len(whole) > 15
    assert whole - IN_OTHERS - called == set()


def test_no_message_is_made_elsewhere() -> None:
    """Listeners, jobs and whoever delivers say what these modules make, and put no words into blocks themselves."""
    takes_words = {*IN_OTHERS, *(name for path in PARTS for name in _makers(_parsed(path)))} - NO_MESSAGE
    assert {"paragraph", "context", "button", "closing_view", "note"} <= takes_words
    found = {
        f"{path.relative_to(ROOT)}:{line} {what}"
        for path in (ROOT / "bot").rglob("*.py")
        if path not in PARTS | WHOLE | {PURGED} and ROOT / "bot" / "demo" not in path.parents
        for line, what in _made(_parsed(path), takes_words)
    }
    assert found == set()


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _makers(module: ast.Module) -> Iterator[str]:
    """The public functions that give a message, a block or a view."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.returns is not None:
            given = ast.unparse(node.returns)
            if given.startswith(("Message", "Block", "tuple[Block", "list[Block")):
                yield node.name


def _called(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            yield _name(node)


def _made(module: ast.Module, takes_words: set[str]) -> Iterator[tuple[int, str]]:
    """Where something is imported that makes messages of words, blocks are written out or added, and words changed."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bot.slack"):
            yield from ((node.lineno, one.name) for one in node.names if one.name in {*takes_words, "blocks", "views"})
        elif isinstance(node, ast.Call):
            name = _name(node)
            changes = name == "replace" and {one.arg for one in node.keywords} & {"text", "blocks", "simple_blocks"}
            if name in {"Message", "with_blocks"} or changes:
                yield node.lineno, name
        elif isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            if keys & {"text", "blocks"}:
                yield node.lineno, "a block"


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
