"""Answers that can be shared: kept for a day, shared once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest

from bot.ledger.answers import KEPT_MICROSECONDS, KeptAnswer
from bot.ledger.store import Ledger, open_ledger
from tests.databases import new_url

pytestmark = pytest.mark.each_database

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANSWER = KeptAnswer("a1", "U1", 10**15, '{"text": "<!channel> Ü 😀"}')


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(open_ledger(new_url(tmp_path), create=True)) as opened:
        yield opened


def test_an_answer_is_found_word_for_word(ledger: Ledger) -> None:
    ledger.keep_answer(ANSWER)
    assert ledger.find_answer("a1") == ANSWER
    assert ledger.find_answer("a2") is None


def test_an_answer_is_kept_for_a_day(ledger: Ledger) -> None:
    ledger.keep_answer(ANSWER)
    ledger.keep_answer(ANSWER._replace(id="a2", asked_at=ANSWER.asked_at + KEPT_MICROSECONDS))
    assert ledger.find_answer("a1") == ANSWER
    ledger.keep_answer(ANSWER._replace(id="a3", asked_at=ANSWER.asked_at + KEPT_MICROSECONDS + 1))
    assert ledger.find_answer("a1") is None
    assert ledger.find_answer("a2") is not None


def test_of_many_presses_at_once_one_shares(ledger: Ledger) -> None:
    ledger.keep_answer(ANSWER)
    together = Barrier(4)

    def press(_: int) -> bool:
        together.wait()
        return ledger.claim_share("a1", NOW)

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(press, range(4))) == [False, False, False, True]
    kept = ledger.find_answer("a1")
    assert kept is not None
    assert kept.shared_at is not None
    assert not ledger.claim_share("a1", NOW)


def test_a_share_that_failed_can_be_tried_again_and_no_other_answer_is_touched(ledger: Ledger) -> None:
    ledger.keep_answer(ANSWER)
    ledger.keep_answer(ANSWER._replace(id="a2"))
    assert ledger.claim_share("a1", NOW)
    assert ledger.claim_share("a2", NOW)
    ledger.give_back_share("a1")
    assert ledger.find_answer("a1") == ANSWER
    assert ledger.claim_share("a1", NOW)
    assert not ledger.claim_share("a2", NOW)


def test_an_answer_that_is_gone_cannot_be_shared(ledger: Ledger) -> None:
    assert not ledger.claim_share("a1", NOW)
