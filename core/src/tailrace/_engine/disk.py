"""Disk: files that only this user can read, that last, and that are known again."""

import os
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, cast

from tailrace.errors import StateError


def create(path: Path) -> BinaryIO:
    """Open a new file that no other user can read."""
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    return cast("BinaryIO", os.fdopen(os.open(path, flags, 0o600), "wb+"))


def appended(path: Path) -> BinaryIO:
    """Open a file to write at its end; it is made, for this user alone, if it is not there."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    return cast("BinaryIO", os.fdopen(os.open(path, flags, 0o600), "ab"))


def digest_of(path: Path) -> tuple[str, int]:
    """Give a file's digest and its length in bytes."""
    digest = blake2b(digest_size=16)
    size = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder that only this user can look into, and the ones above it."""
    if folder.exists():
        return
    if not folder.parent.exists():
        make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def unwritable(folder: Path, error: OSError) -> StateError:
    """Say that a state folder cannot be written, and what to do."""
    return StateError(
        f"the state in {folder} cannot be written ({error.strerror or error}): see to space and"
        " permissions, then run again; it goes on where it stopped"
    )
