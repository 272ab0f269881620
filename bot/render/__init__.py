"""Answers as text, CSV and JSON: what the command line prints, and what stands in a message's `text`. Nothing is
calculated here; `numbers` says how numbers look, everywhere."""
