"""What people are told, what they have set and pressed, and what the clock remembers of it."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, text

from bot.ledger.tables.schema import metadata

# Answers that can still be shared, word for word as they were shown.
answers = Table(
    "answers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("shared_at", BigInteger),
)

# Files that were uploaded because somebody pressed a button (bot.ledger.uploads).
uploads = Table("uploads", metadata, Column("key", Text, primary_key=True), Column("at", BigInteger, nullable=False))

# Limits that were set in Slack (bot.domain.budget.SetLimit), and what was ever changed.
limits = Table(
    "limits",
    metadata,
    Column("feature", Text, nullable=False),
    Column("window", Text, nullable=False),
    Column("limit_nanos", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("file_limit", BigInteger),
    Column("owners", Text, nullable=False),  # JSON list
    Column("alert_at", Text),  # JSON list; None: as the feature's
    Column("where", Text),  # JSON list of [dimension, value]; None: as the feature's
    PrimaryKeyConstraint("feature", "window"),
)

limit_changes = Table(
    "limit_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("feature", Text, nullable=False),
    Column("window", Text, nullable=False),
    Column("old_nanos", BigInteger),
    Column("new_nanos", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("owners", Text, nullable=False),  # JSON list
    Column("alert_at", Text),  # as in `limits`
    Column("where", Text),
)

# Rules that were set in Slack (bot.domain.feature.SetRule), those that were taken back included: none is forgotten.
set_rules = Table(
    "set_rules",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("feature", Text, nullable=False),
    Column("project", Text),
    Column("name", Text),
    Column("set_by", Text, nullable=False),
    Column("set_at", BigInteger, nullable=False),
    Column("undone_by", Text),
    Column("undone_at", BigInteger),
)

# What the last sync saw of a subject (bot.domain.alert), so that a crossing is told only if the next one sees it too.
levels = Table(
    "levels",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("level", Integer, nullable=False),
    Column("sync", Integer, nullable=False),
)

snoozes = Table(
    "snoozes",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("until", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

# Everything that the clock posts. A row says that something has been decided; deliveries say it to people.
events = Table(
    "events",
    metadata,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("threshold", Integer, nullable=False),  # 0 where it is about none
    Column("created", BigInteger, nullable=False),
    Column("facts", Text, nullable=False),  # JSON: the figures as they were
    Column("superseded_by", Text),  # the key of the event that says more
    Column("acknowledged_by", Text),
    Column("acknowledged_at", BigInteger),
    Index("events_by_subject", "subject"),
    Index("events_by_kind", "kind", "created"),
)

# One message to one recipient, and how far it has come (bot.ledger.deliveries).
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("message", Text, nullable=False),  # JSON
    Column("state", Text, nullable=False),
    Column("next_try", BigInteger, nullable=False),  # while it is open: not before then; given up: when it was
    Column("expires", BigInteger, nullable=False),  # while it is open: given up then
    Column("tries", Integer, nullable=False),
    Column("claim", Text),  # whose turn it is, until `next_try`
    Column("unconfirmed_since", BigInteger),  # a try that began then may have been accepted
    Column("looks", Integer, nullable=False),  # how often it was looked for in Slack since
    Column("place", Text),  # where it stands in Slack
    Column("ts", Text),
    Column("sent_at", BigInteger),
    Column("problem", Text),
    Column("thread", Text),  # the delivery under which it is to stand
    Column("is_stale", Boolean, nullable=False),  # it has been changed here and not in Slack yet
    Index(
        "deliveries_open",
        "next_try",
        sqlite_where=text("state = 'open'"),
    ),
    Index("deliveries_by_time", "created"),
)

delivery_events = Table(
    "delivery_events",
    metadata,
    Column("delivery", Text, nullable=False),
    Column("event", Text, nullable=False),
    PrimaryKeyConstraint("delivery", "event"),
    Index("deliveries_of_event", "event"),
)

# What jobs remember between ticks, e.g. when alerts were first looked for.
marks = Table("marks", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

# Presses and submissions that were taken up (bot.ledger.handled): Slack may hand one over twice.
handled = Table("handled", metadata, Column("id", Text, primary_key=True), Column("at", BigInteger, nullable=False))
