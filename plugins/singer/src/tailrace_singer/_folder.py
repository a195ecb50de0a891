"""A folder for the time of a run, that also goes when the process was killed: by the next one."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "tailrace-singer"
_LOCK = "lock"


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder that only its owner may enter, and remove what killed processes have left."""
    _sweep(Path(tempfile.gettempdir()))
    made = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}."))
    try:
        with (made / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # From here on it may be swept, as soon as nobody holds its lock.
            made = made.rename(made.with_name(made.name.replace(".", "-", 1)))
            yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _sweep(place: Path) -> None:
    for left in place.glob(f"{_PREFIX}-*"):
        # A folder of somebody else, or one that is just being removed, is none of ours.
        with suppress(OSError), (left / _LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
