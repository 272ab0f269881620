"""Mentions and direct messages: the same words as after the command, answered in the thread below them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.slack.api import SlackApi
from bot.slack.failures import log_failure
from bot.slack.forms import in_a_form_that_is_taken
from bot.slack.listeners import Listeners, asks_the_doctor, typed
from bot.slack.messages import Message, note

# Why somebody gets no answer, in a sentence, given what Slack has sent; None if they get one.
Refusal = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Answers what is said to the bot. Each event is answered once, whichever process hears it how often."""

    listeners: Listeners
    api: SlackApi

    def hear(self, body: Mapping[str, Any], refusal: Refusal) -> None:
        """An event of Slack's: a mention, or a message in the bot's direct messages. Bots get no answer. Raises
        nothing."""
        event = body.get("event")
        if not isinstance(event, Mapping) or not _is_for_us(event):
            return
        key = f"event:{body.get('event_id')}"
        try:
            if self.listeners.is_new(body):
                sentence = refusal(body)
                self._say(event, note(sentence) if sentence is not None else self._reply(body, event, key), key)
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            self._say_failure(event, key, error)

    def _reply(self, body: Mapping[str, Any], event: Mapping[str, Any], key: str) -> Message:
        text, user = typed(_without_our_name(body, str(event.get("text") or ""))), str(event["user"])
        if asks_the_doctor(text):
            return note("What the doctor finds is for admins alone: say /llmcost doctor.")

        def say_wait() -> None:
            self._say(event, note("Asking LangSmith for its own total; this may take a minute."), f"{key}:wait")

        return self.listeners.reply(text, user, self.listeners.clock(), say_wait).message

    def _say(self, event: Mapping[str, Any], message: Message, key: str) -> None:
        place, thread = str(event["channel"]), str(event.get("thread_ts") or event["ts"])
        in_a_form_that_is_taken(message, lambda form: self.api.post(place, form, key, thread))

    def _say_failure(self, event: Mapping[str, Any], key: str, error: Exception) -> None:
        reference = log_failure("a message to the bot", error)
        failure = note(
            "Something went wrong here, and it is not your fault.",
            "Try again in a minute.",
            f"Whoever runs llmcost finds it in the log as {reference}.",
        )
        try:
            self._say(event, failure, f"{key}:failed")
        except Exception as silent:  # noqa: BLE001 - there is nobody left to tell
            log_failure(f"telling of {reference}", silent)


def _is_for_us(event: Mapping[str, Any]) -> bool:
    """Whether a person has written it, to us. Edits, joins and the like have a subtype."""
    if event.get("bot_id") or event.get("subtype") or not all(event.get(name) for name in ("user", "channel", "ts")):
        return False
    return event.get("type") == "app_mention" or event.get("channel_type") == "im"


def _without_our_name(body: Mapping[str, Any], text: str) -> str:
    """The text without the mention of the bot; others name owners."""
    for one in body.get("authorizations") or ():
        text = text.replace(f"<@{one.get('user_id')}>", " ")
    return text
