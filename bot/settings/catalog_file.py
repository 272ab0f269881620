"""llmcost.toml: features with their owners and budgets, rules, and prices."""

import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from bot.domain.budget import ALERT_AT, HIGHEST_ALERT, Budget, Window
from bot.domain.catalog import SPECIAL, Catalog, Feature
from bot.domain.feature import Rule, clean_value
from bot.domain.money import nanos
from bot.errors import SettingsError
from bot.pricing.override import Override
from bot.settings import readers
from bot.settings.explain import UnfitError, shown, suggestion
from bot.settings.price_entries import PRICE_KEYS, override
from bot.settings.table import Table, each, flag, number, printable, text

FEATURE_KEYS = ("owner", "channel", "digest", "aliases", "budget", "alert_at", "where")
RULE_KEYS = ("feature", "project", "name", "tag")

# In US dollars: what the ledger's 64 bits of nano-dollars hold, rounded down.
_HIGHEST_LIMIT = 9_000_000_000

_OWNER = re.compile(r"[UWS][A-Z0-9]+|[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class Config:
    """What llmcost.toml says. The overrides travel beside the catalog: what a run costs is no matter of its feature."""

    catalog: Catalog = field(default_factory=Catalog)
    overrides: tuple[Override, ...] = ()


def read_config(content: str, name: str, dimensions: Collection[str] | None) -> Config:
    """The content of the file called `name`.

    `dimensions` are those that a `where` may name; None if any may. Raises SettingsError with every problem and its
    place; if it is no TOML, with the line.
    """
    try:
        document = tomllib.loads(content, parse_float=Decimal)
    # A number can be too large to read, and brackets can be nested too deep.
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise SettingsError([f"{name} is no valid TOML: {_reason(error)}."]) from None
    problems: list[str] = []
    root = Table(document, name, ("features", "rules", "prices"), problems)
    features = _features(root, name, dimensions, problems)
    rules = [
        Table(values, f"{name} [[rules]] {number}", RULE_KEYS, problems)
        for number, values in enumerate(root.take("rules", _entries, []), 1)
    ]
    prices = [
        Table(values, f"{name} [[prices]] {number}", PRICE_KEYS, problems)
        for number, values in enumerate(root.take("prices", _entries, []), 1)
    ]
    config = Config(
        catalog=Catalog(features=features, rules=tuple(_rule(table, features) for table in rules)),
        overrides=tuple(override(table) for table in prices),
    )
    if problems:
        raise SettingsError(problems)
    return config


def _reason(error: Exception) -> str:
    match error:
        case tomllib.TOMLDecodeError():
            return str(error)
        case RecursionError():
            return "its brackets are nested too deep"
        case _:
            return "a number in it is too large"


def _entries(value: object) -> list[object]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise UnfitError(f"{shown(value)} stands where tables belong, each with a heading in double brackets.")
    return value


def _named(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise UnfitError(f"{shown(value)} stands where tables with the heading [features.NAME] belong.")
    return value


def _features(root: Table, file: str, dimensions: Collection[str] | None, problems: list[str]) -> dict[str, Feature]:
    """The features by name. No name may lead to two of them: metadata says `rag-search`, an alias, or nothing known."""
    features: dict[str, Feature] = {}
    tables: dict[str, Table] = {}
    for heading, values in root.take("features", _named, {}).items():
        name = clean_value(heading)
        table = Table(values, f"{file} [features.{printable(heading)}]", FEATURE_KEYS, problems)
        if not name:
            table.problem("", "the name is empty.")
        elif name in features:
            table.problem("", "there is a feature of this name already.")
        else:
            features[name] = _feature(name, table, dimensions)
            tables[name] = table
    taken: dict[str, str] = {}
    for feature in features.values():
        for alias in feature.aliases:
            if problem := _alias_problem(alias, feature.name, features, taken):
                tables[feature.name].problem("aliases", problem)
            taken.setdefault(alias, feature.name)
    return features


def _alias_problem(alias: str, feature: str, features: Collection[str], taken: dict[str, str]) -> str | None:
    if feature in SPECIAL:
        return f"{feature} is no feature of the product and has no other names."
    if alias in SPECIAL:
        return f"{shown(alias)} is a word of llmcost's own; no feature can be called so."
    if alias in features:
        return f"{shown(alias)} is a feature itself; drop the alias or that feature's table."
    if alias in taken:
        return f"{shown(alias)} is an alias of {shown(taken[alias])} already; keep one of them."
    return None


def _feature(name: str, table: Table, dimensions: Collection[str] | None) -> Feature:
    alert_at = table.take("alert_at", _percentages, ALERT_AT)
    where = table.take("where", partial(_where, dimensions=dimensions), ())
    channel = table.take("channel", _channel, None)
    digest = table.take("digest", flag, False)
    if digest and "channel" not in table:
        table.problem("digest", "a digest of its own needs a channel to go to.")
    limits = table.inner("budget", Window)
    return Feature(
        name=name,
        owners=table.take("owner", _owners, ()),
        channel=channel,
        digest=digest,
        aliases=table.take("aliases", partial(each, read=text), ()),
        alert_at=alert_at,
        where=where,
        budgets=tuple(
            Budget(name, window, limit, alert_at, where)
            for window in Window
            if (limit := limits.take(window, _limit, None)) is not None
        ),
    )


def _owners(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each(value, _owner)))


def _owner(value: object) -> str:
    owner = text(value)
    if not _OWNER.fullmatch(owner):
        raise UnfitError(
            f"{shown(owner)} is nobody whom Slack finds; write an email address, a member id (U…) or a group id (S…)."
        )
    return owner


def _channel(value: object) -> str:
    return readers.channel(text(value))


def _limit(value: object) -> int:
    limit = number(value)
    if not 0 < limit <= _HIGHEST_LIMIT or (amount := nanos(limit)) == 0:
        raise UnfitError(f"{shown(value)} is no limit in US dollars; it is above 0 and at most {_HIGHEST_LIMIT}.")
    return amount


def _percentages(value: object) -> tuple[int, ...]:
    found = each(value, _percentage)
    if list(found) != sorted(set(found)):
        raise UnfitError(f"the percentages must rise; write {sorted(set(found))}.")
    return found


def _percentage(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= HIGHEST_ALERT:
        raise UnfitError(f"{shown(value)} is not a whole number of percent from 1 to {HIGHEST_ALERT}.")
    return value


def _where(value: object, dimensions: Collection[str] | None) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not value:
        raise UnfitError('name a dimension and its value, like {env = "production"}.')
    wrong = [
        f"{shown(name)} is not in LLMCOST_DIMENSIONS; {suggestion(name, dimensions)}"
        for name in value
        if dimensions is not None and name not in dimensions
    ]
    if wrong:
        raise UnfitError(" ".join(wrong))
    return tuple(sorted((name, text(wanted)) for name, wanted in value.items()))


def _rule(table: Table, features: dict[str, Feature]) -> Rule:
    """The rule; where something is wrong, the table has noted it and the rule is not to be used."""
    if "feature" not in table:
        table.problem("", "name the feature to which the runs belong.")
    feature = table.take("feature", text, "")
    if feature in SPECIAL:
        table.problem("feature", f"{shown(feature)} is a word of llmcost's own; no feature can be called so.")
    for owner in features.values():
        if feature in owner.aliases:
            table.problem("feature", f"{shown(feature)} is an alias; write {shown(owner.name)}.")
    if not any(key in table for key in ("project", "name", "tag")):
        table.problem("", "give at least one of project, name and tag; a rule that gives none fits no run.")
    return Rule(
        feature=feature,
        project=table.take("project", text, None),
        name=table.take("name", text, None),
        tag=table.take("tag", text, None),
    )
