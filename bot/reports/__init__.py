"""Runs become answers: `question` is what one can ask (a pure parser), `answers` is what one gets (frozen, every number
final), `reporter` finds the answer in the ledger, with `tracing` for one trace and `wide` for what has very many
values."""
