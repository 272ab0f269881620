"""`llmcost budgets`: how the budgets stand, in a terminal."""

import typer

from bot.cli.outcome import FAILED, show, tell
from bot.errors import UsageError

CHECK = "check"


def run_budgets(words: list[str], *, json: bool, csv: bool) -> None:
    """Print every budget, or those of a feature. `check` exits with 1 if one is at its limit or over it, or if nothing
    has been read yet of its period."""
    from bot.app.answers import build_reporter
    from bot.app.ledgers import open_to_answer, utc_now
    from bot.render.data import to_csv, to_json
    from bot.render.numbers import plural
    from bot.render.text import text
    from bot.reports.budgets import BudgetList
    from bot.settings import load

    if json and csv:
        raise UsageError("--json and --csv are two forms of one answer: keep one.")
    checks = words == [CHECK]
    settings, config = load()
    ledger = open_to_answer(settings, config)
    try:
        answer = build_reporter(settings, config, ledger).ask_words(["budget", *([] if checks else words)], utc_now())
    finally:
        ledger.close()
    show(to_json(answer) if json else to_csv(answer) if csv else text(answer))
    if not checks or not isinstance(answer, BudgetList):
        return
    if unread := [row for row in answer.rows if answer.as_of is None or answer.as_of <= row.start]:
        tell(f"Nothing has been read yet of the period of {plural(len(unread), 'budget')}: that is no proof of $0.")
    if unread or any(row.used >= 1 for row in answer.rows):
        raise typer.Exit(FAILED)
