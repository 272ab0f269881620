"""The figures of runs that were pruned: they can be told from those of the runs that are held, and be put elsewhere as
they are, but no run can be asked about them any more.

They stay under the feature under which they were booked, whatever rules are set or taken back since; only renamed
features are followed. A trace that was in two rows that become one counts twice there, and nowhere else.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from operator import add, sub

from sqlalchemy import Connection, select

from bot.domain.feature import UNTAGGED
from bot.ledger.booking import Project, Rules
from bot.ledger.pruning import Pruned, pruned
from bot.ledger.purging import Purged
from bot.ledger.rollups import BUILT_IN, MEASURES, Delta, Key, Return, Tally
from bot.ledger.tables import returns, rollups, runs
from bot.ledger.trace_rows import load_traces, write_changes

_BATCH = 500
_NOTHING = [0] * len(MEASURES)

# Where the figures of a row belong: in one row, or in several of different views.
_Places = Callable[[Key], Iterable[Key]]


def of_pruned(connection: Connection, projects: Iterable[Project], dimensions: Sequence[str]) -> Delta:
    """The figures of the runs that were pruned; nothing if none were. `dimensions` are those of the ledger as it is."""
    gone = pruned(connection)
    if gone is None:
        return Delta({}, {})
    day = gone.day.toordinal()
    sums = {Key(*row[:4]): list(row[4:]) for row in connection.execute(select(rollups).where(rollups.c.day < day))}
    back = {
        Return(Key(*row[:4]), row.previous_day): int(row.traces)
        for row in connection.execute(select(returns).where(returns.c.day < day))
    }
    held = _of_held(connection, projects, dimensions, gone)
    return _less(
        Delta(sums, back),
        Delta(
            {key: row for key, row in held.rollups.items() if key.day < day},
            {back: traces for back, traces in held.returns.items() if back.key.day < day},
        ),
    )


def have_values(connection: Connection, gone: Pruned, dimension: str) -> bool:
    """Whether any run of a pruned day had a value of that dimension."""
    of_it = (rollups.c.view == f"all/{dimension}", rollups.c.value != "", rollups.c.day < gone.day.toordinal())
    return connection.execute(select(rollups.c.day).where(*of_it).limit(1)).first() is not None


def fitted(figures: Delta, rules: Rules, dimensions_before: Sequence[str]) -> Delta:
    """Those figures as they stand by other rules. In a dimension that there was not before, nothing has a value."""
    lost = _views(set(dimensions_before) - set(rules.dimensions))
    new = sorted(set(rules.dimensions) - set(dimensions_before))

    def places(key: Key) -> Iterator[Key]:
        key = _renamed(key, rules.attribution.aliases)
        if key.view not in lost:
            yield key
        if key.view in {"all", "one"}:
            for dimension in new:
                yield key._replace(view=f"{key.view}/{dimension}")

    return _moved(figures, places)


def renamed_days(figures: Delta, rules: Rules) -> set[int]:
    """The days of those figures on which a feature is called otherwise by other rules."""
    aliases = rules.attribution.aliases
    return {key.day for key in figures.rollups if key.view == "all/feature" and key.value in aliases}


def forget_value(
    connection: Connection, projects: Iterable[Project], rules: Rules, purged: Purged, pair: tuple[str, str]
) -> set[int]:
    """Take a metadata value that is purged, and a feature that is called by it, out of the figures of pruned runs: they
    have no value, and are untagged. Returns the days whose figures are others now."""
    name, value = pair
    feature = rules.attribution.aliases.get(value, value) if name in rules.attribution.keys else None
    if purged.of(name, value) is None or (feature is None and name not in rules.dimensions):
        return set()
    of_value = _views([name])

    def places(key: Key) -> Iterator[Key]:
        if key.view in of_value and key.value == value:
            key = key._replace(value="")
        if feature is not None:
            if key.view == "one/project" and key.feature == feature:
                yield Key("untagged", key.value, key.day, "")
            key = _renamed(key, {feature: UNTAGGED})
        yield key

    before = of_pruned(connection, projects, rules.dimensions)
    changed = _less(_moved(before, places), before)
    write_changes(connection, (), changed)
    return {key.day for key in changed.rollups}


def torn(booked: Mapping[Key, Sequence[int]], dimensions: Sequence[str], gone: Pruned) -> list[str]:
    """Where views of pruned days, which no run can vouch for any more, make different sums, in words. Traces are left
    out: they are distinct in each row, and need not add up."""
    whole: dict[tuple[str | None, int], list[int]] = {}  # by feature, None for everything, and day
    sums: dict[tuple[str, str | None, int], list[int]] = {}  # the same of each view
    for key, row in booked.items():
        if key.day >= gone.day.toordinal():
            continue
        if key.view in {"all", "one"}:
            whole[key.feature if key.view == "one" else None, key.day] = _added(row)
        for feature in _totals_of(key):
            there = sums.get((key.view, feature, key.day), _NOTHING[1:])
            sums[key.view, feature, key.day] = list(map(add, there, _added(row)))
    of_all = {"one", "all/feature", *(f"all/{dimension}" for dimension in (*BUILT_IN, *dimensions))}
    of_one = {"all/feature", *(f"one/{dimension}" for dimension in (*BUILT_IN, *dimensions))}
    places = {
        (view, feature, day)
        for feature, day in whole
        for view in (of_all if feature is None else of_one | {"untagged"} if feature == UNTAGGED else of_one)
    }
    return sorted(
        f"{view} of {'everything' if feature is None else repr(feature)} on the pruned {date.fromordinal(day)}: "
        f"its rows make {sums.get((view, feature, day))}, the whole is {whole.get((feature, day))}"
        for view, feature, day in places | sums.keys()
        if sums.get((view, feature, day)) != whole.get((feature, day))
    )


def _totals_of(key: Key) -> Iterator[str | None]:
    """The totals of which a row is a part: of a feature, None for that of everything."""
    if key.view == "one" or key.view.startswith("all/"):
        yield None
    if key.view == "all/feature":
        yield key.value
    elif key.view.startswith("one/"):
        yield key.feature
    elif key.view == "untagged":
        yield UNTAGGED


def _added(row: Sequence[int]) -> list[int]:
    return [amount for name, amount in zip(MEASURES, row, strict=True) if name != "traces"]


def _of_held(connection: Connection, projects: Iterable[Project], dimensions: Sequence[str], gone: Pruned) -> Delta:
    """What runs that are held still add to pruned days: traces that went on are kept as wholes."""
    tally = Tally(dimensions)
    for project in projects:
        old = select(runs.c.trace_id).where(runs.c.project == project.key, runs.c.start < gone.start).distinct()
        traces = sorted(connection.scalars(old))
        for at in range(0, len(traces), _BATCH):
            for trace in load_traces(connection, project.key, traces[at : at + _BATCH]).values():
                tally.add(trace.values(), +1)
    return tally.delta()


def _less(figures: Delta, others: Delta) -> Delta:
    sums, back = dict(figures.rollups), dict(figures.returns)
    for key, row in others.rollups.items():
        sums[key] = list(map(sub, sums.get(key, _NOTHING), row))
    for place, traces in others.returns.items():
        back[place] = back.get(place, 0) - traces
    return Delta(
        {key: row for key, row in sums.items() if any(row)},
        {place: traces for place, traces in back.items() if traces},
    )


def _moved(figures: Delta, places: _Places) -> Delta:
    sums: dict[Key, list[int]] = {}
    back: dict[Return, int] = {}
    for key, row in figures.rollups.items():
        for place in places(key):
            sums[place] = list(map(add, sums.get(place, _NOTHING), row))
    for (key, day), traces in figures.returns.items():
        for place in places(key):
            back[Return(place, day)] = back.get(Return(place, day), 0) + traces
    return Delta(sums, back)


def _renamed(key: Key, names: Mapping[str, str]) -> Key:
    """A row of another feature, if its feature is called otherwise."""
    if key.view == "all/feature":
        return key._replace(value=names.get(key.value, key.value))
    if key.view == "one" or key.view.startswith("one/"):
        return key._replace(feature=names.get(key.feature, key.feature))
    return key


def _views(dimensions: Iterable[str]) -> set[str]:
    return {f"{view}/{dimension}" for dimension in dimensions for view in ("all", "one")}
