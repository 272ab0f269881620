"""A LangSmith-compatible server on loopback with sample traces.

Server and data only: it knows nothing of llmcost, so that the bot reads it through the LangSmith SDK as it would read
the real one. `records` and `store` keep runs; `ingest` and `prices` take new ones in as LangSmith does; `query`,
`stats` and `projects` answer; `api` routes a request, `server` speaks HTTP, `seed` makes a month of traces up.
"""
