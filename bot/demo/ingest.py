"""Takes in what tracers send: runs are posted when they start and patched when they end, in either order."""

import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.demo import values
from bot.demo.errors import RequestError
from bot.demo.multipart import Change
from bot.demo.records import RUN_TYPES, Run
from bot.demo.store import Store
from bot.demo.usage import amounts_of

_DEFAULT_PROJECT = "default"
_NEEDED = ("name", "run_type", "start_time")


class Inbox:
    """Adds up a run's posts and patches, and puts the run that they make into the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._told: dict[str, dict[str, Any]] = {}  # all that was told of a run so far, by run id

    def accept(self, changes: Iterable[Change], now: datetime) -> None:
        """Apply `changes` in their order; projects that do not exist are made at `now`.

        A patch that comes before its post waits for it. Raises RequestError for a run that makes no sense; the changes
        before it stay applied.
        """
        with self._lock:
            for change in changes:
                run_id = values.uuid("id", change.fields.get("id"))
                told = _told_together(self._told.get(run_id, {}), {**change.fields, "id": run_id})
                missing = [key for key in _NEEDED if key not in told]
                if missing and change.verb == "post":
                    raise RequestError(422, f"run {run_id} lacks {', '.join(missing)}")
                if not missing:
                    self._store.put([self._run(told, now)])
                self._told[run_id] = told

    def _run(self, told: Mapping[str, Any], now: datetime) -> Run:
        run_type = values.one_of(RUN_TYPES)("run_type", str(told["run_type"]).upper())
        extra, outputs = _mapping(told.get("extra")), _mapping(told.get("outputs"))
        metadata = _mapping(extra.get("metadata"))
        end = _instant("end_time", told["end_time"]) if "end_time" in told else None
        error = str(told["error"]) if "error" in told else None
        amounts, price_id = amounts_of(run_type, metadata, extra, outputs)
        ancestors = self._ancestors(told)
        return Run(
            id=told["id"],
            trace_id=ancestors[0] if ancestors else values.uuid("trace_id", told.get("trace_id", told["id"])),
            parent_run_ids=ancestors,
            project_id=self._project_id(told, now),
            name=str(told["name"]),
            run_type=run_type,
            status="ERROR" if error is not None else "PENDING" if end is None else "SUCCESS",
            start=_instant("start_time", told["start_time"]),
            end=end,
            metadata=metadata,
            tags=tuple(values.list_of(values.text)("tags", told.get("tags", []))),
            amounts=amounts,
            price_model_id=price_id,
            error=error,
            inputs=_mapping(told.get("inputs")),
            outputs=outputs,
        )

    def _ancestors(self, told: Mapping[str, Any]) -> tuple[str, ...]:
        """From the dotted order (`<start>Z<id>.<start>Z<id>`); without one, by way of the parent if that is known."""
        if "dotted_order" in told:
            parts = values.text("dotted_order", told["dotted_order"]).split(".")
            return tuple(values.uuid("dotted_order", part.rpartition("Z")[2]) for part in parts[:-1])
        if "parent_run_id" not in told:
            return ()
        parent_id = values.uuid("parent_run_id", told["parent_run_id"])
        parent = self._store.run(parent_id)
        return (parent_id,) if parent is None else (*parent.parent_run_ids, parent_id)

    def _project_id(self, told: Mapping[str, Any], now: datetime) -> str:
        if "session_id" in told:
            return self._store.project(values.uuid("session_id", told["session_id"])).id
        name = values.text("session_name", told.get("session_name", _DEFAULT_PROJECT))
        return self._store.project_named(name, now).id


def read_batch(body: object) -> list[Change]:
    """The changes of `POST /runs/batch`: `{"post": [...], "patch": [...]}`. Raises RequestError."""
    runs = values.list_of(_fields)
    asked = values.read_body(body, {"post": runs, "patch": runs})
    return [
        *(Change("post", fields) for fields in asked.get("post", ())),
        *(Change("patch", fields) for fields in asked.get("patch", ())),
    ]


def read_run(body: object) -> dict[str, Any]:
    """The fields of a single run. Raises RequestError."""
    return _fields("the body", body)


def _fields(key: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RequestError(422, f"{key} must hold JSON objects")
    return value


def _told_together(before: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What was told before, with what is new in its place; null tells nothing. Metadata adds up."""
    told = {**before, **{key: value for key, value in new.items() if value is not None}}
    if "extra" in told:
        old_extra, extra = _mapping(before.get("extra")), _mapping(told["extra"])
        metadata = {**_mapping(old_extra.get("metadata")), **_mapping(extra.get("metadata"))}
        told["extra"] = {**old_extra, **extra, "metadata": metadata}
    return told


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _instant(key: str, value: object) -> datetime:
    """A time as tracers write it: one without an offset is UTC."""
    try:
        moment = datetime.fromisoformat(values.text(key, value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RequestError(422, f"{key} must be an ISO 8601 time") from None
