"""Which projects of LangSmith are read: names, ids and globs (pure)."""

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple
from uuid import UUID


class Project(NamedTuple):
    """A project of LangSmith. `started` in microseconds since 1970 UTC."""

    id: bytes
    name: str
    started: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Which projects are read: names, ids and globs; experiments only on demand."""

    patterns: tuple[str, ...]
    experiments: bool = False

    def fits(self, project_id: bytes, name: str) -> bool:
        """Whether a project is one of these."""
        return any(fits(pattern, project_id, name) for pattern in self.patterns)

    def without(self, found: Collection[Project]) -> "Selection":
        """The patterns that none of these projects fits."""
        left = [one for one in self.patterns if not any(fits(one, project.id, project.name) for project in found)]
        return Selection(tuple(left), self.experiments)


def fits(pattern: str, project_id: bytes, name: str) -> bool:
    """Whether a project is meant by a name, an id or a glob. Names are compared with their case."""
    if is_glob(pattern):
        return name == pattern or fnmatchcase(name, pattern)
    wanted = as_id(pattern)
    return name == pattern if wanted is None else project_id == wanted.bytes


def is_glob(pattern: str) -> bool:
    """Whether it may mean several projects; it may be the name of one, too."""
    return any(character in pattern for character in "*?[")


def as_id(pattern: str) -> UUID | None:
    """The id that it is, in any form of a UUID; None if it is none."""
    try:
        return UUID(pattern)
    except ValueError:
        return None
