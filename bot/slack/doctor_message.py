"""What the doctor has found, for Slack (pure)."""

from collections.abc import Sequence

from bot.render.findings import findings_headline, findings_text
from bot.reports.findings import Finding
from bot.slack.blocks import SECTION_CHARACTERS, cut, escaped, fence, fenced_section, paragraph
from bot.slack.messages import Message

# Code fences do not wrap well on a phone.
_WIDTH = 60
_TEXT = 3_000


def doctor_message(findings: Sequence[Finding]) -> Message:
    """A sentence, and a line for each check; what is broken comes first, so that nothing of it is cut off."""
    order = sorted(findings, key=lambda finding: ("broken", "warning", "ok").index(finding.verdict.value))
    headline = findings_headline(findings)
    lines = findings_text(order, _WIDTH)
    section = fenced_section(_fitting(lines, SECTION_CHARACTERS))
    blocks = (paragraph(headline), section)
    return Message(f"{escaped(headline, 300)}\n{fence(_fitting(lines, _TEXT))}", blocks, blocks)


def _fitting(text: str, longest: int) -> str:
    return cut(text, longest, lambda part: len(fence(part)))
