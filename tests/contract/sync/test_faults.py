"""Whatever goes wrong at LangSmith: it is waited out or said in one sentence, and nothing is lost or counted twice."""

import logging
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import pytest

from bot.demo.api import Request
from bot.demo.server import Connection
from bot.errors import LedgerBusyError, SourceError, SourceRefusedError, SourceUnavailableError
from bot.ingest.asking import LONGEST_WAIT_SECONDS, TRIES
from bot.ledger.booking import microseconds
from bot.ledger.lease import SYNC, Lease
from bot.ledger.store import open_ledger
from tests.contract.sync.world import World, refuse
from tests.standins.langsmith import API_KEY, NOW, LangSmithStandIn

pytestmark = pytest.mark.each_database

CENT = 10_000_000
QUERY = "/runs/query"
SECOND_PAGE = '"cursor"'  # what only the questions for further pages have in them

Fault = Callable[[LangSmithStandIn, int], None]

PASSING: dict[str, tuple[Fault, str]] = {
    "429": (lambda standin, times: standin.fail_next(times, status=429, path=QUERY), "throttling us (429)"),
    "500": (lambda standin, times: standin.fail_next(times, status=500, path=QUERY), "trouble of its own (500)"),
    "503": (lambda standin, times: standin.fail_next(times, status=503, path=QUERY), "trouble of its own (503)"),
    "408": (lambda standin, times: standin.fail_next(times, status=408, path=QUERY), "trouble of its own (408)"),
    "cut body": (lambda standin, times: standin.cut_next(times, path=QUERY), "cannot be reached, or hung up"),
    "web page": (lambda standin, times: standin.html_next(times, path=QUERY), "not JSON"),
    "half JSON": (lambda standin, times: standin.raw_next(b'{"items": [', times=times, path=QUERY), "not JSON"),
    "other JSON": (lambda standin, times: standin.raw_next(b'{"runs": []}', times=times, path=QUERY), "another form"),
    "no cursor": (
        lambda standin, times: standin.raw_next(b'{"items": [], "has_more": true}', times=times, path=QUERY),
        "another form",
    ),
}
LASTING = {
    401: "refuses the key (401)",
    403: "refuses the key (403)",
    404: "(404)",
    501: "(501)",
    422: "(422)",
    400: "(400)",
}

passing = pytest.mark.parametrize("kind", PASSING)


def check_sentence(text: str) -> None:
    """One sentence or two for a person: no key, nothing of what the server said."""
    assert text.endswith(".")
    assert "\n" not in text
    assert len(text) < 330
    for secret in (API_KEY, "lsv2", "ordered", "stand-in", "Sign in", "doctype", "Traceback", "Error"):
        assert secret not in text


class TestPassing:
    """What another try may heal."""

    @passing
    def test_is_waited_out(self, world: World, caplog: pytest.LogCaptureFixture, kind: str) -> None:
        caplog.set_level(logging.DEBUG, logger="bot")
        world.standin.add_run()
        fault, sentence = PASSING[kind]
        fault(world.standin, TRIES - 1)
        summary = world.sync()
        assert (summary.problems, summary.booked.new, summary.repeated) == ([], 1, TRIES - 1)
        warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(warnings) == 1, "the trouble is logged once"
        assert sentence in warnings[0]
        for record in caplog.records:
            check_sentence(record.getMessage())

    @passing
    def test_or_given_up_until_the_next_sync_in_a_sentence(self, world: World, kind: str) -> None:
        world.standin.add_run()
        fault, sentence = PASSING[kind]
        fault(world.standin, TRIES)
        (problem,) = world.sync().problems
        assert problem.startswith("acme-prod: LangSmith")
        assert sentence in problem
        check_sentence(problem)
        with world.ledger.reading() as reading:
            last = reading.last_sync()
            assert last is not None
            assert last.problem == problem
            assert reading.last_sync(successful=True) is None
        assert world.later(minutes=1).problems == []
        assert world.total().cost == CENT

    @passing
    def test_what_was_read_stays_and_nothing_is_counted_twice(self, world: World, kind: str) -> None:
        """The first page of a slice is booked; the slice is read again, from its beginning."""
        world.standin.add_runs({"start": world.ago(minutes=30, seconds=number)} for number in range(1_100))
        fault, _ = PASSING[kind]
        fault(world.standin, TRIES)
        for order in world.standin._faults:
            order.project = SECOND_PAGE
        assert len(world.sync().problems) == 1
        assert world.total().runs == 1_000
        watermark = world.project().watermark
        assert watermark is None or watermark < world.rows("SELECT min(start) FROM runs")[0][0]
        summary = world.later(minutes=1)
        assert (summary.problems, summary.booked.new) == ([], 100)
        assert world.total().cost == 1_100 * CENT

    def test_waits_grow_and_are_bounded(self, world: World) -> None:
        world.standin.fail_next(TRIES, status=500, path=QUERY)
        world.sync()
        assert len(world.clock.waits) == TRIES - 1
        for wait, longest in zip(world.clock.waits, (2, 4, 8, 16, 32), strict=True):
            assert 0.75 * longest <= wait <= 1.25 * longest

    def test_each_try_is_one_request(self, world: World) -> None:
        """The SDK's own retries would not ask the limiter."""
        world.standin.fail_next(TRIES, status=500, path=QUERY)
        world.sync()
        assert len(world.queries) == TRIES

    def test_retries_are_counted_by_the_limiter(self, tmp_path: Path) -> None:
        with World(tmp_path, budget=2) as world:
            world.standin.add_project("acme-prod")
            world.standin.fail_next(2, status=500, path=QUERY)
            began = world.clock.now
            assert world.sync().problems == []
            requests = len(world.standin.requests)
            assert (world.clock.now - began).total_seconds() >= (requests - 1) // 2 * 10

    def test_a_timeout(self, tmp_path: Path) -> None:
        with World(tmp_path, timeout=0.2) as world:
            world.standin.add_run()
            world.standin.hang_next(60, TRIES, path=QUERY)
            (problem,) = world.sync().problems
            assert "did not answer within 0.2 s" in problem
            check_sentence(problem)
            while world.later(minutes=1).problems:  # a busy machine can be slower than that timeout
                pass
            assert world.total().cost == CENT

    def test_nobody_there(self, world: World) -> None:
        world.standin.stop()
        with pytest.raises(SourceUnavailableError, match="cannot be reached") as refused:
            world.sync()
        check_sentence(str(refused.value))
        with world.ledger.reading() as reading:
            last = reading.last_sync()
        assert last is not None
        assert last.problem == str(refused.value)


