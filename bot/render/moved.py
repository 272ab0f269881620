"""What a change of prices or features does, by feature and model."""

from collections.abc import Sequence
from decimal import Decimal

from bot.domain.feature import UNTAGGED_NAME
from bot.domain.money import dollars
from bot.ledger.repricing import Moved
from bot.render.names import plain
from bot.render.numbers import count, money, plural
from bot.render.table import made
from bot.render.text import text_table


def moved_text(rows: Sequence[Moved], headline: str) -> str:
    """The headline, and a line for each feature and model whose cost changes, the largest change first."""
    header = ["Feature", "Model", "Runs", "Before", "After", "Change"]
    cells = [
        [
            plain(row.feature or UNTAGGED_NAME),
            plain(row.model or ""),
            count(row.runs),
            money(dollars(row.before)),
            money(dollars(row.after)),
            change(dollars(row.after - row.before)),
        ]
        for row in rows
    ]
    table = text_table(made(header, cells, (False, False, True, True, True, True)))
    return "\n\n".join(part for part in (headline, table) if part)


def repriced_headline(rows: Sequence[Moved], *, done: bool) -> str:
    """How many runs, how much, and what becomes known or unknown by it."""
    if not rows:
        return "No run costs anything else by the prices of now."
    runs, found, lost = (sum(getattr(row, name) for row in rows) for name in ("runs", "found", "lost"))
    total = dollars(sum(row.after - row.before for row in rows))
    notes = [f"{plural(found, 'run')} got a price"] if found else []
    notes += [f"{plural(lost, 'run')} lost it"] if lost else []
    known = f" ({', '.join(notes)})" if notes else ""
    verb = "changed" if done else "would change"
    return f"{plural(runs, 'run')} {verb}, by {change(total)} together{known}."


def change(amount: Decimal) -> str:
    """An amount with its sign."""
    shown = money(amount)
    return f"+{shown}" if amount > 0 and shown.startswith("$") else shown
