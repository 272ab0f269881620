"""Names: which provider and which model a run means. Whatever leaves a doubt stays unpriced.

All functions expect and return lower case.
"""

import re

# What LangChain, LangSmith, LiteLLM and OpenTelemetry call a provider, without punctuation -> genai-prices' id. Only
# these and the ids themselves count: "openai_compatible" or "vllm-openai" is somebody's own server, not OpenAI.
_PROVIDERS = {
    "anthropicbedrock": "aws",
    "awsbedrock": "aws",
    "amazonbedrock": "aws",
    "bedrock": "aws",
    "bedrockconverse": "aws",
    "azureai": "azure",
    "azureaiinference": "azure",
    "azaiinference": "azure",
    "azureopenai": "openai",
    "azaiopenai": "openai",
    "azureaiopenai": "openai",
    "fireworksai": "fireworks",
    "gcpgemini": "google",
    "gcpgenai": "google",
    "gcpvertexai": "google",
    "gemini": "google",
    "googlegenai": "google",
    "googlevertexai": "google",
    "vertexai": "google",
    "googleanthropicvertex": "anthropic",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "togetherai": "together",
    "voyage": "voyageai",
}

# Whose model a name without a provider is. Left out on purpose: names whose weights anybody may host (llama, mistral,
# deepseek, qwen, gemma, kimi ...), because every host has a price of its own.
_MAKERS = re.compile(
    r"(?P<anthropic>claude-)|(?P<google>gemini-)|(?P<openai>(?:ft:)?gpt-|chatgpt-|o[134](?:-|$)|text-embedding-(?:3|ada)-)"
    r"|(?P<xai>grok-)|(?P<voyageai>voyage-)"
)

_PATH = re.compile(r"^(?:arn:aws[^/]*:bedrock:[^/]*/|(?:.*/)?models/)")
_FINE_TUNE = re.compile(r"^(ft:[^:]+):.*$")  # ft:gpt-4o-2024-08-06:our-org:our-name:id
_AZURE_FINE_TUNE = re.compile(r"\.ft-.*$")  # gpt-4o-mini-2024-07-18.ft-id
_DATE = re.compile(r"([-@])(20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])$")
_FIRST_RELEASE = re.compile(r"(?:[-@]001|@default)$")
_ANY_RELEASE = re.compile(r"(?:-\d{2}-\d{2}|-\d{2}-\d{4}|-\d{4}|-latest)$")  # -05-06, -09-2026, -0125, -2509
_BEDROCK_HOME = re.compile(r"^(?:(?:us|us-gov|eu|ap|apac|au|jp|in|ca|sa|global|regional)\.)?[a-z0-9]+\.")
_BEDROCK_SIZE = re.compile(r"(?::\w+)+$")  # :0, :0:200k
_BEDROCK_FIRST = re.compile(r"-v1$")


def provider_key(name: str) -> str:
    """The key of a provider: genai-prices' id, aliases resolved, without punctuation ("x-ai" and "xAI" are "xai")."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return _PROVIDERS.get(plain, plain)


def maker_key(model: str) -> str | None:
    """The `provider_key` of the one company that sells a model of this name; None where there is a doubt."""
    match = _MAKERS.match(model)
    return None if match is None else match.lastgroup


def without_path(model: str) -> str:
    """The model without `models/` and whatever comes before that, or without one `provider/`."""
    stripped = _PATH.sub("", model)
    return stripped if stripped != model else model.partition("/")[2] or model


def prefix_of(model: str) -> str | None:
    """The `provider` of `provider/model`; None where there is none, and for a mere path such as `models/`."""
    return model.partition("/")[0] if "/" in model and not _PATH.match(model) else None


def undated(model: str) -> str:
    """The model without its full date, `-001` or `@default`: one release, called by the model's plain name.

    Shorter release numbers stay: a provider's next `-2502` may well have another price.
    """
    return _FIRST_RELEASE.sub("", _DATE.sub("", model))


def means(model: str, spelled: frozenset[str], *, bedrock: bool) -> bool:
    """Whether `model` is one of the names in `spelled` (see `spelling`), give or take what only tells its release."""
    name = spelling(_FINE_TUNE.sub(r"\1", _AZURE_FINE_TUNE.sub(".ft", model)), bedrock=bedrock)
    forms = {name, _DATE.sub(r"\1\2-\3-\4", name)}
    if bedrock:
        forms |= {_BEDROCK_FIRST.sub("", form) for form in forms}
    forms |= {undated(form) for form in forms} | {_ANY_RELEASE.sub("", form) for form in forms}
    return not forms.isdisjoint(spelled)


def spelling(text: str, *, bedrock: bool) -> str:
    """A name as `means` compares it: without loose ends and, on Bedrock, without region, vendor and context size."""
    name = text.lower().rstrip("-@")
    return _BEDROCK_SIZE.sub("", _BEDROCK_HOME.sub("", name)) if bedrock else name
