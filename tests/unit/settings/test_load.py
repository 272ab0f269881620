"""Where values come from, what a command needs, and that everything wrong is said at once and nothing secret ever."""

import traceback
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.settings import Config, Need, load, load_config, load_settings
from bot.settings.environment import SECOND_NAMES, variable_names

COMPLETE = {
    "LANGSMITH_API_KEY": "lsv2_pt_fake",
    "LANGSMITH_PROJECT": "prod-*",
    "SLACK_BOT_TOKEN": "xoxb-fake",
    "SLACK_APP_TOKEN": "xapp-fake",
}


def problems(*needs: Need, environ: dict[str, str], directory: Path) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(*needs, environ=environ, directory=directory)
    return caught.value.problems


# --- Where a value comes from


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LLMCOST_TIMEZONE=Europe/Paris\nLLMCOST_WEEK_START=sunday\n")
    found = load_settings(environ={"LLMCOST_TIMEZONE": "Europe/Berlin"}, directory=tmp_path)
    assert (found.timezone.key, found.week_start, found.requests_per_10s) == ("Europe/Berlin", 6, 10)


@pytest.mark.parametrize("empty", ["", "  ", "\t"])
def test_an_empty_text_is_not_set_and_hides_nothing_below_it(empty: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LLMCOST_WEEK_START=sunday\nLLMCOST_BACKFILL=\n")
    found = load_settings(environ={"LLMCOST_WEEK_START": empty}, directory=tmp_path)
    assert (found.week_start, found.backfill.days) == (6, 14)


def test_langchains_names_count_where_langsmiths_are_not_given(tmp_path: Path) -> None:
    second = {"LANGCHAIN_API_KEY": "k2", "LANGCHAIN_ENDPOINT": "https://two.example", "LANGCHAIN_PROJECT": "two"}
    found = load_settings(Need.LANGSMITH, environ=second, directory=tmp_path)
    assert found.langsmith_api_key.get_secret_value() == "k2"
    assert (found.langsmith_endpoint, found.langsmith_projects) == ("https://two.example", ("two",))
    (tmp_path / ".env").write_text("LANGSMITH_PROJECT=one\n")
    assert load_settings(environ=second, directory=tmp_path).langsmith_projects == ("one",)


def test_a_problem_bears_the_name_by_which_the_variable_was_given(tmp_path: Path) -> None:
    (problem,) = problems(environ={"LANGCHAIN_ENDPOINT": "nowhere"}, directory=tmp_path)
    assert problem.startswith("LANGCHAIN_ENDPOINT: 'nowhere'")


def test_the_environment_of_the_process_is_read_if_none_is_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMCOST_WEEK_START", "friday")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("LLMCOST_FEATURE_KEYS=area")
    assert (load_settings().week_start, load_settings().feature_keys) == (4, ("area",))
    assert load_settings(environ={}).week_start == 0


def test_the_file_is_read_as_people_write_such_files(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(
        b"\xef\xbb\xbfexport LANGSMITH_PROJECT='a, b' # both\r\n# ours\n"
        b'LLMCOST_DIMENSIONS = "env"\nSLACK_BOT_TOKEN=a${HOME}$b\nOTHER\n'
    )
    found = load_settings(environ={}, directory=tmp_path)
    assert (found.langsmith_projects, found.dimensions) == (("a", "b"), ("env",))
    assert found.slack_bot_token.get_secret_value() == "a${HOME}$b"


def test_broken_lines_of_the_file_are_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nLLMCOST_TIMEZONE: UTC\n")
    assert problems(environ={}, directory=tmp_path) == (".env line 2 is not NAME=value.",)
    (tmp_path / ".env").write_bytes(b"A=\xff")
    assert problems(environ={}, directory=tmp_path) == (".env is not UTF-8 text; save it as UTF-8.",)


def test_a_folder_called_env_is_no_file_of_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert load_settings(environ={}, directory=tmp_path).week_start == 0


def test_a_misspelt_name_is_a_problem_with_the_nearest_name_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LLMCOST_BACKFIL=7d\nOTHER_THING=1\n")
    assert problems(
        environ={"llmcost_timezone": "UTC", "LLMCOST_ZZZ": "hunter2", "LLMCOST_DATABASE_URL": "x", "HOME": "/"},
        directory=tmp_path,
    ) == (
        "LLMCOST_BACKFIL in .env is no setting of llmcost; did you mean LLMCOST_BACKFILL?",
        "llmcost_timezone is no setting of llmcost; did you mean LLMCOST_TIMEZONE?",
        f"LLMCOST_ZZZ is no setting of llmcost; known are {', '.join(variable_names())}.",
        "LLMCOST_DATABASE_URL is no setting of llmcost; did you mean DATABASE_URL?",
    )


# --- What a command needs


def test_a_command_that_talks_to_nobody_needs_nothing(tmp_path: Path) -> None:
    of_another_tool = {"SLACK_BOT_TOKEN": "xoxp-of-another-tool"}
    for environ in ({}, of_another_tool):
        found = load_settings(environ=environ, directory=tmp_path)
        assert found.langsmith_projects == ()


def test_what_is_needed_is_said_with_where_to_get_it(tmp_path: Path) -> None:
    langsmith = problems(Need.LANGSMITH, environ={}, directory=tmp_path)
    assert [problem.split(" is not set; ")[0] for problem in langsmith] == ["LANGSMITH_API_KEY", "LANGSMITH_PROJECT"]
    assert "Settings > API keys" in langsmith[0]
    slack = problems(Need.SLACK, environ={}, directory=tmp_path)
    assert [problem.split(" is not set; ")[0] for problem in slack] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]
    assert "OAuth & Permissions" in slack[0]
    assert "connections:write" in slack[1]
    assert "Basic Information > App-Level Tokens" in slack[1]
    assert problems(*Need, environ={}, directory=tmp_path) == (*langsmith, *slack)


def test_a_signing_secret_stands_in_for_the_app_token(tmp_path: Path) -> None:
    by_http = {name: text for name, text in COMPLETE.items() if name != "SLACK_APP_TOKEN"}
    found = load_settings(*Need, environ=by_http | {"SLACK_SIGNING_SECRET": "fake"}, directory=tmp_path)
    assert found.slack_signing_secret.get_secret_value() == "fake"
    wrong = problems(
        Need.SLACK, environ={"SLACK_SIGNING_SECRET": "fake", "SLACK_APP_TOKEN": "xoxb-1"}, directory=tmp_path
    )
    assert [problem.split(" ")[0] for problem in wrong] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]


