"""Mentions and direct messages: the same words as after the command, answered in the thread below them. So are the
buttons there: others read what they stand in, which stays."""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bot.slack.api import SlackApi
from bot.slack.controls import asked_by, with_controls
from bot.slack.failures import log_failure, said_of, say_failure
from bot.slack.listeners import Listeners, asks_the_doctor, typed
from bot.slack.messages import MEANT_IN_THREAD, Message
from bot.slack.notes import asking
from bot.slack.refusals import Refusals

# Why somebody gets no answer, in a sentence, given what Slack has sent; None if they get one.
Refusal = Callable[[Mapping[str, Any]], str | None]


class _Said(NamedTuple):
    """The words of a member, typed or pressed; the thread (a ts) of a place in which they are answered, and what marks
    the answer."""

    text: str
    user: str
    place: str
    thread: str
    key: str


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
        said = _typed(body, event)
        try:
            if self.listeners.is_new(body):
                sentence = refusal(body)
                self._say(said, asking.refused(sentence) if sentence is not None else self._reply(said))
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            self._say_failure(said, error)

    def press(self, body: Mapping[str, Any]) -> None:
        """A way on from an answer, or what may have been meant: whoever presses it is answered in its thread, where all
        read it. What goes wrong is said to them alone. Raises nothing."""
        try:
            said = _pressed(body)
            self._say(said, self._reply(said))
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            say_failure("a button in a conversation", body, error)

    def _reply(self, said: _Said) -> Message:
        if (too_often := self.listeners.too_often(said.user)) is not None:
            return too_often
        if asks_the_doctor(said.text):
            return asking.doctor_elsewhere()

        def say_wait() -> None:
            self._say(said._replace(key=f"{said.key}:wait"), asking.asking_langsmith())

        now = self.listeners.clock()
        reply = self.listeners.reply(said.text, said.user, now, say_wait, meant_as=MEANT_IN_THREAD)
        if reply.asked is None:
            return reply.message
        return with_controls(
            reply.message,
            reply.asked.ways,
            reply.asked.words,
            secrets.token_urlsafe(16),
            is_shareable=False,  # all who are there see it
            has_csv=self.listeners.exports is not None,
            in_thread=True,
        )

    def _say(self, said: _Said, message: Message) -> None:
        Refusals(self.listeners.ledger.outbox).say(
            message,
            lambda form: self.api.post(said.place, form, said.key, said.thread),
            self.listeners.clock(),
        )

    def _say_failure(self, said: _Said, error: Exception) -> None:
        reference = log_failure("a message to the bot", error)
        try:
            self._say(said._replace(key=f"{said.key}:failed"), said_of(error, reference))
        except Exception as silent:  # noqa: BLE001 - there is nobody left to tell
            log_failure(f"telling of {reference}", silent)


def _typed(body: Mapping[str, Any], event: Mapping[str, Any]) -> _Said:
    """What a mention or a direct message says."""
    return _Said(
        text=typed(_without_our_name(body, str(event.get("text") or ""))),
        user=str(event["user"]),
        place=str(event["channel"]),
        thread=str(event.get("thread_ts") or event["ts"]),
        key=f"event:{body.get('event_id')}",
    )


def _pressed(body: Mapping[str, Any]) -> _Said:
    """What the button says that was pressed. Raises KeyError and the like for what Slack does not send."""
    message = body["message"]
    return _Said(
        text=asked_by(body),
        user=str(body["user"]["id"]),
        place=str(body["channel"]["id"]),
        thread=str(message.get("thread_ts") or message["ts"]),
        key=f"press:{body['trigger_id']}",
    )


def _is_for_us(event: Mapping[str, Any]) -> bool:
    """Whether a person has written it, to us. Edits, joins and the like have a subtype."""
    if event.get("bot_id") or event.get("subtype") or not all(event.get(name) for name in ("user", "channel", "ts")):
        return False
    return event.get("type") == "app_mention" or event.get("channel_type") == "im"


def _without_our_name(body: Mapping[str, Any], text: str) -> str:
    """The text without the mention of the bot, and what people write after a name; other mentions name owners."""
    for one in body.get("authorizations") or ():
        text = re.sub(rf"<@{re.escape(str(one.get('user_id')))}(?:[|][^<>]*)?>\s*[:,]?", " ", text)
    return text
