"""How a trace is addressed in LangSmith: learned from one example per project, and trusted no further than a link must
be that people will press."""

import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit
from uuid import UUID

from bot.ledger.coverage import TRACE

_LONGEST = 500
# Characters of an address that act nowhere: no space, quote, bracket, backtick, pipe or control character.
_HARMLESS = re.compile(r"[A-Za-z0-9._~:/?#@!$&()+,;=%\[\]-]+")
# An address may have a run's start before its id: that of another trace would lead nowhere.
_START = r"(?:[0-9]{8}T[0-9]{6,}Z)?"


def link_template(url: object, run_id: bytes, trace_id: bytes, base_url: str) -> str | None:
    """From the address of one run that of any trace of its project, TRACE in place of the id; None if `url` is no
    address that can be trusted.

    A trace is shown by its root, whose id is the trace's: so both ids give way to it. What belongs to the one run alone
    is left out. Only https, or http where LangSmith itself (`base_url`) is reached by http.
    """
    if not isinstance(url, str) or len(url) > _LONGEST or not _HARMLESS.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        is_sound = bool(parts.hostname) and parts.username is None and (parts.port is None or parts.port > 0)
    except ValueError:  # brackets that are no IPv6 address, a port that is no number
        return None
    schemes = ("https", "http") if urlsplit(base_url).scheme == "http" else ("https",)
    if not is_sound or parts.scheme not in schemes:
        return None
    ids = "|".join(re.escape(str(UUID(bytes=one))) for one in (run_id, trace_id))
    found = re.compile(f"{_START}(?:{ids})", re.IGNORECASE)
    said = [(key, value) for key, value in parse_qsl(parts.query) if key != "start_time"]
    query = urlencode(said, quote_via=quote)
    path, count_in_path = found.subn(TRACE, parts.path)
    query, count_in_query = found.subn(TRACE, query)
    if not count_in_path + count_in_query:
        return None
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))