def test_what_is_needed_and_given_is_enough(tmp_path: Path) -> None:
    found = load_settings(*Need, environ=COMPLETE, directory=tmp_path)
    assert found.slack_app_token.get_secret_value() == "xapp-fake"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"SLACK_BOT_TOKEN": "xapp-s3cret"}, "SLACK_BOT_TOKEN holds what belongs in SLACK_APP_TOKEN (xapp-…)"),
        ({"SLACK_APP_TOKEN": "xoxb-s3cret"}, "SLACK_APP_TOKEN holds what belongs in SLACK_BOT_TOKEN (xoxb-…)"),
        ({"LANGSMITH_API_KEY": "xoxb-s3cret"}, "LANGSMITH_API_KEY holds what belongs in SLACK_BOT_TOKEN"),
        ({"SLACK_BOT_TOKEN": "xoxp-s3cret"}, "SLACK_BOT_TOKEN does not begin with xoxb-"),
        ({"SLACK_APP_TOKEN": "s3cret"}, "SLACK_APP_TOKEN does not begin with xapp-"),
        ({"SLACK_BOT_TOKEN": "xoxb-s3cret'"}, "SLACK_BOT_TOKEN holds a space, a quote"),
        ({"LANGSMITH_API_KEY": '"s3cret"'}, "LANGSMITH_API_KEY: there are quotes around it"),
        ({"SLACK_BOT_TOKEN": "'xoxb-s3cret'"}, "SLACK_BOT_TOKEN: there are quotes around it"),
        ({"LANGSMITH_API_KEY": "s3cret\u00a0copied"}, "LANGSMITH_API_KEY holds a space, a quote"),
    ],
)
def test_a_token_of_the_wrong_kind_is_named_but_not_quoted(
    given: dict[str, str], expected: str, tmp_path: Path
) -> None:
    (problem,) = problems(*Need, environ=COMPLETE | given, directory=tmp_path)
    assert problem.startswith(expected)
    assert "s3cret" not in problem


# --- llmcost.toml beside the variables


def test_without_the_file_nothing_is_configured_unless_somebody_named_it(tmp_path: Path) -> None:
    assert load(environ={}, directory=tmp_path)[1] == Config()
    assert problems(environ={"LLMCOST_CONFIG": "ours.toml"}, directory=tmp_path) == (
        "LLMCOST_CONFIG: 'ours.toml' is not there; correct the name or unset it.",
    )
    assert problems(environ={"LLMCOST_CONFIG": "."}, directory=tmp_path)[0].startswith("'.' cannot be read")


def test_a_byte_order_mark_before_the_file_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "llmcost.toml").write_bytes(b"\xef\xbb\xbf[features.chat]")
    assert set(load(environ={}, directory=tmp_path)[1].catalog.features) == {"chat"}


@pytest.mark.parametrize("name", ["llmcost.toml", "ours.toml"])
def test_the_file_is_looked_up_in_the_directory(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text('[features.chat]\nowner = "U1"')
    environ = {} if name == "llmcost.toml" else {"LLMCOST_CONFIG": name}
    found, config = load(environ=environ, directory=tmp_path)
    assert set(config.catalog.features) == {"chat"}
    (tmp_path / name).write_text("[features.search]")
    assert set(load_config(found, directory=tmp_path).catalog.features) == {"search"}


def test_a_file_that_is_no_text_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "llmcost.toml").write_bytes(b"\xff")
    assert problems(environ={}, directory=tmp_path) == ("'llmcost.toml' is not UTF-8 text; save it as UTF-8.",)


