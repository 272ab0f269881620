"""Deleting what runs say in words, while every figure of money and tokens stays.

A purge takes whole traces: each of their runs loses its name, tags, thread and metadata values, but for the values of
dimensions that were not asked to go, and stays under the feature under which it is booked. Ids, times, models, tokens
and costs stay. What is read again of such a run, or comes later of such a trace, loses the same. Further traces that
began before the purge and carry what was purged are known by a mark: a salted hash, so that the ledger does not name
what it is to forget.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Connection, delete, func, insert, or_, select, update

from bot.domain.feature import UNTAGGED, Attribution
from bot.domain.run import Run
from bot.domain.usage import Flag
from bot.ledger.booking import Booked, Rules
from bot.ledger.rows import keys_to
from bot.ledger.tables import answers, deliveries, events, marks, purges, roots, runs

_SALT = "purge salt"
_FEATURE = ""  # no metadata key is called so

Keys = tuple[tuple[str, str], ...]


class Wanted(NamedTuple):
    """What is to be purged: one of a metadata value, a trace and a feature."""

    pair: tuple[str, str] | None = None
    trace: bytes | None = None
    feature: str | None = None


class Purge(NamedTuple):
    """What a purge did: `traces` were found, `runs` of them lost words. `told` messages and facts that were told to
    people still name it. `is_overwritten` says whether no free page of the file holds any of it any more."""

    traces: int
    runs: int
    told: int
    is_overwritten: bool


@dataclass(frozen=True, slots=True)
class Purged:
    """What was purged: when, in microseconds, by its mark."""

    salt: bytes
    marks: Mapping[str, int]

    def of(self, key: str, value: str) -> int | None:
        """When a metadata value was purged; None if it was not."""
        return self.marks.get(_mark(self.salt, key, value)) if self.marks else None

    def covers(self, trace: Collection[Booked], root: Keys) -> bool:
        """Whether a trace has lost its words before, or carries what was purged after it began."""
        if any(is_purged(booked.run) for booked in trace):
            return True
        if not self.marks or not trace:
            return False
        said = {*root, *(pair for booked in trace for pair in booked.run.keys)}
        said |= {(_FEATURE, booked.feature) for booked in trace}
        purged = [at for key, value in said if (at := self.of(key, value)) is not None]
        return bool(purged) and min(booked.run.start for booked in trace) < max(purged)


def load(connection: Connection) -> Purged:
    """What was purged so far."""
    salt = connection.scalar(select(marks.c.value).where(marks.c.name == _SALT))
    return Purged(
        bytes.fromhex(salt or ""), {row.mark: row.at for row in connection.execute(select(purges))} if salt else {}
    )


def remember(connection: Connection, wanted: Wanted, now: int) -> Purged:
    """Write down what is purged from now on, and give all that is."""
    salt = connection.scalar(select(marks.c.value).where(marks.c.name == _SALT))
    if salt is None:
        salt = secrets.token_hex(16)
        connection.execute(insert(marks).values(name=_SALT, value=salt))
    pair = wanted.pair or ((_FEATURE, wanted.feature) if wanted.feature is not None else None)
    if pair is not None:
        mark = _mark(bytes.fromhex(salt), *pair)
        if not connection.execute(update(purges).where(purges.c.mark == mark).values(at=now)).rowcount:
            connection.execute(insert(purges).values(mark=mark, at=now))
    # Kept for a day to be shared, and they may name anything.
    connection.execute(delete(answers))
    return load(connection)


def find(connection: Connection, wanted: Wanted) -> list[tuple[int, bytes]]:
    """The traces to be purged, as (project, id)."""
    of_runs = select(runs.c.project, runs.c.trace_id)
    if wanted.trace is not None:
        queries = [of_runs.where(or_(runs.c.trace_id == wanted.trace, runs.c.id == wanted.trace))]
    elif wanted.feature is not None:
        queries = [of_runs.where(runs.c.feature == wanted.feature)]
    else:
        # The pair as it is written: within a value each quote follows a backslash, so that it stands nowhere else.
        pair = (keys_to((wanted.pair,)) or "")[1:-1] if wanted.pair is not None else ""
        above = select(roots.c.project, roots.c.trace_id).where(_names(connection, roots.c.key_values, pair))
        queries = [of_runs.where(_names(connection, runs.c.key_values, pair)), above]
    return sorted({(row[0], row[1]) for query in queries for row in connection.execute(query.distinct())})


def count_told(connection: Connection, wanted: Wanted) -> int:
    """How many messages and facts that were told to people name it."""
    if wanted.trace is not None:
        value = str(UUID(bytes=wanted.trace))
    else:
        value = wanted.pair[1] if wanted.pair is not None else wanted.feature or ""
    written = {json.dumps(value, ensure_ascii=plain)[1:-1] for plain in (False, True)}
    found = [
        select(text).where(or_(*(_names(connection, text, one) for one in written)))
        for text in (deliveries.c.message, events.c.facts)
    ]
    return sum(connection.scalar(select(func.count()).select_from(query.subquery())) or 0 for query in found)


def forget_trace(trace: Collection[Booked], root: Keys, rules: Rules, purged: Purged) -> dict[bytes, Booked]:
    """The runs of a trace without their words. A feature that is itself a purged metadata value goes as well."""
    of_feature = set(rules.attribution.keys)
    named = {*root, *(pair for booked in trace for pair in booked.run.keys)}
    gone = {_called(rules.attribution, value) for key, value in named if key in of_feature and purged.of(key, value)}
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


def _called(attribution: Attribution, value: str) -> str:
    return attribution.aliases.get(value, value)


def _mark(salt: bytes, key: str, value: str) -> str:
    return hmac.new(salt, f"{key}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _names(connection: Connection, text: Column[Any], part: str) -> ColumnElement[bool]:
    """Whether a text has this part, letter for letter: each database has its own word for it."""
    place = func.strpos if connection.dialect.name == "postgresql" else func.instr
    return place(text, part) > 0
