"""Which variables are given: the environment, then `.env`, each under the name that llmcost knows it by."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from dotenv.parser import parse_stream

from bot.settings.explain import nearest, shown

_PREFIX = "LLMCOST_"


class Variable(NamedTuple):
    """A variable under the name by which somebody gave it, and its text: trimmed, never empty."""

    name: str
    text: str

    def defect(self) -> str | None:
        """What no variable's text may have in it or around it: no setting has a use for it."""
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in self.text):
            return "there is a line break, a control character or a byte that is not UTF-8 in it; write it again."
        if len(self.text) > 1 and self.text[0] == self.text[-1] and self.text[0] in "\"'":
            # Read from .env these have been taken off. Docker's --env-file and systemd leave on what they do not know,
            # and keys would name no feature, silently.
            return "there are quotes around it, and nothing takes them off; write it without."
        if re.search(r"\s#", self.text):
            return "there is a comment behind it, and nothing takes it off; give the # a line of its own."
        return None


class Given(NamedTuple):
    """The known variables that are given, by their first name; misspelt names and broken lines of the file."""

    variables: dict[str, Variable]
    problems: list[str]


def given_variables(
    environ: Mapping[str, str], env_file: Path, known: Sequence[str], second_names: Mapping[str, str]
) -> Given:
    """The environment laid over the file. An empty text is no text: it hides nothing below it."""
    in_file, problems = _read_env_file(env_file)
    texts: dict[str, str] = {}
    for source, where in ((in_file, f" in {env_file.name}"), (environ, "")):
        stated = {name: text.strip() for name, text in source.items() if text.strip()}
        problems += [
            f"{_printable(name)}{where} is no setting of llmcost; {_hint(name, known)}"
            for name in stated
            if name.upper().startswith(_PREFIX) and name not in known
        ]
        texts |= stated
    variables: dict[str, Variable] = {}
    for name in known:
        for spelling in (name, second_names.get(name, name)):
            if spelling in texts:
                variables[name] = Variable(spelling, texts[spelling])
                break
    return Given(variables, problems)


def _read_env_file(path: Path) -> tuple[dict[str, str], list[str]]:
    """The file's variables and its broken lines; nothing where it is no file (a virtual environment may be so named).

    `${…}` stays as it is written: a token may contain it.
    """
    try:
        text = path.read_bytes().decode()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return {}, []
    except OSError as error:
        return {}, [f"{path.name} cannot be read: {error.strerror}."]
    except UnicodeDecodeError:
        return {}, [f"{path.name} is not UTF-8 text; save it as UTF-8."]
    lines = list(parse_stream(StringIO(text)))
    return (
        {line.key: line.value for line in lines if line.key is not None and line.value is not None},
        [f"{path.name} line {line.original.line} is not NAME=value." for line in lines if line.error],
    )


def _hint(name: str, known: Sequence[str]) -> str:
    """Compared without the prefix: what all names have in common tells nothing, and some names have it not."""
    bare = {variable.removeprefix(_PREFIX): variable for variable in known}
    near = nearest(name[len(_PREFIX) :], bare)
    return f"did you mean {bare[near[0]]}?" if near else f"known are {', '.join(known)}."


def _printable(name: str) -> str:
    return name if name.isidentifier() else shown(name)
