"""What Ctrl-C and SIGTERM do while a command works."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

_SHOW_CURSOR = b"\x1b[?25h"


@contextmanager
def stopping(steps: Mapping[str, threading.Event]) -> Iterator[None]:
    """Turn each signal into the next request, by what it is called; the one after them ends the process."""
    before = {int(each): signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, _: FrameType | None) -> None:
        for told, asked in steps.items():
            if not asked.is_set():
                asked.set()
                print(f"stopping: {told}", file=sys.stderr, flush=True)
                return
        if sys.stderr.isatty():
            os.write(2, _SHOW_CURSOR)
        os._exit(128 + number)

    try:
        for number in before:
            signal.signal(number, ask)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
