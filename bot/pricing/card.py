"""The arithmetic of a price: whole tokens times whole rates, exact until it is rounded once to nano-dollars."""

from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import NamedTuple, Self

from bot.domain.usage import Usage

# One US dollar per million tokens is a thousand nano-dollars per token.
_NANOS_PER_RATE = 1000


class Charge(NamedTuple):
    """An exact amount: `units / per_nano` nano-dollars."""

    units: int
    per_nano: int = 1

    def less(self, percent: Decimal) -> "Charge":
        """What is left after `percent` is taken off, still exact."""
        kept, of = (1 - Fraction(percent) / 100).as_integer_ratio()
        return Charge(self.units * kept, self.per_nano * of)

    def nanos(self) -> int:
        """In whole nano-dollars, rounded half-even."""
        whole, rest = divmod(self.units, self.per_nano)
        twice = 2 * rest
        return whole + (twice > self.per_nano or (twice == self.per_nano and whole % 2 == 1))


class Card(NamedTuple):
    """What one token of each kind costs, in `1 / per_nano` nano-dollars; `request` comes on top, once a run.

    `cached_audio` is for cached tokens that must be audio because there are not enough others.
    """

    per_nano: int
    input: int
    output: int
    cached: int
    cache_write: int
    cache_write_1h: int
    reasoning: int
    audio_input: int
    cached_audio: int
    audio_output: int
    request: int = 0

    @classmethod
    def of(
        cls,
        *,
        input: Decimal,  # noqa: A002 - the word of Usage and Rates
        output: Decimal,
        cached: Decimal | None = None,
        cache_write: Decimal | None = None,
        cache_write_1h: Decimal | None = None,
        reasoning: Decimal | None = None,
        audio_input: Decimal | None = None,
        cached_audio: Decimal | None = None,
        audio_output: Decimal | None = None,
        request: Decimal | None = None,
    ) -> Self:
        """The card of these rates, in US dollars per million tokens (`request`: per million requests).

        A kind without a rate is charged like the kind that it is a part of: the 1 h cache write like the other writes,
        cached audio like cached tokens, and these like input; reasoning and audio output like output.
        """
        write = input if cache_write is None else cache_write
        hit = input if cached is None else cached
        sound = input if audio_input is None else audio_input
        rates = (
            input,
            output,
            hit,
            write,
            write if cache_write_1h is None else cache_write_1h,
            output if reasoning is None else reasoning,
            sound,
            (sound if cached is None else hit) if cached_audio is None else cached_audio,
            output if audio_output is None else audio_output,
            Decimal(0) if request is None else request,
        )
        exact = [Fraction(rate) * _NANOS_PER_RATE for rate in rates]
        per_nano = lcm(*(rate.denominator for rate in exact))
        return cls(per_nano, *(int(rate * per_nano) for rate in exact))

    def charge(self, usage: Usage) -> Charge:
        """What `usage` costs. Raises ValueError if its parts do not fit into it."""
        inputs, outputs, cached, written, written_1h, reasoning, audio_in, audio_out = usage
        units = inputs * self.input + outputs * self.output + self.request
        if cached or written or written_1h or audio_in or reasoning or audio_out:
            _check(usage)
            # Nobody says how much of the audio was cached: as little as the counts allow.
            audio_cached = max(0, min(cached, audio_in, cached + written + audio_in - inputs))
            audio_fresh = min(audio_in - audio_cached, inputs - cached - written)
            audio_out = min(audio_out, outputs - reasoning)
            units += (
                (cached - audio_cached) * (self.cached - self.input)
                + audio_cached * (self.cached_audio - self.input)
                + audio_fresh * (self.audio_input - self.input)
                + (written - written_1h) * (self.cache_write - self.input)
                + written_1h * (self.cache_write_1h - self.input)
                + reasoning * (self.reasoning - self.output)
                + audio_out * (self.audio_output - self.output)
            )
        elif inputs < 0 or outputs < 0:
            _check(usage)
        return Charge(units, self.per_nano)


def _check(usage: Usage) -> None:
    if (
        min(usage) < 0
        or usage.cached + usage.cache_write > usage.input
        or usage.cache_write_1h > usage.cache_write
        or usage.audio_input > usage.input
        or max(usage.reasoning, usage.audio_output) > usage.output
    ):
        raise ValueError(f"{usage} is impossible: the parts do not fit into the whole")
