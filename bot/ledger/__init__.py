"""The ledger: what was read from LangSmith, kept for ever, and added up as it arrives.

`engine` is the way to SQLite and PostgreSQL, `tables` the schema; `booking` and `rollups` are its arithmetic (pure);
`books` writes, `coverage` remembers how far and how completely LangSmith was read, `figures`, `costliest` and `traces`
answer; `store` is the door that everybody else uses, put together from `access`, `rulebook`, `intake` and `revision`,
and `reading` one state of the ledger.
"""
