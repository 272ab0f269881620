"""What was told to people, without what a purge has deleted.

The text of a message that stands in Slack is needed no more: what it says later is made anew from its events' facts, or
from the runs. So a purge lets go of all such texts, whatever they name. Facts stay, without the names that were purged.
A message that still waits to be sent, or to be changed, keeps its text unless that names them.
"""

import html
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import Connection, delete, select, update

from bot.ledger import changed_days
from bot.ledger.booking import instant
from bot.ledger.deliveries import Kind, State, as_json
from bot.ledger.events import Event
from bot.ledger.limits import KNOWN
from bot.ledger.tables import (
    deliveries,
    delivery_events,
    events,
    levels,
    limit_changes,
    limits,
    marks,
    set_rules,
    snoozes,
)

# What stands where a name stood, and where a text did.
GONE = "(purged)"
NO_TEXT: Mapping[str, Any] = {
    "text": "What this message said was deleted on demand.",
    "blocks": [],
    "simple_blocks": [],
}

# A text may have cut a value, and shows some characters otherwise: so much of one in a row is looked for.
_TELLING = 20
# A digest is about days before the one on which it was made, which may be another one here.
_BEFORE = 2


class Forgetting(NamedTuple):
    """What must not be read any more: a metadata key and value, which `is_feature` if the key names features, and the
    names of the `traces`. In the keys of events `mark` stands in place of the value."""

    pair: tuple[str, str] | None
    is_feature: bool
    traces: Collection[bytes]
    mark: str


class Forgotten(NamedTuple):
    """What is left to be done and said: the alerts whose messages are to be made anew, how many messages named what was
    purged, and how many limits and rules that were set in Slack for it are gone."""

    untold: tuple[str, ...]
    told: int
    unset: int


def is_forgotten(event: Event) -> bool:
    """Whether an event of a digest was about features of which one was purged: what it told is taken back."""
    return GONE in (event.facts["features"] or ())


def forget_told(connection: Connection, what: Forgetting) -> Forgotten:
    """Do it. A metadata value then stands in nothing that was told, and in nothing that was set in Slack."""
    changed = _forget_facts(connection, what)
    untold, told = _forget_texts(connection, what, changed)
    if what.pair is None:
        return Forgotten(tuple(sorted(untold)), told, 0)
    unset = _forget_settings(connection, what.pair, is_feature=what.is_feature)
    _rename_keys(connection, what, what.pair)
    _rename_known(connection, what, what.pair)
    return Forgotten(tuple(sorted(_renamed(key, what, what.pair) for key in untold)), told, unset)


def _forget_facts(connection: Connection, what: Forgetting) -> set[str]:
    """The keys of the alerts whose facts have changed."""
    changed = set[str]()
    for key, kind, kept in connection.execute(select(events.c.key, events.c.kind, events.c.facts)).all():
        facts = json.loads(kept)
        left = _alert(facts, what) if kind == Kind.ALERT and "alert" in facts else _facts(facts, what)
        if left != facts:
            connection.execute(update(events).where(events.c.key == key).values(facts=as_json(left)))
            changed |= {key} if kind == Kind.ALERT else set()
    return changed


def _alert(facts: Mapping[str, Any], what: Forgetting) -> dict[str, Any]:
    """An alert's facts: figures stay, and so does what it is about unless that is what was purged."""
    alert, feature, whys = dict(facts["alert"]), facts["feature"], facts["whys"]
    traces = {str(UUID(bytes=one)) for one in what.traces}
    alert["traces"] = [[one[0], "", *one[2:]] if one[0] in traces else one for one in alert["traces"]]
    if what.pair is not None:
        where = [
            [name, GONE] if (name, value) == what.pair else [name, value] for name, value in alert["state"]["where"]
        ]
        alert["state"] = {**alert["state"], "where": where}
        if what.is_feature and feature == what.pair[1]:
            alert["state"]["feature"] = feature = GONE
            whys = {}
    return {**facts, "alert": alert, "feature": feature, "whys": whys}


def _facts(facts: Mapping[str, Any], what: Forgetting) -> dict[str, Any]:
    """The facts of other events. A digest's figures name all kinds of things and are read by nobody later."""
    left = {name: value for name, value in facts.items() if name != "figures"}
    if what.pair is not None:
        value = what.pair[1]
        if left.get("feature") == value:
            left["feature"] = GONE
        for name in ("features", "lines", "problems"):
            if isinstance(left.get(name), list):
                left[name] = [GONE if _names(one, value) else one for one in left[name]]
    return left


