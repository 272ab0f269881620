"""A problem in llmcost.toml is told with its line, where there is one."""

import pytest

from bot.errors import SettingsError
from bot.settings import Settings, understand, with_lines

CONTENT = b"""\
# ours
[features.chat]
owner = "nobody"

[features."rag search"]
  channel = "general"
  [features."rag search".budget]
  monthly = -1

[[rules]]
feature = "chat"
name = "x*"
[[rules]]
name = "y*"
[[prices]]
model = "gpt-*"
"""


def test_every_problem_is_told_with_the_line_of_its_key_or_else_of_its_table() -> None:
    with pytest.raises(SettingsError) as caught:
        understand(Settings(), CONTENT)
    told = with_lines(caught.value.problems, CONTENT)
    begun = sorted(" ".join(problem.split(" ")[:5]) for problem in told)
    assert [problem.split(": ")[0] for problem in begun] == ["Line 13", "Line 15", "Line 3", "Line 6", "Line 8"], told


def test_what_has_no_line_stays_as_it_is() -> None:
    for problem in ("llmcost.toml features: 3 stands where tables belong.", "x", "f [features.gone]: no", ""):
        assert with_lines([problem], CONTENT) == [problem]
    assert with_lines(["f [features.chat] owner: no"], None) == ["f [features.chat] owner: no"]


def test_the_parser_tells_the_line_of_what_is_no_toml() -> None:
    with pytest.raises(SettingsError, match=r"at line 2, column"):
        understand(Settings(), b"[features.chat]\nowner = alice\n")
