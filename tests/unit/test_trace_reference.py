"""What people paste to point at a trace: every form of LangSmith's addresses, and nothing that only looks like one."""

from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.errors import QuestionError
from bot.reports.trace_reference import TraceReference, read_reference, written_reference

TRACE = "019db6c1-e59b-73a1-958b-ee98a94e7a0a"
RUN = "4f7a1b2c-8d9e-4a0b-9c1d-2e3f4a5b6c7d"
PROJECT = "00e14091-aa22-4ef8-84d9-aec107bd98f7"
ORG = "d6684905-655c-429b-bd14-ba302d94c03b"
HOST = "https://smith.langchain.com"
PAGE = f"{HOST}/o/{ORG}/projects/p/{PROJECT}"


def known(trace: str | None, run: str | None, project: str | None = None) -> TraceReference:
    trace_id, run_id, project_id = (said and UUID(said).bytes for said in (trace, run, project))
    return TraceReference(trace_id or None, run_id or None, project_id or None)


@pytest.mark.parametrize(
    "text",
    [
        RUN,
        RUN.upper(),
        RUN.replace("-", ""),
        f"  {RUN}\n",
        f"`{RUN}`",
        f"<{RUN}>",
        RUN.replace("-", "\u2011"),  # hyphens that do not break
        "\u200b".join(RUN),  # zero-width spaces
        f"20261118T143000Z{RUN}",
        f"20261118t143000123456z{RUN.replace('-', '')}",
    ],
)
def test_an_id_alone(text: str) -> None:
    """It may be a run's or a trace's, however it is written; where LangSmith put the start before it, that is no part
    of it."""
    assert read_reference(text) == known(None, RUN)


@pytest.mark.parametrize(
    ("address", "trace", "run"),
    [
        # What the SDK gives, now and on older servers.
        (f"{PAGE}/r/{RUN}?trace_id={TRACE}&start_time=2026-11-18T14:30:00Z", TRACE, RUN),
        (f"{PAGE}/r/{RUN}?poll=true", None, RUN),
        (f"{PAGE}/r/{RUN}", None, RUN),
        (f"{PAGE}/r/{RUN}/", None, RUN),
        (f"{PAGE}/r/20261118T143000Z{RUN}?trace_id={TRACE}", TRACE, RUN),
        # What stands in a browser.
        (f"{PAGE}?peek={RUN}&peeked_trace={TRACE}", TRACE, RUN),
        (f"{PAGE}?timeModel=%7B%22duration%22%3A%221d%22%7D&peek={RUN}", None, RUN),
        (
            f"{PAGE}?peek=20261118T143000Z{RUN}&trace_id={TRACE}&run_id=20261118T143000Z{ORG}&peeked_trace={ORG}",
            TRACE,
            RUN,
        ),
        (f"{PAGE}/t/{ORG}?run_id=20261118T143000Z{RUN}&trace_id={TRACE}&conversationTab=trace", TRACE, RUN),
        (f"{PAGE}?run_id={RUN}", None, RUN),
        (f"{PAGE}?run={RUN}", None, RUN),
        (f"{PAGE}?tab=0&trace_id={TRACE}", TRACE, None),
        # Which of several counts.
        (f"{PAGE}/r/{RUN}?peek={ORG}&run_id={ORG}&run={ORG}", None, RUN),
        (f"{PAGE}?run={ORG}&run_id={ORG}&peek={RUN}", None, RUN),
        (f"{PAGE}?run={ORG}&run_id={RUN}", None, RUN),
        (f"{PAGE}?peeked_trace={ORG}&trace_id={TRACE}", TRACE, None),
        (f"{PAGE}/r/{RUN}?trace_id={TRACE[:-1]}", None, RUN),
        (f"{PAGE}/r/{RUN[:-1]}?trace_id={TRACE}", TRACE, None),
        (f"{PAGE}?peekedConversationId=chat-1&peeked_trace=20261118T143000975755Z{TRACE}", TRACE, None),
        (f"{PAGE}?peek=latest&peek={RUN}&peek={ORG}", None, RUN),
        # How it is written.
        (f"{PAGE}/r/{RUN.upper()}?TRACE_ID={TRACE.replace('-', '')}#top?trace_id={ORG}", TRACE, RUN),
        (f"{PAGE}?trace_id={TRACE.upper().replace('-', '%2D').replace('A', '%41')}", TRACE, None),
        (f"<{PAGE}/r/{RUN}>", None, RUN),
        (f"<{PAGE}/r/{RUN}|{PAGE}/r/{ORG}>", None, RUN),
        (f"<{PAGE}?trace_id={TRACE}|a trace > all others>", TRACE, None),
        (f"<{PAGE}/r/{RUN}", None, RUN),
        (f"`{PAGE}/r/{RUN}`", None, RUN),
        (f"{PAGE}/r/{RUN}".removeprefix("https://"), None, RUN),
        (f"/projects/p/{PROJECT}/r/{RUN}", None, RUN),
    ],
)
def test_addresses(address: str, trace: str | None, run: str | None) -> None:
    """The trace is `trace_id`, else `peeked_trace`; the run stands in the path, else in `peek`, `run_id` or `run`."""
    assert read_reference(address) == known(trace, run, PROJECT)
    assert read_reference(address.replace("smith.langchain.com", "langsmith.acme.internal:8443")) == known(
        trace, run, PROJECT
    )


