"""`llmcost doctor`: is everything set up?"""

import typer

from bot.cli.outcome import FAILED, log_to_stderr, show


def run_doctor(*, test_alert: bool, to: str | None) -> None:
    """Print a line for each check; exit with 1 if something is broken. Broken settings are a finding like others."""
    from bot.app.checkup import examine_all
    from bot.app.ledgers import utc_now
    from bot.render.findings import findings_headline, findings_text
    from bot.reports.findings import is_broken
    from bot.settings import Need, examine

    log_to_stderr(verbose=False)
    examined = examine(Need.LANGSMITH, Need.SLACK)
    findings = examine_all(examined, utc_now(), trial=test_alert or to is not None, to=to)
    show(f"{findings_text(findings)}\n\n{findings_headline(findings)}")
    if is_broken(findings):
        raise typer.Exit(FAILED)
