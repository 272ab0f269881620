"""`llmcost report`: the answer that Slack gives, in a terminal."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

from bot.cli.outcome import show, tell
from bot.errors import UsageError

if TYPE_CHECKING:
    from bot.ingest.langsmith import LangSmith
    from bot.reports.verification import Counterpart


def run_report(words: list[str], *, json: bool, csv: bool) -> None:
    """Print the answer to `words` as text, JSON or CSV."""
    from bot.app.answers import build_reporter
    from bot.app.ledgers import open_to_answer, utc_now
    from bot.render.data import to_csv, to_json
    from bot.render.text import text
    from bot.settings import Need, load, load_settings

    # LangSmith is imported and connected only for the words that need it.
    def source() -> "LangSmith":
        from bot.app.source import build_source

        connected = build_source(settings)
        closing.callback(connected.close)
        return connected

    def counterpart() -> "Counterpart":
        from bot.app.source import build_counterpart, build_totals

        given = load_settings(Need.LANGSMITH)
        return build_counterpart(given, build_totals(given))

    if json and csv:
        raise UsageError("--json and --csv are two forms of one answer: keep one.")
    settings, config = load()
    with ExitStack() as closing:
        ledger = open_to_answer(settings, config)
        closing.callback(ledger.close)
        has_key = bool(settings.langsmith_api_key.get_secret_value())
        reporter = build_reporter(settings, config, ledger, source=source if has_key else None, counterpart=counterpart)
        answer = reporter.ask_words(words, utc_now(), before_waiting=_say_wait)
    show(to_json(answer) if json else to_csv(answer) if csv else text(answer))


def _say_wait() -> None:
    tell("Asking LangSmith for its own total; this may take a minute ...")
