"""Run `python -m tailrace` as the command line."""

from tailrace.cli import main

main()
