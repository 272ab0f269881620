"""From LangSmith's JSON to a run: what is kept, what is left behind, and what is no run at all."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from bot.domain.feature import clean_value
from bot.domain.money import dollars, from_json, nanos
from bot.domain.run import Run, Status
from bot.domain.usage import FINE, Flag, read_usage
from bot.ingest.form import RawMetadata, RawRun
from bot.ledger.booking import MAX_COST, microseconds

# More than anybody tags; a trace that carries thousands would only fill the ledger.
MAX_TAGS = 50

_TIERS = ("flex", "priority")
_SERVICES = frozenset({"batch", *_TIERS})
_STATUSES = frozenset(status.value for status in Status)
_ZERO = Decimal(0)
_NO_METADATA = RawMetadata()

# Beyond these an instant is nonsense, and arithmetic with time zones would come near its own limits.
_EARLIEST = microseconds(datetime(2000, 1, 1, tzinfo=UTC))
_LATEST = microseconds(datetime(2100, 1, 1, tzinfo=UTC))

_MOST_DOLLARS = dollars(MAX_COST)
_NOT_MONEY = Decimal("NaN")


class MalformedRunError(ValueError):
    """A row that cannot be booked; says why, without quoting more than its id."""


def read_run(raw: RawRun | None, project: int) -> Run:
    """A run from one item of LangSmith's answer.

    Raises MalformedRunError if it is no object, or lacks an id, a trace or a start; and nothing else, whatever it is.
    """
    if raw is None:
        raise MalformedRunError("a run is no JSON object")
    run_id = _uuid(raw.id)
    if run_id is None:
        raise MalformedRunError("a run's id is no UUID")
    start = read_instant(raw.start_time)
    if start is None:
        raise MalformedRunError(f"run {UUID(bytes=run_id)} has no readable start time")
    trace_id = _uuid(raw.trace_id) if raw.trace_id and raw.trace_id != raw.id else run_id
    ancestors = _ancestors(raw.parent_run_ids)
    if trace_id is None or ancestors is None:
        raise MalformedRunError(f"run {UUID(bytes=run_id)} names a trace or a parent that is no UUID")
    metadata = raw.metadata or _NO_METADATA
    usage, flags = read_usage(
        raw.prompt_tokens, raw.completion_tokens, raw.prompt_token_details, raw.completion_token_details
    )
    raw_cost, cost_flags = _cost(raw)
    if cost_flags:
        flags |= cost_flags
    if _is_sampled(metadata):
        flags |= Flag.SAMPLED
    return Run(  # by position, in the order of its fields: by name takes 0.5 of the 10 microseconds of a run
        run_id,
        trace_id,
        project,
        ancestors,
        clean_value(raw.run_type).upper()[:20],
        _status(raw),
        start,
        read_instant(raw.end_time),
        clean_value(raw.name),
        _tags(raw.tags),
        read_keys(metadata),
        clean_value(metadata.ls_provider) or None,
        clean_value(metadata.ls_model_name) or None,
        _context(raw, metadata),
        usage,
        raw_cost,
        flags,
        clean_value(raw.thread_id) or None,
    )


def read_keys(metadata: RawMetadata | None) -> tuple[tuple[str, str], ...]:
    """The configured keys' values, sorted by key; without those that are missing or no plain value."""
    if metadata is None:
        return ()
    found = [(key, clean_value(getattr(metadata, name))) for key, name in metadata.kept]
    return tuple([pair for pair in found if pair[1]])


def read_id(value: object) -> bytes:
    """A UUID as 16 bytes. Raises MalformedRunError if it is none."""
    read = _uuid(value)
    if read is None:
        raise MalformedRunError("an id is no UUID")
    return read


def read_instant(value: object) -> int | None:
    """An ISO instant as microseconds since 1970 UTC; None if it is none, or not of this century.

    LangSmith writes UTC, with or without saying so. Nanoseconds are cut off, not rounded: a run stays in its slice.
    """
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    if read.tzinfo is None:
        read = read.replace(tzinfo=UTC)
    since_1970 = microseconds(read)
    return since_1970 if _EARLIEST <= since_1970 < _LATEST else None


def has_ended(raw: RawRun) -> bool:
    """Whether a run has come to its end, so that nothing about it will be added."""
    return _status(raw) != Status.PENDING


def _ancestors(parents: object) -> tuple[bytes, ...] | None:
    """The ids of a run's ancestors; None if one of them is no UUID."""
    if not parents or not isinstance(parents, list):
        return ()
    ancestors = []
    for parent in parents:
        ancestor = _uuid(parent)
        if ancestor is None:
            return None
        ancestors.append(ancestor)
    return tuple(ancestors)


def _uuid(value: object) -> bytes | None:
    if isinstance(value, str):
        try:
            read = bytes.fromhex(value.replace("-", "")) if len(value) == 36 else UUID(value).bytes
        except ValueError:
            return None
        return read if len(read) == 16 else None
    return None


def _status(raw: RawRun) -> str:
    """One of Status. A word that we do not know is taken for success, unless the run plainly goes on."""
    status = raw.status.upper() if isinstance(raw.status, str) else ""
    if status in _STATUSES:
        return status
    return Status.SUCCESS.value if raw.end_time else Status.PENDING.value


def _cost(raw: RawRun) -> tuple[int | None, Flag]:
    """LangSmith's own cost in nano-dollars: the total, or prompt plus completion where both are there."""
    total = raw.total_cost
    if total is not None:
        cost = from_json(total)
        if cost is None:
            return None, Flag.IMPOSSIBLE_COST
    else:
        prompt, completion = from_json(raw.prompt_cost), from_json(raw.completion_cost)
        if prompt is None or completion is None:
            return None, FINE
        # Adding to what is no amount of money can raise.
        cost = prompt + completion if _is_money(prompt) and _is_money(completion) else _NOT_MONEY
    return (nanos(cost), FINE) if _is_money(cost) else (None, Flag.IMPOSSIBLE_COST)


def _is_money(amount: Decimal) -> bool:
    return amount.is_finite() and -_MOST_DOLLARS <= amount <= _MOST_DOLLARS


def _is_sampled(metadata: RawMetadata) -> bool:
    rate = metadata.ls_tracing_sample_rate
    number = None if rate is None else from_json(rate)
    return number is not None and number.is_finite() and _ZERO <= number < 1


def _context(raw: RawRun, metadata: RawMetadata) -> str | None:
    """How the provider served it: the service tier that the token details speak of, which name their kinds
    `flex_cache_read` and the like; without any details what was asked for, as the tracers write it down."""
    is_told = False
    for details in (raw.prompt_token_details, raw.completion_token_details):
        if not details or not isinstance(details, dict):
            continue
        kinds = details.get("raw", details)
        if isinstance(kinds, dict):
            for kind in kinds:
                if kind.startswith(_TIERS):
                    return next(tier for tier in _TIERS if kind.startswith(tier))
            is_told = is_told or bool(kinds)
    asked_for = metadata.service_tier
    if asked_for is None and isinstance(parameters := metadata.ls_invocation_params, dict):
        asked_for = parameters.get("service_tier")
    if not isinstance(asked_for, str) or asked_for not in _SERVICES:
        return None
    # Who asks for a tier may be served the usual way, and the details then name it no more; they know of no batches.
    return asked_for if asked_for == "batch" or not is_told else None


def _tags(tags: object) -> tuple[str, ...]:
    if not tags or not isinstance(tags, list):
        return ()
    cleaned = [clean_value(tag) for tag in tags[:MAX_TAGS] if isinstance(tag, str)]
    return tuple([tag for tag in cleaned if tag])
