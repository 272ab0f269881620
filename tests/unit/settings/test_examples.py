"""The example files are documentation: they are held to the code."""

import re
from pathlib import Path

from bot.domain.budget import ALERT_AT, Window
from bot.settings import Settings, load
from bot.settings.catalog_file import FEATURE_KEYS, RULE_KEYS, read_config
from bot.settings.environment import SECOND_NAMES, variable_names
from bot.settings.price_entries import PRICE_KEYS

ROOT = Path(__file__).parents[3]
ENV_EXAMPLE = (ROOT / ".env.example").read_text()
TOML_EXAMPLE = (ROOT / "llmcost.example.toml").read_text()


def test_the_example_of_env_has_every_variable_once_with_its_default_and_an_explanation() -> None:
    documented = re.findall(r"\n# .+\n# ([A-Z0-9_]+)=(.*)\n", ENV_EXAMPLE)
    defaults = {str(field.validation_alias): field.default for field in Settings.model_fields.values()}
    assert sorted(documented) == sorted(defaults.items())
    assert len(re.findall(r"^#? ?[A-Z0-9_]+=", ENV_EXAMPLE, re.MULTILINE)) == len(defaults)


def test_the_example_of_env_changes_nothing_even_with_all_its_lines_in_force(tmp_path: Path) -> None:
    in_force = re.sub(r"^# ([A-Z0-9_]+=)", r"\1", ENV_EXAMPLE, flags=re.MULTILINE)
    assert "\nLLMCOST_TIMEZONE=" in in_force
    (tmp_path / "llmcost.toml").touch()
    untouched = load(environ={}, directory=tmp_path)
    for content in (ENV_EXAMPLE, in_force):
        (tmp_path / ".env").write_text(content)
        assert load(environ={}, directory=tmp_path) == untouched


def test_the_second_names_are_documented() -> None:
    assert set(SECOND_NAMES) <= set(variable_names())
    for name in SECOND_NAMES.values():
        assert f"{name} is read too" in ENV_EXAMPLE


def test_the_example_of_llmcost_toml_is_valid() -> None:
    config = read_config(TOML_EXAMPLE, "llmcost.example.toml", Settings().dimensions)
    search = config.catalog.features["rag-search"]
    assert {budget.window: budget.limit_nanos for budget in search.budgets} == {
        Window.DAILY: 5_000_000_000,
        Window.WEEKLY: 25_500_000_000,
        Window.MONTHLY: 100_000_000_000,
    }
    assert len(config.catalog.rules) == 2
    assert len(config.overrides) == 3


def test_the_example_of_llmcost_toml_shows_every_key() -> None:
    for key in {*FEATURE_KEYS, *RULE_KEYS, *PRICE_KEYS, *Window}:
        assert re.search(rf"(^|[{{ ]){key} = ", TOML_EXAMPLE, re.MULTILINE), key


def test_the_example_of_llmcost_toml_names_the_default_percentages() -> None:
    *others, last = map(str, ALERT_AT)
    assert f"{', '.join(others)} and {last}" in TOML_EXAMPLE