class TestThrottling:
    def test_is_obeyed_to_the_second(self, world: World) -> None:
        world.standin.add_run()
        world.standin.fail_next(2, status=429, retry_after=17, path=QUERY)
        assert world.sync().problems == []
        assert world.clock.waits == [17, 17]

    @pytest.mark.parametrize("answer", ["0", "-1", "soon", "nan", "Wed, 21 Oct 2026 07:28:00 GMT"])
    def test_an_odd_header_is_waited_out_as_none(self, world: World, answer: str) -> None:
        headers = {"Retry-After": answer}
        world.standin._order(lambda _, to: refuse(to, 429, headers), 1, QUERY, None)
        assert world.sync().problems == []
        (wait,) = world.clock.waits
        assert 1.5 <= wait <= 2.5

    def test_nobody_is_asked_again_before_a_long_wait_is_over(self, world: World) -> None:
        world.standin.fail_next(1, status=429, retry_after=3_600, path=QUERY)
        (problem,) = world.sync().problems
        assert "429" in problem
        assert len(world.queries) == 1
        began = world.clock.now
        assert world.sync().problems == []
        assert (world.clock.now - began).total_seconds() == LONGEST_WAIT_SECONDS

    def test_for_ten_minutes_of_it_we_ask_little_and_then_go_on(self, tmp_path: Path) -> None:
        """Six projects, a sync a minute: the key is throttled, not a project."""
        with World(tmp_path, patterns=("p*",)) as world:
            for number in range(6):
                world.standin.add_run(project=f"p{number}")
            world.standin.fail_next(1_000, status=429, path=QUERY)
            began = world.clock.now
            asked = 0
            while (world.clock.now - began).total_seconds() < 600:
                assert len(world.later(minutes=1).problems) == 6
                asked += 1
            assert len(world.queries) <= TRIES - 1 + 6 * asked
            world.standin._faults.clear()
            assert world.later(minutes=1).problems == []
            assert world.total().runs == 6

    def test_after_that_a_single_failure_is_waited_out_again(self, world: World) -> None:
        world.standin.fail_next(TRIES, status=429, path=QUERY)
        world.sync()
        assert world.later(minutes=1).problems == []
        world.standin.fail_next(TRIES - 1, status=429, path=QUERY)
        assert world.later(minutes=1).problems == []


class TestLasting:
    """What another try will not heal: it is not tried."""

    @pytest.mark.parametrize("status", LASTING)
    def test_of_a_projects_runs_is_its_problem(self, world: World, status: int) -> None:
        world.standin.fail_next(1, status=status, path=QUERY)
        (problem,) = world.sync().problems
        assert LASTING[status] in problem
        check_sentence(problem)
        assert len(world.queries) == 1
        assert world.clock.waits == []

    @pytest.mark.parametrize("status", LASTING)
    def test_of_the_list_of_projects_ends_the_sync(self, world: World, status: int) -> None:
        world.standin.fail_next(1, status=status, path="/sessions")
        with pytest.raises(SourceRefusedError) as refused:
            world.sync()
        assert LASTING[status] in str(refused.value)
        check_sentence(str(refused.value))
        assert world.later(minutes=1).problems == []

    def test_a_wrong_key(self, tmp_path: Path) -> None:
        with World(tmp_path, api_key="lsv2_sk_wrong") as world:
            world.standin.add_project("acme-prod")
            with pytest.raises(SourceRefusedError, match="check LANGSMITH_API_KEY, the region") as refused:
                world.sync()
            check_sentence(str(refused.value))
            assert world.standin.url in str(refused.value)

    def test_a_redirection_is_not_followed(self, tmp_path: Path) -> None:
        """The key would go with it, wherever it leads."""
        with LangSmithStandIn() as elsewhere, World(tmp_path) as world:
            headers = {"Location": f"{elsewhere.url}/api/v2/sessions"}
            world.standin._order(lambda _, to: refuse(to, 307, headers), 1, None, None)
            with pytest.raises(SourceRefusedError, match="set LANGSMITH_ENDPOINT") as refused:
                world.sync()
            check_sentence(str(refused.value))
            assert elsewhere.requests == []


