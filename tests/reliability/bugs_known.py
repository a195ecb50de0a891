"""The bugs: what each changes of the engine, and which part of the programme is to find it."""

import attrs


@attrs.frozen
class Bug:
    """Name a bug, its edits (file, old, new) and who finds it; `fast` tells that it takes seconds."""

    name: str
    edits: tuple
    by: str
    fast: bool = True


def lives(only, seeds=24):
    """Have lives of some worlds played."""
    arguments = ("--first", "--processes", "2", "--steps", "30", "--seeds", str(seeds))
    return "|".join(("simulate.py", *arguments, "--only", only))


def points(only, every=7):
    """Have crash points of some cases tried."""
    return "|".join(("points.py", "--only", only, "--every", str(every)))


def tests(where, name=None):
    """Have tests run."""
    return "|".join((f"tests/{where}", *(("-k", name) if name else ())))


def life(name):
    """Have one life played that went wrong once."""
    return tests("reliability/test_simulation.py", name)


BUGS = (
    Bug(
        "a batch is settled before its request",
        (
            (
                "delivery.py",
                "        outcomes, trouble = self.attempts.deliver(",
                "        told = [parcel.batch.outcome(each) for each in parcel.batch]\n"
                "        self.ledger.settle(parcel, told)\n"
                "        outcomes, trouble = self.attempts.deliver(",
            ),
            ("delivery.py", "    claimed: bool = False\n", "    claimed: bool = True\n"),
        ),
        lives("upsert at_most_once"),
    ),
    Bug(
        "an intent is kept after its request",
        (
            ("delivery.py", "                self.ledger.intend(*group)\n", ""),
            (
                "delivery.py",
                "        return Sent(parcel, outcomes,",
                "        self.ledger.intend(parcel)\n        return Sent(parcel, outcomes,",
            ),
        ),
        lives("upsert at_most_once"),
    ),
    Bug(
        "intents do not outlast a power cut where they must",
        (
            (
                "execution.py",
                '_SURE = frozenset({"idempotent"})',
                '_SURE = frozenset({"idempotent", "keyed", "probe", "at_most_once"})',
            ),
        ),
        tests("reliability/test_durability.py"),
    ),
    Bug(
        "a stream's lines do not outlast a power cut",
        (("streams.py", "                if self.durable:\n", "                if False:\n"),),
        tests("reliability/test_durability.py"),
    ),
    Bug(
        "the snapshot advances by a failed record",
        (
            (
                "closing.py",
                "    if status is Status.DELIVERED:\n        return same",
                "    if status in (Status.DELIVERED, Status.FAILED):\n        return same",
            ),
        ),
        lives("upsert"),
    ),
    Bug(
        "the snapshot advances by a refused record",
        (
            (
                "closing.py",
                "    if status is Status.DELIVERED:\n        return same",
                "    if status in (Status.DELIVERED, Status.REJECTED):\n        return same",
            ),
        ),
        lives("upsert"),
    ),
    Bug(
        "a failed record without an answer leaves no taint",
        (
            (
                "closing.py",
                "    if status is Status.IN_DOUBT or (status in (Status.FAILED, Status.REJECTED) and unclear):",
                "    if status is Status.IN_DOUBT:",
            ),
        ),
        life("goes_back"),
    ),
    Bug(
        "a tainted row counts as there",
        (("diff.py", "held is None or held.hash == NO_HASH:", "held is None:"),),
        lives("insert", 48),
    ),
    Bug(
        "a doubt is dropped at recovery",
        (
            (
                "attempts.py",
                'self._all(batch, found, Status.IN_DOUBT, "the run died',
                'self._all(batch, found, Status.FAILED, "the run died',
            ),
        ),
        lives("at_most_once"),
    ),
    Bug(
        "recovery sends again what goes at most once",
        (
            (
                "attempts.py",
                '        if delivery == "idempotent":\n            return batch\n',
                '        if delivery in ("idempotent", "at_most_once"):\n            return batch\n',
            ),
        ),
        lives("at_most_once"),
    ),
    Bug(
        "recovery sends again without looking up",
        (
            (
                "attempts.py",
                '        if delivery == "idempotent":\n            return batch\n',
                '        if delivery in ("idempotent", "probe"):\n            return batch\n',
            ),
        ),
        lives("append probe"),
    ),
    Bug(
        "half a batch goes under the whole one's key",
        (("attempts.py", 'f"{batch.id}/{half}"', "batch.id"),),
        lives("upsert keyed", 48),
    ),
    Bug(
        "a key is used after its window",
        (("attempts.py", "KEY_WINDOW = 0.8 * 24", "KEY_WINDOW = 0.8 * 24_000"),),
        life("its_key_is_too_old"),
    ),
    Bug(
        "a batch that was refused whole is sent whole again after a crash",
        (("attempts.py", "        if batch.id in trouble.split:\n", "        if False:\n"),),
        points("keyed upsert batch_rejected", 1),
    ),
    Bug(
        "a refused record is offered in every run",
        (("known.py", "return not self.due and", "return False and"),),
        lives("upsert"),
    ),
    Bug(
        "a refusal is dropped",
        (("settling.py", '            store.put("refusals", told | {"name": name})\n', ""),),
        lives("upsert"),
    ),
    Bug(
        "deletions begin before all that is new has arrived",
        (("planned.py", "    if run.settled and not (run", "    if True or not (run"),),
        lives("mirror", 48),
    ),
    Bug(
        "what is not ours is deleted",
        (("diff.py", " or held.state != HELD or not held.owned:", ":"),),
        tests("core/test_diff.py", "delivered_once_is_removed"),
    ),
    Bug(
        "an empty source deletes all",
        (("removal.py", "        if not self.read:\n", "        if False:\n"),),
        lives("mirror", 48),
    ),
    Bug(
        "a cursor moves past what is not settled",
        (
            (
                "closing.py",
                "    if not values:\n        return None if",
                "    if True:\n        return None if",
            ),
        ),
        lives("cursor", 48),
    ),
    Bug(
        "ties of a cursor are lost",
        (
            (
                "planned.py",
                "cursor = None if told is None else decode_value(told)",
                "cursor = None if told is None else decode_value(told) + 1",
            ),
        ),
        lives("append idempotent cursor"),
    ),
    Bug(
        "a stopped plan is applied though the state has moved",
        (
            (
                "resolving.py",
                '    if facts["version"] != state.store.meta("version"):',
                "    if False:",
            ),
        ),
        life("no_longer_holds"),
    ),
    Bug(
        "an epoch is not looked at",
        (("state.py", "        if now != epoch:\n", "        if False:\n"),),
        tests("reliability/test_lease.py", "lost_lease"),
    ),
    Bug(
        "another lock file is not noticed",
        (("lease.py", " or (found.st_dev, found.st_ino) != self._inode:", ":"),),
        tests("reliability/test_lease.py", "lost_lease"),
    ),
    Bug(
        "two runs have one state",
        (
            (
                "lease.py",
                "    except BlockingIOError:\n        return False",
                "    except BlockingIOError:\n        return True",
            ),
        ),
        tests("reliability/test_lease.py", "second"),
    ),
    Bug(
        "a retry that died forgets what it has to forget",
        (
            (
                "ledger.py",
                'for row in self.store.rows("refusals")\n',
                'for row in self.store.rows("refusals", "name NOT LIKE \'#%\'")\n',
            ),
        ),
        life("nothing_of_it_goes_twice"),
    ),
    Bug(
        "a refused record that gets no answer is refused and in doubt at once",
        (
            (
                "settling.py",
                "        if outcome.status is not Status.FAILED and change.name in",
                '        if outcome.status in ("delivered", "skipped") and change.name in',
            ),
        ),
        life("gets_no_answer_is_held"),
    ),
    Bug(
        "a record of a stream that is lost twice is forgotten",
        (("resolving.py", '    if doubt["name"].startswith("#"):\n', "    if False:\n"),),
        life("is_sent_a_third_time"),
    ),
    Bug(
        "a released deletion is refused by no configuration",
        (("resolving.py", "            ledger.known(config_of(run, writer))\n", ""),),
        life("released_and_refused"),
    ),
    Bug(
        "a cursor passes what is called lost while a run is open",
        (("resolving.py", "        if assume == LOST:\n", "        if False:\n"),),
        life("does_not_pass"),
    ),
    Bug(
        "a record without an outcome of its own leaves no taint",
        (("attempts.py", "trouble.unclear |= self._doubtful(", "self._doubtful("),),
        life("answered_for_by_itself"),
    ),
    Bug(
        "what had failed is sent once more without an intent",
        (("entries.py", "if failed else None", "if False else None"),),
        life("sent_once_more_before_a_death"),
    ),
    Bug(
        "what a run that died has sent counts as failed when it cannot be asked for",
        (
            (
                "attempts.py",
                "            if tried_at is not None and self.spec",
                "            if False and self.spec",
            ),
        ),
        life("after_a_death_either"),
    ),
    Bug(
        "a run with an open batch is closed",
        (("conduct.py", "    if ledger.left_open or (meta", "    if (meta"),),
        tests("reliability/test_streams.py"),
    ),
    Bug(
        "a refused record that may come late leaves no taint",
        (("closing.py", "(Status.FAILED, Status.REJECTED) and", "(Status.FAILED,) and"),),
        life("is_deleted_with_the_others"),
    ),
    Bug(
        "a stream that is stopped early is taken for another",
        (("streams.py", "if not self.ended() and not _reaches", "if False and not _reaches"),),
        tests("reliability/test_streams.py"),
    ),
    Bug(
        "a run that has lost the state goes on with another one's plan",
        (("planned.py", "    run.state.store.held()\n", ""),),
        life("answers_once"),
    ),
    Bug(
        "a newer version of a key overtakes an older one",
        (
            ("delivery.py", " or _shares(batch, flying) or", " or"),
            ("delivery.py", " or _shares(batch, flying))", ")"),
        ),
        tests("reliability/test_order.py"),
    ),
    Bug(
        "a source that says there is more counts as read",
        (
            (
                "reading.py",
                'bool(getattr(self.reader, "complete", True))',
                "True",
            ),
        ),
        tests("reliability/test_breaker.py", "not_read_to_its_end"),
    ),
    Bug(
        "keys of another type are taken for others that are gone",
        (("planned.py", 'return "the type of the key" if', "return None if"),),
        tests("reliability/test_breaker.py", "keys_of_another_type"),
    ),
    Bug(
        "a settled plan keeps its values",
        (("plans.py", "out.write(stripped(lines))", "out.writelines(lines)"),),
        lives("upsert"),
    ),
    Bug(
        "a retry sends what was stored",
        (("resolving.py", "due = 1 AND name LIKE '#%' ORDER", "due = 1 ORDER"),),
        lives("upsert", 48),
    ),
    Bug(
        "a newer version goes out while one is in doubt",
        (
            (
                "diff.py",
                "        action = ACTIONS[self.mode]\n        if each.name in self.known.doubts:",
                "        action = ACTIONS[self.mode]\n        if False:",
            ),
        ),
        lives("upsert at_most_once"),
    ),
    Bug(
        "delivered records with a name count as skipped",
        (
            (
                "account.py",
                "            self.counts[outcome.status] += 1\n",
                "            named = outcome.remote_id is not None\n"
                "            self.counts[Status.SKIPPED if named else outcome.status] += 1\n",
            ),
        ),
        life("with_names"),
    ),
    Bug(
        "the exit code is 0 with records in doubt",
        (("conduct.py", "    codes += [4] if counts[Status.IN_DOUBT] else []\n", ""),),
        lives("at_most_once"),
    ),
    Bug(
        "nothing waits for what may come late",
        (("settling.py", "LATE = 120.0", "LATE = 0.0"),),
        life("a_newer_version_waits"),
    ),
    Bug(
        "what may come late is forgotten when a plan is stripped",
        (("finishing.py", 'path = state.path(f"done-{row[', 'path = state.path(f"gone-{row['),),
        life("a_newer_version_waits"),
    ),
    Bug(
        "a file's digest is not compared",
        (("state.py", '        if digest != row["digest"]:\n', "        if False:\n"),),
        tests("reliability/test_corruption.py", "shapes"),
        fast=False,
    ),
    Bug(
        "a row's seal is not compared",
        (("store.py", "            if seal_of(row) != values_[-1]:\n", "            if False:\n"),),
        tests("reliability/test_corruption.py", "shapes"),
        fast=False,
    ),
    Bug(
        "an older ledger that was put back is believed",
        (("state.py", "        if store.commits < lease.witnessed():\n", "        if False:\n"),),
        tests("reliability/test_corruption.py", "shapes"),
        fast=False,
    ),
    Bug(
        "a split sends the record in its middle twice",
        (("attempts.py", "batch.records[:middle], batch", "batch.records[: middle + 1], batch"),),
        tests("core/test_delivery.py", "split_until"),
    ),
    Bug(
        "the plan of a stream that died is swept away",
        (
            (
                "state.py",
                '        known |= {row["file"] for row in',
                '        known or {row["file"] for row in',
            ),
        ),
        lives("append keyed"),
    ),
    Bug(
        "a stream that died counts as done",
        (("conduct.py", "        done = whole and not died and", "        done = whole and"),),
        lives("append keyed", 48),
    ),
    Bug(
        "a lost record of a stream is forgotten",
        (
            (
                "resolving.py",
                "            if assume == LOST and row not in keyed:",
                "            if False:",
            ),
        ),
        lives("append at_most_once", 48),
    ),
    Bug(
        "what was settled otherwise is relied on",
        (("settled.py", 'facts.get("tag") == tag', "True"),),
        tests("reliability/test_columnar.py", "settled_otherwise or another_way"),
    ),
    Bug(
        "a column is left out of the prints",
        (
            (
                "columnar.py",
                "for each in self.columns for part",
                "for each in self.columns[:1] for part",
            ),
        ),
        tests("reliability/test_columnar.py", "only_what_changed or goes_back"),
    ),
    Bug(
        "the halves of a wide number cancel each other out",
        (("columnar.py", "int(decimal[1]) <= _WIDE", "True"),),
        tests("core/test_columnar.py", "DECIMAL"),
    ),
    Bug(
        "what has changed since counts as settled",
        (
            (
                "settled.py",
                "                    self._note(file, held.name.encode())",
                "                    pass",
            ),
        ),
        tests("reliability/test_columnar.py", "goes_back or comes_back"),
    ),
    Bug(
        "what did not arrive counts as settled",
        (("settled.py", "if at >= sent or status not in _DONE:", "if at >= sent:"),),
        tests("reliability/test_columnar.py", "did_not_arrive"),
    ),
    Bug(
        "a settled key that comes twice is passed twice",
        (("columnar.py", "        if met != held - lost:", "        if False:"),),
        tests("reliability/test_columnar.py", "comes_twice"),
    ),
)
