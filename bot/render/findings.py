"""What the doctor has found, a line each, for a terminal or a code fence."""

import textwrap
from collections.abc import Sequence

from bot.render.names import plain
from bot.render.numbers import plural
from bot.reports.findings import Finding, Verdict

WIDTH = 80
_LONGEST = 600
_INDENT = 9  # behind the longest verdict


def findings_text(findings: Sequence[Finding], width: int = WIDTH) -> str:
    """A line for each, wrapped to `width` columns under itself."""
    return "\n".join(_lines(finding, width) for finding in findings)


def findings_headline(findings: Sequence[Finding]) -> str:
    """How it stands, in a sentence."""
    broken, warned = (
        sum(finding.verdict is verdict for finding in findings) for verdict in (Verdict.BROKEN, Verdict.WARNING)
    )
    if not broken and not warned:
        return f"All is well: {plural(len(findings), 'check')}."
    return f"{broken} broken, {plural(warned, 'warning')}, of {plural(len(findings), 'check')}."


def _lines(finding: Finding, width: int) -> str:
    said = " ".join(part for part in (finding.found, finding.todo) if part)
    text = plain(f"{finding.check}: {said}", _LONGEST)
    return textwrap.fill(
        text,
        width,
        initial_indent=f"{finding.verdict.value:<{_INDENT}}",
        subsequent_indent=" " * _INDENT,
        break_on_hyphens=False,
    )
