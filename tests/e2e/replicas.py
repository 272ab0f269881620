"""`llmcost run` as a process that says where it listens."""

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.commands import start
from tests.e2e.conversation import Talk

SECONDS = 60.0

_SLACK = re.compile(r"Slack is expected at port (\d+)")
_WATCHING = re.compile(r"metrics and readiness are served at port (\d+)")
_READY = "llmcost is ready"
_ON_DUTY = "this process is on duty"


class Replica:
    """One of several processes. Ports are 0 where it does not listen."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.log: list[str] = []
        self._has_ended = False
        self._said = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="replica's log")
        self._reader.start()

    @property
    def slack_port(self) -> int:
        """Where it takes Slack's requests."""
        return self._found(_SLACK)

    @property
    def watch_port(self) -> int:
        """Where `/metrics` and `/readyz` are."""
        return self._found(_WATCHING)

    @property
    def is_on_duty(self) -> bool:
        """Whether it has taken the jobs."""
        return self._says(_ON_DUTY)

    def wait_log(self, words: str, seconds: float = SECONDS) -> None:
        """Until the log says so."""
        with self._said:
            assert self._said.wait_for(lambda: self._has_ended or self._says(words), seconds), self.log
            assert self._says(words), self.log

    def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        self.process.wait(SECONDS)
        self._reader.join(SECONDS)

    def _says(self, words: str) -> bool:
        return any(words in line for line in self.log)

    def _found(self, pattern: "re.Pattern[str]") -> int:
        return next((int(found[1]) for line in self.log if (found := pattern.search(line))), 0)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._said:
                self.log.append(line)
                self._said.notify_all()
        with self._said:
            self._has_ended = True
            self._said.notify_all()


@contextmanager
def replicas(talk: Talk, number: int, **more: str) -> Iterator[list[Replica]]:
    """So many `llmcost run` with the same settings, each ready."""
    with ExitStack() as ends:
        made = []
        for _ in range(number):
            replica = Replica(ends.enter_context(start(talk.folder, "run", more={**talk.environ, **more})))
            ends.callback(replica.kill)
            made.append(replica)
        for replica in made:
            replica.wait_log(_READY)
        yield made


def samples(page: str) -> dict[str, float]:
    """Every sample of a `/metrics` page by its name and the values of its labels."""
    return {
        sample.name + "".join(sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
