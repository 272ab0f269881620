"""What our requests to LangSmith must look like, as JSON schemas: its parameter types, and our own promises on top."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator

RUN_TYPES = ("TOOL", "CHAIN", "LLM", "RETRIEVER", "EMBEDDING", "PROMPT", "PARSER")

# Never selected: prompts, answers and whatever may carry them never leave LangSmith.
FORBIDDEN_SELECTS = frozenset(
    {
        "INPUTS",
        "INPUTS_PREVIEW",
        "OUTPUTS",
        "OUTPUTS_PREVIEW",
        "EVENTS",
        "MANIFEST",
        "EXTRA",
        "ERROR",
        "ERROR_PREVIEW",
        "ATTACHMENTS",
        "SHARE_URL",
    }
)

ALLOWED_SELECTS = (
    "ID",
    "NAME",
    "RUN_TYPE",
    "STATUS",
    "START_TIME",
    "END_TIME",
    "LATENCY_SECONDS",
    "FIRST_TOKEN_TIME",
    "METADATA",
    "PARENT_RUN_IDS",
    "PROJECT_ID",
    "TRACE_ID",
    "THREAD_ID",
    "DOTTED_ORDER",
    "IS_ROOT",
    "REFERENCE_EXAMPLE_ID",
    "REFERENCE_DATASET_ID",
    "TOTAL_TOKENS",
    "PROMPT_TOKENS",
    "COMPLETION_TOKENS",
    "TOTAL_COST",
    "PROMPT_COST",
    "COMPLETION_COST",
    "PROMPT_TOKEN_DETAILS",
    "COMPLETION_TOKEN_DETAILS",
    "PROMPT_COST_DETAILS",
    "COMPLETION_COST_DETAILS",
    "PRICE_MODEL_ID",
    "TAGS",
    "APP_PATH",
    "THREAD_EVALUATION_TIME",
    "IS_IN_DATASET",
    "LAST_QUEUED_AT",
    "FEEDBACK_STATS",
    "LS_USER_ID",
)

_UUID = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
_UUIDS = {"type": "array", "items": _UUID, "minItems": 1, "uniqueItems": True}
_INSTANT = {
    "type": "string",
    "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})$",
}
_FILTER = {"type": "string", "minLength": 1}

RUNS_QUERY: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    # Each has a default at LangSmith that would quietly leave runs or fields out.
    "required": ["project_ids", "min_start_time", "max_start_time", "selects"],
    "properties": {
        "project_ids": _UUIDS,
        "min_start_time": _INSTANT,
        "max_start_time": _INSTANT,
        "selects": {"type": "array", "items": {"enum": list(ALLOWED_SELECTS)}, "minItems": 1, "uniqueItems": True},
        "page_size": {"type": "integer", "minimum": 1, "maximum": 1000},
        "cursor": {"type": "string", "minLength": 1},
        "run_type": {"enum": list(RUN_TYPES)},
        "filter": _FILTER,
        "trace_filter": _FILTER,
        "tree_filter": _FILTER,
        "is_root": {"type": "boolean"},
        "has_error": {"type": "boolean"},
        "ids": _UUIDS,
        "trace_id": _UUID,
        "include_subtree_usage": {"type": "boolean"},
        "reference_dataset_id": _UUID,
        "reference_examples": _UUIDS,
        "ai_search": {"type": "string", "minLength": 1, "maxLength": 2000},
        "sem_filter": {"type": "string", "minLength": 1},
        "min_feedback_modified_at": _INSTANT,
        "max_feedback_modified_at": _INSTANT,
    },
}


# For one total by type of run: everything that has a default at LangSmith is said, and nothing else is asked for.
RUNS_STATS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["session", "start_time", "end_time", "group_by", "select"],
    "properties": {
        "session": _UUIDS,
        "start_time": _INSTANT,
        "end_time": _INSTANT,
        "group_by": {
            "type": "object",
            "additionalProperties": False,
            "required": ["attribute", "max_groups"],
            "properties": {
                "attribute": {"const": "run_type"},
                # Fewer would leave types out, and saying nothing.
                "max_groups": {"type": "integer", "minimum": len(RUN_TYPES)},
            },
        },
        "select": {"const": ["run_count", "total_cost"]},
    },
}


def violations(body: object, schema: Mapping[str, Any] = RUNS_QUERY) -> Iterator[str]:
    """What is wrong with the body of a runs query, or of a question with another `schema`, a sentence each."""
    for error in Draft202012Validator(schema).iter_errors(body):
        where = "/".join(str(step) for step in error.absolute_path)
        yield f"{where or 'body'}: {error.message}"
