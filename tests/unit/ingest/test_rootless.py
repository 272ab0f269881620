"""Runs that wait for their trace's root: none is lost, none is booked before, and no root is asked for in vain."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.feature import Attribution
from bot.domain.run import Run
from bot.ingest.rootless import Rootless
from tests.ledger_worlds import id_of, make_run

RULES = Attribution()
OWN_FEATURE = (("feature", "chat"),)
_ROOTS = 4  # traces are numbered from 1 on, and their root is the run of that number


@st.composite
def _runs(draw: st.DrawFn) -> Run:
    trace = draw(st.integers(1, _ROOTS))
    keys = draw(st.sampled_from(((), OWN_FEATURE)))
    if draw(st.booleans()):
        return make_run(trace, keys=keys)
    kind = draw(st.sampled_from(("LLM", "CHAIN")))
    return make_run(draw(st.integers(100, 10_000)), trace=trace, above=[trace], keys=keys, type=kind)


def needs_root(run: Run) -> bool:
    return bool(run.ancestors) and run.type == "LLM" and not run.keys


@given(st.lists(st.lists(_runs(), max_size=8), max_size=5))
def test_every_run_comes_out_once_and_none_that_waits_before_its_root(pages: list[list[Run]]) -> None:
    rootless = Rootless()
    seen: list[Run] = []
    for page in pages:
        ready = rootless.sift(page, RULES)
        seen += ready
        here = {run.id for run in page}
        assert [run for run in ready if needs_root(run) and run.trace_id not in here] == []
    assert len(rootless) == sum(map(len, pages)) - len(seen)
    held, wanted = rootless.release()
    assert Counter(run.id for run in [*seen, *held]) == Counter(run.id for page in pages for run in page)
    read = {run.id for run in held}
    assert wanted == {run.trace_id for run in held} - read
    assert len(rootless) == 0
    assert rootless.release() == ([], set())


def test_all_of_a_trace_waits_together() -> None:
    """Also what is found later: a trace is decided as a whole."""
    rootless = Rootless()
    tagged, untagged, alone = make_run(2, above=[1], keys=OWN_FEATURE), make_run(3, above=[1]), make_run(9)
    assert rootless.sift([tagged, untagged, alone], RULES) == [alone]
    later = make_run(4, above=[1], keys=OWN_FEATURE)
    assert rootless.sift([later], RULES) == []
    assert rootless.release() == ([tagged, untagged, later], {id_of(1)})


def test_a_root_that_is_read_later_is_not_asked_for() -> None:
    rootless = Rootless()
    assert rootless.sift([make_run(2, above=[1])], RULES) == []
    assert rootless.sift([make_run(1)], RULES) == []
    runs, wanted = rootless.release()
    assert ([run.id for run in runs], wanted) == ([id_of(2), id_of(1)], set())
