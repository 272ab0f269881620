"""Why a cost has changed, in a few words."""

from bot.render.numbers import count, percent, tokens
from bot.reports.causes import Cause, Factor

_ARROW = "\N{RIGHTWARDS ARROW}"


def cause_words(cause: Cause) -> str:
    """Like `more runs (800 -> 1,204)`."""
    is_more = cause.effect > 0
    if cause.factor is Factor.RUNS:
        return f"{'more' if is_more else 'fewer'} runs{_from_to(cause, 'runs')}"
    if cause.factor is Factor.TOKENS:
        return f"{'more' if is_more else 'fewer'} tokens per run{_from_to(cause, 'tokens')}"
    size = f" ({'up' if is_more else 'down'} {percent(cause.change)})" if cause.change is not None else ""
    return f"a {'higher' if is_more else 'lower'} {cause.factor}{size}"


def _from_to(cause: Cause, unit: str) -> str:
    if cause.before is None or cause.after is None:
        return ""
    shown = count if unit == "runs" else tokens
    return f" ({shown(round(cause.before))} {_ARROW} {shown(round(cause.after))})"
