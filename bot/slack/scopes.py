"""What the app must be allowed to do, as manifest.yml asks for it, and what for."""

SCOPES = {
    "channels:history": "look whether a message stands in a channel before it is sent again",
    "channels:read": "find channels by their names",
    "chat:write": "send digests and alerts",
    "commands": "hear /llmcost",
    "im:history": "look whether a direct message stands there before it is sent again",
    "im:write": "write to owners directly",
    "usergroups:read": "find the members of an owning group",
    "users:read": "know whether an owner is still there",
    "users:read.email": "find owners by their email addresses",
}
