"""llmcost.toml: what each key means, and what is said about each mistake."""

import unicodedata
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.budget import ALERT_AT, Budget, Window
from bot.domain.catalog import Catalog, Feature
from bot.domain.feature import Attribution, Rule
from bot.errors import SettingsError
from bot.pricing.override import Override, Rates
from bot.settings.catalog_file import Config, read_config

DIMENSIONS = ("env", "user_tier")


def read(content: str) -> Config:
    return read_config(content, "llmcost.toml", DIMENSIONS)


def problems(content: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(content)
    return caught.value.problems


# --- What is understood


def test_an_empty_file_configures_nothing() -> None:
    assert read("") == Config(Catalog(), ())


def test_a_feature_is_read_with_all_its_keys() -> None:
    config = read(
        """
        [features.rag-search]
        owner = ["alice@example.com", "U0ALICE", "W1", "S0TEAM", "U0ALICE"]
        channel = "#team-search"
        digest = true
        aliases = ["search", "old search"]
        budget = {monthly = 100, daily = 0.1}
        alert_at = [50, 100]
        where = {user_tier = "pro", env = "production"}
        """
    )
    where = (("env", "production"), ("user_tier", "pro"))
    assert config.catalog.features == {
        "rag-search": Feature(
            name="rag-search",
            owners=("alice@example.com", "U0ALICE", "W1", "S0TEAM"),
            channel="#team-search",
            digest=True,
            aliases=("search", "old search"),
            alert_at=(50, 100),
            where=where,
            budgets=(
                Budget("rag-search", Window.DAILY, 100_000_000, (50, 100), where),
                Budget("rag-search", Window.MONTHLY, 100_000_000_000, (50, 100), where),
            ),
        )
    }


def test_what_is_not_given_has_its_default_and_one_owner_needs_no_list() -> None:
    config = read('[features.chat]\nowner = "S0TEAM"\nchannel = "C0CHAT"\nbudget.weekly = 1\n[features.idle]')
    assert config.catalog.features["chat"] == Feature(
        "chat", owners=("S0TEAM",), channel="C0CHAT", budgets=(Budget("chat", Window.WEEKLY, 1_000_000_000),)
    )
    assert config.catalog.features["idle"] == Feature("idle")
    assert ALERT_AT == (80, 100, 150, 200, 300, 400, 500)


@pytest.mark.parametrize(
    ("limit", "nanos"),
    [
        ("0.1", 100_000_000),
        ("12.345678901", 12_345_678_901),
        ("1e-9", 1),
        ("1_000", 10**12),
        ("9e9", 9 * 10**18),
        ("9000000000", 9 * 10**18),
        # What a float would have made 1152921504606846976.
        ("1152921504.606846977", 1_152_921_504_606_846_977),
    ],
)
def test_a_limit_is_kept_to_the_nano_dollar(limit: str, nanos: int) -> None:
    (budget,) = read(f"[features.chat]\nbudget = {{daily = {limit}}}").catalog.features["chat"].budgets
    assert budget.limit_nanos == nanos


def test_a_name_is_kept_in_the_form_in_which_runs_are_compared() -> None:
    decomposed = unicodedata.normalize("NFD", "café")
    config = read(f'[features." {decomposed} "]\naliases = ["{decomposed}-old "]')
    assert config.catalog.features["café"].aliases == ("café-old",)


def test_total_and_untagged_have_budgets_but_no_run_is_attributed_to_them() -> None:
    config = read(
        """
        [features.total]
        budget = {monthly = 5}
        [features.untagged]
        owner = "U1"
        [features.chat]
        aliases = ["talk"]
        [[rules]]
        feature = "drafts"
        name = "draft_*"
        """
    )
    assert list(config.catalog.features) == ["total", "untagged", "chat"]
    attribution = config.catalog.attribution(("area", "feature"))
    assert attribution == Attribution(
        keys=("area", "feature"),
        features=frozenset({"chat"}),
        aliases={"talk": "chat"},
        rules=(Rule("drafts", name="draft_*"),),
    )
    assert attribution.feature_of({}, ["total", "talk"], {}, project="p", name="n") == "chat"


def test_rules_keep_their_order_and_need_no_feature_table() -> None:
    rules = read(
        """
        [[rules]]
        feature = "b"
        project = "prod-*"
        tag = "x"
        [[rules]]
        feature = "a"
        name = "*"
        """
    ).catalog.rules
    assert rules == (Rule("b", project="prod-*", tag="x"), Rule("a", name="*"))


def test_prices_are_rates_a_discount_or_free_from_a_day_on() -> None:
    overrides = read(
        """
        [[prices]]
        provider = "openai"
        model = "gpt-4o*"
        from = 2026-01-31
        input = 2.5
        output = 10
        cached = 0
        cache_write = 1.1
        cache_write_1h = 2
        [[prices]]
        provider = "anthropic"
        from = "2026-02-01"
        discount = 100
        [[prices]]
        model = "llama*"
        free = true
        """
    ).overrides
    rates = Rates(Decimal("2.5"), Decimal(10), Decimal(0), Decimal("1.1"), Decimal(2))
    assert overrides == (
        Override("openai", "gpt-4o*", date(2026, 1, 31), rates=rates),
        Override("anthropic", None, date(2026, 2, 1), discount=Decimal(100)),
        Override(None, "llama*", None, free=True),
    )


def test_dimensions_are_not_judged_where_nobody_knows_them() -> None:
    content = '[features.chat]\nwhere = {tenant = "acme"}'
    assert read_config(content, "x.toml", None).catalog.features["chat"].where == (("tenant", "acme"),)


# --- What is refused


@pytest.mark.parametrize(
    ("content", "place", "sentence"),
    [
        # Unknown keys, with the nearest name.
        ("[feature.chat]", "feature", "no such key; did you mean features?"),
        ("zzz = 1", "zzz", "no such key; known are features, rules, prices."),
        ('[features.chat]\nChanel = "#x"', "[features.chat] Chanel", "no such key; did you mean channel?"),
        ('[features."a b"]\n"x y" = 1', '[features."a b"] "x y"', "no such key; known are owner, channel"),
        ("[features.chat]\nbudget = {montly = 1}", "[features.chat] budget.montly", "did you mean monthly?"),
        ('[[rules]]\nfeature = "a"\nname = "x"\ntags = "b"', "[[rules]] 1 tags", "did you mean tag?"),
        (
            '[[prices]]\nmodel = "a"\nfree = true\n[[prices]]\nmodl = "a"\nmodel = "b"\nfree = true',
            "[[prices]] 2 modl",
            "did you mean model?",
        ),
        # Something else where a table belongs.
        ("features = 3", "features", "3 stands where tables with the heading [features.NAME] belong."),
        ("features.chat = 3", "[features.chat]", "3 stands where a table belongs; it takes owner,"),
        ("features.chat.budget = 3", "[features.chat] budget", "belongs; it takes daily, weekly, monthly."),
        ("[features.rag.search]", "[features.rag] search", "In a heading, a name that holds a dot stands in"),
        ("[rules]", "rules", "a table stands where tables belong"),
        ("rules = [1]", "rules", "a list stands where tables belong, each with a heading in double brackets."),
        ("prices = true", "prices", "true stands where tables belong"),
        # Names.
        ('[features.""]', '[features.""]', "the name is empty."),
        ('[features.a]\n[features."a "]', '[features."a "]', "there is a feature of this name already."),
        ('[features.a]\naliases = ["b"]\n[features.b]', "[features.a] aliases", "'b' is a feature itself"),
        ('[features.a]\naliases = ["a"]', "[features.a] aliases", "'a' is a feature itself"),
        (
            '[features.a]\naliases = ["x"]\n[features.b]\naliases = ["x"]',
            "[features.b] aliases",
            "'x' is an alias of 'a' already",
        ),
        ('[features.a]\naliases = ["x", "x"]', "[features.a] aliases", "'x' is an alias of 'a' already"),
        ('[features.a]\naliases = ["untagged"]', "[features.a] aliases", "'untagged' is a word of llmcost's own"),
        ('[features.total]\naliases = ["all"]', "[features.total] aliases", "total is no feature of the product"),
        ("[features.a]\naliases = [1]", "[features.a] aliases", "1 stands where a text in quotes belongs."),
        # People and places.
        ('[features.a]\nowner = "@alice"', "[features.a] owner", "'@alice' is nobody whom Slack finds; write an email"),
        ('[features.a]\nowner = "C123"', "[features.a] owner", "'C123' is nobody whom Slack finds"),
        ('[features.a]\nowner = ["U1", "x", "y"]', "[features.a] owner", "'y' is nobody whom Slack finds"),
        ("[features.a]\nowner = []", "[features.a] owner", "the list is empty"),
        ('[features.a]\nowner = " "', "[features.a] owner", "the text is empty"),
        ('[features.a]\nchannel = "team"', "[features.a] channel", "'team' is no channel; write #name or its id (C…)."),
        ("[features.a]\ndigest = true", "[features.a] digest", "needs a channel"),
        ('[features.a]\nchannel = "#x"\ndigest = "yes"', "[features.a] digest", "'yes' is neither true nor false"),
        # Budgets.
        (
            "[features.rag-search]\nbudget.weekly = 0",
            "[features.rag-search] budget.weekly",
            "0 is no limit in US dollars",
        ),
        ("[features.a]\nbudget.weekly = -1", "[features.a] budget.weekly", "-1 is no limit"),
        ("[features.a]\nbudget.weekly = 9000000000.1", "[features.a] budget.weekly", "at most 9000000000."),
        ("[features.a]\nbudget.weekly = 1e-10", "[features.a] budget.weekly", "1E-10 is no limit"),
        ("[features.a]\nbudget.weekly = 1e99999", "[features.a] budget.weekly", "1E+99999 is no limit"),
        ("[features.a]\nbudget.weekly = nan", "[features.a] budget.weekly", "NaN is no number"),
        ("[features.a]\nbudget.weekly = inf", "[features.a] budget.weekly", "Infinity is no number"),
        ("[features.a]\nbudget.weekly = true", "[features.a] budget.weekly", "true stands where a number"),
        (
            '[features.a]\nbudget.weekly = "5"',
            "[features.a] budget.weekly",
            "'5' stands where a number without quotes belongs.",
        ),
        (f"[features.a]\nbudget.weekly = 0x{'f' * 9000}", "[features.a] budget.weekly", "a huge number is no limit"),
        ("[features.a]\nalert_at = [100, 80]", "[features.a] alert_at", "the percentages must rise; write [80, 100]."),
        ("[features.a]\nalert_at = [80, 80]", "[features.a] alert_at", "the percentages must rise; write [80]."),
        ("[features.a]\nalert_at = [0]", "[features.a] alert_at", "0 is not a whole number of percent from 1 to 1000."),
        ("[features.a]\nalert_at = [1001]", "[features.a] alert_at", "1001 is not a whole number"),
        ("[features.a]\nalert_at = [80.5]", "[features.a] alert_at", "80.5 is not a whole number"),
        ("[features.a]\nalert_at = [true]", "[features.a] alert_at", "true is not a whole number"),
        ("[features.a]\nalert_at = []", "[features.a] alert_at", "the list is empty"),
        (
            '[features.a]\nwhere = {envi = "x"}',
            "[features.a] where",
            "'envi' is not in LLMCOST_DIMENSIONS; did you mean env?",
        ),
        ("[features.a]\nwhere = {env = 1}", "[features.a] where", "1 stands where a text in quotes belongs."),
        ("[features.a]\nwhere = {}", "[features.a] where", 'like {env = "production"}'),
        # Rules.
        ('[[rules]]\nname = "x"', "[[rules]] 1", "name the feature"),
        ('[[rules]]\nfeature = "a"', "[[rules]] 1", "give at least one of project, name and tag"),
        ('[[rules]]\nfeature = "total"\ntag = "x"', "[[rules]] 1 feature", "'total' is a word of llmcost's own"),
        (
            '[features.a]\naliases = ["b"]\n[[rules]]\nfeature = "b"\ntag = "x"',
            "[[rules]] 1 feature",
            "'b' is an alias; write 'a'.",
        ),
        ('[[rules]]\nfeature = "a"\ntag = ""', "[[rules]] 1 tag", "the text is empty"),
        # Prices.
        ("[[prices]]\nfree = true", "[[prices]] 1", "give provider or model"),
        ('[[prices]]\nmodel = "a"', "[[prices]] 1", "give exactly one of"),
        ('[[prices]]\nmodel = "a"\nfree = true\ndiscount = 5', "[[prices]] 1", "give exactly one of"),
        ('[[prices]]\nmodel = "a"\ninput = 1\noutput = 1\ndiscount = 5', "[[prices]] 1", "give exactly one of"),
        ('[[prices]]\nmodel = "a"\ninput = 1', "[[prices]] 1", "output is missing; rates need both"),
        ('[[prices]]\nmodel = "a"\ncached = 1', "[[prices]] 1", "input and output is missing; rates need both"),
        (
            '[[prices]]\nmodel = "a"\ninput = -1\noutput = 1',
            "[[prices]] 1 input",
            "-1 is not from 0 to 1000000 US dollars",
        ),
        ('[[prices]]\nmodel = "a"\ninput = 1\noutput = 1e7', "[[prices]] 1 output", "1E+7 is not from 0 to"),
        ('[[prices]]\nmodel = "a"\ndiscount = 0', "[[prices]] 1 discount", "0 is no discount"),
        ('[[prices]]\nmodel = "a"\ndiscount = 100.1', "[[prices]] 1 discount", "100.1 is no discount"),
        ('[[prices]]\nmodel = "a"\nfree = false', "[[prices]] 1 free", "false is not true"),
        (
            '[[prices]]\nmodel = "a"\nfree = true\nfrom = "November"',
            "[[prices]] 1 from",
            "'November' is no day; write it like 2026-11-01.",
        ),
        ('[[prices]]\nmodel = "a"\nfree = true\nfrom = "2026-04-31"', "[[prices]] 1 from", "'2026-04-31' is no day"),
        (
            '[[prices]]\nmodel = "a"\nfree = true\nfrom = 2026-01-01T00:00:00',
            "[[prices]] 1 from",
            "2026-01-01 00:00:00 is no day",
        ),
        ('[[prices]]\nmodel = "a"\nfree = true\nfrom = 20260101', "[[prices]] 1 from", "20260101 is no day"),
    ],
)
def test_a_mistake_is_reported_once_with_its_place(content: str, place: str, sentence: str) -> None:
    (problem,) = problems(content)
    where, _, said = problem.partition(": ")
    assert where == f"llmcost.toml {place}"
    assert sentence in said


def test_features_that_are_each_others_alias_are_refused_on_both_sides() -> None:
    found = problems('[features.a]\naliases = ["b"]\n[features.b]\naliases = ["a"]')
    assert [problem.partition(";")[0] for problem in found] == [
        "llmcost.toml [features.a] aliases: 'b' is a feature itself",
        "llmcost.toml [features.b] aliases: 'a' is a feature itself",
    ]


def test_the_file_is_checked_as_a_whole() -> None:
    found = problems(
        "x = 1\n[features.a]\nowner = 1\nbudget = {daily = 0, weekly = 0}\n[[rules]]\n[[prices]]\nfree = 1"
    )
    places = [problem.partition(":")[0].removeprefix("llmcost.toml ") for problem in found]
    assert sorted(places) == sorted(
        ["x", "[features.a] owner", "[features.a] budget.daily", "[features.a] budget.weekly"]
        + ["[[rules]] 1"] * 2
        + ["[[prices]] 1", "[[prices]] 1 free"]
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[features.chat]\nowner = alice", "Invalid value (at line 2, column 9)"),
        ("a = 1\na = 2\n", "Cannot overwrite a value"),
        ("a = " + "{a = " * 100_000, "nested too deep"),
        ("a = " + "[" * 100_000, "nested too deep"),
        (f"a = {'9' * 5000}", "a number in it is too large"),
        (f"a = 1e{'9' * 30}", "a number in it is too large"),
    ],
)
def test_what_is_no_toml_is_said_with_the_file_and_the_line(content: str, reason: str) -> None:
    (problem,) = problems(content)
    assert problem.startswith("llmcost.toml is no valid TOML: ")
    assert reason in problem


