"""What the app must be allowed to do, as manifest.yml asks for it, and what for."""

SCOPES = {
    "app_mentions:read": "hear when somebody mentions it",
    "channels:history": "look whether a message stands in a channel before it is sent again",
    "channels:read": "find channels by their names",
    "chat:write": "send digests and alerts",
    "commands": "hear /llmcost",
    "files:write": "put the rows of an answer into Slack as a file",
    "im:history": "hear direct messages, and look whether one stands there before it is sent again",
    "im:write": "write to owners directly",
    "usergroups:read": "find the members of an owning group",
    "users:read": "know who is a full member and still there",
    "users:read.email": "find owners by their email addresses",
}
