"""What a command cannot start without, and where people find it."""

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from bot.settings.variables import Variable


class Need(Enum):
    """Whom a command talks to."""

    LANGSMITH = "langsmith"
    SLACK = "slack"


class _Needed(NamedTuple):
    name: str
    way: str  # how to get one
    prefix: str = ""
    secret: bool = True


_NEEDED = {
    Need.LANGSMITH: (
        _Needed("LANGSMITH_API_KEY", "make one in LangSmith under Settings > API keys"),
        _Needed(
            "LANGSMITH_PROJECT",
            "name the projects to read, as LangSmith lists them, separated by commas (prod-* for all that begin so)",
            secret=False,
        ),
    ),
    Need.SLACK: (
        _Needed("SLACK_BOT_TOKEN", "copy your app's from api.slack.com/apps, OAuth & Permissions", "xoxb-"),
        _Needed(
            "SLACK_APP_TOKEN",
            "make one with connections:write at api.slack.com/apps, Basic Information > App-Level Tokens, or set "
            "SLACK_SIGNING_SECRET instead to be reached by HTTP",
            "xapp-",
        ),
    ),
}


def unmet(needs: Iterable[Need], variables: Mapping[str, Variable]) -> list[str]:
    """What is missing, and which tokens are of the wrong kind. No token is quoted.

    With a signing secret Slack comes by HTTP, and Socket Mode's token is not missed.
    """
    by_http = "SLACK_SIGNING_SECRET" in variables
    problems = [
        _problem(needed, variables.get(needed.name))
        for need in needs
        for needed in _NEEDED[need]
        if not (by_http and needed.name == "SLACK_APP_TOKEN" and needed.name not in variables)
    ]
    return [problem for problem in problems if problem]


def _problem(needed: _Needed, variable: Variable | None) -> str | None:
    if variable is None:
        return f"{needed.name} is not set; {needed.way}."
    if not needed.secret or variable.defect():  # the latter is said of every variable
        return None
    for other in _NEEDED[Need.SLACK]:
        if other.name != needed.name and variable.text.startswith(other.prefix):
            return f"{variable.name} holds what belongs in {other.name} ({other.prefix}…); {needed.way}."
    if not variable.text.startswith(needed.prefix):
        return f"{variable.name} does not begin with {needed.prefix}; {needed.way}."
    if re.search(r"[^!-~]|[\"']", variable.text):
        return f"{variable.name} holds a space, a quote or a letter that no token has; copy it again, without quotes."
    return None
