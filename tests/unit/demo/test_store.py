"""What a run shows of its descendants, in both modes; and forgetting."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.demo.records import Amounts, Run
from bot.demo.store import Store

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
NOTHING = Amounts()


def amounts(tokens: int, cost: str) -> Amounts:
    return Amounts(prompt_tokens=tokens, completion_tokens=0, total_tokens=tokens, total_cost=Decimal(cost))


def run(run_id: str, parents: tuple[str, ...] = (), run_type: str = "LLM", own: Amounts = NOTHING) -> Run:
    return Run(run_id, (*parents, run_id)[0], parents, "p", run_id, run_type, "SUCCESS", NOW, NOW, amounts=own)


def cost(store: Store, run_id: str, *, include_subtree: bool = False) -> Decimal | None:
    found = store.run(run_id)
    assert found is not None
    return store.amounts(found, include_subtree=include_subtree).total_cost


def fill(store: Store) -> Store:
    store.put(
        [
            run("root", run_type="CHAIN"),
            run("step", ("root",), "CHAIN"),
            run("call", ("root", "step"), own=amounts(100, "3")),
            run("tool", ("root", "step"), "TOOL", Amounts(total_cost=Decimal("0.01"))),
            run("alone", own=amounts(7, "2")),
        ]
    )
    return store


def test_with_own_costs_a_parent_shows_its_descendants_only_when_asked() -> None:
    store = fill(Store("own"))
    assert cost(store, "root") is None
    assert cost(store, "root", include_subtree=True) == cost(store, "step", include_subtree=True) == Decimal("3.01")
    assert cost(store, "call", include_subtree=True) == 3


def test_rolled_up_a_parent_always_shows_its_descendants() -> None:
    store = fill(Store("rolled_up"))
    assert cost(store, "root") == cost(store, "step") == cost(store, "root", include_subtree=True) == Decimal("3.01")
    assert cost(store, "call") == 3
    assert cost(store, "alone") == 2


def test_a_wrapper_repeats_what_it_wraps_and_rolls_it_up_once() -> None:
    """In either mode the wrapper alone looks the same; its parent's sum does not hold the call twice if rolled up."""
    runs = [
        run("root", run_type="CHAIN"),
        run("wrapper", ("root",), own=amounts(100, "3")),
        run("call", ("root", "wrapper"), own=amounts(100, "3")),
    ]
    for mode, of_root in (("own", None), ("rolled_up", Decimal(3))):
        store = Store("own" if mode == "own" else "rolled_up")
        store.put(runs)
        assert cost(store, "wrapper") == cost(store, "call") == 3
        assert cost(store, "root") == of_root


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 50)), min_size=1, max_size=12))
def test_a_subtree_is_the_sum_of_its_runs(nodes: list[tuple[int, int | None]]) -> None:
    """For any tree: with `include_subtree` a run shows its own tokens and cost plus all its descendants'."""
    runs: list[Run] = []
    for number, (parent, own) in enumerate(nodes):
        above: tuple[str, ...] = ()
        if runs:
            parent_run = runs[parent % len(runs)]
            above = (*parent_run.parent_run_ids, parent_run.id)
        runs.append(run(str(number), above, "CHAIN", NOTHING if own is None else amounts(own, str(own))))
    store = Store()
    store.put(runs)
    for one in runs:
        below = [other for other in runs if one.id in (other.id, *other.parent_run_ids)]
        known = [other.amounts.total_tokens for other in below if other.amounts.total_tokens is not None]
        shown = store.amounts(one, include_subtree=True)
        assert shown.total_tokens == (sum(known) if known else None)
        assert shown.total_cost == (sum(known) if known else None)


def test_forgets_what_started_before_and_nothing_else() -> None:
    store = Store()
    store.put(run(str(age), own=NOTHING)._replace(start=NOW - timedelta(days=age)) for age in range(5))
    assert store.forget_before(NOW - timedelta(days=2)) == 2
    assert [one.id for one in store.newest_first(["p"], None, None)] == ["0", "1", "2"]
    assert store.trace("3") == []


def test_a_run_put_again_replaces_itself_even_elsewhere() -> None:
    store = Store()
    store.put([run("a")])
    assert [one.start for one in store.newest_first(["p"], None, None)] == [NOW]
    store.put([run("a")._replace(project_id="q", start=NOW + timedelta(seconds=1))])
    assert store.newest_first(["p"], None, None) == []
    assert [one.start for one in store.newest_first(["p", "q"], None, None)] == [NOW + timedelta(seconds=1)]


def test_a_project_is_made_once_per_name_and_has_the_same_id_on_every_server() -> None:
    one, other = Store(), Store()
    first = one.project_named("acme", NOW)
    assert one.project_named("acme", NOW + timedelta(days=1)) == first
    assert other.project_named("acme", NOW).id == first.id
