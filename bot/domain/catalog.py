"""The catalog: the features of the product as the organisation describes them in llmcost.toml."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.budget import ALERT_AT, Budget
from bot.domain.feature import Attribution, Rule

# Budgets can be given for these too: all runs together, and those without a feature. No run is attributed to them.
TOTAL = "total"
WITHOUT_FEATURE = "untagged"
SPECIAL = frozenset({TOTAL, WITHOUT_FEATURE})


@dataclass(frozen=True, slots=True)
class Feature:
    """`[features.NAME]`.

    `owners` are emails, Slack user ids (`U…`, `W…`) and group ids (`S…`), in the file's order. `channel` is `#name` or
    an id; `digest` says that it gets a morning digest of its own. `alert_at` and `where` hold for every budget of the
    feature, those that are set in Slack included.
    """

    name: str
    owners: tuple[str, ...] = ()
    channel: str | None = None
    digest: bool = False
    aliases: tuple[str, ...] = ()
    alert_at: tuple[int, ...] = ALERT_AT
    where: tuple[tuple[str, str], ...] = ()
    budgets: tuple[Budget, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalog:
    """The features by name, `total` and `untagged` included if they are given, and the rules; in the file's order."""

    features: Mapping[str, Feature] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    def attribution(self, keys: tuple[str, ...]) -> Attribution:
        """The rules of attribution in force; `keys` are the metadata keys that name a feature, the first hit wins."""
        features = [feature for feature in self.features.values() if feature.name not in SPECIAL]
        return Attribution(
            keys=keys,
            features=frozenset(feature.name for feature in features),
            aliases={alias: feature.name for feature in features for alias in feature.aliases},
            rules=self.rules,
        )
