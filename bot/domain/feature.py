"""Attribution: which feature a run belongs to."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import NamedTuple

# LangSmith indexes 250 characters of a metadata value; a longer one could not be found again there.
MAX_NAME = 250

# How an untagged run's feature is stored. No feature can be called so: an empty value is untagged.
UNTAGGED = ""

# What people read instead; nobody's feature can have this name, or two lines of a report would share it.
UNTAGGED_NAME = "untagged"

FEATURE_TAG = "feature:"


class Rule(NamedTuple):
    """`[[rules]]` of llmcost.toml: runs that match all given globs belong to `feature`. Globs are case-sensitive."""

    feature: str
    project: str | None = None
    name: str | None = None
    tag: str | None = None

    def matches(self, project: str, name: str, tags: Iterable[str]) -> bool:
        """Whether every given glob matches; a rule that gives none matches nothing."""
        if self.project is None and self.name is None and self.tag is None:
            return False
        return (
            (self.project is None or fnmatchcase(project, self.project))
            and (self.name is None or fnmatchcase(name, self.name))
            and (self.tag is None or any(fnmatchcase(tag, self.tag) for tag in tags))
        )


class SetRule(NamedTuple):
    """A rule that was set in Slack: untagged runs of some names, perhaps of some projects, belong to a feature. It
    comes after those of llmcost.toml."""

    id: int
    rule: Rule
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class Attribution:
    """The rules of attribution in force: the metadata keys that name a feature (first hit wins), the configured
    features with their aliases, and the rules."""

    keys: tuple[str, ...] = ("feature",)
    features: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)  # old name -> feature
    rules: tuple[Rule, ...] = ()

    def feature_of(
        self,
        keys: Mapping[str, str],
        tags: Sequence[str],
        root_keys: Mapping[str, str],
        *,
        project: str,
        name: str,
    ) -> str:
        """The feature of a run, or UNTAGGED.

        The run's own metadata > a tag that names a feature > its trace root's metadata > the first matching rule.
        """
        return (
            self._from_keys(keys)
            or self._from_tags(tags)
            or self._from_keys(root_keys)
            or next((rule.feature for rule in self.rules if rule.matches(project, name, tags)), UNTAGGED)
        )

    def with_set(self, rules: Iterable[SetRule]) -> "Attribution":
        """These rules and, after them, some that were set in Slack. What was renamed since goes to its new name."""
        added = (one.rule._replace(feature=self.aliases.get(one.rule.feature, one.rule.feature)) for one in rules)
        return replace(self, rules=(*self.rules, *added))

    def needs_root(self, keys: Mapping[str, str], tags: Sequence[str]) -> bool:
        """Whether the trace root's metadata decides: neither the run's own metadata nor a tag names a feature."""
        return not (self._from_keys(keys) or self._from_tags(tags))

    def _from_keys(self, keys: Mapping[str, str]) -> str:
        for key in self.keys:
            if feature := self._called(keys.get(key, UNTAGGED)):
                return feature
        return UNTAGGED

    def _from_tags(self, tags: Sequence[str]) -> str:
        for tag in tags:
            if tag in self.features:
                return tag
            if tag in self.aliases:
                return self.aliases[tag]
        for tag in tags:
            if tag.startswith(FEATURE_TAG) and (feature := self._called(clean_value(tag[len(FEATURE_TAG) :]))):
                return feature
        return UNTAGGED

    def _called(self, name: str) -> str:
        return UNTAGGED if name == UNTAGGED_NAME else self.aliases.get(name, name)


def clean_value(value: object) -> str:
    """A metadata value as the name of a feature or of a dimension's value; "" where it is none.

    Numbers and booleans become their text; lists, objects and null are none. Trimmed, in Unicode's NFC form, at most
    250 characters.
    """
    if isinstance(value, str):
        if value.isascii() and value.isprintable():  # nearly all: there is no more to be done than to trim it
            return value.strip()[:MAX_NAME].strip()
    elif isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int | float):
        value = str(value)
    else:
        return ""
    value = value.replace("\0", "")
    if not value.isascii():
        # Half a surrogate pair can stand in JSON, but in no database and no message.
        value = unicodedata.normalize("NFC", value.encode("utf-8", "replace").decode("utf-8"))
    return value.strip()[:MAX_NAME].strip()
