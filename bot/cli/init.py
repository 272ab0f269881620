"""`llmcost init`: an llmcost.toml to start from."""

import os
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import typer

from bot.cli.outcome import FAILED, log_to_stderr, show, tell
from bot.cli.sync import FURTHEST_BACK, read_langsmith, summary_text
from bot.domain.period import first_instant, local_day
from bot.errors import LlmcostError, UsageError
from bot.ingest.summary import SyncSummary
from bot.render.coverage import warnings
from bot.render.names import plain
from bot.render.numbers import plural
from bot.render.sentences import headline
from bot.render.starter import Findings, starter
from bot.reports.answers import Report, UntaggedList
from bot.reports.reporter import Reporter
from bot.settings import Config, Need, Settings, load_settings

STDOUT = "-"


def run_init(projects: list[str], *, days: int, output: str | None, force: bool) -> None:
    """Look at the last days of `projects` (LANGSMITH_PROJECT if empty), and write what was found to `output`.

    It is the file that llmcost reads if None, and `-` prints. Exits with 1 if a part could not be read. Raises
    UsageError for a file that is there, LlmcostError if no runs were found.
    """
    from bot.app.ledgers import utc_now

    if not 1 <= days <= FURTHEST_BACK.days:
        raise UsageError(f"--days takes a number from 1 to {FURTHEST_BACK.days}, not {days}.")
    now = utc_now()
    # A ledger of its own, without the rules, aliases and prices in force: they would hide what is to be found.
    with tempfile.TemporaryDirectory(prefix="llmcost-init-") as folder:
        environ = {**os.environ, "DATABASE_URL": f"sqlite:///{folder}/llmcost.db"}
        if projects:
            environ["LANGSMITH_PROJECT"] = ",".join(projects)
        settings = load_settings(Need.LANGSMITH, environ=environ)
        target = None if output == STDOUT else Path(output) if output else settings.config_file
        if target is not None:
            _check(target, force=force)
        log_to_stderr(verbose=False)
        summary, findings = _look(settings, now, local_day(now - timedelta(days=days), settings.timezone))
    tell(summary_text(summary))
    for problem in summary.problems:
        tell(f"Problem: {plain(problem, 500)}")
    if findings is None:
        raise LlmcostError(
            f"No runs in the last {plural(days, 'day')}: nothing was written. --days looks further back."
        )
    for sentence in (headline(findings.features), *warnings(findings.features.period, findings.features.coverage)):
        tell(sentence)
    if target is None:
        show(starter(findings))
    else:
        _write(target, starter(findings), force=force)
        show(_what_next(target, settings.config_file))
    if summary.problems:
        raise typer.Exit(FAILED)


def _look(settings: Settings, now: datetime, first: date) -> tuple[SyncSummary, Findings | None]:
    """How reading from that day on went, and what was found; None if there were no runs."""
    from bot.app.answers import build_reporter
    from bot.app.ledgers import build_rules, open_to_write, utc_now

    config = Config()
    rules = build_rules(settings, config)
    ledger = open_to_write(settings, config, rules)
    try:
        summary = read_langsmith(settings, ledger, rules, first_instant(first, settings.timezone))
        reporter = build_reporter(settings, config, ledger)
        return summary, _findings(reporter, first, utc_now(), now, settings.timezone)
    finally:
        ledger.close()


def _findings(reporter: Reporter, first: date, asked: datetime, began: datetime, zone: ZoneInfo) -> Findings | None:
    def report(dimension: str) -> Report:
        return cast(Report, reporter.ask(f"since {first} by {dimension}", asked))

    days = [date.fromisoformat(row.key) for row in report("day").rows if row.sum.runs]
    if not days:
        return None
    return Findings(
        features=report("feature"),
        models=report("model"),
        providers=report("provider"),
        untagged=cast(UntaggedList, reporter.ask(f"untagged since {first}", asked)),
        # What began yesterday, or what LangSmith has forgotten, must not make a month look cheap; minutes must not
        # make it look dear.
        seen=max(began - first_instant(min(days), zone), timedelta(days=1)),
    )


def _check(target: Path, *, force: bool) -> None:
    """Before minutes of reading."""
    if target.exists() and not force:
        raise _there_already(target)
    if not target.parent.is_dir():
        raise UsageError(f"{target} cannot be written: there is no folder {target.parent}.")
    if not os.access(target if target.exists() else target.parent, os.W_OK) or target.is_dir():
        raise UsageError(f"{target} cannot be written: --output names another file.")


def _write(target: Path, content: str, *, force: bool) -> None:
    try:
        with target.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(content)
    except FileExistsError:
        raise _there_already(target) from None
    except OSError as error:
        raise LlmcostError(f"{target} cannot be written: {error.strerror}.") from None


def _there_already(target: Path) -> UsageError:
    return UsageError(f"{target} is there already: --force replaces it, --output names another file.")


def _what_next(target: Path, config_file: Path) -> str:
    heard = "" if target.absolute() == config_file.absolute() else f" and set LLMCOST_CONFIG={target}"
    return (
        f"Wrote {target}. Fill in owners, remove the # before the proposals that you want{heard}; "
        "then `llmcost sync` counts by it."
    )
