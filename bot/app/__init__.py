"""The composition root: builds the parts from the settings, connects, starts and stops them.

`ledgers` and `answers` are what a terminal needs; they import neither Slack nor LangSmith. `source` reads LangSmith,
`office` posts to Slack, `checkup` is the doctor's, and `bot` is all of it together.
"""
