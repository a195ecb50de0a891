"""`tailrace completion`."""

import click

_LINES = {
    "bash": 'eval "$(_TAILRACE_COMPLETE=bash_source tailrace)"',
    "zsh": 'eval "$(_TAILRACE_COMPLETE=zsh_source tailrace)"',
    "fish": "_TAILRACE_COMPLETE=fish_source tailrace | source",
}


@click.command()
@click.argument("shell", type=click.Choice(sorted(_LINES)))
def completion(shell: str) -> None:
    """Print the line that switches tab completion on; add it to your SHELL's start-up file."""
    print(_LINES[shell])
