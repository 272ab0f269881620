"""Answers as text, CSV and JSON: what the command line prints, and what stands in a message's `text`. `page` says in
which order, `sentences` and `table` what, `numbers` how numbers look, everywhere. Nothing is calculated here."""
