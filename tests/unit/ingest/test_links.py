"""How a trace is addressed is learned from one address, and nothing that acts is ever kept."""

from urllib.parse import urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ingest.links import link_template
from bot.ledger.coverage import TRACE

RUN = UUID("0194d1c0-0000-4000-8000-000000000001")
ROOT = UUID("0194d1c0-0000-4000-8000-000000000002")
API = "https://api.smith.langchain.com"
APP = (
    "https://smith.langchain.com/o/11111111-1111-4111-8111-111111111111/projects/p/22222222-2222-4222-8222-222222222222"
)


def learn(url: object, base_url: str = API) -> str | None:
    return link_template(url, RUN.bytes, ROOT.bytes, base_url)


@pytest.mark.parametrize(
    ("url", "template"),
    [
        (f"{APP}/r/{RUN}?trace_id={ROOT}", f"{APP}/r/{TRACE}?trace_id={TRACE}"),
        (f"{APP}/r/{str(RUN).upper()}", f"{APP}/r/{TRACE}"),
        (f"{APP}?peek={RUN}&peeked_trace={ROOT}&tab=2", f"{APP}?peek={TRACE}&peeked_trace={TRACE}&tab=2"),
        (f"{APP}/r/{RUN}?trace_id={ROOT}&start_time=2026-11-18T14:30:00", f"{APP}/r/{TRACE}?trace_id={TRACE}"),
        (f"{APP}/r/20261118T143000Z{RUN}?trace_id={ROOT}", f"{APP}/r/{TRACE}?trace_id={TRACE}"),
        (f"{APP}/t/{ROOT}#top", f"{APP}/t/{TRACE}"),
    ],
)
def test_both_ids_give_way_and_what_is_the_runs_own_is_left_out(url: str, template: str) -> None:
    assert learn(url) == template


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        {"url": f"{APP}/r/{RUN}"},
        "",
        f"{APP}/r/{API}",
        f"javascript:alert(1)//{RUN}",
        f"data:text/html,{RUN}",
        f"slack://channel?id={RUN}",
        f"http://smith.langchain.com/r/{RUN}",
        f"//smith.langchain.com/r/{RUN}",
        f"https:///r/{RUN}",
        f"https://user:secret@smith.langchain.com/r/{RUN}",
        f"https://smith.langchain.com:port/r/{RUN}",
        f"https://[smith/r/{RUN}",
        f"{APP}/r/{RUN}|our wiki",
        f"{APP}/r/{RUN}> <!channel>",
        f"{APP}/r/{RUN}\n",
        f"{APP}/r/{RUN}`",
        f"{APP}/r/{RUN}{{trace}}",
        f"{APP}/r/{RUN}\u202e",
        f"{APP}/r/{RUN}?x={'y' * 500}",
    ],
)
def test_what_is_no_harmless_address_of_the_run_is_not_learned(url: object) -> None:
    assert learn(url) is None


def test_plain_http_is_for_a_langsmith_that_is_reached_by_it() -> None:
    url = f"http://127.0.0.1:1984/r/{RUN}"
    assert learn(url) is None
    assert learn(url, "http://127.0.0.1:1984") == f"http://127.0.0.1:1984/r/{TRACE}"
    assert learn(f"{APP}/r/{RUN}", "http://langsmith.internal") == f"{APP}/r/{TRACE}"


PIECES = st.lists(
    st.sampled_from(
        ["https://", "http://", "javascript:", "a.example", str(RUN), str(ROOT), "/r/", "?", "&", "=", "<", "|"]
    )
    | st.text(max_size=4),
    max_size=8,
).map("".join)


@given(PIECES)
def test_whatever_a_server_says_only_an_address_comes_of_it(url: str) -> None:
    template = learn(url)
    if template is not None:
        assert TRACE in template
        assert urlsplit(template).scheme == "https"
        assert urlsplit(template).hostname
        assert not set(template.replace(TRACE, "")) & set("<>|`\"' \n\t\\{}")