@pytest.mark.parametrize(
    "address",
    [
        f"{HOST}/r/{RUN}",
        f"{HOST}/o/{ORG}/r/{RUN}",
        f"{HOST}/o/-/projects/p/acme-prod/r/{RUN}",
        f"{HOST}/o/{ORG}/projects/p/{PROJECT[:-1]}/r/{RUN}",
        f"{HOST}/p/{PROJECT}/r/{RUN}",
        f"{HOST}/public/{TRACE}/r/{RUN}",
        f"http://[/r/{RUN}",
        f"?run_id={RUN}",
    ],
)
def test_addresses_without_a_project(address: str) -> None:
    """The project may be missing or called by its name; a run that a public page shows has its own id."""
    assert read_reference(address) == known(None, RUN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", '"" is no id; paste that of a trace or a run, or its address in LangSmith.'),
        ("yesterday", '"yesterday" is no id'),
        (RUN[:-1], "is no id"),
        (RUN + "0", "is no id"),
        (RUN.replace("4", "g"), "is no id"),
        (f"{RUN}-0", "is no id"),
        (RUN.replace("-", "", 1), "is no id"),
        (f"{RUN} {TRACE}", "is no id"),
        (f"trace_id={TRACE}", "is no id"),
        ("<|>", '"" is no id'),
        ("x" * 400, '"' + "x" * 39 + '…" is no id'),
        (PAGE, "This address names no trace and no run; open one in LangSmith and paste its address, or its trace id."),
        (f"{PAGE}/r/", "names no trace and no run"),
        (f"{PAGE}/t/{ORG}", "names no trace and no run"),
        (f"{PAGE}/{RUN}", "names no trace and no run"),
        (f"{PAGE}#/r/{RUN}", "names no trace and no run"),
        (f"{PAGE}?peekedConversationId={ORG}", "names no trace and no run"),
        (f"{PAGE}?trace_id=&peek=latest", "names no trace and no run"),
        (f"<{PAGE}|{PAGE}/r/{RUN}>", "names no trace and no run"),
        (f"{HOST}/o/{ORG}/datasets/{ORG}/compare?selectedSessions={ORG}", "names no trace and no run"),
        ("https://", "names no trace and no run"),
        (f"{HOST}/public/{TRACE}/r", "A public link does not say which trace it shows; paste the trace id or the run"),
        (f"{HOST}/public/{TRACE}/r/", "A public link"),
        (f"<{HOST}/public/{TRACE}/r|{TRACE}>", "A public link"),
        (f"{HOST}/public/{TRACE}/d", "A public link"),
    ],
)
def test_what_points_at_no_trace(text: str, message: str) -> None:
    """A sentence says which id is needed, and repeats no link that whoever has it can open."""
    with pytest.raises(QuestionError) as error:
        read_reference(text)
    assert message in str(error.value)
    assert TRACE not in str(error.value)


pieces = st.sampled_from(
    [
        RUN, TRACE.upper(), PROJECT, PAGE, HOST, "http://[", "https://[::1", "//", "/r/", "/public/", "/projects/p/",
        "?", "&", "=", "#", "%", "%2d", "%ff", "<", ">", "|", "`", "trace_id=", "peek=", "run=", "peeked_trace=", ";",
        "20261118T143000Z", "\u2100", "\uff0f", "\uff1f", "\u00b2", "\ud800", "\0", "\u200b", " ",
    ]
)  # fmt: skip
texts = st.text(st.characters(), max_size=60) | st.lists(pieces | st.text(max_size=3), max_size=12).map("".join)


@settings(max_examples=500, deadline=None)
@given(texts)
@example("https://[?trace_id=")
@example("http://\u2100/?peek=%ff")
def test_nothing_but_its_own_error(text: str) -> None:
    """Whatever is pasted, it is a reference with an id in it, or a QuestionError: a short sentence in one line."""
    try:
        reference = read_reference(text)
    except QuestionError as error:
        if not str(error).isprintable() or len(str(error)) > 200:
            raise
    else:
        found = [said for said in (reference.trace_id, reference.run_id) if said is not None]
        assert found
        assert all(len(said) == 16 for said in found)
        assert read_reference(written_reference(reference)) == reference


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        (known(None, RUN), RUN),
        (known(TRACE, None), f"?trace_id={TRACE}"),
        (known(TRACE, RUN), f"/r/{RUN}?trace_id={TRACE}"),
        (known(TRACE, None, PROJECT), f"/projects/p/{PROJECT}?trace_id={TRACE}"),
        (known(None, RUN, PROJECT), f"/projects/p/{PROJECT}/r/{RUN}"),
        (known(TRACE, RUN, PROJECT), f"/projects/p/{PROJECT}/r/{RUN}?trace_id={TRACE}"),
    ],
)
def test_written(reference: TraceReference, text: str) -> None:
    """A bare id, or what counts of an address; nothing that was known is lost."""
    assert written_reference(reference) == text
    assert read_reference(text) == reference
