"""The catalog: the features of the product as the organisation describes them in llmcost.toml."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from bot.domain.budget import ALERT_AT, Budget, SetLimit, Window
from bot.domain.feature import Attribution, Rule

# Budgets can be given for these too: all runs together, and those without a feature. No run is attributed to them.
TOTAL = "total"
WITHOUT_FEATURE = "untagged"
SPECIAL = frozenset({TOTAL, WITHOUT_FEATURE})


class Feature(NamedTuple):
    """`[features.NAME]`.

    `owners` are emails, Slack user ids (`U…`, `W…`) and group ids (`S…`), in the file's order. `channel` is `#name` or
    an id; `digest` says that it gets a morning digest of its own. `alert_at` and `where` hold for every budget of the
    feature, those that are set in Slack without their own included.
    """

    name: str
    owners: tuple[str, ...] = ()
    channel: str | None = None
    digest: bool = False
    aliases: tuple[str, ...] = ()
    alert_at: tuple[int, ...] = ALERT_AT
    where: tuple[tuple[str, str], ...] = ()
    budgets: tuple[Budget, ...] = ()


class BudgetInForce(NamedTuple):
    """A budget as it counts now; `set_limit` if it was set in Slack, None if it stands in the file. `owners` hear of
    it."""

    budget: Budget
    owners: tuple[str, ...]
    set_limit: SetLimit | None


@dataclass(frozen=True, slots=True)
class Catalog:
    """The features by name, `total` and `untagged` included if they are given, and the rules; in the file's order."""

    features: Mapping[str, Feature] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    def name_of(self, feature: str) -> str:
        """What a feature that was once called so is called now."""
        return next((one.name for one in self.features.values() if feature in one.aliases), feature)

    def names_of(self, feature: str) -> tuple[str, ...]:
        """What a feature is called and was called before."""
        return (feature, *self.features.get(feature, Feature(feature)).aliases)

    def attribution(self, keys: tuple[str, ...]) -> Attribution:
        """The rules of attribution in force; `keys` are the metadata keys that name a feature, the first hit wins."""
        features = [feature for feature in self.features.values() if feature.name not in SPECIAL]
        return Attribution(
            keys=keys,
            features=frozenset(feature.name for feature in features),
            aliases={alias: feature.name for feature in features for alias in feature.aliases},
            rules=self.rules,
        )

    def budgets(self, set_limits: Iterable[SetLimit], now: datetime) -> list[BudgetInForce]:
        """The budgets that count at `now`, by feature and window, one for each pair at most. What was set in Slack
        comes before the file for as long as it holds; of several limits the one that was set last by then. About a
        period that is over ask for bot.domain.alert.judged_at, with every limit that was ever set. A limit follows its
        feature to a new name."""
        found: dict[tuple[str, Window], BudgetInForce] = {}
        for feature in self.features.values():
            for budget in feature.budgets:
                found[budget.feature, budget.window] = BudgetInForce(budget, feature.owners, None)
        set_by_then = [one for one in set_limits if one.set_at.timestamp() <= now.timestamp()]
        set_by_then.sort(key=lambda one: one.set_at.timestamp())
        in_file = dict(found)
        lasts = {(one.feature, one.window): one for one in set_by_then}
        for last in sorted(lasts.values(), key=lambda one: one.set_at.timestamp()):
            one = last._replace(feature=self.name_of(last.feature))
            stated = in_file.get((one.feature, one.window))
            if one.holds(stated.budget.limit_nanos if stated is not None else None, now):
                feature = self.features.get(one.feature, Feature(one.feature))
                budget = Budget(one.feature, one.window, one.limit_nanos, feature.alert_at, feature.where)
                if stated is not None:
                    budget = stated.budget._replace(limit_nanos=one.limit_nanos)
                if one.alert_at is not None:
                    budget = budget._replace(alert_at=one.alert_at)
                if one.where is not None:
                    budget = budget._replace(where=one.where)
                found[one.feature, one.window] = BudgetInForce(budget, one.owners or feature.owners, one)
        order = list(Window)
        return sorted(found.values(), key=lambda one: (one.budget.feature, order.index(one.budget.window)))
