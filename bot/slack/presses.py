"""What a pressed button or a submitted modal says, as far as it can be believed: who, and which button."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_MEMBER = re.compile(r"[UW][A-Z0-9]{1,30}")


class Press(NamedTuple):
    """A member of our own workspace, and the value of what they pressed ("" for a modal)."""

    user: str
    value: str


def is_member(user: str) -> bool:
    """Whether this is an id that Slack gives to people."""
    return _MEMBER.fullmatch(user) is not None


def press_of(body: Mapping[str, Any], team: str) -> Press | None:
    """Who pressed what; None if it is somebody of another workspace than `team`, or nothing that Slack sends."""
    user = body.get("user")
    if not isinstance(user, Mapping) or not is_member(str(user.get("id"))):
        return None
    at = body.get("team")
    # A person's own workspace stands beside them; the one that the message stands in, above. Both must be ours.
    named = [user.get("team_id"), at.get("id") if isinstance(at, Mapping) else None]
    teams = {str(one) for one in named if one is not None}
    if teams != {team}:
        return None
    actions = body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else {}
    return Press(str(user["id"]), str(first.get("value") or "") if isinstance(first, Mapping) else "")
