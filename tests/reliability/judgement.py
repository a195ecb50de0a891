"""What must not be in the story of a service, whatever happened: doubles, repeats, strangers."""

import attrs
from depot import Story, root_of

ANSWERED = ("delivered", "skipped", "rejected", "failed", "nothing")


@attrs.define(kw_only=True)
class Judge(Story):
    """Follow a story and gather its violations.

    foreign: records that were there before, and are nobody's to delete. held: what is shown, and
    staged what is not yet. unanswered: the batch of each record that was asked for without an
    answer. free: records that may be taken again as they are. excused: what a person said was
    delivered and was not. refused: whether a refusal was kept by a run that ended. left: what of
    each run was asked for and has not arrived.
    """

    delivery: str
    mode: str
    foreign: set = attrs.field(factory=set)
    held: dict = attrs.field(factory=dict)
    staged: dict = attrs.field(factory=dict)
    violations: list = attrs.field(factory=list)
    unanswered: dict = attrs.field(factory=dict)
    asked: dict = attrs.field(factory=dict)
    inserted: dict = attrs.field(factory=dict)
    free: set = attrs.field(factory=set)
    excused: dict = attrs.field(factory=dict)
    refused: dict = attrs.field(factory=dict)
    left: dict = attrs.field(factory=dict)
    answers: list = attrs.field(factory=list)
    requests: list = attrs.field(factory=list)
    last: float = 0.0

    def follow(self, event):
        """Take in one event."""
        self.last = max(self.last, event["at"])
        getattr(self, f"_{event['event']}")(event)

    def _asked(self, event):
        self.requests.append(event)
        sure = self.delivery == "idempotent"
        for name, row in event["records"]:
            before = self.unanswered.get(name)
            if before is not None and self.delivery == "at_most_once":
                self._violated(f"{name} was sent again though nobody knows what became of it")
            # The whole was answered before what had failed of it was sent as a part: it is replayed.
            replayed = str(before).startswith(f"{event['batch']}+")
            if self.delivery == "keyed" and before not in (None, event["batch"]) and not replayed:
                self._violated(f"{name} was sent again under another key")
            if self.refused.get(_refusal(name, event["action"], row)):
                self._violated(f"{name} was refused, and is offered again unchanged")
            root = root_of(event["batch"])
            again = event["action"] == "insert" and self.inserted.get(name, root) != root
            if again and not sure:
                self._violated(f"{name} was inserted, and is inserted again")
            left = self.left.setdefault(_run_of(event["batch"]), set())
            if event["action"] == "delete" and left:
                self._violated(f"{name} was deleted, and {left} has not arrived")
            if event["action"] == "upsert":
                left.add(name)
            self.unanswered[name] = event["batch"]
            self.asked[name] = (event["action"], row)

    def _taken(self, event):
        name, row, late = event["id"], event["row"], event.get("late", False)
        place = self.staged if event["action"] == "replace" else self.held
        if event["action"] == "delete":
            if name in self.foreign:
                self._violated(f"{name} was deleted, and is not ours")
            place.pop(name, None)
            self.inserted.pop(name, None)
        else:
            again = place.get(name) == row and name not in self.free and not late
            if again and self.delivery != "idempotent":
                self._violated(f"{name} was taken twice")
            place[name] = row
            self.foreign.discard(name)
        if event["action"] == "insert" and not late:
            self.inserted[name] = root_of(event["batch"])
        self.excused.pop(name, None)
        if not late:
            self.free.discard(name)

    def _told(self, event):
        if not event["heard"]:
            return
        self.answers.append(event)
        for told, status in event["told"].items():
            name = int(told)
            if status in ANSWERED:
                self.unanswered.pop(name, None)
            if status in ("delivered", "rejected"):
                self.left.get(_run_of(event["batch"]), set()).discard(name)
            if status == "rejected":
                self.refused[_refusal(name, *self.asked[name])] = False

    def _late(self, event):
        pass

    def _came(self, event):
        pass

    def _opened(self, event):
        self.staged = {}
        if self.mode == "replace":
            self.unanswered.clear()
            self.refused.clear()

    def _shown(self, event):
        self.held = dict(self.staged)

    # What people do

    def _changed(self, event):
        self.free.add(event["id"])
        self._unrefused(event["id"])

    def _word(self, event):
        name, true = event["id"], event["true"]
        self.unanswered.pop(name, None)
        if not true or event["assume"] == "lost":
            self.free.add(name)
            self.inserted.pop(name, None)
        if not true and event["assume"] == "delivered":
            self.excused[name] = (event["action"], event["row"])
            self.foreign.discard(name)

    def _retry(self, event):
        for name in event["ids"]:
            self._unrefused(name)

    def _config(self, event):
        self.refused.clear()
        self.free |= self.held.keys() if event["mode"] else set()

    def _died(self, event):
        # Whoever goes on does not know what it was told last.
        self.refused = {each: True for each, kept in self.refused.items() if kept}

    def _closed(self, event):
        self.refused = dict.fromkeys(self.refused, True)

    def _unrefused(self, name):
        self.refused = {each: kept for each, kept in self.refused.items() if each[0] != name}

    def _violated(self, told):
        self.violations.append(told)


def _run_of(name):
    return root_of(name).rpartition("-")[0]


def _refusal(name, action, row):
    return (name, action, tuple(sorted(row.items())))
