"""In which line of llmcost.toml a problem is. The parser tells the line of what is no TOML, and nothing of the rest."""

import re
from collections.abc import Iterable, Iterator

# As `read_config` names a place: the file, a heading (with its number, if there are several), the key.
_PLACE = re.compile(
    r"\S+ (?:\[(?P<table>features\..+?)\]|\[\[(?P<list>rules|prices)\]\] (?P<number>[0-9]+))(?P<key> [^: ]+)?:"
)
_HEADING = re.compile(r"\s*\[\[?(?P<name>[^\]]+)\]")


def with_lines(problems: Iterable[str], content: bytes | None) -> list[str]:
    """The problems of `read_config`, each with its line before it where that can be told."""
    lines = (content or b"").decode("utf-8", "replace").splitlines()
    return [f"Line {line}: {problem}" if (line := _line(problem, lines)) else problem for problem in problems]


def _line(problem: str, lines: list[str]) -> int | None:
    place = _PLACE.match(problem)
    if place is None:
        return None
    name = place["table"] or place["list"]
    tables = [(line, heading) for line, heading in _headings(lines) if heading == _bare(name)]
    number = int(place["number"] or 1)
    if len(tables) < number:
        return None
    heading = tables[number - 1][0]
    keys = (place["key"] or "").strip().split(".")
    for line in range(heading + 1, len(lines) + 1):
        text = lines[line - 1]
        if found := _HEADING.match(text):
            # `[features.chat.budget]` belongs to `[features.chat]`.
            if not _bare(found["name"]).startswith(f"{_bare(name)}."):
                break
        elif any(key and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", text) for key in keys):
            return line
    return heading


def _headings(lines: list[str]) -> Iterator[tuple[int, str]]:
    for number, text in enumerate(lines, 1):
        if heading := _HEADING.match(text):
            yield number, _bare(heading["name"])


def _bare(name: str) -> str:
    return re.sub(r"[\s\"']", "", name)
