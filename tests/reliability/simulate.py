"""Play many lives of one sync, each told by its seed.

    python tests/reliability/simulate.py --seeds 20000 --steps 200
    python tests/reliability/simulate.py --seeds 1 --steps 200 --seed 4711

The second form plays one life again and makes it as short as it can.
"""

import argparse
import os
import sys
import time
import traceback
from functools import partial
from itertools import count, islice
from multiprocessing import Pool

from simulation import play
from worlds import Kind, life


def outcome(seed, steps):
    """Give what a life has violated, be it a bug of the simulation."""
    try:
        return play(seed, steps)
    except Exception:
        return [traceback.format_exc(limit=-3)]


def played(length, seed):
    """Play the life of a seed; give both."""
    return seed, outcome(seed, life(seed, length))


def shortened(seed, steps):
    """Leave steps out for as long as something is violated."""
    for size in (16, 8, 4, 2, 1, 1):
        at = 0
        while at < len(steps):
            shorter = steps[:at] + steps[at + size :]
            if outcome(seed, shorter):
                steps = shorter
            else:
                at += size
    return steps


def main(arguments=None):
    """Play as many lives as are asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--only", default="", help="lives of worlds whose name has this")
    parser.add_argument("--first", action="store_true", help="end with the first violation")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    asked = parser.parse_args(arguments)
    began, violations = time.monotonic(), []
    known = (seed for seed in count(asked.seed) if asked.only in str(Kind.of(seed)))
    seeds = list(islice(known, asked.seeds))
    with Pool(asked.processes, maxtasksperchild=100) as pool:
        for seed, found in pool.imap_unordered(partial(played, asked.steps), seeds):
            if found:
                violations.append(seed)
                print(f"seed {seed}: {Kind.of(seed)}", *found[:5], sep="\n  ", flush=True)
                if asked.first:
                    break
    if violations and asked.seeds == 1:
        print(*shortened(asked.seed, life(asked.seed, asked.steps)), sep="\n")
    seconds = time.monotonic() - began
    print(
        f"{asked.seeds} seeds x {asked.steps} steps, {len(violations)} violations, {seconds:.0f} s"
    )
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
