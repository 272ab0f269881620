"""What the text of a variable means. Each function gives the value, or raises UnfitError; the variable's name is
put before its sentence by the caller."""

import re
from datetime import time
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import SecretStr

from bot.domain.quiet import QuietHours
from bot.settings.explain import UnfitError, nearest, shown, suggestion

RUN_TYPES = ("LLM", "CHAIN", "TOOL", "RETRIEVER", "EMBEDDING", "PROMPT", "PARSER")

# The dimensions that every ledger has. A configured one of the same name could never be asked for.
DIMENSIONS = frozenset({"feature", "model", "provider", "project", "day", "trace", "thread"})

_CHANNEL = re.compile(r"[CG][A-Z0-9]+|#[^\s#]{1,80}")

_QUOTES = "\"'\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb`"

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MEMBER = re.compile(r"[UW][A-Z0-9]+|[^@\s,]+@[^@\s,]+\.[^@\s,]+")
_GROUP = re.compile(r"S[A-Z0-9]+")
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def optional(text: str) -> str | None:
    """The text as it is; None if there is none."""
    return text or None


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas, trimmed, each once, in the order given; no text gives none."""
    found = tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))
    if text and not found:
        raise UnfitError(f"{shown(text)} names nothing; write names separated by commas.")
    for name in found:
        if name[0] in _QUOTES or name[-1] in _QUOTES:
            raise UnfitError(f"{shown(name)} has a quote at its end; write names without, separated by commas.")
    return found


def dimensions(text: str) -> tuple[str, ...]:
    """Metadata keys that can be grouped by. People say them in any case, so they must differ in more than that."""
    found: dict[str, str] = {}
    for name in names(text):
        said = name.casefold()
        if said in DIMENSIONS:
            raise UnfitError(f"{shown(name)} is a dimension that is always there; leave it out.")
        if said in found:
            raise UnfitError(f"{shown(found[said])} and {shown(name)} differ in case alone; keep one of them.")
        found[said] = name
    return tuple(found.values())


def run_types(text: str) -> tuple[str, ...]:
    """LangSmith's run types, upper case, each once."""
    found = tuple(dict.fromkeys(name.upper() for name in names(text)))
    for name in found:
        if name not in RUN_TYPES:
            raise UnfitError(f"{shown(name)} is no run type of LangSmith; {suggestion(name, RUN_TYPES)}")
    return found


def members(text: str) -> tuple[str, ...]:
    """People in Slack: members' ids and email addresses."""
    found = names(text)
    for name in found:
        if not _MEMBER.fullmatch(name):
            raise UnfitError(f"{shown(name)} is nobody in Slack; write a member id (U…) or an email address.")
    return found


def viewers(text: str) -> tuple[str, ...]:
    """People in Slack: members' and user groups' ids, and email addresses."""
    found = names(text)
    for name in found:
        if not _MEMBER.fullmatch(name) and not _GROUP.fullmatch(name):
            raise UnfitError(
                f"{shown(name)} is nobody in Slack; write a member id (U…), a group id (S…) or an email address."
            )
    return found


def time_of_day(text: str) -> time:
    """Hours and minutes, like 9:00 or 17:30."""
    said = re.fullmatch("([0-9]{1,2}):([0-9]{2})", text)
    if said is None or not (int(said[1]) < 24 and int(said[2]) < 60):
        raise UnfitError(f"{shown(text)} is no time of day; write it like 09:00.")
    return time(int(said[1]), int(said[2]))


def quiet_hours(text: str) -> QuietHours | None:
    """Two times of day; None for `off`."""
    if text.casefold() == "off":
        return None
    start, dash, end = text.partition("-")
    if not dash:
        raise UnfitError(f"{shown(text)} are no hours; write them like 18:00-09:00, or off.")
    quiet = QuietHours(time_of_day(start.strip()), time_of_day(end.strip()))
    if quiet.start == quiet.end:
        raise UnfitError(f"{shown(text)} leaves no time that is not quiet; write off for none that is.")
    return quiet


def boolean(text: str) -> bool:
    """`true` or `false`; `yes`, `on`, `1` and their opposites are understood too."""
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise UnfitError(f"{shown(text)} is neither true nor false.")
    return value


