"""The wheel builds, installs, and gives the command; what it needs at run time is inside."""

import os
import subprocess
import sys
from pathlib import Path

from bot.ledger.migrate import HEAD

ROOT = Path(__file__).parents[2]


def test_the_wheel_builds_installs_and_gives_the_command(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("llmcost-*.whl")
    target = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    environ = os.environ | {"PYTHONPATH": str(target), "DATABASE_URL": f"sqlite:///{tmp_path}/new.db"}

    def run(*command: str) -> str:
        ended = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path, env=environ)
        return ended.stdout

    command = str(target / "bin" / "llmcost")
    assert "report" in run(command, "--help")
    # The migrations are files of the package, not modules that anything imports.
    assert f"schema {HEAD}" in run(command, "migrate")
    assert run(sys.executable, "-m", "bot", "migrate").startswith("The ledger is up to date")
    assert not list(target.glob("tests*"))
