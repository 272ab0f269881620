"""An outage in words, for whoever runs llmcost and for those who rely on its figures."""

from collections.abc import Sequence
from datetime import datetime

from bot.render.names import plain
from bot.render.numbers import clock, count
from bot.reports.watch import Cause, Silence

_LONG = 300


def silence_headline(silence: Silence) -> list[str]:
    """What is silent, and since when."""
    if silence.cause is Cause.NO_RUNS:
        since = f" since {clock(silence.since)}" if silence.since is not None else ""
        usual = f"In the same hour last week there were {count(silence.usual_runs)}."
        return [f"No runs have come in{since}.", usual]
    read = f"since {clock(silence.since)}" if silence.since is not None else "so far"
    return [f"LangSmith has not been read to the end {read}."]


def silence_lines(silence: Silence) -> list[str]:
    """What is silent, since when, and what to look at."""
    if silence.cause is Cause.NO_RUNS:
        return [
            *silence_headline(silence),
            "Do the applications still trace to LangSmith, and into the projects that LANGSMITH_PROJECT names?",
        ]
    problem = [f"The last sync said: {plain(silence.problem, _LONG)}"] if silence.problem is not None else []
    return [
        *silence_headline(silence),
        *problem,
        "Until it is, figures lack what has been spent since. llmcost doctor says what is wrong.",
    ]


def over_lines(lines: Sequence[str], now: datetime) -> list[str]:
    """The same, now that it is over."""
    return [f"This is over since {clock(now)}.", f"It was: {lines[0]}"]
