"""Runs come in: `langsmith` asks (the only file that knows the SDK), `reading` understands, `plan` says which stretches
of time to read and read again, `sync` does it."""
