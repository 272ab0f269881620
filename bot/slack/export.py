"""The CSV button: the rows of an answer as a file, into the thread of an answer that all see, else to whoever pressed,
directly. At most once; what went wrong is said, and nothing is lost."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from bot.errors import LlmcostError, QuestionError
from bot.ledger.store import Ledger
from bot.render.data import to_csv
from bot.reports.reporter import Reporter
from bot.slack.api import RefusedError, SlackApi, UnconfirmedError
from bot.slack.controls import export_of
from bot.slack.delivery import respond
from bot.slack.messages import Message, question_problem
from bot.slack.notes import files
from bot.slack.turns import OneAtATime

_LONGEST_NAME = 80

_log = logging.getLogger(__name__)


class _Place(NamedTuple):
    """A conversation, and the message in whose thread it goes there."""

    id: str
    thread: str | None


@dataclass(frozen=True, slots=True)
class Export:
    """Uploads what an answer rests on. All its rows, also those that the message had no room for; for each person one
    file at a time, because a large one takes a while."""

    reporter: Reporter
    ledger: Ledger
    api: SlackApi
    clock: Callable[[], datetime]
    turns: OneAtATime = field(default_factory=OneAtATime)

    def upload(self, body: Mapping[str, Any]) -> None:
        """Whoever pressed is told what came of it. Raises what the ledger and Slack's response_url do."""
        url, user = str(body["response_url"]), str(body["user"]["id"])
        with self.turns.turn_of(user) as is_theirs:
            said = self._upload(body, user) if is_theirs else files.not_yet()
        # Not before: who has read that it is there may press again.
        if said is not None:
            respond(url, said)

    def _upload(self, body: Mapping[str, Any], user: str) -> Message | None:
        """What came of it, in words; None where the file says it."""
        answer_id, words = export_of(str(body["actions"][0].get("value") or ""))
        thread = _thread_of(body)
        key = f"{answer_id[:64]} {thread.id if thread is not None else user}"
        if not self.ledger.claim_upload(key, self.clock()):
            return files.uploaded_already()
        try:
            content = to_csv(self.reporter.ask(words, self.clock())).encode()
            return self._put(thread, user, file_name(words), content)
        except UnconfirmedError as error:
            _log.warning("a file may have been uploaded: %s", error)
            return files.unconfirmed_file(words)
        except QuestionError as error:
            self.ledger.give_back_upload(key)
            return question_problem(error)
        except LlmcostError as error:
            self.ledger.give_back_upload(key)
            _log.warning("a file could not be uploaded: %s", error)
            return files.not_uploaded(error, words)

    def _put(self, thread: _Place | None, user: str, name: str, content: bytes) -> Message | None:
        """What is to be said of it, or None. Raises RefusedError if it is nowhere, UnconfirmedError if it may be."""
        if thread is not None:
            try:
                self.api.upload(thread.id, name, content, thread.thread)
            except RefusedError as error:
                if not error.permanent:
                    raise
                _log.info("a file goes to its asker, because its channel does not take it: %s", error)
            else:
                return None
        self.api.upload(self.api.direct(user), name, content)
        return files.uploaded_directly(is_elsewhere=thread is not None)


def file_name(words: str) -> str:
    """What a file with the answer to these words is called."""
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", words.replace("..", "-to-")).strip("-")
    return f"llmcost-{slug[:_LONGEST_NAME].rstrip('-.')}.csv"


def _thread_of(body: Mapping[str, Any]) -> _Place | None:
    """The thread of the message whose button was pressed; None for one that its asker alone sees."""
    message = body.get("message")
    if message is None or body["container"].get("is_ephemeral"):
        return None
    return _Place(str(body["channel"]["id"]), str(message.get("thread_ts") or message["ts"]))
