"""Deleting what runs say in words, while every figure of money and tokens stays.

A purge takes whole traces: each of their runs loses its name, tags, thread and metadata values, but for the values of
dimensions that were not asked to go, and stays under the feature under which it is booked. Ids, times, models, tokens
and costs stay. What is read again of such a run, or comes later of such a trace, loses the same. Further traces that
began before the purge and carry what was purged are known by a mark: a salted hash, so that the ledger does not name
what it is to forget.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, delete, func, insert, or_, select, update

from bot.domain.feature import UNTAGGED, Attribution
from bot.domain.run import Run
from bot.domain.usage import Flag
from bot.ledger.booking import Booked, Rules
from bot.ledger.forgetting import Forgetting
from bot.ledger.rows import keys_to
from bot.ledger.tables import answers, marks, purges, roots, runs

_SALT = "purge salt"
_FEATURE = ""  # no metadata key is called so

Keys = tuple[tuple[str, str], ...]


class Wanted(NamedTuple):
    """What is to be purged: one of a metadata value, a trace and a feature."""

    pair: tuple[str, str] | None = None
    trace: bytes | None = None
    feature: str | None = None


class Purge(NamedTuple):
    """What a purge did: `traces` were found, `runs` of them lost words. `told` messages to Slack named it; `untold` are
    the alerts among those, which have lost their text and are to be made anew. `unset` limits and rules that were set
    in Slack for it are gone. `is_overwritten` says whether no free page of the file holds any of it any more."""

    traces: int
    runs: int
    told: int
    unset: int
    untold: tuple[str, ...]
    is_overwritten: bool


@dataclass(frozen=True, slots=True)
class Purged:
    """What was purged: when, in microseconds, by its mark."""

    salt: bytes
    marks: Mapping[str, int]

    def of(self, key: str, value: str) -> int | None:
        """When a metadata value was purged; None if it was not."""
        return self.marks.get(_mark(self.salt, key, value)) if self.marks else None

    def covers(self, trace: Collection[Booked], root: Keys, began: int) -> bool:
        """Whether a trace that began then, in microseconds, has lost its words before, or carries what was purged
        after it began. It may have no run that is booked: its root's words are kept for those that come later."""
        if any(is_purged(booked.run) for booked in trace):
            return True
        if not self.marks:
            return False
        said = {*root, *(pair for booked in trace for pair in booked.run.keys)}
        said |= {(_FEATURE, booked.feature) for booked in trace}
        purged = [at for key, value in said if (at := self.of(key, value)) is not None]
        return bool(purged) and began < max(purged)


def load(connection: Connection) -> Purged:
    """What was purged so far."""
    salt = connection.scalar(select(marks.c.value).where(marks.c.name == _SALT))
    return Purged(
        bytes.fromhex(salt or ""), {row.mark: row.at for row in connection.execute(select(purges))} if salt else {}
    )


def remember(connection: Connection, wanted: Wanted, rules: Rules, now: int) -> Purged:
    """Write down what is purged from now on, and give all that is."""
    salt = connection.scalar(select(marks.c.value).where(marks.c.name == _SALT))
    if salt is None:
        salt = secrets.token_hex(16)
        connection.execute(insert(marks).values(name=_SALT, value=salt))
    pairs = [wanted.pair] if wanted.pair is not None else []
    feature = wanted.pair[1] if wanted.pair is not None and _names_features(wanted, rules) else wanted.feature
    pairs += [(_FEATURE, feature)] if feature is not None else []
    for pair in pairs:
        mark = _mark(bytes.fromhex(salt), *pair)
        if not connection.execute(update(purges).where(purges.c.mark == mark).values(at=now)).rowcount:
            connection.execute(insert(purges).values(mark=mark, at=now))
    # Kept for a day to be shared, and they may name anything.
    connection.execute(delete(answers))
    return load(connection)


def find(connection: Connection, wanted: Wanted, rules: Rules) -> list[tuple[int, bytes]]:
    """The traces to be purged, as (project, id)."""
    of_runs = select(runs.c.project, runs.c.trace_id)
    if wanted.trace is not None:
        queries = [of_runs.where(or_(runs.c.trace_id == wanted.trace, runs.c.id == wanted.trace))]
    elif wanted.feature is not None:
        queries = [of_runs.where(runs.c.feature == wanted.feature)]
    else:
        # The pair as it is written: within a value each quote follows a backslash, so that it stands nowhere else.
        pair = (keys_to((wanted.pair,)) or "")[1:-1] if wanted.pair is not None else ""
        above = select(roots.c.project, roots.c.trace_id).where(_holds(roots.c.key_values, pair))
        queries = [of_runs.where(_holds(runs.c.key_values, pair)), above]
        # A tag or a rule names features, too.
        if wanted.pair is not None and _names_features(wanted, rules):
            queries.append(of_runs.where(runs.c.feature == wanted.pair[1]))
    return sorted({(row[0], row[1]) for query in queries for row in connection.execute(query.distinct())})


def told(wanted: Wanted, found: Collection[tuple[int, bytes]], rules: Rules, purged: Purged) -> Forgetting:
    """What is to be taken from what was told to people."""
    traces = {trace for _, trace in found}
    if wanted.pair is None:
        return Forgetting(None, False, traces, "")
    return Forgetting(wanted.pair, _names_features(wanted, rules), traces, _mark(purged.salt, *wanted.pair)[:16])


def forget_trace(trace: Collection[Booked], root: Keys, rules: Rules, purged: Purged) -> dict[bytes, Booked]:
    """The runs of a trace without their words. A feature that is itself a purged metadata value goes as well."""
    of_feature = set(rules.attribution.keys)
    named = {*root, *(pair for booked in trace for pair in booked.run.keys)}
    gone = {_called(rules.attribution, value) for key, value in named if key in of_feature and purged.of(key, value)}
    gone |= {one.feature for one in trace if any(purged.of(key, one.feature) for key in of_feature)}
    return {
        booked.run.id: booked._replace(
            run=forgotten(booked.run, _kept(booked.run, rules, purged)),
            feature=UNTAGGED if booked.feature in gone else booked.feature,
        )
        for booked in trace
    }


def is_purged(run: Run) -> bool:
    """Whether a run has lost its words."""
    return bool(run.flags) and Flag.PURGED in run.flags


def forgotten(run: Run, keys: Keys) -> Run:
    """A run without its words, but for these metadata values."""
    return run._replace(name="", tags=(), keys=keys, thread=None, flags=run.flags | Flag.PURGED)


def _kept(run: Run, rules: Rules, purged: Purged) -> Keys:
    return tuple((key, value) for key, value in run.keys if key in rules.dimensions and not purged.of(key, value))


def _holds(column: Column[str], text: str) -> ColumnElement[bool]:
    """Whether a text stands in a column, to the letter, on every database."""
    return func.replace(column, text, "") != column


def _names_features(wanted: Wanted, rules: Rules) -> bool:
    return wanted.pair is not None and wanted.pair[0] in rules.attribution.keys


def _called(attribution: Attribution, value: str) -> str:
    return attribution.aliases.get(value, value)


def _mark(salt: bytes, key: str, value: str) -> str:
    return hmac.new(salt, f"{key}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
