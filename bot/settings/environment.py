"""Every variable that llmcost reads: its name, its default and what it means."""

from datetime import time, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.domain.digest import LONGEST_GRACE
from bot.domain.quiet import QuietHours
from bot.settings import readers
from bot.settings.duration import duration

# What people who traced with LangChain first have set already. The second name counts where the first is not given.
SECOND_NAMES = {
    "LANGSMITH_API_KEY": "LANGCHAIN_API_KEY",
    "LANGSMITH_ENDPOINT": "LANGCHAIN_ENDPOINT",
    "LANGSMITH_PROJECT": "LANGCHAIN_PROJECT",
}

_SYNC_EVERY = partial(duration, at_least=timedelta(seconds=5), at_most=timedelta(days=1))
# LangSmith answers a question of at most 401 days.
_RETENTION = partial(duration, at_least=timedelta(days=14), at_most=timedelta(days=400))
_BACKFILL = partial(duration, at_least=timedelta(minutes=1), at_most=timedelta(days=400))
_GRACE = partial(duration, at_least=timedelta(minutes=10), at_most=LONGEST_GRACE)
_PORT = partial(readers.whole_number, at_least=0, at_most=65535)
_REQUESTS = partial(readers.whole_number, at_least=1, at_most=1000)


def _variable(name: str, default: str = "", *, shown: bool = True) -> Any:
    """A field that is read from the text of the variable `name`; its default is such a text too.

    What is not `shown` is left out where the settings are printed: it can hold a password.
    """
    return Field(default, validation_alias=name, validate_default=True, repr=shown)


class Settings(BaseSettings):
    """The variables' values. What is not set and has no default is empty: "", None or ().

    A command that needs such a variable says so to `load_settings`; one that does not can start without it.
    """

    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True)

    langsmith_api_key: SecretStr = _variable("LANGSMITH_API_KEY")
    langsmith_endpoint: Annotated[str, PlainValidator(readers.langsmith_url)] = _variable(
        "LANGSMITH_ENDPOINT", "https://api.smith.langchain.com"
    )
    langsmith_workspace_id: Annotated[str | None, PlainValidator(readers.optional)] = _variable(
        "LANGSMITH_WORKSPACE_ID"
    )
    # Names, ids or globs.
    langsmith_projects: Annotated[tuple[str, ...], PlainValidator(readers.names)] = _variable("LANGSMITH_PROJECT")
    experiments: Annotated[bool, PlainValidator(readers.boolean)] = _variable("LLMCOST_EXPERIMENTS", "false")
    slack_bot_token: SecretStr = _variable("SLACK_BOT_TOKEN")
    slack_app_token: SecretStr = _variable("SLACK_APP_TOKEN")
    # Without an app token it is what Slack's HTTP requests are signed with.
    slack_signing_secret: SecretStr = _variable("SLACK_SIGNING_SECRET")
    port: Annotated[int, PlainValidator(_PORT)] = _variable("PORT", "3000")
    slack_api_url: Annotated[str, PlainValidator(readers.slack_url)] = _variable(
        "SLACK_API_URL", "https://slack.com/api/"
    )
    # Members' ids and email addresses.
    admins: Annotated[tuple[str, ...], PlainValidator(readers.members)] = _variable("LLMCOST_ADMINS")
    # The same, and user groups' ids; nobody named: everybody in the workspace.
    viewers: Annotated[tuple[str, ...], PlainValidator(readers.viewers)] = _variable("LLMCOST_VIEWERS")
    # None: nothing waits.
    quiet_hours: Annotated[QuietHours | None, PlainValidator(readers.quiet_hours)] = _variable(
        "LLMCOST_QUIET_HOURS", "18:00-09:00"
    )
    # Whoever knows the address can pretend that all is well.
    heartbeat_url: Annotated[SecretStr, PlainValidator(readers.heartbeat_url)] = _variable(
        "LLMCOST_HEARTBEAT_URL", shown=False
    )
    # None: nobody is told.
    metrics_at: Annotated[tuple[str, int] | None, PlainValidator(readers.listening)] = _variable("LLMCOST_METRICS_PORT")
    log_form: Annotated[str, PlainValidator(readers.log_form)] = _variable("LLMCOST_LOG", "text")
    database_url: Annotated[str, PlainValidator(readers.database_url)] = _variable(
        "DATABASE_URL", "sqlite:///llmcost.db", shown=False
    )
    # It need not be there unless somebody named it: `config_file` is in `model_fields_set` then.
    config_file: Path = _variable("LLMCOST_CONFIG", "llmcost.toml")
    timezone: Annotated[ZoneInfo, PlainValidator(readers.time_zone)] = _variable("LLMCOST_TIMEZONE", "UTC")
    # 0 is Monday.
    week_start: Annotated[int, PlainValidator(readers.weekday)] = _variable("LLMCOST_WEEK_START", "monday")
    digest_channel: Annotated[str | None, PlainValidator(readers.optional_channel)] = _variable(
        "LLMCOST_DIGEST_CHANNEL"
    )
    digest_at: Annotated[time, PlainValidator(readers.clock_time)] = _variable("LLMCOST_DIGEST_AT", "09:00")
    # 0 is Monday.
    digest_days: Annotated[frozenset[int], PlainValidator(readers.weekdays)] = _variable(
        "LLMCOST_DIGEST_DAYS", "mon-sun"
    )
    digest_grace: Annotated[timedelta, PlainValidator(_GRACE)] = _variable("LLMCOST_DIGEST_GRACE", "6h")
    feature_keys: Annotated[tuple[str, ...], PlainValidator(readers.names)] = _variable(
        "LLMCOST_FEATURE_KEYS", "feature"
    )
    dimensions: Annotated[tuple[str, ...], PlainValidator(readers.dimensions)] = _variable(
        "LLMCOST_DIMENSIONS", "env,user_tier"
    )
    # Further keys that are kept, of so many values that they are not added up day by day.
    wide_keys: Annotated[tuple[str, ...], PlainValidator(readers.dimensions)] = _variable("LLMCOST_WIDE_KEYS")
    # LangSmith's words, upper case.
    run_types: Annotated[tuple[str, ...], PlainValidator(readers.run_types)] = _variable(
        "LLMCOST_RUN_TYPES", "llm,embedding,tool"
    )
    sync_every: Annotated[timedelta, PlainValidator(_SYNC_EVERY)] = _variable("LLMCOST_SYNC_EVERY", "60s")
    backfill: Annotated[timedelta, PlainValidator(_BACKFILL)] = _variable("LLMCOST_BACKFILL", "14d")
    # How long LangSmith keeps everything. Of what is older it has some: traces with feedback are kept for longer.
    retention: Annotated[timedelta, PlainValidator(_RETENTION)] = _variable("LLMCOST_RETENTION", "14d")
    requests_per_10s: Annotated[int, PlainValidator(_REQUESTS)] = _variable("LLMCOST_REQUESTS_PER_10S", "10")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is handed over. variables.py has laid the environment over `.env`: misspelt names, second names
        and empty values are judged on the names of variables, which are gone once they are fields."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def variable_names() -> tuple[str, ...]:
    """The names of all variables, in the order in which they are documented; without the second names."""
    return tuple(str(field.validation_alias) for field in Settings.model_fields.values())