def test_every_problem_of_variables_and_file_is_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LLMCOST_BACKFILL=never\nnonsense here\n")
    (tmp_path / "llmcost.toml").write_text('[features.chat]\nowner = "alice"\nwhere = {tenant = "x"}\n')
    with pytest.raises(SettingsError) as caught:
        load(Need.SLACK, environ={"LLMCOST_TIMEZONE": "Mars", "LLMCOST_TIMEZONES": "1"}, directory=tmp_path)
    text = str(caught.value)
    assert text.startswith("8 settings need a look:\n  - ")
    for part in (
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
        "'never'",
        ".env line 2",
        "'Mars'",
        "LLMCOST_TIMEZONES",
        "'alice'",
        "tenant",
    ):
        assert text.count(part) == 1


def test_the_files_dimensions_are_not_judged_by_dimensions_that_are_wrong_themselves(tmp_path: Path) -> None:
    (tmp_path / "llmcost.toml").write_text('[features.chat]\nwhere = {tenant = "x"}\n')
    for wrong in ("tenant,day", "tenant,\x00"):
        (problem,) = problems(environ={"LLMCOST_DIMENSIONS": wrong}, directory=tmp_path)
        assert problem.startswith("LLMCOST_DIMENSIONS")
    load(environ={"LLMCOST_DIMENSIONS": "tenant"}, directory=tmp_path)


# --- Nothing else ever, and no secret

PLANTED = "hunter2correcthorse"
NAMES = [*variable_names(), *SECOND_NAMES.values()]
SECRETS = [
    "LANGSMITH_API_KEY",
    "LANGCHAIN_API_KEY",
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "LLMCOST_HEARTBEAT_URL",
]
ODD_TEXTS = st.text() | st.sampled_from(
    [
        "0",
        "-1",
        "1d",
        "9" * 5000,
        "https://",
        "http://[",
        "sqlite:///x",
        "Europe",
        "a,,b",
        "xoxb-",
        "true",
        "\udcff",
        "//:@?#",
    ]
)
# A secret as a whole text, with a word around it, pasted into the wrong variable, or as the password of an address.
SECRET_TEXTS = st.one_of(
    st.tuples(st.sampled_from(SECRETS), st.builds(f"{{}}{PLANTED}{{}}".format, ODD_TEXTS, ODD_TEXTS)),
    st.tuples(
        st.sampled_from(NAMES), st.sampled_from(["xoxb-", "xapp-1-A-", "lsv2_pt_", "sk-"]).map(lambda p: p + PLANTED)
    ),
    st.tuples(
        st.sampled_from(["DATABASE_URL", "LANGSMITH_ENDPOINT", "SLACK_API_URL"]),
        st.sampled_from(
            [
                "{}://u:{}@h/x",
                "{}://{}@h:port",
                "{}//u:{}@h",
                "u:{1}@h",
                "{}://h/x?password={}",
                "{}://u:a@{}@h",
                "{}:/u:{}@h",
            ]
        ).flatmap(
            lambda form: st.sampled_from(["https", "postgres", "sqlite", "mysql", ""]).map(
                lambda s: form.format(s, PLANTED)
            )
        ),
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    environ=st.dictionaries(st.sampled_from(NAMES) | st.text().map("LLMCOST_".__add__), ODD_TEXTS, max_size=6),
    env_file=st.text() | st.lists(st.tuples(st.sampled_from(NAMES), ODD_TEXTS).map("=".join)).map("\n".join),
    secret=SECRET_TEXTS,
    needs=st.lists(st.sampled_from(Need), unique=True),
    secret_in_file=st.booleans(),
)
def test_any_text_gives_settings_or_a_settings_error_and_never_a_secret(
    environ: dict[str, str],
    env_file: str,
    secret: tuple[str, str],
    needs: list[Need],
    secret_in_file: bool,
    tmp_path: Path,
) -> None:
    name, text = secret
    if secret_in_file:
        env_file += f"\n{name}='{text}'\n"
    else:
        environ = environ | {name: text}
    (tmp_path / ".env").write_bytes(env_file.encode(errors="replace"))
    try:
        found = load_settings(*needs, environ=environ, directory=tmp_path)
        # In another variable it is a value like any other: only problems are shown to people.
        said = repr(found) + str(found) if name in SECRETS else ""
    except SettingsError as error:
        said = repr(error) + "".join(traceback.format_exception(error))
        printable = all(problem.isprintable() for problem in error.problems)
    else:
        printable = True
    assert printable
    assert PLANTED not in said
