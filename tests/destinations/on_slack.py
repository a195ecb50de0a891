"""Slack: a message a row from a bot, and digests from a webhook."""

import json

import tailrace

from .places import FULL, Place

BAD = {
    "too long": ({"name": "x" * 41_000}, "too_long", "40,000"),
    "empty": ({"name": "", "score": ""}, "no_text", "would be empty"),
}


class Slack(Place):
    """Messages of a channel, one request each: an ordinary test has not time for all."""

    plugin = twin = "slack"
    count = 10_000 if FULL else 2_000
    many, batch = 25, 1
    few = {"max_in_flight": 1}
    bad = BAD
    troubles = frozenset({"pace", "day", "login", "lost"})
    writes = {"path": "/api/chat."}
    history = True

    def __init__(self, sandbox, folder):
        super().__init__(sandbox, folder)
        self.options |= {"channel": "general", "text": "{name}{score}", "history": self.history}

    def row(self, n, version=0):
        return {"id": n, "name": f"name {n}, ", "score": f"v{version}"}

    def shown(self, row):
        return row["name"] + row["score"]

    def held(self):
        messages = self.sandbox.slack.messages("general")
        texts = {int(each["text"].split()[1].rstrip(",")): each["text"] for each in messages}
        assert len(texts) == len(messages)
        return texts

    def optimum(self, written, removed):
        opening = 1
        return opening + written + removed

    def swap(self):
        self.sandbox.slack.add_channel("another")
        return {"channel": "another"}


class SlackWithoutHistory(Slack):
    """A bot that may not read: what got no answer stays in doubt."""

    history = False
    finds = False
    count = 1_000


class Webhook(Place):
    """Digests of an incoming webhook, which only appends."""

    plugin = twin = "slack"
    mode = "append"
    finds = False
    many, batch = 250, 50
    bad = {"too long": BAD["too long"]}
    troubles = frozenset({"pace", "day", "login", "lost"})
    writes = {"path": "/services/"}

    def __init__(self, sandbox, folder):
        super().__init__(sandbox, folder)
        url = sandbox.url("slack") + "/services/T0/B0/s3cr3tT0k3nOfTheH00k"
        self.options = {
            "webhook_url": tailrace.Secret(url),
            "rows": self.batch,
            "text": "{name}{score}",
        }

    row, shown = Slack.row, Slack.shown

    def held(self):
        messages = self.sandbox.slack.messages("general")
        lines = [line for each in messages for line in each["text"].splitlines()]
        texts = {int(line.split()[1].rstrip(",")): line for line in lines}
        assert len(texts) == len(lines), json.dumps(lines[:3])
        return texts

    def swap(self):
        url = self.sandbox.url("slack") + "/services/T0/B0/another"
        return {"webhook_url": tailrace.Secret(url)}
