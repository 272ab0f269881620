"""What a traced run says that it used and cost, read where LangSmith reads it."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bot.demo.prices import find_price, priced
from bot.demo.records import NO_DETAILS, Amounts


def amounts_of(
    run_type: str, metadata: Mapping[str, Any], extra: Mapping[str, Any], outputs: Mapping[str, Any]
) -> tuple[Amounts, str | None]:
    """The tokens and costs of a run, and the id of the price that made its costs.

    A cost that the run itself states is taken as it is. Otherwise an LLM run is priced by its model; of the other types
    embeddings alone keep their tokens, without a price.
    """
    reported = _reported(metadata, outputs)
    stated = Amounts(
        prompt_cost=_money(reported.get("input_cost")),
        completion_cost=_money(reported.get("output_cost")),
        total_cost=_money(reported.get("total_cost")),
    )
    if stated.total_cost is None and stated.prompt_cost is not None and stated.completion_cost is not None:
        stated = stated._replace(total_cost=stated.prompt_cost + stated.completion_cost)
    prompt, completion = (_tokens(reported, *names) for names in _NAMES)
    if run_type not in ("LLM", "EMBEDDING") or (prompt is None and completion is None):
        return stated, None
    is_priced = run_type == "LLM" and stated == Amounts()
    price = find_price(_model(metadata, extra)) if is_priced else None
    details = (_details(reported, *names) for names in _DETAIL_NAMES)
    amounts = priced(price, prompt or 0, completion or 0, *details)
    if not is_priced:
        amounts = amounts._replace(
            prompt_cost=stated.prompt_cost, completion_cost=stated.completion_cost, total_cost=stated.total_cost
        )
    return amounts, price.id if price else None


_NAMES = (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens"))
_DETAIL_NAMES = (
    ("input_token_details", "prompt_tokens_details"),
    ("output_token_details", "completion_tokens_details"),
)
# How OpenAI calls what LangSmith calls by the names on the right.
_OPENAI_KINDS = {"cached_tokens": "cache_read", "reasoning_tokens": "reasoning", "audio_tokens": "audio"}


def _reported(metadata: Mapping[str, Any], outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first that is there: the outputs' usage_metadata, the run metadata's, a LangChain message's, LangChain's
    llm_output, an OpenAI answer's usage."""
    candidates = (
        outputs.get("usage_metadata"),
        metadata.get("usage_metadata"),
        _at(outputs, "generations", 0, 0, "message", "kwargs", "usage_metadata"),
        _at(outputs, "llm_output", "token_usage"),
        outputs.get("usage"),
    )
    return next((found for found in candidates if isinstance(found, Mapping) and found), {})


def _at(tree: Any, *path: str | int) -> Any:
    for step in path:
        if isinstance(step, str) and isinstance(tree, Mapping):
            tree = tree.get(step)
        elif isinstance(step, int) and isinstance(tree, list) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree


def _model(metadata: Mapping[str, Any], extra: Mapping[str, Any]) -> str | None:
    names = (
        metadata.get("ls_model_name"),
        *(_at(extra, "invocation_params", key) for key in ("model", "model_name", "model_id")),
    )
    return next((name for name in names if isinstance(name, str) and name), None)


def _tokens(reported: Mapping[str, Any], *names: str) -> int | None:
    return next((reported[name] for name in names if type(reported.get(name)) is int), None)


def _details(reported: Mapping[str, Any], *names: str) -> Mapping[str, int]:
    for name in names:
        found = reported.get(name)
        if isinstance(found, Mapping):
            counts = {str(kind): count for kind, count in found.items() if type(count) is int}
            return {_OPENAI_KINDS.get(kind, kind): count for kind, count in counts.items()}
    return NO_DETAILS


def _money(stated: object) -> Decimal | None:
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not math.isfinite(stated):
        return None
    return Decimal(str(stated))
