"""What breaks, and where it is held to what must still hold then (below tests/contract where nothing else is said).

LangSmith
  401, 403, redirections, HTML, cut bodies, 500s, hangs, 429 for ten minutes: sync/test_faults.py
  a missing project: sync/test_projects.py
  unknown fields, null everywhere, costs as strings: sync/test_sync.py, unit/ingest/test_reading.py
  clocks of applications that are ahead: sync/test_sync.py
  duplicate and shifting pages, circles of cursors: sync/test_sync.py
  runs that change after settling, late costs, lagging answers, clock skew: sync/test_tiers.py
  retention that drops what we hold: sync/test_retention.py
Slack
  429 and a lost answer per method, channel archived: test_slack_api.py
  token revoked: test_slack_api.py, test_post_office.py
  500, hangs, drops, `invalid_blocks`: test_post_office.py, test_post_office_faults.py, e2e/test_slash_command.py
  sockets that drop every few seconds, duplicate and late envelopes: test_sockets.py here, e2e/test_forged.py
The database
  locked, gone before and while it runs, full, damaged, a migration that is cut half-way, a clock moved back, two bots:
    test_database.py here
  read-only, no database, private: test_ledger_files.py
  newer than the code, a migration that fails: test_ledger_schema.py
  a connection that is lost, also with the word of what went through: test_postgresql.py, test_lost_words.py
  several processes: test_ledger_processes.py, test_ledger_lease.py, test_post_office.py
  processes that are killed: e2e/test_killed_sync.py, test_post_office.py
"""
