"""Traces of chains, tools and calls within each other, by a seed."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.standins.langsmith import LangSmithStandIn

FEATURES = ("rag-search", "summarizer", "agent-copilot", None)


def add_traces(standin: LangSmithStandIn, seed: int, count: int, now: datetime, days: float = 13) -> None:
    """Add `count` traces of the last `days`. The tag is on the runs or on the root alone; calls inside calls are no
    wrappers, because their tokens differ."""
    dice = random.Random(seed)
    for _ in range(count):
        feature = dice.choice(FEATURES)
        tag = {"feature": feature} if feature else {}
        start = now - timedelta(seconds=dice.uniform(60, days * 86_400))
        tags_itself = dice.random() < 0.5
        kind = dice.choice(["CHAIN", "LLM", "TOOL"])
        ids = [standin.add_run(run_type=kind, start=start, metadata=tag, **_amounts(dice, kind))]
        for step in range(dice.randrange(6)):
            kind = dice.choice(["LLM", "LLM", "EMBEDDING", "TOOL", "CHAIN"])
            ids.append(
                standin.add_run(
                    run_type=kind,
                    parent=dice.choice(ids),
                    start=start + timedelta(seconds=step + 1),
                    metadata=tag if tags_itself else {},
                    **_amounts(dice, kind),
                )
            )


def _amounts(dice: random.Random, kind: str) -> dict[str, Any]:
    cost = Decimal(dice.randrange(1, 10**6)).scaleb(-6)
    tokens = (dice.randrange(1, 10**5), dice.randrange(1, 10**4))
    if kind in ("LLM", "EMBEDDING"):
        return {"tokens": tokens, "cost": cost}
    return {"cost": cost if kind == "TOOL" and dice.random() < 0.5 else None}
