"""`llmcost purge`: deleting what runs say in words."""

from bot.cli.outcome import show, tell
from bot.cli.prune import tell_pruned
from bot.domain.feature import clean_value
from bot.errors import QuestionError, UsageError
from bot.ledger.purging import Purge, Wanted
from bot.render.names import plain
from bot.render.numbers import plural

_WORDS = "of them only each day's figures are kept, with the names of untagged runs."


def run_purge(*, key: str | None, trace: str | None, feature: str | None, yes: bool) -> None:
    """Say what would be purged, or purge it with `yes`. Raises UsageError unless exactly one thing is named."""
    from bot.app.ledgers import build_rules, open_to_write, utc_now
    from bot.ledger.lease import SYNC
    from bot.settings import load
    from bot.slack.alert_copies import change_copies

    wanted = _wanted(key, trace, feature)
    settings, config = load()
    rules = build_rules(settings, config)
    # Only where there is one, and as it is: who asks what would go, changes nothing.
    ledger = open_to_write(settings, config, rules, create=False)
    try:
        found = len(ledger.find_to_purge(wanted, rules))
        if not found and wanted.trace is not None:
            tell_pruned(ledger, 0, _WORDS)
            raise UsageError(f"The ledger holds no trace and no run {trace}.")
        kept = dict.fromkeys((*settings.feature_keys, *settings.dimensions, *settings.wide_keys))
        if wanted.pair is not None and not found and wanted.pair[0] not in kept:
            tell(f"{plain(wanted.pair[0])} is none of the metadata keys that are kept: {', '.join(kept)}.")
        if not yes:
            show(f"{plural(found, 'trace')} would lose names, tags, threads and metadata; every figure would stay.")
            show("Nothing was changed: --yes does it.")
            return
        now = utc_now()
        with ledger.lease(SYNC, now) as lease:
            purge = ledger.purge(lease, now, wanted, rules)
        change_copies(ledger.outbox, purge.untold, settings.timezone)
        _say(purge)
        tell_pruned(ledger, 0, _WORDS)
    finally:
        ledger.close()


def _say(purge: Purge) -> None:
    show(f"{plural(purge.runs, 'run')} of {plural(purge.traces, 'trace')} lost their words; every figure stays.")
    if purge.unset:
        tell(f"What was set for it in Slack is gone: limits and rules, {purge.unset} in all.")
    if purge.told:
        tell(
            f"{plural(purge.told, 'message')} to Slack named it: the bot changes alerts and digests there; "
            "threads, files and what people have shared are yours to delete."
        )
    if not purge.is_overwritten:
        tell("Others were at the ledger, so that its file may still hold deleted text: purge again once they are not.")
    tell("LangSmith and older backups still have it: delete it there, too.")


def _wanted(key: str | None, trace: str | None, feature: str | None) -> Wanted:
    from bot.reports.trace_reference import read_reference

    if sum(one is not None for one in (key, trace, feature)) != 1:
        raise UsageError("Name one thing to purge: --key user_id=VALUE, --trace ID or --feature NAME.")
    if key is not None:
        name, _, value = key.partition("=")
        value = clean_value(value)  # as the ledger has it
        if not (name and value):
            raise UsageError("--key takes a metadata key and its value, like user_id=42.")
        return Wanted(pair=(name, value))
    if trace is not None:
        try:
            reference = read_reference(trace)
        except QuestionError as error:
            raise UsageError(str(error)) from None
        return Wanted(trace=reference.trace_id or reference.run_id)
    if not feature:
        raise UsageError("--feature takes the name of a feature.")
    return Wanted(feature=feature)
