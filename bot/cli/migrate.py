"""`llmcost migrate`: the ledger's schema."""

from bot.cli.outcome import show


def run_migrate() -> None:
    """Make the ledger or bring it up to date, and say which."""
    from bot.ledger.engine import open_engine
    from bot.ledger.migrate import HEAD, migrate
    from bot.settings import load_settings

    engine = open_engine(load_settings().database_url, create=True)
    try:
        before = migrate(engine)
    finally:
        engine.dispose()
    if before is None:
        show(f"The ledger is up to date (schema {HEAD}).")
    else:
        show(f"The ledger was made (schema {HEAD})." if before == "nothing" else f"From schema {before} to {HEAD}.")
