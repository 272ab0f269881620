"""Small applications of the kinds that people trace, run one at a time: `python -m tests.e2e.applications NAME`.

They know LangSmith's tracer, LangChain and LangGraph, and nothing of llmcost. The tracer is set up by environment
variables, as on a server. LangChain takes a second to import, so that only the applications that use it do so.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypedDict

from langsmith import get_current_run_tree, trace, traceable, tracing_context
from langsmith.run_trees import get_cached_client

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import Runnable, RunnableConfig

# In every prompt and answer, so that one search shows whether any of them went where it must not.
SECRET = "PROMPT-TEXT"
QUESTION = f"{SECRET} where is my invoice?"
ANSWER = f"{SECRET} in the drawer."

FEATURE = "rag-search"
OUTER = "support-chat"
GPT_4O = {"ls_provider": "openai", "ls_model_name": "gpt-4o"}
# What the LangChain model uses at each call.
INPUT, CACHED, OUTPUT = 841, 200, 123

Json = dict[str, Any]
Answering = Callable[[int], Json]


class OverloadedError(Exception):
    """What a provider's client raises."""


# Traced by hand, with `@traceable` and `trace`. Each call says how many tokens it uses.


def _usage(tokens: int) -> Json:
    return {"input_tokens": tokens, "output_tokens": 1, "total_tokens": tokens + 1}


def _answer(tokens: int) -> Json:
    return {"content": ANSWER, "usage_metadata": _usage(tokens)}


@traceable(run_type="llm", metadata=GPT_4O)
def call(tokens: int, prompt: str = QUESTION) -> Json:  # noqa: ARG001 - it stands in the trace
    return _answer(tokens)


@traceable
def answer(tokens: int) -> Json:
    return call(tokens)


@traceable(metadata={"feature": FEATURE})
def decorated_with_metadata(tokens: int) -> Json:
    return answer(tokens)


@traceable(tags=[f"feature:{FEATURE}"])
def decorated_with_a_tag(tokens: int) -> Json:
    return answer(tokens)


@traceable
def tagged_at_its_end(tokens: int) -> Json:
    """What the run tree is told after the call does not reach the call."""
    said = answer(tokens)
    run = get_current_run_tree()
    assert run is not None
    run.metadata["feature"] = FEATURE
    return said


def every_way_to_tag() -> None:
    """With metadata, then with tags. A power of two of tokens each, so that a sum tells what it is made of."""
    metadata, tags = {"feature": FEATURE}, [f"feature:{FEATURE}"]
    decorated_with_metadata(1)
    answer(2, langsmith_extra={"metadata": metadata})
    with trace("request", metadata=metadata):
        answer(4)
    with tracing_context(metadata=metadata):
        answer(8)
    tagged_at_its_end(16)
    decorated_with_a_tag(32)
    answer(64, langsmith_extra={"tags": tags})
    with trace("request", tags=tags):
        answer(128)
    with tracing_context(tags=tags):
        answer(256)


@traceable(run_type="llm", metadata={**GPT_4O, "feature": FEATURE})
def _called_with_decorator(tokens: int) -> Json:
    return _answer(tokens)


def _called_with_extra(tokens: int) -> Json:
    return call(tokens, langsmith_extra={"metadata": {"feature": FEATURE}})


def _called_with_trace(tokens: int) -> Json:
    with trace("call", run_type="llm", metadata={**GPT_4O, "feature": FEATURE}) as run:
        run.end(outputs=_answer(tokens))
    return {}


def _called_with_context(tokens: int) -> Json:
    with tracing_context(metadata={"feature": FEATURE}):
        return call(tokens)


# How a call can name a feature of its own.
INNER_WAYS: dict[str, Answering] = {
    "decorator": _called_with_decorator,
    "langsmith_extra": _called_with_extra,
    "trace": _called_with_trace,
    "tracing_context": _called_with_context,
}


def _inside_decorator(inside: Answering, tokens: int) -> None:
    traceable(name="request", metadata={"feature": OUTER})(inside)(tokens)


def _inside_extra(inside: Answering, tokens: int) -> None:
    traceable(name="request")(inside)(tokens, langsmith_extra={"metadata": {"feature": OUTER}})


def _inside_trace(inside: Answering, tokens: int) -> None:
    with trace("request", metadata={"feature": OUTER}):
        inside(tokens)


def _inside_context(inside: Answering, tokens: int) -> None:
    with tracing_context(metadata={"feature": OUTER}):
        traceable(name="request")(inside)(tokens)


OUTER_WAYS: dict[str, Callable[[Answering, int], None]] = {
    "decorator": _inside_decorator,
    "langsmith_extra": _inside_extra,
    "trace": _inside_trace,
    "tracing_context": _inside_context,
}

# Each way of tagging a call inside each way of tagging what is around it: its tokens, powers of two again.
PAIRS = {pair: 2**number for number, pair in enumerate((inner, outer) for inner in INNER_WAYS for outer in OUTER_WAYS)}


def two_features_in_a_trace() -> None:
    for (inner, outer), tokens in PAIRS.items():
        OUTER_WAYS[outer](INNER_WAYS[inner], tokens)


