"""Start a command and tell, as JSON, how it ended and what it took: `launch.py BOUND ERRORS COMMAND`.

A process of its own because a child's peak memory is at least that of the process it was spawned
from, and this one is smaller than any interpreter that imports something.
"""

import os
import signal
import sys
import time

bound, errors, *command = sys.argv[1:]
file = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
late = []
began = time.perf_counter()
child = os.posix_spawn(
    command[0],
    command,
    os.environ,
    file_actions=[(os.POSIX_SPAWN_DUP2, file, 1), (os.POSIX_SPAWN_DUP2, file, 2)],
    setpgroup=0,
)


def kill(*_):
    late.append(True)
    os.killpg(child, signal.SIGKILL)


for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
    signal.signal(number, kill)
signal.setitimer(signal.ITIMER_REAL, float(bound))
_, status, used = os.wait4(child, 0)
wall = time.perf_counter() - began
ended = "null" if late else os.waitstatus_to_exitcode(status)
cpu = used.ru_utime + used.ru_stime
print(f'{{"ended": {ended}, "wall": {wall}, "cpu": {cpu}, "peak": {used.ru_maxrss}}}')
