"""The command `llmcost` and its subcommands."""

import os
from typing import Annotated

import typer

from bot.cli.outcome import telling

# Our own process must never be traced into the project that it reads, whatever the environment says; LangSmith's
# modules look at these when they are imported.
for _name in ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2"):
    os.environ[_name] = "false"
# Nobody's plug-in looks at our settings, which hold secrets; and looking for one takes a tenth of `llmcost report`.
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        from bot.cli.version import run_version

        with telling():
            run_version()
        raise typer.Exit


@app.callback()
def llmcost(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which llmcost this is.")
    ] = False,
) -> None:
    """Which product feature burns the LLM money: read LangSmith into a ledger, and ask it."""


_VERBOSE = typer.Option("--verbose", "-v", help="Log what is done, and why.")


@app.command()
def report(
    words: Annotated[list[str] | None, typer.Argument(help="What to ask, e.g. `week rag-search by model`.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, with exact costs.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print the rows as CSV, with exact costs.")] = False,
) -> None:
    """Answer from the ledger what one would ask in Slack. `llmcost report help` lists the words."""
    from bot.cli.report import run_report

    with telling():
        run_report(words or [], json=json, csv=csv)


@app.command()
def digest(
    date: Annotated[
        str | None, typer.Option(help="The morning whose digest it is, like `2026-11-01`; else today.")
    ] = None,
    post: Annotated[
        bool, typer.Option("--post", help="Send it to LLMCOST_DIGEST_CHANNEL, once for each morning.")
    ] = False,
) -> None:
    """Print the morning digest: what the days before have cost, and what has changed."""
    from bot.cli.digest import run_digest

    with telling():
        run_digest(date, post=post)


@app.command()
def sync(
    since: Annotated[
        str | None, typer.Option(help="Read (again) from then on: `30d` back, or a date like `2026-11-01`.")
    ] = None,
    verbose: Annotated[bool, _VERBOSE] = False,
) -> None:
    """Read what is new in LangSmith into the ledger. Can be stopped at any moment and goes on where it was."""
    from bot.cli.sync import run_sync

    with telling("Stopped. What was read is kept; the next sync goes on from there."):
        run_sync(since, verbose=verbose)