def untagged() -> None:
    answer(1000)


@traceable(run_type="llm", metadata={**GPT_4O, "feature": OUTER})
def _streamed(prompt: str) -> Iterator[str]:  # noqa: ARG001 - it stands in the trace
    yield from ANSWER.split()


@traceable(run_type="llm", metadata={**GPT_4O, "feature": FEATURE})
def _broken_off(tokens: int) -> Json:
    """The provider charges for what it had read when it broke off."""
    run = get_current_run_tree()
    assert run is not None
    run.set(usage_metadata={"input_tokens": tokens, "output_tokens": 0, "total_tokens": tokens})
    raise OverloadedError(ANSWER)


# With LangChain and LangGraph.


def chat_model(*, overloaded: bool = False) -> "BaseChatModel":
    """A model of a provider that reports usage with an answer, and none with a stream."""
    from langchain_core.language_models import BaseChatModel, LangSmithParams
    from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
    from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

    class Chat(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "chat"

        def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
            params = super()._get_ls_params(stop=stop, **kwargs)
            return {**params, "ls_provider": "openai", "ls_model_name": "gpt-4o"}

        def _generate(
            self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
        ) -> ChatResult:
            del messages, stop, run_manager
            if overloaded:
                raise OverloadedError(ANSWER)
            usage = UsageMetadata(
                input_tokens=INPUT,
                output_tokens=OUTPUT,
                total_tokens=INPUT + OUTPUT,
                input_token_details=InputTokenDetails(cache_read=CACHED),
            )
            said = AIMessage(content=ANSWER, usage_metadata=usage, response_metadata={"model_name": "gpt-4o"})
            return ChatResult(generations=[ChatGeneration(message=said)])

        def _stream(
            self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
        ) -> Iterator[ChatGenerationChunk]:
            del messages, stop, run_manager
            for word in ANSWER.split():
                yield ChatGenerationChunk(message=AIMessageChunk(content=word))

    return Chat()


def _chain() -> "Runnable[Json, str]":
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate

    return ChatPromptTemplate.from_messages([("human", "{question}")]) | chat_model() | StrOutputParser()


def langchain_chain() -> None:
    _chain().invoke({"question": QUESTION}, {"metadata": {"feature": FEATURE}})


def _run_graph(**second_node: Any) -> None:
    """Two nodes that call the model; `second_node` configures the second one's call."""
    from langgraph.graph import END, START, StateGraph

    class State(TypedDict):
        text: str

    def rewrite(state: State) -> State:
        return {"text": str(chat_model().invoke(state["text"]).content)}

    def reply(state: State) -> State:
        return {"text": str(chat_model().with_config(**second_node).invoke(state["text"]).content)}

    graph = StateGraph(State)
    graph.add_node("rewrite", rewrite)
    graph.add_node("reply", reply)
    graph.add_edge(START, "rewrite")
    graph.add_edge("rewrite", "reply")
    graph.add_edge("reply", END)
    graph.compile().invoke({"text": QUESTION}, {"metadata": {"feature": FEATURE}})


def langgraph_graphs() -> None:
    """A graph with a feature, and one more of whose nodes one names its own."""
    _run_graph()
    _run_graph(metadata={"feature": OUTER})


def calls_without_usage() -> None:
    """A stream and a failure, beside a call that succeeds and one that fails after it used something; and a feature
    that has nothing but a stream."""
    tagged: RunnableConfig = {"metadata": {"feature": FEATURE}}
    list(_chain().stream({"question": QUESTION}, tagged))
    with suppress(OverloadedError):
        chat_model(overloaded=True).invoke(QUESTION, tagged)
    call(1000, langsmith_extra={"metadata": {"feature": FEATURE}})
    with suppress(OverloadedError):
        _broken_off(1000)
    list(_streamed(QUESTION))


@traceable(run_type="llm", metadata=GPT_4O)
def _cached_chat(prompt: str) -> Json:
    """A wrapper that traces as a call what LangChain traces once more."""
    said: Any = chat_model().invoke(prompt)
    return {"content": said.content, "usage_metadata": said.usage_metadata}


@traceable(run_type="tool")
def _search(query: str) -> list[str]:  # noqa: ARG001 - it stands in the trace
    return [ANSWER]


@traceable
def _agent(prompt: str) -> Json:
    _cached_chat(prompt)
    for found in _search(prompt):
        _cached_chat(found)
    return call(1000)


def agent_with_a_wrapper() -> None:
    _agent(QUESTION, langsmith_extra={"metadata": {"feature": FEATURE}})


APPLICATIONS: dict[str, Callable[[], None]] = {
    one.__name__: one
    for one in (
        every_way_to_tag,
        two_features_in_a_trace,
        untagged,
        langchain_chain,
        langgraph_graphs,
        calls_without_usage,
        agent_with_a_wrapper,
    )
}

if __name__ == "__main__":
    APPLICATIONS[sys.argv[1]]()
    # All of them trace through the one client that is made from the environment.
    get_cached_client().flush()
