"""`llmcost healthcheck` tells a bot that reads from one that does not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.cli.healthcheck import run_healthcheck
from bot.errors import LedgerError
from bot.ledger.booking import microseconds
from bot.ledger.coverage import SyncRow
from bot.ledger.lease import JOBS, SYNC, Lease
from bot.ledger.store import open_ledger


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/llmcost.db")
    return tmp_path


def synced(folder: Path, ago: timedelta, problem: str | None = None) -> None:
    ledger = open_ledger(f"sqlite:///{folder}/llmcost.db", create=True)
    when = microseconds(datetime.now(UTC) - ago)
    ledger.record_sync(SyncRow(when, when, 1, 1, 0, problem, 1))
    ledger.close()


def test_a_ledger_that_was_read_lately_is_healthy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synced(folder, timedelta(minutes=2))
    run_healthcheck()
    assert "2 min ago" in capsys.readouterr().out


def test_a_ledger_that_was_not_read_for_long_is_not(folder: Path) -> None:
    synced(folder, timedelta(minutes=16))
    with pytest.raises(LedgerError, match="16 min ago"):
        run_healthcheck()


def test_a_slow_rhythm_is_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMCOST_SYNC_EVERY", "10m")
    synced(folder, timedelta(minutes=29))
    run_healthcheck()
    synced(folder, timedelta(minutes=31))
    with pytest.raises(LedgerError):
        run_healthcheck()


def test_a_sync_with_a_problem_is_no_sign_of_life(folder: Path) -> None:
    synced(folder, timedelta(minutes=1), problem="LangSmith refuses the key (401).")
    with pytest.raises(LedgerError, match="not been read to the end yet"):
        run_healthcheck()


def test_a_first_sync_that_goes_on_is_a_sign_of_life_and_one_that_stands_still_is_not(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = open_ledger(f"sqlite:///{folder}/llmcost.db", create=True)
    ledger.keep_lease(Lease(JOBS, "me"), datetime.now(UTC))  # the clock's, which ticks beside a sync that hangs, too
    with pytest.raises(LedgerError, match="not been read to the end yet"):
        run_healthcheck()
    ledger.keep_lease(Lease(SYNC, "me"), datetime.now(UTC) - timedelta(seconds=20))
    run_healthcheck()
    assert "is being read for the first time" in capsys.readouterr().out
    ledger.keep_lease(Lease(SYNC, "me"), datetime.now(UTC) - timedelta(seconds=31))
    with pytest.raises(LedgerError, match="not been read to the end yet"):
        run_healthcheck()
    ledger.close()


def test_no_ledger_is_not_healthy() -> None:
    with pytest.raises(LedgerError, match="no ledger"):
        run_healthcheck()
