"""`llmcost report`: the answer that Slack gives, in a terminal."""

from contextlib import ExitStack

from bot.cli.outcome import show, tell
from bot.errors import UsageError


def run_report(words: list[str], *, json: bool, csv: bool) -> None:
    """Print the answer to `words` as text, JSON or CSV."""
    from bot.app import build_counterpart, build_reporter, build_source, build_totals, open_to_read, utc_now
    from bot.render.data import to_csv, to_json
    from bot.render.text import text
    from bot.reports.verification import Counterpart
    from bot.settings import Need, load, load_settings

    def langsmith() -> Counterpart:
        # Only verify needs a key.
        settings = load_settings(Need.LANGSMITH)
        return build_counterpart(settings, build_totals(settings))

    if json and csv:
        raise UsageError("--json and --csv are two forms of one answer: keep one.")
    settings, config = load()
    with ExitStack() as closing:
        ledger = open_to_read(settings)
        closing.callback(ledger.close)
        source = None
        if settings.langsmith_api_key.get_secret_value():
            source = build_source(settings)
            closing.callback(source.close)
        reporter = build_reporter(settings, config, ledger, source=source, counterpart=langsmith)
        answer = reporter.ask_words(words, utc_now(), before_waiting=_say_wait)
    show(to_json(answer) if json else to_csv(answer) if csv else text(answer))


def _say_wait() -> None:
    tell("Asking LangSmith for its own total; this may take a minute ...")
