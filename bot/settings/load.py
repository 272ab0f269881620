"""Reads the variables and llmcost.toml, and reports every problem at once."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from bot.errors import SettingsError
from bot.settings.catalog_file import Config, read_config
from bot.settings.environment import SECOND_NAMES, Settings, variable_names
from bot.settings.explain import shown
from bot.settings.needs import Need, unmet
from bot.settings.variables import given_variables


def load(
    *needs: Need, environ: Mapping[str, str] | None = None, directory: Path | None = None
) -> tuple[Settings, Config]:
    """The settings and what llmcost.toml says; parameters as for `load_settings`.

    Raises SettingsError with the problems of both.
    """
    settings, wrong, problems = _read(needs, environ, directory)
    try:
        # Where LLMCOST_DIMENSIONS itself is wrong, nobody can tell which of the file's dimensions are.
        config = _config(settings, directory, None if "LLMCOST_DIMENSIONS" in wrong else settings.dimensions)
    except SettingsError as error:
        raise SettingsError([*problems, *error.problems]) from None
    if problems:
        raise SettingsError(problems)
    return settings, config


def load_settings(*needs: Need, environ: Mapping[str, str] | None = None, directory: Path | None = None) -> Settings:
    """The settings from `environ` (the process's own if None) over `.env` in `directory` (the working directory).

    `needs` is whom the command talks to: what it cannot do without must be given then. Raises SettingsError with
    every problem.
    """
    settings, _, problems = _read(needs, environ, directory)
    if problems:
        raise SettingsError(problems)
    return settings


def load_config(settings: Settings, *, directory: Path | None = None) -> Config:
    """What llmcost.toml says now: nothing if it is not there, unless somebody named it.

    A relative name is looked up in `directory` (the working directory). Raises SettingsError with every problem.
    """
    return _config(settings, directory, settings.dimensions)


class Examined(NamedTuple):
    """What could be read of the settings, and everything that is wrong with the rest."""

    settings: Settings
    config: Config
    problems: tuple[str, ...]


def examine(*needs: Need, environ: Mapping[str, str] | None = None, directory: Path | None = None) -> Examined:
    """As `load`, for whoever wants to go on in spite of problems: what is wrong is as if it were not set."""
    settings, wrong, problems = _read(needs, environ, directory)
    try:
        config = _config(settings, directory, None if "LLMCOST_DIMENSIONS" in wrong else settings.dimensions)
    except SettingsError as error:
        return Examined(settings, Config(), (*problems, *error.problems))
    return Examined(settings, config, tuple(problems))


class _Read(NamedTuple):
    settings: Settings  # without the variables that are wrong
    wrong: Collection[str]
    problems: list[str]


def _read(needs: Collection[Need], environ: Mapping[str, str] | None, directory: Path | None) -> _Read:
    given, problems = given_variables(
        os.environ if environ is None else environ, (directory or Path()) / ".env", variable_names(), SECOND_NAMES
    )
    wrong = {name: sentence for name, variable in given.items() if (sentence := variable.defect())}
    texts: dict[str, str] = {name: variable.text for name, variable in given.items() if name not in wrong}
    try:
        settings = Settings.model_validate(texts)
    except ValidationError as error:
        wrong |= {str(each["loc"][0]): str(each["ctx"]["error"]) for each in error.errors()}
        settings = Settings.model_validate({name: text for name, text in texts.items() if name not in wrong})
    return _Read(
        settings,
        wrong,
        [
            *unmet(needs, given),
            *(f"{given[name].name}: {sentence}" for name, sentence in wrong.items()),
            *problems,
        ],
    )


def read_file(settings: Settings, *, directory: Path | None = None) -> bytes | None:
    """The content of llmcost.toml; None if it is not there and nobody has named it. Raises SettingsError."""
    name = settings.config_file
    try:
        return ((directory or Path()) / name).read_bytes()
    except FileNotFoundError:
        if "config_file" not in settings.model_fields_set:
            return None
        raise SettingsError(
            [f"LLMCOST_CONFIG: {shown(str(name))} is not there; correct the name or unset it."]
        ) from None
    except OSError as error:
        raise SettingsError([f"{shown(str(name))} cannot be read: {error.strerror}."]) from None


def understand(settings: Settings, content: bytes | None) -> Config:
    """What such a content of llmcost.toml says. Raises SettingsError with every problem."""
    return _understand(settings, content, settings.dimensions)


def _config(settings: Settings, directory: Path | None, dimensions: Collection[str] | None) -> Config:
    return _understand(settings, read_file(settings, directory=directory), dimensions)


def _understand(settings: Settings, content: bytes | None, dimensions: Collection[str] | None) -> Config:
    if content is None:
        return Config()
    name = settings.config_file
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError([f"{shown(str(name))} is not UTF-8 text; save it as UTF-8."]) from None
    return read_config(text, name.name, dimensions)
