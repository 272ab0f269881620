"""Something that Slack sends to the bot, and what comes of it."""

from dataclasses import dataclass

from tests.standins.slack_rules import Json
from tests.standins.slack_web import is_true
from tests.standins.slack_world import Shown, World


@dataclass(frozen=True)
class Ack:
    """How the bot acknowledged: seconds since Slack sent, the payload it gave along, and the HTTP status."""

    seconds: float
    payload: Json
    status: int = 200


class Exchange:
    """Something that Slack sent to the bot, and what came of it."""

    def __init__(self, world: World, payload: Json, channel: str, user: str, url: str | None) -> None:
        self.id = world.next_id("envelope")
        self.payload = payload
        self.channel = channel
        self.user = user
        self.url = url  # the response_url, if there is one
        self.created = world.clock()
        self.sent = 0.0
        self.uses = 0
        self.ack: Ack | None = None
        self.original: Shown | None = None  # what replace_original and delete_original mean
        self.shown: list[Shown] = []
        self._world = world
        self._responses: list[Json] = []

    @property
    def responses(self) -> list[Json]:
        """The payloads that were accepted at the response_url, oldest first."""
        with self._world.changed:
            return list(self._responses)

    @property
    def visible(self) -> list[Json]:
        """What the person can see of the answers now: replaced ones as they are, deleted ones gone."""
        with self._world.changed:
            return [self._world.copy(one) for one in self.shown if not one.deleted]

    def wait_ack(self, timeout: float = 3.0) -> Ack:
        """Raises TimeoutError, as Slack shows operation_timeout, if the bot does not acknowledge in time."""
        with self._world.changed:
            self._world.changed.wait_for(lambda: self.ack, timeout)
            if self.ack is None:
                raise TimeoutError(f"operation_timeout: no acknowledgement within {timeout} s")
            return self.ack

    def wait_responses(self, n: int = 1, timeout: float = 10.0) -> list[Json]:
        """The payloads at the response_url as soon as there are `n`."""
        with self._world.changed:
            if not self._world.changed.wait_for(lambda: len(self._responses) >= n, timeout):
                raise TimeoutError(f"{len(self._responses)} of {n} responses within {timeout} s: {self._responses}")
            return list(self._responses)

    def respond(self, payload: Json) -> None:
        """Shows what came to the response_url, or with the acknowledgement."""
        original = self.original
        if original and not original.deleted and is_true(payload.get("delete_original")):
            self._world.remove(original)
        elif original and not original.deleted and is_true(payload.get("replace_original")):
            self._world.rewrite(original, {"text": "", "blocks": [], **payload})
        elif payload.get("text") or payload.get("blocks"):
            viewer = None if payload.get("response_type") == "in_channel" else self.user
            self.shown.append(self._world.show(self.channel, payload, viewer))
            self.original = original or self.shown[0]

    def count(self, payload: Json) -> None:
        self.uses += 1
        self._responses.append(payload)
        self._world.changed.notify_all()
