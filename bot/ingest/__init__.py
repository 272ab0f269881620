"""Runs come in: `langsmith` knows what to ask (the only file that knows the SDK), `asking` asks until it is answered,
under the `limiter`; `answers` tells pages from errors and `reading` understands a run; `selection` says which
projects are meant, `plan` says which stretches of time to read and to read again; `sync` does it, has `probe` find
out what a parent's cost means, and learns by `links` where people see a trace."""
