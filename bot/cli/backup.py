"""`llmcost backup`: a copy of the ledger."""

from pathlib import Path

from bot.cli.outcome import show


def run_backup(file: str) -> None:
    """Copy the ledger to a new file, also while the bot runs, and say how to go back to it."""
    from bot.ledger.store import open_ledger
    from bot.settings import load_settings

    target = Path(file)
    ledger = open_ledger(load_settings().database_url, create=False)
    try:
        size = ledger.back_up(target)
    finally:
        ledger.close()
    show(f"The ledger was copied to {target} ({size:,} bytes). To go back to it, stop llmcost and put it in its place.")
