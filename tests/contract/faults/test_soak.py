"""The soak of `make soak`, for seconds."""

from tests.bench.soak import soak


def test_under_load_nothing_is_lost_or_twice_and_no_thread_is_left() -> None:
    found = soak(2)
    assert found.wrong == []
    assert found.warm_rounds >= 1
