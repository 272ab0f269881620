"""The digest as Slack messages (pure): it is an answer like the others, with more in its thread, and later perhaps a
correction under it."""

from collections.abc import Sequence
from datetime import datetime
from itertools import zip_longest
from typing import NamedTuple

from bot.render import digest as words
from bot.render.coverage import basis
from bot.render.page import Page
from bot.reports.answers import Spend
from bot.reports.budgets import AlertFacts
from bot.reports.digest import Digest
from bot.reports.kinds import Answer
from bot.slack.blocks import Block, cut, link, rich_text, weight
from bot.slack.messages import Message, answer_message, note, page_message
from bot.slack.views import closing_view


def digest_message(digest: Digest) -> Message:
    """The digest as its channel sees it."""
    return answer_message(digest)


def preview_view(answer: Answer | Digest) -> Block:
    """The modal that shows what would be sent now. Modals take no native blocks."""
    return closing_view("Digest preview", *answer_message(answer).simple_blocks)


# More alerts than these are counted.
_ALERTS = 8
_LINE = 160


class ToldAlert(NamedTuple):
    """An alert, when it was decided, and its address if all can read it."""

    facts: AlertFacts
    at: datetime
    link: str | None


def thread_page(digest: Digest, alerts: Sequence[ToldAlert], *, file_at: datetime | None = None) -> Page:
    """The reply under a digest that has a row for every feature: `digest` is one with all of them. The file beside it
    has the same rows, or those of `file_at` if they have changed since."""
    shown = alerts[:_ALERTS]
    lines = [cut(words.alert_line(one.facts, one.at), _LINE, weight) for one in shown]
    more = [words.more_alerts(len(alerts) - len(shown))] if len(alerts) > len(shown) else []
    return Page(
        (words.thread_headline(digest, len(alerts), file_at),),
        words.table(digest),
        (*words.updated(digest), *basis(digest.period, digest.coverage, says_untagged=True)),
        details=(*lines, *more),
    )


def thread_message(digest: Digest, alerts: Sequence[ToldAlert], *, file_at: datetime | None = None) -> Message:
    """`thread_page` as its channel sees it, where alerts that all can read are links."""
    said = thread_page(digest, alerts, file_at=file_at)
    links = [one.link for one in alerts[:_ALERTS]]
    elements = [_line(line, url) for line, url in zip_longest(said.details, links)]
    return page_message(said, details=rich_text(*_on_lines(elements)) if elements else None)


def _line(text: str, url: str | None) -> Block:
    return link(url, text) if url is not None else {"type": "text", "text": text}


def _on_lines(elements: Sequence[Block]) -> list[Block]:
    """Each on a line of its own."""
    found = elements[:1]
    for one in elements[1:]:
        found = [*found, {"type": "text", "text": "\n"}, one]
    return list(found)


def correction_message(digest: Digest, told: Spend) -> Message:
    """A word under a digest whose total has become another than `told`."""
    return note(words.correction(digest, told))
