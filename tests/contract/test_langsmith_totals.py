"""LangSmith's own totals: one question that asks for what is meant, and one sentence for whatever goes wrong."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest

from bot.domain.cost import Listed
from bot.errors import SourceError, SourceRefusedError, SourceUnavailableError, StoppedError
from bot.ingest.langsmith import LangSmith
from bot.ingest.limiter import RequestLimiter
from bot.ingest.totals import BUDGET, TRIES, Totals
from bot.ledger.booking import microseconds
from tests.contract.sync.world import Clock
from tests.standins.langsmith import API_KEY, NOW, STATS, LangSmithStandIn
from tests.standins.langsmith_requests import RUNS_STATS, violations

START, END = NOW - timedelta(days=7), NOW
CENT = 10_000_000


@pytest.fixture
def standin() -> Iterator[LangSmithStandIn]:
    with LangSmithStandIn() as server:
        server.add_project("acme-prod")
        yield server
        for request in server.requests:
            assert (request.method, request.path) == ("POST", STATS)
            assert list(violations(request.body, RUNS_STATS)) == []


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


def connect(standin: LangSmithStandIn, clock: Clock, timeout: float = 20.0) -> LangSmith:
    limiter = RequestLimiter(BUDGET, clock.monotonic, clock.sleep)
    return LangSmith(
        api_key=API_KEY,
        base_url=standin.url,
        workspace_id=None,
        limiter=limiter,
        sleep=clock.sleep,
        timeout=timeout,
        tries=TRIES,
    )


def ids(standin: LangSmithStandIn) -> list[bytes]:
    return [UUID(project.id).bytes for project in standin.store.projects()]


def totals(standin: LangSmithStandIn, clock: Clock, timeout: float = 20.0) -> dict[str, Listed]:
    source = connect(standin, clock, timeout)
    try:
        return source.totals(ids(standin), microseconds(START), microseconds(END))
    finally:
        source.close()


def test_runs_are_added_up_by_type_over_all_projects(standin: LangSmithStandIn, clock: Clock) -> None:
    standin.add_runs([{"project": name, "cost": "0.25"} for name in ("acme-prod", "acme-staging", "acme-prod")])
    standin.add_runs([{"run_type": kind, "project": "acme-prod", "cost": "0.01"} for kind in ("TOOL", "CHAIN")])
    standin.add_runs([{"run_type": kind, "project": "acme-prod"} for kind in ("RETRIEVER", "PROMPT", "PARSER")])
    standin.add_run(run_type="EMBEDDING", project="acme-prod", cost="0.000000001")
    assert totals(standin, clock) == {
        "LLM": Listed(3, 75 * CENT),
        "TOOL": Listed(1, CENT),
        "CHAIN": Listed(1, CENT),
        "EMBEDDING": Listed(1, 1),
        "RETRIEVER": Listed(1, 0),
        "PROMPT": Listed(1, 0),
        "PARSER": Listed(1, 0),
    }
    assert len(standin.requests) == 1


def test_the_bounds_are_those_that_were_asked_for(standin: LangSmithStandIn, clock: Clock) -> None:
    moment = timedelta(microseconds=1)
    for start in (START - 2 * moment, START, END - moment, END, END + moment):
        standin.add_run(start=start, end=start)
    assert totals(standin, clock) == {"LLM": Listed(2, 2 * CENT)}


def test_nothing_there_is_nothing(standin: LangSmithStandIn, clock: Clock) -> None:
    assert totals(standin, clock) == {}


FAULTS: dict[str, tuple[Callable[[LangSmithStandIn, int], None], str]] = {
    "429": (lambda standin, times: standin.fail_next(times, status=429), "throttling us (429)"),
    "500": (lambda standin, times: standin.fail_next(times, status=500), "trouble of its own (500)"),
    "cut": (lambda standin, times: standin.cut_next(times), "cannot be reached, or hung up"),
    "web page": (lambda standin, times: standin.html_next(times), "not JSON"),
    "one total": (lambda standin, times: standin.raw_next(b'{"total_cost": 1}', times=times), "another form"),
    "a list": (lambda standin, times: standin.raw_next(b'[{"total_cost": 1}]', times=times), "another form"),
    "no cost": (lambda standin, times: standin.raw_next(b'{"llm": {"run_count": 1}}', times=times), "another form"),
    "no count": (lambda standin, times: standin.raw_next(b'{"llm": {"total_cost": 1}}', times=times), "another form"),
    "no number": (
        lambda standin, times: standin.raw_next(b'{"llm": {"run_count": 1, "total_cost": "NaN"}}', times=times),
        "What LangSmith adds up is no amount of money",
    ),
    "too much": (
        lambda standin, times: standin.raw_next(b'{"llm": {"run_count": 1, "total_cost": 1e30}}', times=times),
        "What LangSmith adds up is no amount of money",
    ),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_what_may_pass_is_waited_out(standin: LangSmithStandIn, clock: Clock, kind: str) -> None:
    standin.add_run()
    FAULTS[kind][0](standin, TRIES - 1)
    assert totals(standin, clock) == {"LLM": Listed(1, CENT)}
    assert len(standin.requests) == TRIES
    waited = clock.now - NOW
    assert waited >= timedelta(seconds=10 * (TRIES - 1)), "one request in ten seconds, retries included"


@pytest.mark.parametrize("kind", FAULTS)
def test_or_given_up_soon_with_a_sentence(standin: LangSmithStandIn, clock: Clock, kind: str) -> None:
    fault, sentence = FAULTS[kind]
    fault(standin, TRIES)
    with pytest.raises(SourceUnavailableError) as raised:
        totals(standin, clock)
    assert sentence in str(raised.value)
    assert len(standin.requests) == TRIES
    assert sum(clock.waits) < 120, "somebody waits"


def test_the_wait_that_langsmith_asks_for_is_kept(standin: LangSmithStandIn, clock: Clock) -> None:
    standin.fail_next(1, status=429, retry_after=45)
    totals(standin, clock)
    assert sum(clock.waits) >= 45


def test_a_server_that_does_not_answer_is_given_up(standin: LangSmithStandIn, clock: Clock) -> None:
    standin.hang_next(60, TRIES)
    with pytest.raises(SourceUnavailableError, match=r"did not answer within 0\.05 s"):
        totals(standin, clock, timeout=0.05)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 501])
def test_a_refusal_is_not_asked_again(standin: LangSmithStandIn, clock: Clock, status: int) -> None:
    standin.fail_next(1, status=status)
    with pytest.raises(SourceRefusedError, match=f"({status})"):
        totals(standin, clock)
    assert len(standin.requests) == 1


# --- While somebody waits


class Slow:
    """A LangSmith that answers when it is told to, or has it raise."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()
        self.closed = 0
        self.error = error

    def totals(self, projects: object, start: int, end: int) -> dict[str, Listed]:
        del projects, start, end
        self.asked.set()
        assert self.go_on.wait(20)
        if self.error is not None:
            raise self.error
        return {"LLM": Listed(1, 1)}

    def close(self) -> None:
        self.closed += 1