def _forget_texts(connection: Connection, what: Forgetting, changed: Collection[str]) -> tuple[set[str], int]:
    """The alerts whose messages are to be made anew, and how many messages named what was purged."""
    about: dict[str, set[str]] = {}
    for delivery, event in connection.execute(select(delivery_events)):
        about.setdefault(delivery, set()).add(event)
    columns = deliveries.c
    query = select(columns.id, columns.kind, columns.state, columns.created, columns.is_stale, columns.message)
    untold, told, days = set[str](), 0, set[int]()
    for row in connection.execute(query).all():
        message, keys = json.loads(row.message), about.get(row.id, set())
        is_named = not keys.isdisjoint(changed)
        if what.pair is not None:
            is_named = is_named or any(_names(text, what.pair[1]) for text in _texts(message))
        if is_named and row.kind == Kind.ALERT:
            untold |= keys
        if is_named and row.kind == Kind.DIGEST:
            days.add(instant(row.created).date().toordinal() - _BEFORE)
        told += is_named
        if is_named or not (row.state == State.OPEN or row.is_stale):
            new = update(deliveries).where(columns.id == row.id)
            new = new.values(message=as_json(_without_text(message, is_named=is_named)))
            # Nothing without a text is to be shown: a digest is looked at again, and then says what is so.
            connection.execute(new.values(is_stale=False))
    changed_days.remember(connection, days)
    return untold, told


def _without_text(message: Mapping[str, Any], *, is_named: bool) -> dict[str, Any]:
    """What is kept of a message: of a digest what it said in figures, and that it says something else now if it
    `is_named`."""
    digest = message.get("digest")
    shown = {"shown": ""} if is_named else {}
    return {**NO_TEXT, **({"digest": {**digest, **shown}} if digest is not None else {})}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _names(text: str, value: str) -> bool:
    """Whether a text may name a value, whatever was done to show it there. A text too many is no loss."""
    words = re.findall(r"\w+", value)
    telling = max(words, key=len)[:_TELLING] if words else value
    return telling in text or telling in html.unescape(text)


def _forget_settings(connection: Connection, pair: tuple[str, str], *, is_feature: bool) -> int:
    """How many limits and rules are gone."""
    gone = 0
    for row in connection.execute(select(limits.c.feature, limits.c.window, limits.c.where)).all():
        where = [tuple(one) for one in json.loads(row.where or "[]")]
        if (is_feature and row.feature == pair[1]) or pair in where:
            same = (limits.c.feature == row.feature, limits.c.window == row.window)
            gone += connection.execute(delete(limits).where(*same)).rowcount
    changes = limit_changes.c
    for number, kept in connection.execute(select(changes.id, changes.where).where(changes.where.is_not(None))).all():
        # No run has that value: such a limit is said to be near in no period.
        left = [[name, GONE] if (name, value) == pair else [name, value] for name, value in json.loads(kept)]
        new = json.dumps(left, ensure_ascii=False)
        connection.execute(update(limit_changes).where(changes.id == number).values(where=new))
    if is_feature:
        connection.execute(update(limit_changes).where(changes.feature == pair[1]).values(feature=GONE))
        gone += connection.execute(delete(set_rules).where(set_rules.c.feature == pair[1])).rowcount
    return gone


def _rename_keys(connection: Connection, what: Forgetting, pair: tuple[str, str]) -> None:
    """What is known by a key or a subject stays known, by another."""
    for column in (
        *(events.c.key, events.c.subject, events.c.superseded_by, delivery_events.c.event),
        *(levels.c.subject, snoozes.c.subject),
    ):
        for old in connection.scalars(select(column).where(column.is_not(None)).distinct()).all():
            new = _renamed(old, what, pair)
            if new != old:
                connection.execute(update(column.table).where(column == old).values({column.name: new}))


def _rename_known(connection: Connection, what: Forgetting, pair: tuple[str, str]) -> None:
    """The identities of budgets are made like the keys of events."""
    mine = marks.c.name == KNOWN
    kept = connection.scalar(select(marks.c.value).where(mine))
    if kept is not None:
        renamed = {_renamed(key, what, pair): at for key, at in json.loads(kept).items()}
        connection.execute(update(marks).where(mine).values(value=json.dumps(renamed)))


def _renamed(key: str, what: Forgetting, pair: tuple[str, str]) -> str:
    """See bot.domain.alert.subject for what a key is made of; a long one was cut, and ends in its hash."""
    parts = key.split(":")
    name, value = (quote(one, safe="") for one in pair)
    for place, part in enumerate(parts):
        if place and parts[place - 1] == "budget":
            is_it = what.is_feature and _is_or_was_cut(part, value)
        else:
            is_it = part.startswith(f"where={name}=") and _is_or_was_cut(part.removeprefix(f"where={name}="), value)
        if is_it:
            hash_ = part[part.index("!") :] if "!" in part else ""
            head = "" if parts[place - 1] == "budget" else f"where={name}="
            parts[place] = f"{head}purged-{what.mark}{hash_}"
    return ":".join(parts)


def _is_or_was_cut(part: str, value: str) -> bool:
    kept, cut, _ = part.partition("!")
    return value.startswith(kept) if cut and kept else part == value
