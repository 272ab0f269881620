"""What each variable's text means; all of them through `load_settings`, as a command reads them."""

from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.domain.quiet import QuietHours
from bot.errors import SettingsError
from bot.settings import Settings, load_settings


def read(name: str, text: str) -> Settings:
    return load_settings(environ={name: text}, directory=Path("no-such-directory"))


def refusal(name: str, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(name, text)
    (problem,) = caught.value.problems
    return problem


def test_without_any_variable_the_documented_defaults_hold() -> None:
    settings = load_settings(environ={}, directory=Path("no-such-directory"))
    assert settings.langsmith_api_key.get_secret_value() == ""
    assert settings.langsmith_endpoint == "https://api.smith.langchain.com"
    assert settings.langsmith_workspace_id is None
    assert settings.langsmith_projects == ()
    assert settings.experiments is False
    assert settings.slack_bot_token.get_secret_value() == settings.slack_app_token.get_secret_value() == ""
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.admins == ()
    assert settings.quiet_hours == QuietHours(time(18), time(9))
    assert settings.database_url == "sqlite:///llmcost.db"
    assert settings.config_file == Path("llmcost.toml")
    assert settings.timezone == ZoneInfo("UTC")
    assert settings.week_start == 0
    assert settings.feature_keys == ("feature",)
    assert settings.dimensions == ("env", "user_tier")
    assert settings.run_types == ("LLM", "EMBEDDING", "TOOL")
    assert settings.sync_every == timedelta(seconds=60)
    assert settings.backfill == timedelta(days=14)
    assert settings.retention == timedelta(days=14)
    assert settings.requests_per_10s == 10
    assert settings.digest_channel is None
    assert settings.digest_at == time(9)
    assert settings.digest_days == frozenset(range(7))
    assert settings.digest_grace == timedelta(hours=6)


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("LANGSMITH_WORKSPACE_ID", " ws-1 ", "langsmith_workspace_id", "ws-1"),
        ("LANGSMITH_PROJECT", "a", "langsmith_projects", ("a",)),
        ("LANGSMITH_PROJECT", " prod-*, my project ,,prod-* ", "langsmith_projects", ("prod-*", "my project")),
        (
            "LANGSMITH_ENDPOINT",
            "https://eu.api.smith.langchain.com/",
            "langsmith_endpoint",
            "https://eu.api.smith.langchain.com",
        ),
        ("LANGSMITH_ENDPOINT", "https://smith.example.com/api/v1/", "langsmith_endpoint", "https://smith.example.com"),
        ("LANGSMITH_ENDPOINT", "https://example.com/smith/api", "langsmith_endpoint", "https://example.com/smith"),
        ("LANGSMITH_ENDPOINT", "http://127.0.0.1:1984", "langsmith_endpoint", "http://127.0.0.1:1984"),
        ("LANGSMITH_ENDPOINT", "http://[::1]:1984/api//", "langsmith_endpoint", "http://[::1]:1984"),
        ("LANGSMITH_ENDPOINT", "http://api", "langsmith_endpoint", "http://api"),
        ("LANGSMITH_ENDPOINT", "http://api/api/v1", "langsmith_endpoint", "http://api"),
        ("LLMCOST_EXPERIMENTS", "TRUE", "experiments", True),
        ("LLMCOST_EXPERIMENTS", "1", "experiments", True),
        ("LLMCOST_EXPERIMENTS", "off", "experiments", False),
        ("SLACK_API_URL", "https://slack-gov.com/api", "slack_api_url", "https://slack-gov.com/api/"),
        ("LLMCOST_ADMINS", "U012AB, ada@example.com,U012AB", "admins", ("U012AB", "ada@example.com")),
        ("LLMCOST_VIEWERS", "U012AB, S012TEAM, ada@example.com", "viewers", ("U012AB", "S012TEAM", "ada@example.com")),
        ("LLMCOST_QUIET_HOURS", "20:30-7:00", "quiet_hours", QuietHours(time(20, 30), time(7))),
        ("LLMCOST_QUIET_HOURS", "Off", "quiet_hours", None),
        ("DATABASE_URL", "sqlite:////var/lib/llmcost.db", "database_url", "sqlite:////var/lib/llmcost.db"),
        ("DATABASE_URL", "sqlite+pysqlite:///x.db", "database_url", "sqlite+pysqlite:///x.db"),
        ("DATABASE_URL", "postgres://u@db/llmcost", "database_url", "postgresql://u@db/llmcost"),
        ("DATABASE_URL", "postgresql+psycopg://u@db/llmcost", "database_url", "postgresql+psycopg://u@db/llmcost"),
        (
            "DATABASE_URL",
            "postgresql://u:p%40%2F:x@db:5432/llmcost?sslmode=require",
            "database_url",
            "postgresql://u:p%40%2F:x@db:5432/llmcost?sslmode=require",
        ),
        ("DATABASE_URL", "postgresql://u:p@[::1]:5432/llmcost", "database_url", "postgresql://u:p@[::1]:5432/llmcost"),
        (
            "DATABASE_URL",
            "postgresql:///llmcost?host=/run/postgresql&user=a@b",
            "database_url",
            "postgresql:///llmcost?host=/run/postgresql&user=a@b",
        ),
        ("DATABASE_URL", "postgresql://db/llmcost", "database_url", "postgresql://db/llmcost"),
        ("LLMCOST_CONFIG", "/etc/llmcost.toml", "config_file", Path("/etc/llmcost.toml")),
        ("LLMCOST_TIMEZONE", "Asia/Kathmandu", "timezone", ZoneInfo("Asia/Kathmandu")),
        ("LLMCOST_WEEK_START", "Sunday", "week_start", 6),
        ("LLMCOST_WEEK_START", "mon", "week_start", 0),
        ("LLMCOST_WEEK_START", "6", "week_start", 6),
        ("LLMCOST_FEATURE_KEYS", "feature, product.area,feature", "feature_keys", ("feature", "product.area")),
        ("LLMCOST_DIMENSIONS", " env , tenant ,env", "dimensions", ("env", "tenant")),
        ("LLMCOST_WIDE_KEYS", "user_id,account", "wide_keys", ("user_id", "account")),
        ("PORT", "8080", "port", 8080),
        ("LLMCOST_RUN_TYPES", "tool,Chain,TOOL", "run_types", ("TOOL", "CHAIN")),
        ("LLMCOST_SYNC_EVERY", "5", "sync_every", timedelta(seconds=5)),
        ("LLMCOST_SYNC_EVERY", "5m", "sync_every", timedelta(minutes=5)),
        ("LLMCOST_BACKFILL", "400d", "backfill", timedelta(days=400)),
        ("LLMCOST_RETENTION", "400d", "retention", timedelta(days=400)),
        ("LLMCOST_REQUESTS_PER_10S", "1000", "requests_per_10s", 1000),
        ("LLMCOST_DIGEST_CHANNEL", "#llm-cost", "digest_channel", "#llm-cost"),
        ("LLMCOST_DIGEST_CHANNEL", "C0123", "digest_channel", "C0123"),
        ("LLMCOST_DIGEST_AT", "7:30", "digest_at", time(7, 30)),
        ("LLMCOST_DIGEST_DAYS", "mon-fri", "digest_days", frozenset({0, 1, 2, 3, 4})),
        ("LLMCOST_DIGEST_DAYS", "Sat, sun", "digest_days", frozenset({5, 6})),
        ("LLMCOST_DIGEST_DAYS", "fri-mon", "digest_days", frozenset({4, 5, 6, 0})),
        ("LLMCOST_DIGEST_DAYS", "wednesday", "digest_days", frozenset({2})),
        ("LLMCOST_DIGEST_GRACE", "12h", "digest_grace", timedelta(hours=12)),
    ],
)
def test_a_text_means_a_value(name: str, text: str, field: str, value: object) -> None:
    assert getattr(read(name, text), field) == value


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("LANGSMITH_PROJECT", " , ,", "', ,' names nothing"),
        (
            "LANGSMITH_ENDPOINT",
            "api.smith.langchain.com",
            "'api.smith.langchain.com' is no web address; it begins with https://",
        ),
        ("LANGSMITH_ENDPOINT", "ftp://example.com", "is no web address"),
        ("LANGSMITH_ENDPOINT", "https://", "is no web address"),
        ("LANGSMITH_ENDPOINT", "https://[example", "is no web address"),
        ("LANGSMITH_ENDPOINT", "https://example.com:port", "is no web address"),
        ("LANGSMITH_ENDPOINT", "https://exa mple.com", "is no web address"),
        ("LANGSMITH_ENDPOINT", "https://example.com?x=1", "holds a login or a query"),
        ("SLACK_API_URL", "slack.com", "is no web address"),
        ("LLMCOST_EXPERIMENTS", "maybe", "'maybe' is neither true nor false"),
        ("LLMCOST_ADMINS", "U012AB,ada", "'ada' is nobody in Slack; write a member id"),
        ("LLMCOST_ADMINS", "S012AB", "'S012AB' is nobody in Slack"),
        ("LLMCOST_VIEWERS", "#general", "'#general' is nobody in Slack; write a member id"),
        ("LLMCOST_QUIET_HOURS", "18:00", "'18:00' are no hours; write them like 18:00-09:00"),
        ("LLMCOST_QUIET_HOURS", "18:00-24:00", "'24:00' is no time of day; write it like 09:00"),
        ("LLMCOST_QUIET_HOURS", "18:00-09:00-10:00", "is no time of day"),
        ("LLMCOST_QUIET_HOURS", "18:60-09:00", "'18:60' is no time of day"),
        ("LLMCOST_QUIET_HOURS", "night", "are no hours"),
        ("LLMCOST_QUIET_HOURS", "09:00-9:00", "leaves no time that is not quiet"),
        ("DATABASE_URL", "mysql://db/llmcost", "of no database that llmcost knows"),
        ("DATABASE_URL", "llmcost.db", "of no database that llmcost knows"),
        ("DATABASE_URL", "sqlite://llmcost.db", "needs three slashes"),
        ("DATABASE_URL", "sqlite:///~/llmcost.db", "holds a ~, for which no shell puts your home"),
        ("DATABASE_URL", "sqlite:///", "names no file"),
        ("DATABASE_URL", "sqlite:///:memory:", "names no file"),
        ("LLMCOST_TIMEZONE", "Europe/Belrin", "'Europe/Belrin' is no time zone; did you mean Europe/Berlin"),
        ("LLMCOST_TIMEZONE", "new york", "did you mean America/New_York"),
        ("LLMCOST_TIMEZONE", "Europe", "is no time zone"),
        ("LLMCOST_TIMEZONE", "../../etc/passwd", "is no time zone"),
        ("LLMCOST_TIMEZONE", "x" * 5000, "is no time zone; write an IANA name"),
        ("LLMCOST_WEEK_START", "7", "'7' is no weekday"),
        ("LLMCOST_WEEK_START", "m", "'m' is no weekday"),
        ("LLMCOST_DIGEST_CHANNEL", "llm cost", "'llm cost' is no channel; write #name or its id"),
        ("LLMCOST_DIGEST_AT", "9", "'9' is no time of day; write it like 09:00"),
        ("LLMCOST_DIGEST_AT", "24:00", "'24:00' is no time of day"),
        ("LLMCOST_DIGEST_DAYS", "weekdays", "'weekdays' is no weekday"),
        ("LLMCOST_DIGEST_DAYS", "mon-", "is no weekday"),
        ("LLMCOST_DIGEST_GRACE", "13h", "is not between 10m and 12h"),
        ("LLMCOST_DIMENSIONS", "env,Model", "'Model' is a dimension that is always there"),
        ("LLMCOST_DIMENSIONS", "thread", "'thread' is a dimension that is always there"),
        ("LLMCOST_WIDE_KEYS", "user_id,trace", "'trace' is a dimension that is always there"),
        ("LLMCOST_DIMENSIONS", "env,ENV", "'env' and 'ENV' differ in case alone"),
        ("LLMCOST_RUN_TYPES", "llm,embeding", "'EMBEDING' is no run type of LangSmith; did you mean EMBEDDING"),
        ("LLMCOST_RUN_TYPES", "zzz", "known are LLM, CHAIN, TOOL"),
        ("LLMCOST_SYNC_EVERY", "4s", "is not between 5s and 1d"),
        ("LLMCOST_SYNC_EVERY", "often", "'often' is no duration; write it like 60s"),
        ("LLMCOST_BACKFILL", "401d", "is not between 1m and 400d"),
        ("LLMCOST_RETENTION", "13d", "is not between 14d and 400d"),
        ("LLMCOST_RETENTION", "401d", "is not between 14d and 400d"),
        ("LLMCOST_REQUESTS_PER_10S", "0", "'0' is not a whole number from 1 to 1000"),
        ("LLMCOST_REQUESTS_PER_10S", "1001", "is not a whole number from 1 to 1000"),
        ("LLMCOST_REQUESTS_PER_10S", "2.5", "is not a whole number from 1 to 1000"),
        ("LLMCOST_TIMEZONE", "UTC\x1b[2J", "there is a line break, a control character"),
        ("LLMCOST_CONFIG", "a\udcffb", "a byte that is not UTF-8"),
        ("LLMCOST_FEATURE_KEYS", '"feature"', "there are quotes around it"),
        ("LLMCOST_TIMEZONE", "'UTC'", "there are quotes around it"),
        ("LLMCOST_DIGEST_CHANNEL", '""', "there are quotes around it"),
        ("LLMCOST_FEATURE_KEYS", "feature # ours", "there is a comment behind it"),
        ("LANGSMITH_ENDPOINT", "https://api.smith.langchain.com  #eu", "there is a comment behind it"),
        ("DATABASE_URL", "sqlite:///llmcost.db # ours", "there is a comment behind it"),
        ("LLMCOST_FEATURE_KEYS", '"feature", team', "'\"feature\"' has a quote at its end"),
        ("LLMCOST_DIMENSIONS", "env,user_tier'", "has a quote at its end"),
        ("LLMCOST_FEATURE_KEYS", "\u201cfeature\u201d", "has a quote at its end"),
    ],
)
def test_a_wrong_text_is_refused_with_its_name_the_text_and_what_to_write(name: str, text: str, sentence: str) -> None:
    problem = refusal(name, text)
    assert problem.startswith(f"{name}: ")
    assert sentence in problem
    assert problem.isprintable()


