"""Saying a message in its best form, or in the first simpler one that a workspace does not refuse."""

from collections.abc import Callable
from typing import Any, TypeVar

from bot.slack.api import REFUSED_FORM, RefusedError
from bot.slack.messages import Message

Result = TypeVar("Result")


def in_a_form_that_is_taken(message: Message, say: Callable[[dict[str, Any]], Result]) -> Result:
    """What `say` gives for the first form that is not refused. Raises what it raises for any other reason."""
    *others, last = message.forms()
    for form in others:
        try:
            return say(form)
        except RefusedError as error:
            if error.code not in REFUSED_FORM:
                raise
    return say(last)
