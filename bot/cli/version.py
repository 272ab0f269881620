"""`llmcost --version`."""

from importlib.metadata import PackageNotFoundError, version

from bot.cli.outcome import show


def run_version() -> None:
    """Say which llmcost this is, and what decides what it says: its ledger's schema, and whose list prices it knows."""
    from bot.ledger.migrate import HEAD
    from bot.pricing.estimate import library_version

    try:
        ours = version("llmcost")
    except PackageNotFoundError:  # `python -m bot` in a folder that nobody has installed
        ours = "as it stands here"
    show(f"llmcost {ours} (ledger schema {HEAD}, genai-prices {library_version()})")
