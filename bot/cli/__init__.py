"""The command line: one module a command, registered in `main`. Exit codes: 0 fine, 1 ran but something failed, 2 usage
or settings."""
