"""A changed llmcost.toml: loaded within a minute if it is sound; else the old one stays, and admins hear once."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import LedgerBusyError, SettingsError
from bot.jobs.reload import REST, Reload
from bot.ledger.deliveries import Delivery, Kind, Role
from bot.ledger.outbox import Outbox
from bot.ledger.store import Ledger
from tests.ledgers import new_ledger

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
TICK = timedelta(seconds=30)
ADMINS = ("U1", "ops@example.com")


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = new_ledger()
    yield ledger
    ledger.close()


class File:
    """llmcost.toml as a text; one that holds `wrong` is refused with its line."""

    def __init__(self, outbox: Outbox, content: bytes | None = b"old", admins: Sequence[str] = ADMINS) -> None:
        self.content = content
        self.unreadable = False
        self.busy = False
        self.adopted: list[str] = []
        self.job = Reload(self._read, self._understand, self._place, self._adopt, outbox, admins)

    def look(self, at: timedelta) -> None:
        self.job.run(NOW + at)

    def _read(self) -> bytes | None:
        if self.unreadable:
            raise SettingsError(["it cannot be read"])
        return self.content

    def _understand(self, content: bytes | None) -> str:
        text = (content or b"nothing").decode()
        if "wrong" in text:
            raise SettingsError([f"[features.chat] owner: {text}", *["more"] * text.count("!")])
        return text

    def _place(self, problems: Sequence[str], content: bytes | None) -> list[str]:
        del content
        return [f"Line 7: {problem}" for problem in problems]

    def _adopt(self, config: str, now: datetime) -> None:
        del now
        if self.busy:
            raise LedgerBusyError("a sync is running")
        self.adopted.append(config)


def told(ledger: Ledger) -> list[Delivery]:
    return ledger.outbox.latest(100)


def test_a_change_is_in_force_within_a_minute_and_once(ledger: Ledger) -> None:
    file = File(ledger.outbox)
    for tick in range(3):
        file.look(tick * TICK)
    file.content = b"new"
    for tick in range(3, 9):
        file.look(tick * TICK)
    assert file.adopted == ["old", "new"]
    assert told(ledger) == []
    file = File(ledger.outbox, b"a")
    file.look(timedelta(0))
    file.content = b"b"  # just after the look
    file.look(TICK)
    file.look(2 * TICK)
    assert file.adopted == ["b"]


def test_a_file_that_is_just_being_written_is_let_rest(ledger: Ledger) -> None:
    """An editor empties it first: an empty file is sound, and would drop every feature."""
    file = File(ledger.outbox)
    for tick in range(2):
        file.look(tick * TICK)
    file.content = b""
    file.look(2 * TICK)
    file.content = b"wrong"
    file.look(2 * TICK + timedelta(seconds=1))
    file.content = b"new"
    file.look(2 * TICK + REST)
    file.look(2 * TICK + 2 * REST)
    assert file.adopted == ["old", "new"]
    assert told(ledger) == []


def test_a_broken_file_leaves_the_old_one_and_every_admin_is_told_the_line_once(ledger: Ledger) -> None:
    file = File(ledger.outbox, b"wrong !!!!!!")
    for tick in range(5):
        file.look(tick * TICK)
    assert file.adopted == []
    notes = told(ledger)
    assert sorted((one.recipient, one.role, one.kind) for one in notes) == [
        ("U1", Role.ADMIN, Kind.NOTICE),
        ("ops@example.com", Role.ADMIN, Kind.NOTICE),
    ]
    text = notes[0].message["text"]
    assert "the old one stays in force" in text
    assert "Line 7: [features.chat] owner: wrong" in text
    assert "2 more problems are in the log." in text
    # A restart, or another process, tells nobody again; another fault is another matter.
    again = File(ledger.outbox, b"wrong !!!!!!")
    again.look(TICK)
    again.look(2 * TICK)
    assert len(told(ledger)) == 2
    again.content = b"wrong as well"
    again.look(3 * TICK)
    again.look(4 * TICK)
    assert len(told(ledger)) == 4


def test_a_file_that_is_put_right_comes_into_force(ledger: Ledger) -> None:
    file = File(ledger.outbox, b"wrong")
    file.look(timedelta(0))
    file.look(TICK)
    file.content = b"right"
    file.look(2 * TICK)
    file.look(3 * TICK)
    assert file.adopted == ["right"]


def test_while_a_sync_runs_it_waits_and_forgets_nothing(ledger: Ledger) -> None:
    file = File(ledger.outbox)
    file.busy = True
    for tick in range(4):
        file.look(tick * TICK)
    file.busy = False
    file.look(4 * TICK)
    assert file.adopted == ["old"]


def test_a_file_that_cannot_be_read_is_told_once_too(ledger: Ledger) -> None:
    file = File(ledger.outbox)
    file.unreadable = True
    for tick in range(4):
        file.look(tick * TICK)
    assert len(told(ledger)) == 2
    file.unreadable = False
    file.look(5 * TICK)
    file.look(6 * TICK)
    assert file.adopted == ["old"]


def test_without_admins_it_is_in_the_log_alone(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    file = File(ledger.outbox, b"wrong", admins=())
    file.look(timedelta(0))
    file.look(TICK)
    assert told(ledger) == []
    assert "llmcost.toml has changed and cannot be used, the old one stays: Line 7" in caplog.text


def test_a_clock_that_was_set_back_holds_nothing_up(ledger: Ledger) -> None:
    file = File(ledger.outbox)
    file.look(timedelta(0))
    file.look(-timedelta(hours=1))
    assert file.adopted == ["old"]
