"""`llmcost digest`: the morning digest in a terminal, and by hand to its channel."""

import datetime

from bot.cli.outcome import show, tell
from bot.errors import UsageError


def run_digest(date: str | None, *, post: bool) -> None:
    """Print the digest of the morning `date` (ISO 8601; None: today). With `post` it is announced to the channel too,
    unless it was before; the running bot sends it."""
    from bot.app.answers import build_digest_reporter
    from bot.app.ledgers import open_to_answer, utc_now
    from bot.app.office import announce_digest
    from bot.domain.period import FIRST_DAY, LAST_DAY, local_day
    from bot.render.text import text
    from bot.settings import load

    settings, config = load()
    now = utc_now()
    today = local_day(now, settings.timezone)
    morning = _date(date) if date is not None else today
    if morning > today:
        raise UsageError(f"{morning} has not come yet.")
    if not FIRST_DAY < morning <= LAST_DAY:
        raise UsageError(f"A period lies between {FIRST_DAY} and {LAST_DAY}.")
    ledger = open_to_answer(settings, config)
    try:
        reporter = build_digest_reporter(settings, config, ledger)
        try:
            channel = frozenset(filter(None, [settings.digest_channel]))
            digest = reporter.digest(morning, now, before=reporter.before(morning, channel))
        except ValueError as error:
            raise UsageError(str(error)) from None
        is_new = announce_digest(settings, config, ledger, morning, now) if post else None
        show(text(digest))
        if is_new is not None:
            tell(_announced(morning, settings.digest_channel, is_new=is_new))
    finally:
        ledger.close()


def _date(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--date {text} is no date; write it like 2026-11-01.") from None


def _announced(morning: datetime.date, channel: str | None, *, is_new: bool) -> str:
    if is_new:
        return f"`llmcost run` sends it to {channel} within a minute."
    return f"The digest of {morning} has been sent to {channel} before: it is not sent again."
