"""Deliveries that are files: put into Slack at most once, because Slack cannot be asked whether one is there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.ledger.deliveries import Delivery, NewDelivery
from bot.slack.notes.files import file_missing, file_waiting

UNSURE = "Slack did not confirm the file, and files are not sent twice."


def file_message(name: str, content: str) -> dict[str, Any]:
    """What a delivery of a file keeps; in words for whoever looks it up."""
    return {**file_waiting(name).as_json(), "file": {"name": name, "content": content}}


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


def without_file(delivery: Delivery, problem: str, now: datetime) -> NewDelivery:
    """What is sent in the place of a file that did not come."""
    return NewDelivery(
        kind=delivery.kind,
        role=delivery.role,
        recipient=delivery.recipient,
        events=delivery.events,
        message=file_missing(delivery.message["file"]["name"], problem).as_json(),
        not_before=now,
        expires=delivery.expires,
        thread=delivery.thread,
    )
