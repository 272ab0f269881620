"""`llmcost healthcheck`: is the bot beside this ledger alive? For containers and other watchers."""

from datetime import timedelta

from bot.cli.outcome import show
from bot.errors import LedgerError
from bot.render.numbers import ago

# A sync in a busy project, or one that LangSmith throttles, takes its time.
PATIENCE = timedelta(minutes=15)
MISSED = 3


def run_healthcheck() -> None:
    """Say when LangSmith was last read to the end. Raises LedgerError if that is too long ago, whatever stopped it. A
    first sync may take as long as it needs: whoever started it again meanwhile would only make it longer."""
    from bot.app.ledgers import open_to_read, utc_now
    from bot.ledger.booking import instant
    from bot.settings import load_settings

    settings, now = load_settings(), utc_now()
    ledger = open_to_read(settings)
    try:
        last, is_going_on = ledger.read(
            lambda reading: (reading.last_sync(successful=True), reading.is_being_synced(now))
        )
    finally:
        ledger.close()
    if last is None and is_going_on:
        show("LangSmith is being read for the first time.")
        return
    if last is None:
        raise LedgerError("LangSmith has not been read to the end yet.")
    age = now - instant(last.finished)
    if age > max(PATIENCE, MISSED * settings.sync_every):
        raise LedgerError(f"LangSmith was last read to the end {ago(age)}: is `llmcost run` alive?")
    show(f"LangSmith was last read to the end {ago(age)}.")
