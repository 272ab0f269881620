"""The part of LangSmith's filter language that a cost reader needs.

`and`, `or`, `eq`, `neq`, `gt`, `gte`, `lt`, `lte`, `in` and `has`, on the fields below. Anything else is refused: a
filter that is half understood would answer with the wrong runs.
"""

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from bot.demo.errors import RequestError
from bot.demo.records import Run

Predicate = Callable[[Run], bool]

_MAX_DEPTH = 20


class FilterError(RequestError):
    """A filter that is malformed, or that uses more of the language than the demo knows."""

    def __init__(self, detail: str) -> None:
        super().__init__(400, f"invalid filter: {detail}")


class _Node(NamedTuple):
    """A condition on runs. `field` and `test` are set where it is one value's: `and` may then pair it with another."""

    matches: Predicate
    field: str | None = None
    test: Callable[[str], bool] | None = None


def compile_filter(text: str) -> Predicate:
    """`text` as a test of runs. Raises FilterError, and nothing else, whatever the text."""
    parser = _Parser(text)
    node = parser.condition(0)
    parser.end()
    return node.matches


def metadata_text(value: object) -> str:
    """A metadata value as filters and groups see it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _number(value: float | Decimal | None) -> Iterable[Decimal]:
    return () if value is None else (Decimal(str(value)),)


_TEXT: Mapping[str, Callable[[Run], Iterable[str]]] = {
    "id": lambda run: (run.id,),
    "name": lambda run: (run.name,),
    "run_type": lambda run: (run.run_type.lower(),),
    "status": lambda run: (run.status.lower(),),
    "trace_id": lambda run: (run.trace_id,),
    "parent_run_id": lambda run: run.parent_run_ids[-1:],
    "tags": lambda run: run.tags,
    "metadata_key": lambda run: run.metadata,
    "metadata_value": lambda run: map(metadata_text, run.metadata.values()),
}
_NUMBERS: Mapping[str, Callable[[Run], Iterable[Decimal]]] = {
    "prompt_tokens": lambda run: _number(run.amounts.prompt_tokens),
    "completion_tokens": lambda run: _number(run.amounts.completion_tokens),
    "total_tokens": lambda run: _number(run.amounts.total_tokens),
    "total_cost": lambda run: _number(run.amounts.total_cost),
    "latency": lambda run: _number(run.latency),
}
_TIMES: Mapping[str, Callable[[Run], Iterable[datetime]]] = {
    "start_time": lambda run: (run.start,),
    "end_time": lambda run: () if run.end is None else (run.end,),
}
_FLAGS: Mapping[str, Callable[[Run], Iterable[bool]]] = {"is_root": lambda run: (not run.parent_run_ids,)}
_FIELDS: Mapping[str, Callable[[Run], Iterable[Any]]] = {**_TEXT, **_NUMBERS, **_TIMES, **_FLAGS}
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}

_TOKEN = re.compile(
    r"""\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<number>-?[0-9]+(?:\.[0-9]+)?)|(?P<mark>[(),\[\]])|(?P<end>$))""",
    re.DOTALL,
)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def condition(self, depth: int) -> _Node:
        if depth > _MAX_DEPTH:
            raise FilterError(f"more than {_MAX_DEPTH} conditions inside each other")
        name = self._take("name", "a condition")
        self._mark("(")
        if name in ("and", "or"):
            nodes = self._conditions(depth)
            return _all(nodes) if name == "and" else _Node(lambda run: any(node.matches(run) for node in nodes))
        field = self._take("name", "a field")
        self._mark(",")
        node = self._comparison(name, field)
        self._mark(")")
        return node

    def end(self) -> None:
        if self._next()[0] != "end":
            raise FilterError(f"something is left over at character {self._at + 1}")

    def _conditions(self, depth: int) -> list[_Node]:
        nodes = [self.condition(depth + 1)]
        while self._next()[0:2] == ("mark", ","):
            self._mark(",")
            nodes.append(self.condition(depth + 1))
        self._mark(")")
        return nodes

    def _comparison(self, name: str, field: str) -> _Node:
        if name == "has" and field == "metadata":
            wanted = _pairs(self._literal("metadata"))
            return _Node(lambda run: all(key in run.metadata and run.metadata[key] == wanted[key] for key in wanted))
        if field not in _FIELDS:
            raise FilterError(f"the field {field} is not known")
        if name in ("eq", "neq") or (name == "has" and field == "tags"):
            return _any_of(field, [self._literal(field)], negated=name == "neq")
        if name == "in":
            return _any_of(field, self._list(field))
        if name in _ORDER and field in (*_NUMBERS, *_TIMES):
            compare, limit = _ORDER[name], self._literal(field)
            read = _FIELDS[field]
            return _Node(lambda run: any(compare(value, limit) for value in read(run)))
        raise FilterError(f"{name}({field}, ...) is not known")

    def _list(self, field: str) -> list[object]:
        self._mark("[")
        values = [self._literal(field)]
        while self._next()[0:2] == ("mark", ","):
            self._mark(",")
            values.append(self._literal(field))
        self._mark("]")
        return values

    def _literal(self, field: str) -> object:
        kind, text, _ = self._next()
        if kind not in ("string", "number", "name"):
            raise FilterError(f"a value is missing at character {self._at + 1}")
        self._take(kind, "a value")
        if field in _FLAGS and kind == "name" and text in ("true", "false"):
            return text == "true"
        if field in _NUMBERS and kind == "number":
            return Decimal(text)
        if kind == "string" and field not in (*_NUMBERS, *_FLAGS):
            value = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
            if field in _TIMES:
                return _instant(value)
            return value.lower() if field in ("run_type", "status") else value
        if field == "metadata_value":
            return text
        raise FilterError(f"{text[:40]} is not a value of {field}")

    def _next(self) -> tuple[str, str, int]:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.lastgroup is None:
            raise FilterError(f"nothing sensible at character {self._at + 1}")
        return found.lastgroup, found[found.lastgroup], found.end()

    def _take(self, kind: str, what: str) -> str:
        found, text, end = self._next()
        if found != kind:
            raise FilterError(f"{what} is missing at character {self._at + 1}")
        self._at = end
        return text

    def _mark(self, mark: str) -> None:
        found, text, end = self._next()
        if (found, text) != ("mark", mark):
            raise FilterError(f"'{mark}' is missing at character {self._at + 1}")
        self._at = end


def _any_of(field: str, wanted: list[object], *, negated: bool = False) -> _Node:
    read = _FIELDS[field]
    if negated:
        return _Node(lambda run: all(value not in wanted for value in read(run)))
    return _Node(lambda run: any(value in wanted for value in read(run)), field, lambda value: value in wanted)


def _all(nodes: list[_Node]) -> _Node:
    """All of `nodes`. A condition on metadata_key and one on metadata_value must hold for one and the same entry."""
    keys = [node.test for node in nodes if node.field == "metadata_key" and node.test]
    values = [node.test for node in nodes if node.field == "metadata_value" and node.test]
    if not keys or not values:
        return _Node(lambda run: all(node.matches(run) for node in nodes))

    def one_entry(run: Run) -> bool:
        return any(
            all(test(key) for test in keys) and all(test(metadata_text(value)) for test in values)
            for key, value in run.metadata.items()
        )

    return _Node(lambda run: all(node.matches(run) for node in nodes) and one_entry(run))


def _pairs(text: object) -> dict[str, object]:
    try:
        found = json.loads(str(text))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise FilterError("has(metadata, ...) takes a JSON object in quotes")
    return found


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FilterError(f"{text[:40]} is not a time") from None
