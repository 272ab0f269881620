"""`llmcost deliveries`: what was told to whom in Slack."""

from bot.cli.outcome import show
from bot.ledger.deliveries import Delivery, State
from bot.render.names import plain
from bot.render.numbers import clock, count
from bot.render.table import Table
from bot.render.text import text_table

_LONGEST_PROBLEM = 120
_STATES = {
    State.OPEN: "on its way",
    State.SENT: "sent",
    State.REPLACED: "others were told",
    State.UNDELIVERABLE: "reached nobody",
}


def run_deliveries(last: int) -> None:
    """Print the latest deliveries, the latest first."""
    from bot.app.ledgers import open_to_read
    from bot.settings import load

    settings, _ = load()
    ledger = open_to_read(settings)
    try:
        found = ledger.outbox.latest(last)
    finally:
        ledger.close()
    rows = [
        (
            clock(one.created.astimezone(settings.timezone)),
            one.kind.value,
            plain(one.recipient),
            one.role.value,
            _STATES[one.state],
            count(one.tries),
            _problem(one),
        )
        for one in found
    ]
    header = ("Decided", "What", "To", "As", "State", "Tries", "Problem")
    table = Table(header, tuple(rows), (False, False, False, False, False, True, False))
    show(text_table(table) or "Nothing has been told to anybody yet.")


def _problem(delivery: Delivery) -> str:
    return plain(delivery.problem, _LONGEST_PROBLEM) if delivery.problem else "\N{EM DASH}"
