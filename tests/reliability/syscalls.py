"""Kill real runs at each call of theirs that changes a file or sends something, by strace.

python tests/reliability/syscalls.py --every 1
"""

import argparse
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from multiprocessing import Pool

from kills import HERE, KINDS, Case

CALLS = (
    "write,pwrite64,writev,fsync,fdatasync,ftruncate,rename,renameat2,unlink,unlinkat,mkdir,mkdirat,"
    "sendto,sendmsg"
)
"""What changes files, or reaches the service. strace counts them thread by thread."""


def traced(command, last=0):
    """Give a command that dies before its last-th call; of none, if that is 0."""
    inject = ["-e", f"inject={CALLS}:signal=KILL:when={last}"] if last else []
    return ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={CALLS}", *inject, *command]


def possible():
    """Tell whether this system lets a process be traced."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(traced(["true"]), check=False, capture_output=True).returncode == 0


class Death(Case):
    """One sync whose run dies before a certain call, and is then run to its end."""

    count, kills_a_version = 25, 1

    def __init__(self, kind, last):
        super().__init__(last, kind)
        self.last, self.died = last, False

    def __str__(self):
        return f"{self.delivery} {self.mode} at call {self.last}"

    def _run(self, service, version, *, kills, ahead):
        (self.folder / "report").unlink(missing_ok=True)
        arguments = [service.url, self.folder, self.delivery, self.mode, self.count, version, ahead]
        command = [sys.executable, str(HERE / "victim.py"), *map(str, arguments)]
        done = subprocess.run(
            traced(command, self.last) if kills else command,
            check=False,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        if kills and done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL):
            self.kills, self.died = self.kills + 1, True
            return -signal.SIGKILL
        self._sound()
        return done.returncode

    def _sound(self):
        """See that SQLite finds nothing wrong with the ledger."""
        path = self.folder / "state" / "victim" / "ledger.db"
        with closing(sqlite3.connect(path)) as ledger:
            (found,) = ledger.execute("PRAGMA integrity_check").fetchone()
        if found != "ok":
            self.problems.append(f"the ledger is damaged: {found}")


def all_of(work):
    """Let the runs of one kind die at every n-th call, until one comes to its end."""
    kind, every, first = work
    kills, problems, last = 0, [], first
    while True:
        death = Death(kind, last)
        killed, found = death.play()
        kills += killed
        problems += found
        if not death.died or len(problems) > 20:
            return kind, kills, problems
        last += every


def main(arguments=None):
    """Die as often as is asked for, and tell of every violation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1, help="take every n-th call")
    parser.add_argument("--kinds", type=int, default=len(KINDS))
    asked = parser.parse_args(arguments)
    if not possible():
        print("there is no strace, or it may not trace here")
        return 3
    began, kills, violations = time.monotonic(), 0, []
    work = [(kind, asked.every, 1 + at) for at, kind in enumerate(KINDS[: asked.kinds])]
    with Pool() as pool:
        for kind, killed, problems in pool.imap_unordered(all_of, work):
            kills += killed
            violations += problems
            print(f"{killed:6}  {' '.join(kind)}", flush=True)
            for each in problems:
                print("VIOLATION", each, flush=True)
    seconds = time.monotonic() - began
    print(f"{kills} kills, {len(violations)} violations, {seconds:.0f} s")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
