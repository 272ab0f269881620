"""What was read, how far, and how it is counted: runs, their figures, and the changes of prices."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

from bot.ledger.tables.schema import metadata

# Runs of impossible cost or usage (bot.domain.usage.Flag: IMPOSSIBLE_USAGE, NEGATIVE_COST, IMPOSSIBLE_COST). SQLite
# takes a partial index only where a query says the same words.
IMPOSSIBLE = "((flags | cost_flags) & 22) != 0"
# Runs that are waited for. Likewise: with values that are bound later it does not.
OPEN = "state IN ('pending', 'no_usage')"

projects = Table(
    "projects",
    metadata,
    Column("key", Integer, primary_key=True, autoincrement=True),
    Column("id", LargeBinary(16), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("started", BigInteger, nullable=False),  # nothing can have happened in it before
    Column("selected", Boolean, nullable=False),  # whether LANGSMITH_PROJECT named it at the last look
    Column("cost_mode", Text, nullable=False),
    Column("covered_from", BigInteger),  # [covered_from, watermark) has been read whole, but for `gaps`
    Column("watermark", BigInteger),
    Column("settled_through", Integer),  # the last day of an unbroken row of settled days
    Column("reread_2h", BigInteger),  # when each tier of re-reading was last begun
    Column("reread_26h", BigInteger),
    Column("reread_days", BigInteger),
    Column("link", Text),  # the address of a trace in LangSmith, "{trace}" in place of its id; None: not known yet
)

gaps = Table(
    "gaps",
    metadata,
    Column("project", Integer, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    PrimaryKeyConstraint("project", "start"),
)

# Columns up to `flags` and `thread` are as read (bot.domain.run.Run); those from `day` to `reason` are as booked
# (bot.ledger.booking.Booked).
runs = Table(
    "runs",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("trace_id", LargeBinary(16), nullable=False),
    Column("project", Integer, nullable=False),
    Column("ancestors", LargeBinary),  # 16 bytes each, root first
    Column("type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger),
    Column("name", Text, nullable=False),
    Column("tags", Text),  # JSON list
    Column("key_values", Text),  # JSON list of [key, value]: the configured metadata keys only
    Column("provider", Text),
    Column("model", Text),
    Column("context", Text),
    Column("input", BigInteger),
    Column("output", BigInteger),
    Column("cached", BigInteger),
    Column("cache_write", BigInteger),
    Column("cache_write_1h", BigInteger),
    Column("reasoning", BigInteger),
    Column("audio_input", BigInteger),
    Column("audio_output", BigInteger),
    Column("raw_cost", BigInteger),
    Column("flags", SmallInteger, nullable=False),
    Column("day", Integer, nullable=False),
    Column("feature", Text, nullable=False),  # "" is untagged
    Column("state", Text, nullable=False),
    Column("cost", BigInteger),
    Column("source", Text),
    Column("reference", Text),
    Column("cost_flags", SmallInteger, nullable=False),
    Column("counted_input", BigInteger, nullable=False),
    Column("counted_output", BigInteger, nullable=False),
    Column("reason", Text),
    Column("thread", Text),
    Index("runs_by_trace", "trace_id"),
    Index("runs_by_start", "start"),
    Index("runs_impossible", "start", sqlite_where=text(IMPOSSIBLE)),
    # Few at any time, looked up at each sync. The migration made it; to name PostgreSQL's condition here, too, would
    # import its dialect.
    Index(
        "runs_open",
        "project",
        "start",
        sqlite_where=text(OPEN),
    ),
)

# What the roots of traces say, where a run below has no feature of its own and the ledger does not hold the root.
roots = Table(
    "roots",
    metadata,
    Column("project", Integer, nullable=False),
    Column("trace_id", LargeBinary(16), nullable=False),
    Column("key_values", Text),
    Column("final", Boolean, nullable=False),  # the root has ended: its metadata will not change any more
    PrimaryKeyConstraint("project", "trace_id"),
)

# Figures per local day, one row per view and value (see bot.ledger.rollups). Kept for ever.
rollups = Table(
    "rollups",
    metadata,
    Column("view", Text, nullable=False),
    Column("feature", Text, nullable=False),
    Column("day", Integer, nullable=False),
    Column("value", Text, nullable=False),
    Column("runs", BigInteger, nullable=False),
    Column("traces", BigInteger, nullable=False),  # those whose first day here this is
    Column("cost", BigInteger, nullable=False),
    Column("langsmith", BigInteger, nullable=False),
    Column("estimate", BigInteger, nullable=False),
    Column("override", BigInteger, nullable=False),
    Column("input", BigInteger, nullable=False),
    Column("output", BigInteger, nullable=False),
    Column("unpriced", BigInteger, nullable=False),
    Column("no_usage", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("sampled", BigInteger, nullable=False),
    PrimaryKeyConstraint("view", "feature", "day", "value"),
    sqlite_with_rowid=False,
)

# Traces that come back on a later day: without them a trace over midnight would count twice in a week.
returns = Table(
    "returns",
    metadata,
    Column("view", Text, nullable=False),
    Column("feature", Text, nullable=False),
    Column("day", Integer, nullable=False),
    Column("value", Text, nullable=False),
    Column("previous_day", Integer, nullable=False),
    Column("traces", BigInteger, nullable=False),
    PrimaryKeyConstraint("view", "feature", "day", "value", "previous_day"),
    sqlite_with_rowid=False,
)

# Under which rules the books are kept: a change of them recounts.
rules = Table("rules", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

# Transactions that went through (bot.ledger.attempts).
attempts = Table("attempts", metadata, Column("id", Text, primary_key=True), Column("at", BigInteger, nullable=False))

syncs = Table(
    "syncs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("started", BigInteger, nullable=False),
    Column("finished", BigInteger, nullable=False),
    Column("read", BigInteger, nullable=False),
    Column("new", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("problem", Text),  # None: it went through
    Column("projects", Integer, nullable=False),  # how many were read to their end
)

# What was purged (bot.ledger.purging), not by its name: a mark by which it is known if it is read again.
purges = Table("purges", metadata, Column("mark", Text, primary_key=True), Column("at", BigInteger, nullable=False))

# Changes of prices (bot.ledger.repricing): who made them when, and how each run stood before and after.
repricings = Table(
    "repricings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("runs", BigInteger, nullable=False),
    Column("undone", BigInteger),
    Column("undone_by", Text),
)

repriced_runs = Table(
    "repriced_runs",
    metadata,
    Column("change", Integer, nullable=False),
    Column("run", LargeBinary(16), nullable=False),
    *(
        Column(f"{when}_{name}", kind, nullable=nullable)
        for when in ("old", "new")
        for name, kind, nullable in (
            ("state", Text, False),
            ("cost", BigInteger, True),
            ("source", Text, True),
            ("reference", Text, True),
            ("cost_flags", SmallInteger, False),
            ("input", BigInteger, False),
            ("output", BigInteger, False),
        )
    ),
    PrimaryKeyConstraint("change", "run"),
)

# What providers have billed for a calendar month. The latest line of a provider and month counts; the others are its
# history.
invoices = Table(
    "invoices",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("provider", Text, nullable=False),
    Column("month", Text, nullable=False),  # like 2026-11
    Column("nanos", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Index("invoices_by_month", "month"),
)
