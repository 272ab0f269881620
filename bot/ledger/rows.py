"""Booked runs as rows of the table `runs`, and back."""

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from bot.domain.costing import Reason
from bot.domain.run import Run, Source, State
from bot.domain.usage import Flag, Usage
from bot.ledger.booking import Booked
from bot.ledger.tables import runs

COLUMNS = tuple(column.name for column in runs.columns)

_STATES = {state.value: state for state in State}
_SOURCES: dict[str | None, Source | None] = {None: None, **{source.value: source for source in Source}}
_REASONS: dict[str | None, Reason | None] = {None: None, **{reason.value: reason for reason in Reason}}
_NO_USAGE = (None,) * len(Usage._fields)
_FLAGS = [Flag(number) for number in range(2 * max(Flag))]
_MANY = 50_000  # few combinations of tags and keys exist, and each is on thousands of runs


def to_row(booked: Booked) -> tuple[Any, ...]:
    """The values of COLUMNS, in their order."""
    run = booked.run
    return (
        run.id,
        run.trace_id,
        run.project,
        b"".join(run.ancestors) if run.ancestors else None,
        run.type,
        run.status,
        run.start,
        run.end,
        run.name,
        _text(run.tags) if run.tags else None,
        keys_to(run.keys),
        run.provider,
        run.model,
        run.context,
        *(run.usage or _NO_USAGE),
        run.raw_cost,
        int(run.flags),
        booked.day,
        booked.feature,
        str(booked.state),  # not its `value`: that is a property written in Python
        booked.cost,
        str(booked.source) if booked.source is not None else None,
        booked.reference,
        int(booked.cost_flags),
        booked.input,
        booked.output,
        str(booked.reason) if booked.reason is not None else None,
        run.thread,
    )


def from_row(row: Sequence[Any]) -> Booked:
    """A row with all of COLUMNS, in their order, as what it stands for."""
    (
        run_id,
        trace_id,
        project,
        ancestors,
        run_type,
        status,
        start,
        end,
        name,
        tags,
        keys,
        provider,
        model,
        context,
        input_,
        output,
        cached,
        cache_write,
        cache_write_1h,
        reasoning,
        audio_input,
        audio_output,
        raw_cost,
        flags,
        day,
        feature,
        state,
        cost,
        source,
        reference,
        cost_flags,
        counted_input,
        counted_output,
        reason,
        thread,
    ) = row  # fmt: skip - one line a group of columns reads better than one a column
    usage = None
    if input_ is not None:
        usage = Usage(input_, output, cached, cache_write, cache_write_1h, reasoning, audio_input, audio_output)
    return Booked(
        Run(
            run_id,
            trace_id,
            project,
            tuple([ancestors[at : at + 16] for at in range(0, len(ancestors), 16)]) if ancestors else (),
            run_type,
            status,
            start,
            end,
            name,
            _tags_from(tags),
            keys_from(keys),
            provider,
            model,
            context,
            usage,
            raw_cost,
            _FLAGS[flags],
            thread,
        ),
        day,
        feature,
        _STATES[state],
        cost,
        _SOURCES[source],
        reference,
        _FLAGS[cost_flags],
        counted_input,
        counted_output,
        _REASONS[reason],
    )


def keys_to(keys: tuple[tuple[str, str], ...]) -> str | None:
    """Configured metadata keys and their values as they are stored."""
    return _text(keys) if keys else None


@lru_cache(_MANY)
def keys_from(text: str | None) -> tuple[tuple[str, str], ...]:
    """The inverse of `keys_to`."""
    return () if text is None else tuple((key, value) for key, value in json.loads(text))


def value_finder(key: str) -> Callable[[str | None], str]:
    """A function from what `keys_to` gave to the value of `key`, "" without one. Faster than reading all of it."""
    # A quote within a value follows a backslash, so that the key can stand nowhere but where a pair begins.
    find = re.compile(re.escape(f"[{_text(key)},") + r'"((?:[^"\\]|\\.)*)"').search

    def value_of(text: str | None) -> str:
        found = find(text) if text is not None else None
        if found is None:
            return ""
        value = found[1]
        return str(json.loads(f'"{value}"')) if "\\" in value else value

    return value_of


@lru_cache(_MANY)
def _tags_from(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(json.loads(text))


@lru_cache(_MANY)
def _text(value: tuple[Any, ...] | str) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
