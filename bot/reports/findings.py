"""What a check has found out. Frozen, like every answer."""

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """How bad it is. Only what is broken must be put right."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


class Finding(NamedTuple):
    """What was found, and what to do about it ("" if nothing); sentences. `check` is the name of what was looked at."""

    check: str
    verdict: Verdict
    found: str
    todo: str = ""


def is_broken(findings: list[Finding]) -> bool:
    """Whether anything must be put right."""
    return any(finding.verdict is Verdict.BROKEN for finding in findings)
