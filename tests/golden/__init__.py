"""Files with what people see. A test that finds another text fails; UPDATE_GOLDEN=1 takes it over."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent


def check(name: str, text: str) -> None:
    """Compare `text` with the file `name`."""
    path = FOLDER / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path.name} is not there; UPDATE_GOLDEN=1 makes it"
    assert text == path.read_text(encoding="utf-8"), f"{name} reads otherwise now; UPDATE_GOLDEN=1 takes it over"