def whole_number(text: str, *, at_least: int, at_most: int) -> int:
    """A whole number within the bounds, both included."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not at_least <= int(text) <= at_most:
        raise UnfitError(f"{shown(text)} is not a whole number from {at_least} to {at_most}.")
    return int(text)


def listening(text: str) -> tuple[str, int] | None:
    """Where to listen: a port of this machine alone, or `HOST:PORT`; None without a text."""
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if colon and not host:
        raise UnfitError(f"{shown(text)} names no host before its port; write 9464 or 0.0.0.0:9464.")
    return host or "127.0.0.1", whole_number(port, at_least=0, at_most=65535)


def log_form(text: str) -> str:
    """`text` or `json`."""
    if text.lower() not in ("text", "json"):
        raise UnfitError(f"{shown(text)} is no form of a log; write text or json.")
    return text.lower()


def weekday(text: str) -> int:
    """The first day of the week, 0 for Monday to 6 for Sunday; `sunday` and `sun` in any case, or the number."""
    if re.fullmatch("[0-6]", text):
        return int(text)
    said = text.casefold()
    for number, name in enumerate(_WEEKDAYS):
        if said in (name, name[:3]):
            return number
    raise UnfitError(f"{shown(text)} is no weekday; write monday to sunday, or 0 (Monday) to 6 (Sunday).")


def weekdays(text: str) -> frozenset[int]:
    """Days of the week, 0 for Monday to 6 for Sunday: days and ranges like `mon-fri` or `sat,sun`, in any case."""
    found: set[int] = set()
    for part in names(text):
        first, _, last = part.partition("-")
        begins, ends = weekday(first.strip()), weekday(last.strip() if "-" in part else first.strip())
        found.update((begins + step) % 7 for step in range((ends - begins) % 7 + 1))
    return frozenset(found)


def clock_time(text: str) -> time:
    """A time of the local clock, `09:00` or `9:00`."""
    form = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", text)
    if not form or int(form[1]) > 23 or int(form[2]) > 59:
        raise UnfitError(f"{shown(text)} is no time of day; write it like 09:00 or 17:30.")
    return time(int(form[1]), int(form[2]))


def channel(text: str) -> str:
    """A Slack channel by `#name` or id."""
    if not _CHANNEL.fullmatch(text):
        raise UnfitError(f"{shown(text)} is no channel; write #name or its id (C…).")
    return text


def optional_channel(text: str) -> str | None:
    """The same; None if there is no text."""
    return channel(text) if text else None


def time_zone(text: str) -> ZoneInfo:
    """A time zone by its IANA name."""
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # unknown, not a zone's name at all, a folder of zones
        near = _near_zones(text)
    hint = f"did you mean {' or '.join(near)}?" if near else "write an IANA name such as Europe/Berlin."
    raise UnfitError(f"{shown(text)} is no time zone; {hint}")


def _near_zones(text: str) -> list[str]:
    """By the whole name, else by the place alone: people write Berlin, or New York."""
    said, zones = text.replace(" ", "_"), sorted(available_timezones())
    places = {zone.rpartition("/")[2]: zone for zone in zones}
    return nearest(said, zones, 3) or [places[place] for place in nearest(said, places, 3)]


def langsmith_url(text: str) -> str:
    """LangSmith's address without the `/api/v1` that some people write behind it; regions and self-hosted alike."""
    # Not behind another slash: `http://api` is a host's name.
    return re.sub(r"((?<!/)/api(/v[0-9]+)?)?/*$", "", _web_address(text))


def slack_url(text: str) -> str:
    """The address of Slack's Web API, with one slash at its end."""
    return _web_address(text).rstrip("/") + "/"


def heartbeat_url(text: str) -> SecretStr:
    """An address to be pinged; it may hold a key, in its path or its query, and is never quoted."""
    if text and (_split_address(text) is None or not text.isascii()):
        raise UnfitError("the value (not shown) is no web address; it begins with https:// and a host name.")
    return SecretStr(text)


def _split_address(text: str) -> SplitResult | None:
    """The parts of a web address; None if it is none."""
    try:
        url = urlsplit(text)
        sound = url.scheme in ("http", "https") and url.hostname and (url.port is None or url.port)
    except ValueError:  # brackets that are no IPv6 address, a port that is no number
        return None
    return url if sound and not re.search(r"\s", text) else None


def _web_address(text: str) -> str:
    url = _split_address(text)
    if url is None:
        raise UnfitError(f"{_shown_url(text)} is no web address; it begins with https:// and a host name.")
    if url.username is not None or "?" in text or "#" in text:
        raise UnfitError(f"{_shown_url(text)} holds a login or a query; write the address alone.")
    return text


def database_url(text: str) -> str:
    """SQLAlchemy's URL of the ledger; `postgres://`, as platforms write it, is `postgresql://`."""
    scheme, separator, rest = text.partition("://")
    dialect = scheme.partition("+")[0].lower()
    if separator and dialect in ("postgres", "postgresql"):
        if not _is_address(rest):
            raise UnfitError(
                "the URL cannot be read; write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, and in the password %40 "
                "for @, %2F for /, %3F for ?, %23 for # and %25 for %."
            )
        return "postgresql" + scheme[len(dialect) :] + separator + rest
    if not separator or scheme not in ("sqlite", "sqlite+pysqlite"):
        raise UnfitError("the URL is of no database that llmcost knows; write sqlite:///llmcost.db.")
    if not rest.startswith("/"):
        raise UnfitError(f"{_shown_url(text)} needs three slashes before the file; write sqlite:///llmcost.db.")
    if rest.partition("?")[0] in ("/", "/:memory:"):
        raise UnfitError(f"{_shown_url(text)} names no file to keep the ledger in; write sqlite:///llmcost.db.")
    if rest.startswith("/~"):
        raise UnfitError(f"{_shown_url(text)} holds a ~, for which no shell puts your home; write the whole path.")
    return text


def _is_address(rest: str) -> bool:
    """Whether what follows `postgresql://` has a host, if any, and a port, if any, that can be those. A letter of the
    password that stands for something else would cut it in two, and the rest would be shown as a host."""
    try:
        parts = urlsplit(f"//{rest}")
        parts.port  # noqa: B018 - raises ValueError if it is no number
    except ValueError:
        return False
    login, at, host = parts.netloc.rpartition("@")
    is_cut = bool(host) and not at and "@" in parts.path + parts.query
    return "@" not in login and not host.endswith(":") and not parts.fragment and not is_cut


def _shown_url(text: str) -> str:
    """As `shown`, without what may be a password: the login before the host, and the query."""
    return shown(re.split("[?#]", re.sub(r"^([a-z+]*://)?.*@", r"\1…@", text))[0])
