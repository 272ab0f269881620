import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from genai_prices import Usage as LibraryUsage
from genai_prices import calc_price
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ClauseEquals, ClauseOr, MatchLogic, ModelInfo

from bot.domain.money import nanos
from bot.domain.usage import Usage
from bot.pricing.estimate import Estimate, Estimator
from tests.unit.pricing.asking import LISTED_BY, MILLION, NOON, micros, usd

ESTIMATOR = Estimator()
TOKENS = Usage(1000, 0)


def estimate(
    provider: str | None, model: str, usage: Usage = TOKENS, at: datetime = NOON, context: str | None = None
) -> Estimate | None:
    return ESTIMATOR(provider, model, usage, micros(at), context)


def cost(provider: str, model: str, usage: Usage, at: datetime = NOON, context: str | None = None) -> int | None:
    found = estimate(provider, model, usage, at, context)
    return None if found is None else found.charge.nanos()


def entry(provider: str | None, model: str) -> str | None:
    """The entry that is meant by a name, as `provider/model`; None if it is unpriced."""
    found = estimate(provider, model)
    return None if found is None else found.reference.removeprefix(f"{LISTED_BY} ")


@pytest.mark.parametrize(
    ("provider", "model", "prices"),
    [
        ("openai", "gpt-4o", "2.50/10/1.25"),
        ("openai", "gpt-4o-mini", "0.15/0.60/0.075"),
        ("openai", "gpt-4-turbo", "10/30"),
        ("openai", "gpt-4.1", "2/8/0.50"),
        ("openai", "o3", "2/8/0.50"),
        ("openai", "gpt-5", "1.25/10/0.125"),
        ("openai", "gpt-5-mini", "0.25/2/0.025"),
        ("openai", "gpt-5.5", "5/30/0.50"),
        ("openai", "gpt-6.1-sol", "2/10/0.10/2.50"),
        ("anthropic", "claude-3-5-sonnet-20241022", "3/15/0.30/3.75"),
        ("anthropic", "claude-3-5-haiku-20241022", "0.80/4/0.08/1.00"),
        ("anthropic", "claude-sonnet-4-5", "3/15/0.30/3.75/6"),
        ("anthropic", "claude-opus-5-5", "4/20/0.20/5"),
        ("anthropic", "claude-haiku-5-5", "0.10/0.50/0.01/0.125"),
        ("google_genai", "gemini-2.5-pro", "1.25/10/0.125"),
        ("google_genai", "gemini-2.5-flash", "0.30/2.50/0.03"),
        ("google_genai", "gemini-3.8-flash", "0.75/3.75/0.075"),
        ("openai", "text-embedding-3-small", "0.02/0"),
    ],
)
def test_the_spot_prices_of_one_million_tokens(provider: str, model: str, prices: str) -> None:
    """Input / output / cached read / 5 min cache write / 1 h cache write, asked in parts below any threshold."""
    given = [usd(price) // 10 for price in prices.split("/")]
    part = 100_000
    kinds = [
        Usage(part, 0),
        Usage(0, part),
        Usage(part, 0, cached=part),
        Usage(part, 0, cache_write=part),
        Usage(part, 0, cache_write=part, cache_write_1h=part),
    ]
    if given[1] == 0:
        del given[1:], kinds[1:]
    assert [cost(provider, model, usage) for usage in kinds[: len(given)]] == given


@pytest.mark.parametrize(
    ("provider", "model", "usage", "dollars"),
    [
        ("openai", "gpt-4o", Usage(MILLION, 0, cached=800_000), "1.50"),
        ("anthropic", "claude-sonnet-4-5", Usage(100_000, 0, cache_write=100_000), "0.375"),
        ("anthropic", "claude-sonnet-4-5", Usage(100_000, 0, cache_write=100_000, cache_write_1h=100_000), "0.60"),
        ("openai", "gpt-5.5", Usage(272_000, 1000), "1.39"),
        ("openai", "gpt-5.5", Usage(272_001, 1000), "2.76501"),
        ("google_vertexai", "gemini-2.5-pro", Usage(200_000, 1000), "0.26"),
        ("google_vertexai", "gemini-2.5-pro", Usage(200_001, 1000), "0.5150025"),
        ("openai", "gpt-4o", Usage(100, 100, reasoning=50), "0.00125"),
        ("openai", "gpt-audio", Usage(1000, 1000, audio_input=1000, audio_output=1000), "0.096"),
        ("google_genai", "gemini-2.5-flash", Usage(1000, 0, cached=600, audio_input=600), "0.000432"),
        ("perplexity", "sonar", Usage(1000, 1000), "0.014"),
    ],
)
def test_worked_examples(provider: str, model: str, usage: Usage, dollars: str) -> None:
    assert cost(provider, model, usage) == usd(dollars)


@pytest.mark.parametrize(
    ("at", "dollars"),
    [
        (datetime(2025, 6, 9, 23, 59, 59, 999999, tzinfo=UTC), "50"),
        (datetime(2025, 6, 10, tzinfo=UTC), "10"),
        (datetime(2026, 11, 20, tzinfo=UTC), "10"),
    ],
)
def test_a_run_is_priced_as_of_its_start(at: datetime, dollars: str) -> None:
    """OpenAI cut o3 from 10/40 to 2/8 on 10 June 2025."""
    assert cost("openai", "o3", Usage(MILLION, MILLION), at) == usd(dollars)


@pytest.mark.parametrize(
    ("context", "dollars", "reference"),
    [
        (None, "10", f"{LISTED_BY} openai/o3"),
        ("batch", "5", f"{LISTED_BY} openai/o3 batch"),
        ("flex", "5", f"{LISTED_BY} openai/o3 flex"),
        ("priority", "17.5", f"{LISTED_BY} openai/o3 priority"),
    ],
)
def test_a_special_service_has_its_price_and_is_named(context: str | None, dollars: str, reference: str) -> None:
    found = estimate("openai", "o3", Usage(MILLION, MILLION), context=context)
    assert found is not None
    assert (found.charge.nanos(), found.reference) == (usd(dollars), reference)


def test_a_service_that_the_list_does_not_know_has_the_standard_price_and_is_not_named() -> None:
    assert estimate("openai", "gpt-3.5-turbo", context="flex") == estimate("openai", "gpt-3.5-turbo")


def test_a_service_of_the_maker_is_not_one_of_those_who_sell_its_models() -> None:
    assert estimate("openai", "gpt-4o", context="batch") != estimate("openai", "gpt-4o")
    assert estimate("azure", "gpt-4o", context="batch") == estimate("azure", "gpt-4o")


@pytest.mark.parametrize(
    ("provider", "named"),
    [
        *[(name, "openai/gpt-4o") for name in ("openai", "OpenAI", "azure_openai", "az.ai.openai")],
        *[(name, "azure/gpt-4o") for name in ("azure", "azure_ai")],
        *[(name, "openrouter/openai/gpt-4o") for name in ("openrouter", "OpenRouter")],
    ],
)
def test_a_provider_has_many_names(provider: str, named: str) -> None:
    assert entry(provider, "openai/gpt-4o") == named


@pytest.mark.parametrize(
    ("providers", "model"),
    [
        ("google google_genai google_vertexai vertexai vertex_ai gcp.vertex_ai gemini", "gemini-2.5-flash"),
        ("anthropic google_anthropic_vertex", "claude-sonnet-4-5"),
        ("amazon_bedrock bedrock bedrock_converse aws.bedrock anthropic-bedrock", "us.amazon.nova-pro-v1:0"),
        ("mistralai mistral mistral_ai", "mistral-large-latest"),
        ("xai x-ai", "grok-4"),
        ("groq", "llama-3.3-70b-versatile"),
        ("cohere", "command-r-plus"),
        ("deepseek", "deepseek-chat"),
        ("together togetherai", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ("voyageai", "voyage-3"),
        ("perplexity", "sonar"),
        ("fireworks", "accounts/fireworks/models/deepseek-v4-pro"),
    ],
)
def test_every_provider_that_langsmith_names_is_known(providers: str, model: str) -> None:
    entries = {entry(provider, model) for provider in providers.split()}
    assert len(entries) == 1
    assert None not in entries


@pytest.mark.parametrize(
    "provider",
    [
        "ollama",
        "huggingface",
        "nvidia",
        "vllm",
        "vllm-openai",
        "openai_compatible",
        "my-openai-proxy",
        "amazon_sagemaker",
    ],
)
@pytest.mark.parametrize("model", ["gpt-4o", "openai/gpt-4o", "amazon.nova-pro-v1:0", "llama3"])
def test_an_unknown_provider_is_unpriced_even_if_the_library_sees_a_likeness(provider: str, model: str) -> None:
    assert entry(provider, model) is None


@pytest.mark.parametrize(
    ("provider", "model", "named"),
    [
        ("openai", "openai/gpt-4o", "openai/gpt-4o"),
        ("openai", " OpenAI/GPT-4o ", "openai/gpt-4o"),
        ("openai", "azure/gpt-4o", "openai/gpt-4o"),  # Azure sells OpenAI's models
        ("openai", "gpt-4o-2024-05-13", "openai/gpt-4o-2024-05-13"),  # a release with a price of its own
        ("openai", "gpt-4o-20240513", "openai/gpt-4o-2024-05-13"),
        ("openai", "gpt-4o-2024-08-06", "openai/gpt-4o"),
        ("openai", "gpt-4o-2025-01-31", "openai/gpt-4o"),
        ("openai", "ft:gpt-4o-2024-08-06:our-org:our-name:id", "openai/ft:gpt-4o"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:our-org::id", "openai/ft:gpt-4o-mini"),
        ("openai", "ft:gpt-3.5-turbo-0125:our-org::id", "openai/ft:gpt-3.5-turbo-"),
        ("azure", "gpt-4o-mini-2024-07-18.ft-0a1b2c", "azure/gpt-4o-mini-2024-07-18.ft-"),
        ("azure", "gpt-35-turbo", "azure/gpt-3.5-turbo"),
        ("anthropic", "claude-opus-4-7", "anthropic/claude-opus-4-7"),
        ("anthropic", "claude-opus-4-1-20250805", "anthropic/claude-opus-4-1"),
        ("anthropic", "claude-3-7-sonnet-latest", "anthropic/claude-3-7-sonnet-latest"),
        ("google_anthropic_vertex", "claude-sonnet-4-5@20250929", "anthropic/claude-sonnet-4-5"),
        ("google_vertexai", "claude-opus-5-5@default", "google/claude-opus-5-5"),
        ("google_genai", "models/gemini-2.5-flash", "google/gemini-2.5-flash"),
        ("google_genai", "models/gemini-1.5-pro", "google/gemini-1.5-pro"),
        ("google_genai", "gemini-2.0-flash-001", "google/gemini-2.0-flash"),
        ("google_genai", "gemini-2.5-flash-001", "google/gemini-2.5-flash"),
        (
            "google_vertexai",
            "projects/p/locations/l/publishers/google/models/gemini-2.5-flash",
            "google/gemini-2.5-flash",
        ),
        ("mistralai", "magistral-medium-2509", "mistral/magistral-medium"),
        ("deepseek", "deepseek-r1-0528", "deepseek/deepseek-reasoner"),
        ("groq", "openai/gpt-oss-20b", "groq/openai/gpt-oss-20b"),
        ("bedrock", "us.amazon.nova-pro-v1:0:300k", "aws/amazon.nova-pro-v1:0"),
        ("bedrock", "global.anthropic.claude-opus-5-5-v1:0", "aws/global.anthropic.claude-opus-5-5"),
        ("bedrock", "us.anthropic.claude-opus-4-7-20260416-v1:0", "aws/regional.anthropic.claude-opus-4-7-v1:0"),
        ("bedrock", "meta.llama3-1-70b-instruct-v1:0", "aws/meta.llama3-1-70b-instruct-v1:0"),
        (
            "bedrock",
            "anthropic.claude-3-5-sonnet-20241022-v2:0",
            "aws/regional.anthropic.claude-3-5-sonnet-20241022-v2:0",
        ),
        (
            "bedrock_converse",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "aws/regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        (None, "gpt-4o", "openai/gpt-4o"),
        (None, "text-embedding-3-small", "openai/text-embedding-3-small"),
        (None, "openai/gpt-4o", "openai/gpt-4o"),
        ("", "o3", "openai/o3"),
        ("litellm", "anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        (None, "gemini-2.5-flash", "google/gemini-2.5-flash"),
        (None, "grok-4", "x-ai/grok-4-0709"),
        (None, "voyage-3", "voyageai/voyage-3"),
    ],
)
def test_a_model_is_known_by_its_name_give_or_take_a_prefix_and_a_release(
    provider: str | None, model: str, named: str
) -> None:
    assert entry(provider, model) == named


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        # The library matches all of these to the entry of another model.
        ("anthropic", "claude-opus-4-10"),
        ("anthropic", "claude-opus-4-77"),
        ("anthropic", "claude-opus-4-10-20260101"),
        ("anthropic", "claude-3-opus-my-copy"),
        ("anthropic", "claude-v29"),
        ("google_genai", "gemini-2.5-proxy"),
        ("google_genai", "gemini-2.5-pro-preview-05-06"),
        ("google_genai", "gemini-1.5-flash-8b"),
        ("google_genai", "gemini-3.8-flash-lite"),
        ("google_genai", "gemini-3.5-flash-8b"),
        ("google_genai", "mycorp/gemini-1.5-pro"),
        ("azure", "o4-mini-prod"),
        ("azure", "my-o4-mini-eval"),
        ("openai", "ft:gpt-4-0613:our-org::id"),
        ("bedrock", "my-claude-3-5-sonnet-20241022-copy"),
        ("bedrock", "us.amazon.nova-pro-v2:0"),
        ("deepseek", "deepseek-chat-whatever"),
        ("deepseek", "deepseek-r1-distill-qwen-7b"),
        ("cohere", "my-aya-expanse-8b-x"),
        # Free in the library, because it knows no price.
        ("openai", "my-moderation-model"),
        ("openai", "omni-moderation-latest"),
        ("google_genai", "gemma-3-27b-it"),
        ("google_genai", "gemma-3"),
        ("openai", "whisper-1"),
        # Unknown to the library, too.
        ("anthropic", "claude-9"),
        ("openai", "gpt-4o-mini-foo"),
        ("openai", "gpt-4-turbo-my-deploy"),
        ("google_genai", "gemini-2.5-flashy"),
        ("openai", "ft:gpt-4.1-2025-04-14:our-org::id"),
        ("openai", "ft:gpt-4o:our-org::id"),
        ("mistralai", "mistral-large-2502"),
        ("openai", "anthropic/claude-sonnet-4-5"),
        ("openai", "mycorp/gpt-4o"),
        ("openai", "anthropic/gpt-4o"),
        ("openai", "gpt-4o/"),
        ("openai", ""),
        ("openai", "/"),
        # Weights that OpenAI gives away and does not serve.
        ("openai", "gpt-oss-20b"),
        ("openai", "openai/gpt-oss-120b"),
        # No provider, and more than one that could be meant.
        (None, "deepseek-chat"),
        (None, "gpt-oss-120b"),
        (None, "mixtral-8x7b"),
        (None, "google/gemma-2-27b-it"),
        (None, "mycorp/gpt-4o"),
        (None, "groq/gpt-4o"),
        (None, "my-grok-3"),
        (None, "llama3"),
        (None, ""),
    ],
)
def test_what_leaves_a_doubt_is_unpriced_never_the_nearest_family(provider: str | None, model: str) -> None:
    assert entry(provider, model) is None


def test_output_of_a_model_that_sells_none_is_unpriced_not_free() -> None:
    assert cost("openai", "text-embedding-3-small", Usage(1000, 0)) == usd("0.00002")
    assert cost("openai", "text-embedding-3-small", Usage(1000, 1)) is None


def test_impossible_usage_is_an_error_not_a_price() -> None:
    with pytest.raises(ValueError, match="impossible"):
        estimate("openai", "gpt-4o", Usage(10, 0, cached=11))


def spelled() -> Iterator[tuple[str, str, ModelInfo]]:
    """Every name that the library spells out in full, with its provider and its entry."""
    providers = get_snapshot().providers
    for provider in providers:
        for model in provider.models:
            for name in sorted({model.id, *_equals(model.match)}):
                if (found := provider.find_model(name, all_providers=providers)) is not None:
                    yield provider.id, name, found


def _equals(match: MatchLogic) -> Iterator[str]:
    if isinstance(match, ClauseOr):
        for clause in match.or_:
            yield from _equals(clause)
    elif isinstance(match, ClauseEquals):
        yield match.equals


SPELLED = list(spelled())


def test_every_name_that_the_library_spells_out_is_found_in_the_same_entry() -> None:
    """Strictness costs no known model: all but the weights that OpenAI gives away."""
    refused = []
    for provider, name, model in SPELLED:
        found = ESTIMATOR(provider, name, Usage(1, 0), micros(NOON), None)
        if model.get_prices(NOON).input_mtok is None:
            assert found is None
        elif found is None:
            refused.append(name)
        else:
            assert found.reference.endswith(f" {provider}/{model.id}")
    assert refused == ["gpt-oss-120b", "gpt-oss-20b", "gpt-oss-safeguard-20b"]


def test_an_estimate_equals_the_library_to_the_nano_dollar() -> None:
    """On thousands of random usages, models, dates and services, thresholds and hours of the day included."""
    chance = random.Random(20261120)
    compared = 0
    while compared < 8000:
        provider, name, _ = chance.choice(SPELLED)
        usage = _usage(chance)
        at = datetime(2023, 6, 1, tzinfo=UTC) + timedelta(microseconds=chance.randrange(3_500 * 10**12 // 30))
        context = chance.choice([None, None, "batch", "flex", "priority"])
        found = estimate(provider, name, usage, at, context)
        if found is not None:
            assert found.charge.nanos() == nanos(_by_library(provider, name, usage, at, context)), (name, usage, at)
            compared += 1


def _usage(chance: random.Random) -> Usage:
    def part(of: int) -> int:
        return chance.randrange(of + 1) if chance.random() < 0.5 else 0

    inputs = chance.choice([1, 200_000, 200_001, 272_000, 272_001, chance.randrange(400_000), chance.randrange(10**9)])
    outputs = chance.choice([0, chance.randrange(5000), chance.randrange(10**8)])
    written = part(inputs)
    reasoning = part(outputs)
    return Usage(
        inputs,
        outputs,
        part(inputs - written),
        written,
        part(written),
        reasoning,
        part(inputs - written),
        part(outputs - reasoning),
    )


def _by_library(provider: str, model: str, usage: Usage, at: datetime, context: str | None) -> Decimal:
    services = {None: None, "batch": {"processing": "batch"}}
    calculated = calc_price(
        LibraryUsage(
            input_tokens=usage.input,
            output_tokens=usage.output,
            cache_read_tokens=usage.cached,
            cache_write_tokens=usage.cache_write,
            cache_write_1h_tokens=usage.cache_write_1h,
            output_reasoning_tokens=usage.reasoning,
            input_audio_tokens=usage.audio_input,
            output_audio_tokens=usage.audio_output,
            cache_audio_read_tokens=max(0, usage.cached + usage.cache_write + usage.audio_input - usage.input),
        ),
        model,
        provider_id=provider,
        genai_request_timestamp=at,
        price_context=services.get(context, {"service_tier": context or ""}),
    )
    return calculated.total_price