def test_any_question_can_fail_and_the_next_sync_still_has_everything(tmp_path: Path) -> None:
    """Each question of two syncs in turn fails for good; the ledger after the next sync is that of syncs without. Only
    the questions what a parent's cost means and how a trace is addressed can fail without being a problem."""
    clean = fail_at(tmp_path, None)
    found = [fail_at(tmp_path, broken) for broken in range(clean.questions)]
    assert [one.ledger == clean.ledger for one in found] == [True] * clean.questions
    assert {one.may_fail for one in found} == {False, True}
    assert [one.problems for one in found] == [0 if one.may_fail else 1 for one in found]


class Outcome(NamedTuple):
    questions: int
    problems: int
    may_fail: bool
    ledger: list[tuple[object, ...]]


def fail_at(folder: Path, broken: int | None) -> Outcome:
    """Three syncs of a few traces, of which the question number `broken` is refused."""
    with World(Path(mkdtemp(dir=folder))) as world:
        for number in range(3):
            root = world.standin.add_run(
                run_type="CHAIN", metadata={"feature": f"f{number}"}, start=world.ago(days=number, minutes=2)
            )
            world.standin.add_run(parent=root, start=world.ago(days=number, minutes=1))
        world.standin.add_run(status="PENDING", start=world.ago(hours=3))
        numbers, refused = count(), list[Request]()

        def answer(request: Request, to: Connection) -> bool:
            if next(numbers) != broken:
                return False
            refused.append(request)
            return refuse(to, 400)

        world.standin._order(answer, 1_000, None, None)
        problems = 0
        for _ in range(2):
            try:
                problems += len(world.later(seconds=1).problems)
            except SourceError:
                problems += 1
        questions = len(world.standin.requests)
        assert world.later(minutes=1).problems == []
        tables = ("runs", "rollups", "returns", "roots", "gaps")
        rows = [row for table in tables for row in sorted(world.rows(f"SELECT * FROM {table}"), key=repr)]  # noqa: S608 - our own names
        may_fail = any(b"include_subtree_usage" in one.body or one.path.endswith("/url") for one in refused)
        return Outcome(questions, problems, may_fail, rows)


def test_a_slice_that_fails_stops_the_watermark_though_later_ones_were_read(world: World) -> None:
    """Several are in flight: what is not whole is not covered, and the next sync reads all of it."""
    bad = world.ago(days=8)
    world.standin.add_runs({"start": bad + timedelta(seconds=number)} for number in range(1_100))
    world.standin.add_runs({"start": world.ago(days=days)} for days in (1, 3, 5, 6, 7, 10, 13))
    world.standin.fail_next(1, status=400, path=QUERY, project=SECOND_PAGE)
    summary = world.sync()
    (problem,) = summary.problems
    assert "(400)" in problem
    stopped = world.project()
    assert stopped.watermark is not None
    assert microseconds(world.ago(days=13)) < stopped.watermark <= microseconds(bad)
    assert world.sync().problems == []
    with world.ledger.reading() as reading:
        assert reading.gaps() == []
    assert world.total().runs == 1_107
    assert (world.project().watermark or 0) > microseconds(world.ago(minutes=1))


def test_a_sync_that_wakes_up_after_another_took_over_leaves_nothing_not_even_that_it_was(tmp_path: Path) -> None:
    """What is on record counts as a look at LangSmith, and what it saw as something that still holds."""
    with World(tmp_path, patterns=("acme-*",)) as world, closing(open_ledger(world.url, create=False)) as other:
        world.standin.add_run(project="acme-first", start=NOW - timedelta(hours=1))
        world.standin.add_runs([{"project": "acme-second", "start": NOW - timedelta(hours=1)} for _ in range(1_200)])
        world.standin._between_pages.append(
            lambda: other.keep_lease(Lease(SYNC, "another"), world.clock.now + timedelta(minutes=1))
        )
        with pytest.raises(LedgerBusyError, match="has taken over the sync"):
            world.sync()
        assert world.total().runs == 1
        assert other.last_sync() is None
