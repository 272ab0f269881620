"""Procfile, requirements.txt, Dockerfile and the systemd unit name what is there. No test builds the image or starts
the unit: what they say is held to the code instead."""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from configparser import ConfigParser
from importlib.metadata import requires
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from typer.main import get_command

from bot.cli.main import app
from bot.settings import Settings
from bot.settings.environment import variable_names

ROOT = Path(__file__).parents[2]
README = " ".join((ROOT / "README.md").read_text().split())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SUBCOMMANDS = set(get_command(app).commands)  # type: ignore[attr-defined] # it is a group


def lines(name: str) -> list[str]:
    """What a paper says, without comments."""
    return [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]


def test_a_platform_starts_the_bot_as_a_worker_or_for_the_web() -> None:
    assert lines("Procfile") == ["worker: llmcost run", "web: llmcost run"]


def test_the_readme_says_which_of_them_to_scale_and_that_the_disk_forgets() -> None:
    assert "scale *either* `worker` (Socket Mode) *or* `web` (HTTP) to 1." in README
    assert "The disk of such platforms forgets at every restart" in README
    assert "put `DATABASE_URL` on a disk that stays, or into PostgreSQL" in README


# --- requirements.txt


def test_a_platform_installs_the_project_itself_by_the_pinned_versions() -> None:
    assert lines("requirements.txt") == ["--constraint constraints.txt", ".[postgres]"]
    assert "postgres" in PROJECT["optional-dependencies"]


def installed_with(requirements: Iterable[str]) -> Iterator[Requirement]:
    """These requirements, theirs, and so on."""
    todo, seen = [Requirement(one) for one in requirements], set()
    while todo:
        one = todo.pop()
        if str(one) in seen:
            continue
        seen.add(str(one))
        yield one
        todo += (below for below in map(Requirement, requires(one.name) or ()) if is_wanted(below, one.extras))


def is_wanted(requirement: Requirement, extras: Iterable[str]) -> bool:
    """Here, with these extras of whoever requires it."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def test_whatever_is_installed_is_pinned_the_extra_too() -> None:
    pinned = dict(line.split("==") for line in lines("constraints.txt"))
    pins = {canonicalize_name(name): version for name, version in pinned.items()}
    found = list(installed_with([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["postgres"]]))
    assert {"psycopg", "psycopg-binary", "slack-sdk", "mako"} <= {canonicalize_name(one.name) for one in found}
    unpinned = [str(one) for one in found if canonicalize_name(one.name) not in pins]
    assert unpinned == []
    unfit = [str(one) for one in found if not one.specifier.contains(pins[canonicalize_name(one.name)])]
    assert unfit == []


# --- Dockerfile


class Step(NamedTuple):
    """An instruction, and what it says."""

    does: str
    what: str


def steps() -> list[Step]:
    text = "\n".join(lines("Dockerfile")).replace("\\\n", " ")
    return [Step(*line.split(maxsplit=1)) for line in text.splitlines()]


def said(does: str) -> list[str]:
    return [step.what for step in steps() if step.does == does]


def test_the_image_has_a_python_that_fits() -> None:
    (base,) = said("FROM")
    found = re.fullmatch(r"python:(3\.\d+)-slim", base)
    assert found is not None
    assert SpecifierSet(PROJECT["requires-python"]).contains(found[1])


def test_the_image_is_made_of_what_is_there_and_of_all_that_the_project_needs() -> None:
    copied = [name for what in said("COPY") for name in what.split()[:-1]]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    installed = next(what for what in said("RUN") if "pip install" in what)
    assert "--requirement requirements.txt" in installed
    constraints = [line.removeprefix("--constraint ") for line in lines("requirements.txt") if line.startswith("--")]
    needed = {"requirements.txt", *constraints, "pyproject.toml", PROJECT["readme"], *PROJECT["license-files"], "bot"}
    assert set(copied) == needed


def test_the_container_is_not_roots() -> None:
    (user,) = said("USER")
    assert user.isdecimal()
    assert int(user) > 0
    assert any(f"useradd --system --uid {user} " in what for what in said("RUN"))
    order = [step.does for step in steps()]
    last_run = len(order) - order[::-1].index("RUN") - 1
    assert last_run < order.index("USER") < order.index("CMD")


def test_the_container_keeps_its_ledger_in_its_one_volume() -> None:
    (volume,) = said("VOLUME")
    (environment,) = said("ENV")
    values = dict(pair.split("=", 1) for pair in environment.split())
    assert values["DATABASE_URL"] == f"sqlite:///{volume}/llmcost.db"
    assert {name for name in values if not name.startswith("PYTHON")} <= set(variable_names())
    assert f"--mode=0700 {volume}" in " ".join(said("RUN"))
    assert "a container with one volume" in README


def test_the_container_runs_the_bot_and_asks_it_how_it_is() -> None:
    (command,) = said("CMD")
    (health,) = said("HEALTHCHECK")
    program, subcommand = json.loads(command)
    assert (program in PROJECT["scripts"], subcommand) == (True, "run")
    program, subcommand = json.loads(health.partition(" CMD ")[2])
    assert (program in PROJECT["scripts"], subcommand) == (True, "healthcheck")
    assert {"run", "healthcheck"} <= SUBCOMMANDS
    assert said("EXPOSE") == [Settings.model_fields["port"].default]


# --- The systemd unit


@pytest.fixture(scope="module")
def unit() -> ConfigParser:
    parser = ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # as its documentation says
    parser.read(ROOT / "deploy" / "llmcost.service")
    return parser


def test_the_unit_starts_the_bot_from_where_its_comment_installs_it(unit: ConfigParser) -> None:
    program, subcommand = unit["Service"]["ExecStart"].split()
    path = Path(program)
    assert path.name in PROJECT["scripts"]
    assert (subcommand, subcommand in SUBCOMMANDS) == ("run", True)
    comment = (ROOT / "deploy" / "llmcost.service").read_text()
    assert f"{path.with_name('pip')} install -r requirements.txt" in comment
    assert f".env {unit['Service']['EnvironmentFile']}\n" in comment


def test_the_unit_is_not_roots(unit: ConfigParser) -> None:
    user = unit["Service"]["User"]
    assert user not in ("root", "0")
    comment = (ROOT / "deploy" / "llmcost.service").read_text()
    assert re.search(rf"useradd --system .* {user}\n", comment)
    assert unit["Service"]["NoNewPrivileges"] == "yes"


def test_the_unit_keeps_its_ledger_where_it_may_write(unit: ConfigParser) -> None:
    service = unit["Service"]
    name, _, value = service["Environment"].partition("=")
    assert name in variable_names()
    assert value == f"sqlite:////var/lib/{service['StateDirectory']}/llmcost.db"
    assert service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"
    assert service["StateDirectoryMode"] == "0700"


def test_the_unit_gives_it_the_time_to_end_that_the_readme_promises(unit: ConfigParser) -> None:
    assert "SIGTERM ends it within ten seconds" in README
    assert int(unit["Service"]["TimeoutStopSec"]) > 10


@pytest.mark.parametrize("name", ["Dockerfile", "deploy/llmcost.service"])
def test_what_was_never_tried_says_so_and_who_holds_it(name: str) -> None:
    first = (ROOT / name).read_text().splitlines()[:8]
    assert [line for line in first if "no test" in line.lower() and Path(__file__).name in line]
