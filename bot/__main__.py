"""`python -m bot` is the command `llmcost`."""


def main() -> None:
    """Run the command line and exit: 0 fine, 1 ran but something failed, 2 usage or settings."""
    from bot.cli.main import app

    app(prog_name="llmcost")


if __name__ == "__main__":
    main()