def asking(slow: Slow) -> Totals:
    return Totals(lambda: slow)  # type: ignore[arg-type, return-value] # all of LangSmith that is asked here


def test_a_second_question_does_not_pile_up() -> None:
    slow = Slow()
    ask = asking(slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, [], START, END)
        assert slow.asked.wait(20)
        with pytest.raises(SourceUnavailableError, match="is being asked for a total already"):
            ask([], START, END)
        slow.go_on.set()
        assert first.result() == {"LLM": Listed(1, 1)}
        assert ask([], START, END) == {"LLM": Listed(1, 1)}
    assert slow.closed == 2


@pytest.mark.parametrize("error", [SourceRefusedError("No."), ZeroDivisionError()])
def test_an_error_comes_to_whoever_asked_and_the_next_can_ask(error: Exception) -> None:
    slow = Slow(error)
    slow.go_on.set()
    ask = asking(slow)
    for _ in range(2):
        with pytest.raises(type(error)):
            ask([], START, END)
    assert slow.closed == 2


def test_stopping_lets_whoever_waits_go_and_nobody_ask_again() -> None:
    slow = Slow()
    ask = asking(slow)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, [], START, END)
        assert slow.asked.wait(20)
        ask.stop()
        with pytest.raises(SourceUnavailableError, match="is being stopped"):
            waiting.result(20)
    with pytest.raises(SourceUnavailableError, match="is being stopped"):
        ask([], START, END)
    slow.go_on.set()


def test_a_wait_that_the_stop_ends_is_said_in_the_same_words() -> None:
    slow = Slow(StoppedError("the bot is being stopped"))
    slow.go_on.set()
    with pytest.raises(SourceError, match=r"^llmcost is being stopped or started anew"):
        asking(slow)([], START, END)
