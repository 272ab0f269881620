"""Which scope each question to Slack needs."""

from collections.abc import Mapping

NEEDS: Mapping[str, str] = {
    "direct": "im:write",
    "channel": "channels:read",
    "person": "users:read",
    "person by address": "users:read.email",
    "members": "usergroups:read",
    "post": "chat:write",
    "update": "chat:write",
    "upload": "files:write",
    "find": "channels:history",
    "find in direct messages": "im:history",
}

# And which each event that is heard needs.
EVENT_SCOPES: Mapping[str, str | None] = {
    "app_home_opened": None,
    "app_mention": "app_mentions:read",
    "message": "im:history",
}
