"""llmcost: which product feature burns the LLM money.

Read it in the order in which a run travels: `ingest` brings runs from LangSmith, `ledger` keeps them, `reports` turns
them into answers, `render` and `slack` say the answers. `domain` holds the words and the rules, `pricing` what a run
cost when LangSmith does not say, `app` puts the parts together, `cli` is the command line.
"""
