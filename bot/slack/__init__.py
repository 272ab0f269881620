"""Answers are said: `messages` and `blocks` make them (pure), `delivery` sends them, `listeners` hear what people type
and press, `connection` holds the line to Slack."""
