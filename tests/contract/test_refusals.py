"""What a workspace refuses is remembered for a day, for every process, and costs no message."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from bot.ledger.engine import writing
from bot.ledger.store import Ledger
from bot.slack.api import RefusedError
from bot.slack.messages import Message
from bot.slack.refusals import REMEMBERED, Refusals, refused_kinds
from tests.ledgers import new_ledger

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
CHART, SORTED, TABLE, PLAIN = ({"type": kind} for kind in ("data_visualization", "data_table", "table", "section"))
MESSAGE = Message("text", (CHART, SORTED), (PLAIN,), ((PLAIN, SORTED), (CHART, TABLE), (PLAIN, TABLE), (CHART, PLAIN)))


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = new_ledger()
    yield ledger
    ledger.close()


class Workspace:
    """Takes all blocks but some; `tried` is all that it was sent."""

    def __init__(self, *refuses: str, code: str = "invalid_blocks") -> None:
        self.refuses = refuses
        self.code = code
        self.tried: list[list[str]] = []

    def post(self, form: dict[str, object]) -> list[str]:
        kinds = [block["type"] for block in form["blocks"]]  # type: ignore[attr-defined] # a message's
        self.tried.append(kinds)
        if any(kind in self.refuses for kind in kinds):
            raise RefusedError("Slack said no.", self.code, permanent=True)
        return kinds


@pytest.mark.parametrize(
    ("refuses", "shown"),
    [
        (["data_visualization"], ["section", "data_table"]),
        (["data_table"], ["data_visualization", "table"]),
        (["data_visualization", "data_table"], ["section", "table"]),
        (["data_table", "table"], ["data_visualization", "section"]),
        (["data_visualization", "data_table", "table"], ["section"]),
    ],
)
def test_the_next_message_is_right_at_once(ledger: Ledger, refuses: list[str], shown: list[str]) -> None:
    workspace = Workspace(*refuses)
    assert Refusals(ledger.outbox).say(MESSAGE, workspace.post, NOW) == shown
    assert Refusals(ledger.outbox).known(NOW) == frozenset(refuses)
    tried = len(workspace.tried)
    later = NOW + REMEMBERED - timedelta(seconds=1)
    assert Refusals(ledger.outbox).say(MESSAGE, workspace.post, later) == shown
    assert len(workspace.tried) == tried + 1


def test_after_a_day_the_best_is_tried_again(ledger: Ledger) -> None:
    Refusals(ledger.outbox).learn(["data_visualization"], NOW)
    assert Refusals(ledger.outbox).say(MESSAGE, Workspace().post, NOW + REMEMBERED) == [
        *("data_visualization", "data_table"),
    ]


def test_bare_text_teaches_nothing(ledger: Ledger) -> None:
    """It may have been the length."""
    assert Refusals(ledger.outbox).say(MESSAGE, Workspace(*["section", "data_visualization", "table"]).post, NOW) == []
    assert Refusals(ledger.outbox).known(NOW) == frozenset()


def test_what_is_no_matter_of_form_is_raised_at_once(ledger: Ledger) -> None:
    workspace = Workspace("data_visualization", code="is_archived")
    with pytest.raises(RefusedError):
        Refusals(ledger.outbox).say(MESSAGE, workspace.post, NOW)
    assert len(workspace.tried) == 1


def test_a_ledger_that_cannot_remember_costs_no_message(ledger: Ledger) -> None:
    with writing(ledger._engine) as connection:
        connection.execute(text("DROP TABLE marks"))
    refusals = Refusals(ledger.outbox)
    assert refusals.say(MESSAGE, Workspace("data_visualization").post, NOW) == ["section", "data_table"]


def test_a_form_is_blamed_for_what_only_it_has() -> None:
    forms = MESSAGE.forms()
    assert refused_kinds(forms[:1], forms[1]) == {"data_visualization"}
    assert refused_kinds(forms[:2], forms[2]) == {"data_table"}
