"""A digest in Slack: it fits whatever the ledger holds, and nothing that came from a trace acts in it."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.budget import Budget, Window
from bot.domain.catalog import Catalog, Feature
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.events import NewEvent
from bot.ledger.store import Ledger
from bot.render.text import text
from bot.reports.answers import Spend
from bot.reports.digest import Digest
from bot.reports.digest_reporter import DigestReporter
from bot.slack.digest_message import ToldAlert, correction_message, digest_message, thread_message
from tests.alerts import FACTS, STATE
from tests.golden.digests import DIGESTS, digest
from tests.ledgers import BERLIN, Spent, emptied, fill
from tests.unit.slack.test_messages import NAMES, acting, fences, refused

DAY = timedelta(days=1)
MONDAY = datetime(2026, 11, 23, 9, tzinfo=BERLIN)


def full_digest(ledger: Ledger, names: list[str], *, features: tuple[str, ...] | None = None) -> Digest:
    """A digest in which everything that can be said is said, about things called `names`."""
    window = Window.MONTHLY
    catalog = Catalog(
        {
            name: Feature(name, budgets=(Budget(name, window, 10**9, where=(("env", name),)),))
            for name in names
            if name.strip()
        }
    )
    runs = [Spent(MONDAY - 20 * DAY, "old", "9")]
    for place, name in enumerate(names):
        runs += [
            Spent(MONDAY - DAY, name, str(2 + place), model=name, project=name, name=name, keys={"env": name}),
            Spent(MONDAY - DAY, name, None, model=name, project=name, sampled=True),
        ]
    projects = list(dict.fromkeys(["acme-prod", *names]))
    lost = [(MONDAY - (days + 0.5) * DAY, MONDAY - days * DAY) for days in (13, 15, 17)]
    now = MONDAY + timedelta(hours=2)
    fill(emptied(ledger), runs, catalog=catalog, projects=projects, lost=lost, now=now, as_of=MONDAY - DAY / 3)
    for place, name in enumerate(names):
        key, at = f"k{place}", MONDAY - DAY + timedelta(minutes=place)
        alert = NewDelivery(Kind.ALERT, Role.OWNER, name, (key,), {}, at, at + DAY)
        ledger.outbox.announce([NewEvent(key, Kind.ALERT, {"feature": name})], [alert], at)
        claimed = ledger.outbox.claim_next(at)
        assert claimed is not None
        ledger.outbox.give_up(claimed, name, [], at)
    reporter = DigestReporter(ledger, lambda: catalog, BERLIN)
    before = MONDAY.date() - 3 * DAY
    found = reporter.digest(MONDAY.date(), now, before=before, features=features, was_due=MONDAY)
    return replace(found, is_update=True)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(NAMES, min_size=1, max_size=5), st.booleans())
def test_no_name_acts_and_slack_takes_every_digest(reused: Ledger, names: list[str], of_features: bool) -> None:
    features = tuple(name for name in names if name.strip()) if of_features else None
    found = full_digest(reused, names, features=features or None)
    told = correction_message(found, Spend(Decimal(1), 1, 1))
    for message in (digest_message(found), told, thread_message(found, alerts(names, None))):
        assert refused(message) == []
        assert acting(message) == set()
        assert set(fences(message)) <= {0, 2}
    shown = text(found)
    assert not [one for one in shown if not one.isprintable() and one not in "\n\N{LEFT-TO-RIGHT MARK}"]


def alerts(names: list[str], link: str | None) -> list[ToldAlert]:
    """An alert about each, about runs of one kind alone."""
    facts = [FACTS._replace(state=STATE._replace(feature=name, where=(("env", name),))) for name in names]
    return [ToldAlert(one, MONDAY, link) for one in facts]


@pytest.mark.parametrize("letter", ["x", "&", '"', "🚀", "`"])
@pytest.mark.parametrize("link", [None, "https://smith.example.com/r/" + "0" * 36])
def test_a_thread_has_room_for_many_features_and_names_the_first_alerts(
    letter: str, link: str | None, reused: Ledger
) -> None:
    names = [f"{place}{letter * 240}" for place in range(60)]
    message = thread_message(full_digest(reused, names).whole, alerts(names, link))
    assert refused(message) == []
    assert acting(message) == set()
    assert "And 52 more alerts." in str(message.blocks)
    native = next(block for block in message.blocks if block["type"] in ("table", "data_table"))
    assert f"{60 - (len(native['rows']) - 1)} more rows left out" in str(message.blocks)


@pytest.mark.parametrize("letter", ["x", "&", '"', "🚀", "`"])
def test_many_long_names_fit(letter: str, reused: Ledger) -> None:
    message = digest_message(full_digest(reused, [f"{place}{letter * 240}" for place in range(40)]))
    assert refused(message) == []
    native = next(block for block in message.blocks if block["type"] == "table")
    assert native["rows"][-1][0]["text"] == "other (30)"
    assert "So did 37 more alerts." in str(message.blocks)


@pytest.mark.parametrize("kind", DIGESTS)
def test_nothing_unknown_is_shown_as_zero(kind: str) -> None:
    found = digest(kind)
    said = text(found)
    if found.last_week is None:
        assert "Up" not in said.split("\n\n")[0]
    if found.coverage.as_of is None:
        assert "$" not in said


def test_what_leads_a_digest_is_trouble(reused: Ledger) -> None:
    lines = text(full_digest(reused, ["a"])).splitlines()
    assert lines[0] == "LangSmith has not been read to the end since 23 Nov 2026 01:00."
    assert lines[1] == "All features together cost $2.00 plus 1 unpriced run over 20\u201322 Nov 2026."
    assert "An alert about a reached nobody: a." in lines