def test_no_token_is_quoted() -> None:
    assert "s3cret" not in "".join(problems('[features.a]\nowner = "xoxb-1-s3cret"\nchannel = "sk-s3cret"'))


# --- Nothing else ever

KEYS = st.sampled_from(
    [
        "features",
        "rules",
        "prices",
        "owner",
        "channel",
        "digest",
        "aliases",
        "budget",
        "alert_at",
        "where",
        "daily",
        "feature",
        "project",
        "name",
        "tag",
        "provider",
        "model",
        "from",
        "input",
        "output",
        "discount",
        "free",
        "env",
        "total",
        "untagged",
        "chat",
        '""',
        '"\\u0000"',
        '"xoxb-1"',
    ]
)
SCALARS = st.sampled_from(
    [
        "1",
        "0",
        "-1",
        "80.5",
        "nan",
        "-inf",
        "1e400",
        "true",
        "false",
        "2026-01-01",
        "07:32:00",
        "1979-05-27T07:32:00Z",
        "0xffffffffffffffffffffffffffffffffff",
        '""',
        '"chat"',
        '"U1"',
        '"#x"',
        '"*"',
        '"\\u0007"',
        '"2026-02-30"',
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(KEYS, inner, max_size=3).map(
            lambda items: "{" + ", ".join(f"{key} = {value}" for key, value in items.items()) + "}"
        )
    ),
    max_leaves=6,
)
HEADINGS = KEYS.map("[features.{}]".format) | st.sampled_from(["[[rules]]", "[[prices]]", "[x]", ""])
TABLES = st.tuples(HEADINGS, st.dictionaries(KEYS, VALUES, max_size=4)).map(
    lambda table: "\n".join([table[0], *(f"{key} = {value}" for key, value in table[1].items())])
)


@given(st.lists(TABLES, max_size=4, unique_by=lambda table: table.partition("\n")[0]).map("\n".join) | st.text())
def test_any_toml_gives_a_config_or_a_settings_error(content: str) -> None:
    try:
        config = read(content)
    except SettingsError as error:
        config, said = Config(), error.problems
    else:
        said = ()
    assert all(problem.isprintable() for problem in said)
    for feature in config.catalog.features.values():
        assert feature.name not in config.catalog.attribution(("feature",)).aliases
        assert all(0 < budget.limit_nanos < 2**63 for budget in feature.budgets)
    for override in config.overrides:
        assert (override.rates is not None) + (override.discount is not None) + override.free == 1
