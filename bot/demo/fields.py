"""What each word of `selects` puts into a run's row."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from bot.demo.records import Amounts, Run

_PREVIEW = 60

# In the order in which LangSmith looks for a thread.
_THREAD_KEYS = ("session_id", "thread_id", "conversation_id")


def rfc3339(moment: datetime | None) -> str | None:
    """An instant as LangSmith writes it: UTC with microseconds and a Z."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def number(amount: Decimal | None) -> float | None:
    """An amount as the JSON number that it becomes."""
    return None if amount is None else float(amount)


def row(run: Run, amounts: Amounts, selects: list[str]) -> dict[str, object]:
    """The selected fields of `run`, lower case; `amounts` is what it shows of its tokens and costs."""
    return {select.lower(): SELECTS[select](run, amounts) for select in selects}


def _dotted_order(run: Run) -> str:
    """The order key of the trace tree. Only this run's start is known here, and it is the only one that is used."""
    stamp = run.start.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    return ".".join(stamp + run_id for run_id in (*run.parent_run_ids, run.id))


def _details(details: Mapping[str, int]) -> dict[str, object] | None:
    return {"raw": dict(details)} if details else None


def _preview(content: Mapping[str, object]) -> str:
    return str(content)[:_PREVIEW] if content else ""


def _thread_id(run: Run) -> str | None:
    """The conversation that the metadata name, by the first of the keys that has a value."""
    return next((str(value) for key in _THREAD_KEYS if (value := run.metadata.get(key)) not in (None, "")), None)


def _nothing(_run: Run, _amounts: Amounts) -> None:
    return None


SELECTS: Mapping[str, Callable[[Run, Amounts], object]] = {
    "ID": lambda run, _: run.id,
    "NAME": lambda run, _: run.name,
    "RUN_TYPE": lambda run, _: run.run_type,
    "STATUS": lambda run, _: run.status,
    "START_TIME": lambda run, _: rfc3339(run.start),
    "END_TIME": lambda run, _: rfc3339(run.end),
    "LATENCY_SECONDS": lambda run, _: run.latency,
    "ERROR": lambda run, _: run.error,
    "ERROR_PREVIEW": lambda run, _: run.error and run.error[:_PREVIEW],
    "EXTRA": lambda run, _: {"metadata": dict(run.metadata)},
    "METADATA": lambda run, _: dict(run.metadata),
    "EVENTS": lambda _run, _: [],
    "INPUTS": lambda run, _: dict(run.inputs),
    "INPUTS_PREVIEW": lambda run, _: _preview(run.inputs),
    "OUTPUTS": lambda run, _: dict(run.outputs),
    "OUTPUTS_PREVIEW": lambda run, _: _preview(run.outputs),
    "MANIFEST": lambda run, _: {"name": run.name},
    "PARENT_RUN_IDS": lambda run, _: list(run.parent_run_ids),
    "PROJECT_ID": lambda run, _: run.project_id,
    "TRACE_ID": lambda run, _: run.trace_id,
    "THREAD_ID": lambda run, _: _thread_id(run),
    "DOTTED_ORDER": lambda run, _: _dotted_order(run),
    "IS_ROOT": lambda run, _: not run.parent_run_ids,
    "TOTAL_TOKENS": lambda _, amounts: amounts.total_tokens,
    "PROMPT_TOKENS": lambda _, amounts: amounts.prompt_tokens,
    "COMPLETION_TOKENS": lambda _, amounts: amounts.completion_tokens,
    "TOTAL_COST": lambda _, amounts: number(amounts.total_cost),
    "PROMPT_COST": lambda _, amounts: number(amounts.prompt_cost),
    "COMPLETION_COST": lambda _, amounts: number(amounts.completion_cost),
    "PROMPT_TOKEN_DETAILS": lambda _, amounts: _details(amounts.prompt_details),
    "COMPLETION_TOKEN_DETAILS": lambda _, amounts: _details(amounts.completion_details),
    "PRICE_MODEL_ID": lambda run, _: run.price_model_id,
    "TAGS": lambda run, _: list(run.tags),
    "IS_IN_DATASET": lambda _run, _: False,
    # Fields that LangSmith serves and of which the demo has nothing to say.
    **dict.fromkeys(
        (
            "FIRST_TOKEN_TIME",
            "REFERENCE_EXAMPLE_ID",
            "REFERENCE_DATASET_ID",
            "PROMPT_COST_DETAILS",
            "COMPLETION_COST_DETAILS",
            "APP_PATH",
            "ATTACHMENTS",
            "THREAD_EVALUATION_TIME",
            "LAST_QUEUED_AT",
            "SHARE_URL",
            "FEEDBACK_STATS",
            "LS_USER_ID",
        ),
        _nothing,
    ),
}
