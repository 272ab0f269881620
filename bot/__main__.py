"""`python -m bot` is the command `llmcost`."""

import gc

# Several pages of LangSmith's, and all that a question from the command line takes.
_COLLECT_AFTER = 200_000


def main() -> None:
    """Run the command line and exit: 0 fine, 1 ran but something failed, 2 usage or settings."""
    collect_seldom()
    from bot.cli.main import app

    app(prog_name="llmcost")


def collect_seldom() -> None:
    """Let Python look for garbage every 200,000 objects instead of every 700.

    What is imported stays, and what a page of runs is read into goes without being looked for. The collector would walk
    through both, for a tenth of the time of `llmcost report` and a fifth of that of a first sync.
    """
    gc.set_threshold(_COLLECT_AFTER)


if __name__ == "__main__":
    main()