@app.command()
def budgets(
    words: Annotated[
        list[str] | None,
        typer.Argument(help="A feature; or `check`, to exit with 1 if a budget is at its limit or over it."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, with exact amounts.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print the rows as CSV, with exact amounts.")] = False,
) -> None:
    """Every budget in force: its limit, what is spent of it, and how fast."""
    from bot.cli.budgets import run_budgets

    with telling():
        run_budgets(words or [], json=json, csv=csv)


@app.command()
def deliveries(
    last: Annotated[int, typer.Option(min=1, max=1000, help="How many, the latest first.")] = 20,
) -> None:
    """What was told to whom in Slack, and what is still on its way or reached nobody."""
    from bot.cli.deliveries import run_deliveries

    with telling():
        run_deliveries(last)


@app.command()
def reprice(
    since: Annotated[
        str | None, typer.Option(help="Runs from then on: `30d` back, or a date like `2026-11-01`.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Book it so; without it nothing changes.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last such change back.")] = False,
) -> None:
    """What runs of the past would cost by the prices of now; and book them so."""
    from bot.cli.reprice import run_reprice

    with telling("Stopped. What was booked until now is kept, and --undo takes it back."):
        run_reprice(since, apply=apply, undo=undo)


@app.command()
def reattribute(
    apply: Annotated[bool, typer.Option("--apply", help="Count it so; without it nothing changes.")] = False,
) -> None:
    """What would belong to other features by llmcost.toml as it is now; and count it so."""
    from bot.cli.reprice import run_reattribute

    with telling():
        run_reattribute(apply=apply)


@app.command()
def invoice(
    provider: Annotated[str, typer.Argument(help="As traces name it, e.g. `openai`.")],
    month: Annotated[str, typer.Argument(help="Like `2026-11`.")],
    amount: Annotated[
        str | None, typer.Argument(help="What was billed, in US dollars; without it, what was recorded so far.")
    ] = None,
) -> None:
    """Record what a provider has billed for a month: reports of that month put it beside what is booked."""
    from bot.cli.invoice import run_invoice

    with telling():
        run_invoice(provider, month, amount)


@app.command()
def run() -> None:
    """Answer `/llmcost` in Slack, and read LangSmith beside it, until it is stopped."""
    from bot.cli.run import run_bot

    with telling():
        run_bot()


@app.command()
def init(
    projects: Annotated[
        list[str] | None, typer.Argument(help="Projects to look at, e.g. `acme-prod other-*`; else LANGSMITH_PROJECT.")
    ] = None,
    days: Annotated[int, typer.Option(help="How many days to look back.")] = 7,
    output: Annotated[
        str | None, typer.Option(help="The file to write, `-` to print it; else LLMCOST_CONFIG or llmcost.toml.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write an llmcost.toml to start from: the features found, with rules, budgets and prices to consider."""
    from bot.cli.init import run_init

    with telling("Stopped. Nothing was written."):
        run_init(projects or [], days=days, output=output, force=force)


@app.command()
def doctor(
    test_alert: Annotated[
        bool, typer.Option("--test-alert", help="Send the first admin an alert with real figures, marked as a test.")
    ] = False,
    to: Annotated[str | None, typer.Option(help="Send it to this member (id or email address) instead.")] = None,
) -> None:
    """Check settings, Slack, LangSmith, owners, tags, prices and the ledger; exit with 1 if something is broken."""
    from bot.cli.doctor import run_doctor

    with telling():
        run_doctor(test_alert=test_alert, to=to)


@app.command()
def healthcheck() -> None:
    """Exit with 0 if LangSmith was read to the end lately, for whoever watches the bot."""
    from bot.cli.healthcheck import run_healthcheck

    with telling():
        run_healthcheck()


@app.command()
def backup(
    file: Annotated[str, typer.Argument(help="A new file; one that is there is not overwritten.")],
) -> None:
    """Copy the ledger to a file, also while the bot runs."""
    from bot.cli.backup import run_backup

    with telling():
        run_backup(file)


@app.command()
def purge(
    key: Annotated[str | None, typer.Option(help="A metadata value, like `user_id=42`.")] = None,
    trace: Annotated[str | None, typer.Option(help="A trace, by its id or that of a run.")] = None,
    feature: Annotated[str | None, typer.Option(help="A feature; its figures stay under its name.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else it says what it would do.")] = False,
) -> None:
    """Delete names, tags, threads and metadata values of traces from the ledger; every figure stays."""
    from bot.cli.purge import run_purge

    with telling():
        run_purge(key=key, trace=trace, feature=feature, yes=yes)


@app.command()
def migrate() -> None:
    """Make the ledger, or bring it up to this version. Every other command does so by itself."""
    from bot.cli.migrate import run_migrate

    with telling():
        run_migrate()


@app.command()
def prune(
    keep_runs: Annotated[str, typer.Option(help="Delete the runs that are older than that: `90d`; 62d at least.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many they are.")] = False,
) -> None:
    """Make the ledger smaller: delete old runs, and keep every day's figures. It can run beside the bot."""
    from bot.cli.prune import run_prune

    with telling("Stopped. What was deleted is gone, and every day's figures are kept; it can be run again."):
        run_prune(keep_runs, dry_run=dry_run)


@app.command()
def demo(
    words: Annotated[list[str] | None, typer.Argument(help="Answer this once instead of asking.")] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Only serve the sample traces, for an app of yours.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to serve; 0 takes a free port.")] = 0,
) -> None:
    """Try it without an account: a LangSmith-compatible server on this machine with sample traces, and a prompt."""
    from bot.cli.demo import run_demo

    with telling():
        run_demo(words or [], serve=serve, port=port)