def test_every_dimension_that_is_always_there_is_refused() -> None:
    for word in ("feature", "model", "provider", "project", "day", "trace", "thread"):
        assert "always there" in refusal("LLMCOST_DIMENSIONS", f"env,{word}")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LANGSMITH_ENDPOINT", "https://user:s3cret@example.com"),
        ("LANGSMITH_ENDPOINT", "user:s3cret@example.com"),
        ("LANGSMITH_ENDPOINT", "https://user:a@s3cret@example.com:port"),
        ("SLACK_API_URL", "https://example.com?token=s3cret"),
        ("SLACK_API_URL", "https://example.com#s3cret"),
        ("DATABASE_URL", "mysql://user:s3cret@example.com/llmcost"),
        ("DATABASE_URL", "sqlite://user:s3cret@llmcost.db"),
        ("DATABASE_URL", "sqlite://llmcost.db?key=s3cret"),
        ("DATABASE_URL", "s3cret"),
        ("DATABASE_URL", "postgresql://user:s3cret/db"),
        ("DATABASE_URL", "postgresql://user:s3cr@s3cret@dbhost/db"),
        ("DATABASE_URL", "postgresql://user:s3/cret@dbhost/db"),
        ("DATABASE_URL", "postgresql://user:1#s3cret@dbhost/db"),
        ("DATABASE_URL", "postgresql://user:1?s3cret@dbhost/db"),
        ("DATABASE_URL", "postgresql://user:1/s3cret@dbhost/db"),
        ("DATABASE_URL", "postgresql://u:s3cret@127.0.0.1:abc/db"),
        ("DATABASE_URL", "postgresql://u:s3cret@127.0.0.1:/db"),
        ("DATABASE_URL", "postgresql://u:s3cret@127.0.0.1:99999/db"),
        ("DATABASE_URL", "postgres://u:s3cret@[::1:5432/db"),
        ("LLMCOST_TIMEZONE", "xoxb-s3cret"),
        ("LLMCOST_DIMENSIONS", "lsv2_pt_s3cret,LSV2_PT_S3CRET"),
    ],
)
def test_a_password_or_token_is_not_quoted_wherever_it_was_put(name: str, text: str) -> None:
    assert "s3cret" not in refusal(name, text).casefold()


def test_the_password_of_a_database_is_not_printed_with_the_settings() -> None:
    environ = {"DATABASE_URL": "postgres://user:s3cret@example.com/llmcost"}
    settings = load_settings(environ=environ, directory=Path("no-such-directory"))
    assert "s3cret" in settings.database_url
    assert "s3cret" not in f"{settings} {settings!r}"


def test_a_value_is_quoted_short() -> None:
    assert len(refusal("LLMCOST_TIMEZONE", "x" * 5000)) < 200


def test_settings_do_not_change_once_they_are_read() -> None:
    settings = load_settings(environ={}, directory=Path("no-such-directory"))
    with pytest.raises(ValueError, match="frozen"):
        settings.week_start = 3  # type: ignore[misc] # that it cannot be written is the point
