"""`python -m tests.simulation.trace [--replicas STEPS] SEED`: all that came of one story, a line for each thing.

The same seed gives the same lines, in another process too: what was seen once can be looked into.
"""

import argparse
import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bot.ledger.deliveries import Kind
from tests.ledgers import emptied, new_ledger
from tests.simulation.replicas import Replicas
from tests.simulation.stories import STEPS
from tests.simulation.town import Town
from tests.unit.zones import NASTY

# The time zones of the stories of replicas.
ZONES = ("Europe/Berlin", "America/St_Johns", "Pacific/Chatham")


def trace(town: Town) -> list[str]:
    """What was decided, what became of each delivery, what Slack was asked and said, where the process died, and the
    dice at the end: another way of the story would have thrown them more or less often."""
    return [f"{_at(at)} {what}" for at, what in sorted(_happened(town))] + [
        *(f"{times} times {method}" for method, times in sorted(town.slack.calls.items())),
        *(f"{times} times {method}: {fault}" for (method, fault), times in sorted(town.slack.faults.items(), key=str)),
        *(f"{times} deaths {where}" for where, times in sorted(town.crashes.items()) if times),
        f"the dice: {town.luck.random()}",
    ]


def _happened(town: Town) -> Iterator[tuple[datetime, str]]:
    for tick in town.ticks:
        yield tick, "a tick went through"
    for kind in Kind:
        for event in town.outbox.recent_events(kind, town.began):
            by = f", superseded by {event.superseded_by}" if event.superseded_by else ""
            seen = f", acknowledged {_at(event.acknowledged_at)}" if event.acknowledged_at else ""
            yield event.created, f"{kind} {event.key} is decided{by}{seen}"
    for one in town.outbox.latest(10_000):
        begun = f", maybe there since {_at(one.unconfirmed_since)}" if one.unconfirmed_since else ""
        sent = f", sent {_at(one.sent_at)} as {one.ts}" if one.sent_at else ""
        why = f" ({one.problem})" if one.problem else ""
        how = f"{one.state} after {one.tries} tries{begun}{sent}{why}"
        yield one.created, f"delivery {one.id} to {one.recipient} as {one.role} about {', '.join(one.events)}: {how}"
    for message in town.slack.messages:
        said = " | ".join(version["text"].partition("\n")[0] for version in message.versions)
        yield message.at, f"{message.key} stands in {message.place} as {message.ts}: {said}"


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%m-%d %H:%M:%S}"


def main() -> None:
    """Tell one story and print it; whether it broke a law is for others to say."""
    arguments = argparse.ArgumentParser(prog="python -m tests.simulation.trace", description=__doc__)
    arguments.add_argument("seed", type=int)
    arguments.add_argument("--replicas", type=int, metavar="STEPS", help="several processes, for so many steps")
    asked = arguments.parse_args()
    logging.disable()
    with tempfile.TemporaryDirectory() as folder, closing(new_ledger()) as ledger:
        town: Town
        if asked.replicas is not None:
            town = Replicas(emptied(ledger), asked.seed, Path(folder), ZONES)
            town.run(asked.replicas)
        else:
            town = Town(emptied(ledger), asked.seed, Path(folder), NASTY)
            town.run(STEPS)
        sys.stdout.writelines(f"{line}\n" for line in trace(town))


if __name__ == "__main__":
    main()
