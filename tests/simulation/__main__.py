"""`make simulate`: many stories on all cores, and how often each crash point and each fault was hit in them."""

import argparse
import logging
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.simulation.points import CRASH_POINTS, TROUBLES
from tests.simulation.stories import Hit, tell

STORIES = 10_000
CHUNK = 50
# What was hit less often in so many stories was not tried.
LEAST = 100


def main() -> int:
    """The exit code: 1 if a story broke a law, if something was hit too seldom, or if the list of points lacks one."""
    arguments = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    arguments.add_argument("--stories", type=int, default=STORIES)
    arguments.add_argument("--first", type=int, default=0, help="the seed of the first one")
    asked = arguments.parse_args()
    seeds = range(asked.first, asked.first + asked.stories)
    hit, broken = Hit(), 0
    with ProcessPoolExecutor(initializer=logging.disable) as pool:
        chunks = [pool.submit(tell, seeds[place : place + CHUNK]) for place in range(0, len(seeds), CHUNK)]
        for number, chunk in enumerate(as_completed(chunks), 1):
            if error := chunk.exception():
                broken += 1
                sys.stderr.write(f"{type(error).__name__} {error} {' '.join(getattr(error, '__notes__', ()))}\n")
            else:
                told = chunk.result()
                broken += bool(told.broken)
                sys.stderr.writelines(f"{law}\n" for law in told.broken)
                hit.add(told)
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{number} of {len(chunks)} chunks")
    sys.stdout.write(f"{asked.stories:,} stories, {broken} of {len(chunks)} chunks with one that broke a law\n")
    for name, found in (("the process died", hit.crashes), ("Slack", hit.faults)):
        sys.stdout.write(f"\n{name}:\n")
        for what, times in sorted(found.items(), key=lambda item: (item[1], item[0])):
            sys.stdout.write(f"{times:9,}  {what}\n")
    least = LEAST * asked.stories // STORIES
    seldom = [what for what in (*CRASH_POINTS, *TROUBLES) if (hit.crashes | hit.faults)[what] <= least]
    if seldom:
        sys.stderr.write(f"\nHit {least} times or less: {', '.join(sorted(seldom))}.\n")
    unlisted = hit.crashes.keys() - set(CRASH_POINTS)
    if unlisted:
        sys.stderr.write(f"\nNot in the list of points: {', '.join(sorted(unlisted))}.\n")
    return 1 if broken or seldom or unlisted else 0


if __name__ == "__main__":
    sys.exit(main())
