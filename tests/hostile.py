"""What a trace may say to act where it stands, and what would show that it did: payloads are walked, not looked at."""

import csv
import io
import json
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from bot.slack.messages import Message
from tests.standins.slack_rules import _acting, autolinked, problems, visible_mentions

LINK = "https://smith.example.com/r/{trace}"

TEXTS = (
    "<!channel>", "<!here|x>", "<!everyone>", "<!subteam^S1>", "<@U1>", "<#C1>", "@channel", "#general",
    "<https://evil.example.com|your bank>", "https://evil.example.com/x", "evil.com", "<mailto:a@evil.com|b>",
    "<javascript:alert(1)|c>", "[link](https://evil.example.com)", "*bold* _it_ ~gone~", "> quote", ":boom:",
    "```", "``` <!here>\n```", "`code`", "&lt;!channel&gt;", "&amp;lt;!here&amp;gt;", "&#60;!here&#62;",
    "\u202eevil\u202c", "\u2066x\u2069", "\u200b\u200d\ufeff", "שלום", "\x1b[2J\x1b[31mred", "\x1b]8;;https://evil.com\x07x",
    "a\r\nb\u2028c\x85d", "\x00\x07\x08\x7f", "\ud800", "x" * 10_000, "<" * 10_000, "🚀" * 300,
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("https://evil.com")', "|cmd' /C calc'!A0",
    "'; DROP TABLE runs; --", "%s%n%(name)s", "{0.__class__}", "${jndi:ldap://x}", "../../etc/passwd",
    "[red]markup[/red]", "<script>alert(1)</script>", "U0OWNER", "<@U0OWNER>", "null", "true", "untagged", "total",
    "<!date^1^{date}^https://evil.com|x>", "\\", '"', "\n", " ",
)  # fmt: skip
texts = st.sampled_from(TEXTS) | st.text(max_size=60) | st.lists(st.sampled_from(TEXTS), max_size=3).map(" ".join)

# Slack shows nothing of these.
_SILENT = {"value", "action_id", "block_id", "metadata", "private_metadata", "callback_id", "type", "url"}
_LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"


def acting(payload: Any, ours: tuple[str, ...] = (), surface: str = "message") -> list[str]:
    """Everything in a message or view that acts or that Slack refuses, but for mentions of `ours` and traces' links."""
    found = [*problems(payload, surface), *autolinked(payload)]
    found += [one for one in visible_mentions(payload) if one not in ours and not one.startswith("<https://smith.")]
    found += [f"a fence in {kind}" for kind, text in _acting(payload) if text.count("```") > 2]
    found += [f"{key}: {unprintable(text)[0]!r}" for key, text in _strings(payload) if unprintable(text)]
    found += [f"emoji: {node}" for node in _plain_texts(payload) if node.get("emoji") is not False]
    return found


def acting_in(message: Message, ours: tuple[str, ...] = ()) -> list[str]:
    """The same for each form in which a message may be sent."""
    return [one for form in message.forms() for one in acting(form, ours)]


def acting_in_terminal(text: str) -> list[str]:
    """What moves a cursor, colours, turns the writing direction or cannot be seen."""
    return unprintable(text)


def acting_in_csv(text: str) -> list[str]:
    """What a spreadsheet takes for a formula, and what acts in a terminal."""
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    numbers = [cell for cell in cells if cell.replace(".", "", 1).lstrip("-").isdecimal()]
    shown = [unicodedata.normalize("NFKC", cell) for cell in cells if cell not in numbers]
    return [cell for cell in shown if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] + unprintable(text)


def acting_in_json(text: str) -> list[str]:
    """What is no plain ASCII, or no JSON."""
    json.loads(text)
    return unprintable(text) + ([] if text.isascii() else ["not ASCII"])


def unprintable(text: str) -> list[str]:
    """The characters of a text that act or that nobody can see."""
    unseen = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    return [one for one in text if one not in f"\n{_LEFT_TO_RIGHT}" and unicodedata.category(one) in unseen]


def _strings(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, str):
        yield key, node
    elif isinstance(node, Mapping):
        for name, one in node.items():
            if name not in _SILENT:
                yield from _strings(one, name)
    elif isinstance(node, list | tuple):
        for one in node:
            yield from _strings(one, key)


def _plain_texts(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        if node.get("type") == "plain_text":
            yield node
        node = list(node.values())
    if isinstance(node, list | tuple):
        for one in node:
            yield from _plain_texts(one)
