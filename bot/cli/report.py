"""`llmcost report`: the answer that Slack gives, in a terminal."""

from bot.cli.outcome import show
from bot.errors import UsageError


def run_report(words: list[str], *, json: bool, csv: bool) -> None:
    """Print the answer to `words` as text, JSON or CSV."""
    from bot.app import build_reporter, open_to_read, utc_now
    from bot.render.data import to_csv, to_json
    from bot.render.text import text
    from bot.settings import load

    if json and csv:
        raise UsageError("--json and --csv are two forms of one answer: keep one.")
    settings, config = load()
    ledger = open_to_read(settings)
    try:
        answer = build_reporter(settings, config, ledger).ask_words(words, utc_now())
    finally:
        ledger.close()
    show(to_json(answer) if json else to_csv(answer) if csv else text(answer))
