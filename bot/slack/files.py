"""Deliveries that are files: put into Slack at most once, because Slack cannot be asked whether one is there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.ledger.deliveries import Delivery, NewDelivery
from bot.slack.blocks import cut
from bot.slack.messages import Message, note

UNSURE = "Slack did not confirm the file, and files are not sent twice."

_REASON = 200


def file_message(name: str, content: str) -> dict[str, Any]:
    """What a delivery of a file keeps; in words for whoever looks it up."""
    return {**note(f"The file {name}.").as_json(), "file": {"name": name, "content": content}}


def is_file_message(message: Mapping[str, Any]) -> bool:
    """Whether this is what a delivery of a file keeps."""
    return "file" in message


def is_file(delivery: Delivery) -> bool:
    """Whether a delivery is a file."""
    return is_file_message(delivery.message)


def file_of(delivery: Delivery) -> tuple[str, bytes]:
    """The name and the content of a delivery that is a file."""
    kept = delivery.message["file"]
    return str(kept["name"]), str(kept["content"]).encode()


def missing_file(message: Mapping[str, Any], problem: str) -> Message:
    """The word that a file did not come, and how to get its rows all the same."""
    return note(
        f"{message['file']['name']} could not be put here: {cut(problem, _REASON)}",
        "Nothing is lost: ask /llmcost for the same days and press CSV, or say llmcost report --csv in a terminal.",
    )


def without_file(delivery: Delivery, problem: str, now: datetime) -> NewDelivery:
    """What is sent in the place of a file that did not come."""
    return NewDelivery(
        kind=delivery.kind,
        role=delivery.role,
        recipient=delivery.recipient,
        events=delivery.events,
        message=missing_file(delivery.message, problem).as_json(),
        not_before=now,
        expires=delivery.expires,
        thread=delivery.thread,
    )
