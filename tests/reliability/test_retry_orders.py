"""In whatever order versions are refused, sent, lost and retried: none lands on a newer one."""

import logging
import os
import shutil

import attrs
import pytest

from tailrace._engine.closing import open_snapshot
from tailrace._engine.codec import digest, encode
from tailrace._engine.lines import read
from tailrace._engine.preparing import prepare
from tailrace._engine.refusals import fingerprint
from tailrace._engine.runner import Wishes, resolve
from tailrace._engine.state import read_state
from tailrace.errors import ConfigError

from .ledgered import CLASSES
from .states import DIED, Scene, in_child

DEPTH = 6
KEY = 1
BESIDE = {"id": 0, "text": "beside"}
"""A record that never changes, so that the source is never empty."""

WISHES = {
    "retry": Wishes(retry=()),
    "retry of the key": Wishes(retry=(str(KEY),)),
    "retry of the kind": Wishes(retry=(), fingerprint=fingerprint("bad", "not this one")),
}
NEW = ("refused", "sent", "dies before", "dies after")
"""Steps at which the source has a new version."""
STEPS = (*NEW, *WISHES, "retry dies", "gone", "gone and dies")


@pytest.fixture(autouse=True)
def silence(caplog):
    caplog.set_level(logging.CRITICAL, "tailrace")


def row(version):
    return {"id": KEY, "text": f"version {version}"}


def version(values):
    return int(values["text"].split()[1])


@attrs.frozen
class Life:
    """Be a sync after some steps; `newest` counts versions, and that it is gone is one too."""

    scene: Scene
    path: tuple = ()
    newest: int = 0
    there: bool = False

    @classmethod
    def begin(cls, root, delivery, mode):
        scene = Scene(root, delivery, mode)
        scene.run([BESIDE], 1)
        return cls(scene)

    @property
    def rows(self):
        """Give what the source has now."""
        return [BESIDE, row(self.newest)] if self.there else [BESIDE]

    def after(self, step, root):
        """Give the same life with one more step, in another folder, if that was as it should be."""
        life = attrs.evolve(self, scene=self.scene.copied(root), path=(*self.path, step))
        if step in NEW:
            life = attrs.evolve(life, newest=self.newest + 1, there=True)
        elif step.startswith("gone") and self.there:
            life = attrs.evolve(life, newest=self.newest + 1, there=False)
        asked, report = life.take(step)
        wrong = list(life.wrongs(step, asked, report, self.facts()))
        assert not wrong, f"{life.path}: {wrong}, log {life.log()}"
        return life

    def wrongs(self, step, asked, report, before):
        """Say what is not as it should be after a step; what a run that died left is finished."""
        log = self.log()
        if sorted(log) != log:
            yield "an older version came after a newer one"
        if len(set(log)) < len(log) and self.scene.delivery != "idempotent":
            yield "something came twice"
        left = {version for kind, version, *_ in before if kind == "open"}
        if "retry" in step and not set(asked) <= {self.newest} | left:
            yield f"a retry sent {asked}, and not the current version"
        if asked and any(kind == "doubt" for kind, *_ in before):
            yield "it was sent although it was in doubt"
        if report is None or report.in_doubt:
            return
        if report.exit_code != (8 if step == "refused" else 0):
            yield f"exit code {report.exit_code}: {report.problem}"
        arrives = step == "sent" or (step in WISHES and self.there)
        if arrives and self.held != self.newest:
            yield "the current version did not arrive"
        if step == "refused" and self.held == self.newest:
            yield "it arrived although it was refused"
        if step == "gone" and self.scene.mode == "mirror" and self.held is not None:
            yield "it was not deleted"

    def take(self, step):
        """Take a step; give the versions that were asked for, and the report if there is one."""
        asked, scene, turn = [], self.scene, len(self.path) + 1

        def hook(moment, batch):
            if moment == "before":
                values = [each.values for each in batch if each.key == KEY]
                found = [version(each) if "text" in each else self.newest for each in values]
                asked.extend(found)
                new = self.newest in found and batch.action != "delete"
                desk.refuses = (KEY,) if step == "refused" and new else ()
            if "dies" in step and moment == ("before" if step == "dies before" else "after"):
                os._exit(DIED)

        desk = scene.desk(hook=hook)
        wishes = WISHES.get(step.removesuffix(" dies"))
        if step == "settled":
            assume = "delivered" if self.held == self.newest else "lost"
            resolve(prepare(scene.sync(self.rows, desk)), assume, ())
        elif "dies" in step:
            code = in_child(lambda: scene.run(self.rows, turn, desk, wishes))
            assert code in (0, DIED)
        else:
            try:
                return asked, scene.run(self.rows, turn, desk, wishes)
            except ConfigError:
                assert not any(kind == "refused" for kind, *_ in self.facts())
        return asked, None

    # What is there

    def log(self):
        """Give the versions that arrived, in their order; a deletion is half a step further."""
        found = [0]
        for action, key, values in self.scene.desk().taken():
            if key == KEY:
                found.append(int(found[-1]) + 0.5 if action == "delete" else version(values))
        return found[1:]

    @property
    def held(self):
        """Give the version that the destination has."""
        values = self.scene.desk().held().get(KEY)
        return None if values is None else version(values)

    def facts(self):
        """Give what state, source and destination know of the key: kind, version and more."""
        named = {digest(encode(row(each))).hex(): each for each in range(self.newest + 1)}
        facts = [("source", self.newest, self.there), ("held", self.held or 0)]
        with read_state(self.scene.root / "state", self.scene.name) as state:
            for each in open_snapshot(state).load().values():
                if each.key == KEY:
                    facts.append(("snapshot", named.get(each.hash, -1), each.state, each.owned))
            for each in state.store.rows("refusals"):
                facts.append(("refused", named[each["hash"]], each["action"], each["due"]))
            for each in state.store.rows("doubts"):
                hash_ = read(each["line"].encode()).hash
                facts.append(("doubt", named.get(hash_, -1), each["action"]))
            for run in state.store.rows("runs", "state = 'delivering'"):
                for each in state.store.rows("batches", "run = ?", run["number"]):
                    hashes = [read(line).hash for line in state.lines_of(each)]
                    versions = [named.get(hash_, -1) for hash_ in hashes]
                    facts.append(("open", max(versions), each["action"], each["tally"]))
        return facts

    def fate(self):
        """Give all that the future depends on: the facts, with only the order of the versions."""
        facts = self.facts()
        order = sorted({version for _, version, *_ in facts} | {-1, 0})
        return tuple(sorted((kind, order.index(at), *more) for kind, at, *more in facts))


def steps_of(delivery):
    return (*STEPS, "settled") if delivery == "at_most_once" else STEPS


def explore(root, delivery, mode, depth):
    """Take all steps from all fates that can be reached; give how many fates and steps."""
    lives = [Life.begin(root / "0", delivery, mode)]
    known, taken = {lives[0].fate()}, 0
    for _ in range(depth):
        found = []
        for life in lives:
            for step in steps_of(delivery):
                taken += 1
                after = life.after(step, root / str(taken))
                if after.fate() in known:
                    shutil.rmtree(after.scene.root)
                else:
                    known.add(after.fate())
                    found.append(after)
        lives = found
    return len(known), taken


@pytest.mark.parametrize("delivery", CLASSES)
@pytest.mark.parametrize("mode", ["upsert", "mirror"])
def test_all_orders(delivery, mode, tmp_path):
    fates, _ = explore(tmp_path, delivery, mode, DEPTH)
    assert fates > 35
