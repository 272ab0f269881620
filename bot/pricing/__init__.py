"""What a run cost: an override that applies > LangSmith's own cost > genai-prices at the run's start > nobody knows.

Read `pricer` (that rule), then `override` (what the organisation really pays), `estimate` (genai-prices, asked
strictly), `names` (when two names mean the same model) and `card` (the arithmetic, the same for everybody).
"""
