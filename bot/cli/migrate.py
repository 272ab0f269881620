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
    show(f"The ledger is up to date (schema {HEAD})." if before is None else f"From {before} to schema {HEAD}.")
