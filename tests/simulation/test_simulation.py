"""Whole stories of the clock: spend, syncs, crashes, a Slack that goes wrong, people who press things. In the end the
laws hold. `make simulate` tells ten times as many."""

import logging

import pytest

from tests.simulation.stories import tell

STORIES = 1_000
CHUNK = 50  # that many in a row, so that several processes share the work


@pytest.mark.parametrize("first", range(0, STORIES, CHUNK))
def test_every_story_ends_well(first: int, caplog: pytest.LogCaptureFixture) -> None:
    """What is crossed is told or known to reach nobody, nothing is told twice, digests come once."""
    caplog.set_level(logging.CRITICAL)
    hit = tell(range(first, first + CHUNK))
    assert hit.broken == []
    assert hit.crashes, "some of them must have been hard"
    assert hit.faults


def test_a_limit_that_is_raised_between_two_looks_at_one_sync_is_judged_by_that_sync_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Found in a long run; seldom does a period end before the difference has gone."""
    caplog.set_level(logging.CRITICAL)
    assert tell([9319]).broken == []
