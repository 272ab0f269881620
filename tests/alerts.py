"""Alerts for tests: facts that look like real ones, and strategies for any."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from bot.domain.budget import Window
from bot.reports.budgets import AlertFacts, AlertTrace, BudgetState, TopModel
from bot.reports.causes import Cause, Factor
from tests.ledgers import BERLIN, NOW

STATE = BudgetState(
    feature="rag-search",
    window=Window.MONTHLY,
    where=(("env", "production"),),
    period="2026-11",
    first=date(2026, 11, 1),
    last=date(2026, 11, 30),
    start=datetime(2026, 11, 1, tzinfo=BERLIN),
    end=datetime(2026, 12, 1, tzinfo=BERLIN),
    timezone="Europe/Berlin",
    spent=Decimal("52.104000000"),
    limit=Decimal("50.000000000"),
    used=Decimal("1.04208"),
    overage=Decimal("2.104000000"),
    passed=Decimal("0.72"),
    is_closed=False,
    reaches_at=None,
    owners=("alice@example.com",),
    set_by=None,
    until=None,
)
FACTS = AlertFacts(
    state=STATE,
    threshold=100,
    reached_at=NOW - timedelta(hours=3),
    cause=Cause(Factor.RUNS, Decimal("17.40"), Decimal(800), Decimal(1204), Decimal("0.505")),
    model=TopModel("gpt-4o", Decimal("0.82")),
    traces=(
        AlertTrace("0190-a", "agent", "acme-prod", Decimal("1.25"), 14, "https://smith.example.com/t/0190-a"),
        AlertTrace("0190-b", "ChatOpenAI", "acme-prod", Decimal("0.9"), 1, None),
    ),
    as_of=NOW,
    ledger_start=None,
)
NEAR = FACTS._replace(
    threshold=80,
    reached_at=None,
    cause=Cause(Factor.TOKENS, Decimal("28.50"), Decimal(1_200), Decimal(4_100), Decimal("2.417")),
    state=STATE._replace(
        feature="total",
        window=Window.DAILY,
        period="2026-11-22",
        first=NOW.date(),
        last=NOW.date(),
        start=datetime(2026, 11, 22, tzinfo=BERLIN),
        end=datetime(2026, 11, 23, tzinfo=BERLIN),
        where=(),
        spent=Decimal("41.00"),
        used=Decimal("0.82"),
        overage=Decimal(0),
        passed=Decimal("0.6"),
        reaches_at=NOW + timedelta(hours=3),
        set_by="U1",
    ),
)
CLOSED = FACTS._replace(
    threshold=150,
    cause=Cause(Factor.PRICE, Decimal(30), Decimal("0.0000025"), Decimal("0.00001"), Decimal(3)),
    ledger_start=datetime(2026, 11, 10, tzinfo=BERLIN),
    state=STATE._replace(is_closed=True, passed=Decimal(1), where=()),
)

# What a trace or a file may be called, to act where it stands.
NASTY_NAMES = st.sampled_from(
    [
        "rag-search", "<!channel>", "<@U123ABC>", "<https://evil.example.com|click>", "```", "@here",
        "evil.example.com", "a&amp;b", "\u202eevil", "\x1b[31m", "x" * 250, "\N{SNOWMAN}" * 250, "\U0001f525" * 250,
        "*b* _i_ ~s~", '\\\n"' * 80,
    ]
)  # fmt: skip
names = NASTY_NAMES | st.text(min_size=1, max_size=250)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2037, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds
money = st.integers(0, 10**18).map(lambda nano: Decimal(nano).scaleb(-9))
fractions = st.integers(0, 10**9).map(lambda number: Decimal(number) / 7)


@st.composite
def facts(draw: st.DrawFn, zones: st.SearchStrategy[str]) -> AlertFacts:
    """Any facts of an alert."""
    zone = ZoneInfo(draw(zones))
    moment = instants.map(lambda instant: instant.astimezone(zone))
    maybe = st.none() | moment
    where: Mapping[str, str] = draw(st.dictionaries(names, names, max_size=3))
    first = draw(st.dates(date(2020, 1, 1), date(2037, 12, 30)))
    state = BudgetState(
        feature=draw(names), window=draw(st.sampled_from(Window)), where=tuple(sorted(where.items())), period="2026-11",
        first=first, last=first, start=draw(moment), end=draw(moment), timezone=zone.key, spent=draw(money),
        limit=draw(money), used=draw(fractions), overage=draw(money), passed=draw(fractions),
        is_closed=draw(st.booleans()), reaches_at=draw(maybe), owners=tuple(draw(st.lists(names, max_size=9))),
        set_by=draw(st.none() | names), until=draw(maybe),
    )  # fmt: skip
    known = st.none() | fractions
    cause = st.builds(Cause, st.sampled_from(Factor), fractions, known, known, known)
    link = st.none() | st.sampled_from(["https://smith.example.com/x", "https://smith.example.com/" + "y" * 900])
    trace = st.builds(AlertTrace, names, names, names, money, st.integers(0, 10**9), link)
    return AlertFacts(
        state=state,
        threshold=draw(st.integers(1, 10_000)),
        reached_at=draw(maybe),
        cause=draw(st.none() | cause),
        model=draw(st.none() | st.builds(TopModel, names, fractions)),
        traces=tuple(draw(st.lists(trace, max_size=3))),
        as_of=draw(maybe),
        ledger_start=draw(maybe),
    )
