"""A small service, a destination that does it justice, and twelve that have one defect each."""

import json
import random
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import attrs

import tailrace
from tailrace.testing import FakeService


class Crm:
    """Hold contacts by id; answers for each, in another order than they were asked for."""

    def __init__(self):
        self.contacts = {}
        self.appended = []
        self.service = FakeService(self.answer).start()

    def reset(self):
        self.contacts.clear()
        self.appended.clear()

    def held(self):
        return [*self.contacts.values(), *self.appended]

    def answer(self, request):
        records = request.json()
        if request.path == "/find":
            return {
                "found": [each for each in records if each in {row["id"] for row in self.held()}]
            }
        results = [self._one(request.path, each) for each in records]
        random.Random(len(results)).shuffle(results)
        return {"results": results}

    def _one(self, path, record):
        if record.get("name") == "bad":
            return {"id": record["id"], "error": "no such name"}
        if path == "/upsert":
            self.contacts[record["id"]] = {**self.contacts.get(record["id"], {}), **record}
        else:
            self.appended.append(record)
        return {"id": record["id"]}


@attrs.frozen(kw_only=True)
class Options:
    """Say where the service is."""

    base_url: str = tailrace.option(help="Where it is.")
    token: tailrace.Secret = tailrace.option(help="The login.")


@attrs.define(eq=False)
class Writer:
    """Upsert contacts, each with the answer that the service gives for it."""

    http: tailrace.Http
    options: Options
    path: str = "/upsert"

    def write(self, batch):
        return self.outcomes(batch, self.post(batch.rows()))

    def post(self, rows):
        return self.http.post(self.path, json=rows).json()["results"]

    def outcomes(self, batch, results):
        errors = {each["id"]: each.get("error") for each in results}
        return [batch.outcome(each, rejected=errors[each.key]) for each in batch]


def spec(writer, **declared):
    @contextmanager
    def opened(options, http):
        yield writer(http.using(base_url=options.base_url, bearer=options.token), options)

    declared = {"modes": {"upsert"}, "delivery": "idempotent", "max_in_flight": 8, **declared}
    return tailrace.DestinationSpec(options=Options, open=opened, **declared)


def own_client(options, path, rows):
    """Send without the engine's client, as a script would."""
    request = urllib.request.Request(
        options.base_url + path, json.dumps(rows).encode(), {"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return json.load(answer)["results"]


class Appending(Writer):
    """Append contacts, which the service cannot tell apart."""

    def post(self, rows):
        return self.http.post("/append", json=rows).json()["results"]


class RetriesByItself(Writer):
    def post(self, rows):
        for _ in range(3):
            try:
                return own_client(self.options, "/append", rows)
            except OSError as error:
                trouble = error
        raise trouble


class Trusts200(Writer):
    def outcomes(self, batch, results):
        return None


class MatchesByIndex(Writer):
    def outcomes(self, batch, results):
        pairs = zip(batch, results, strict=True)
        return [batch.outcome(each, rejected=result.get("error")) for each, result in pairs]


class DropsTheLastBatch(Writer):
    def post(self, rows):
        self.waiting = [*getattr(self, "waiting", []), *rows]
        if len(self.waiting) >= 10:
            super().post(self.waiting)
            self.waiting = []
        return [{"id": row["id"]} for row in rows]


class IgnoresRetryAfter(Writer):
    def post(self, rows):
        for _ in range(5):
            try:
                return own_client(self.options, "/upsert", rows)
            except urllib.error.HTTPError as error:
                if error.code != 429:
                    raise tailrace.FatalError(str(error)) from None
        raise tailrace.FatalError("too many requests")


class LeaksTheToken(Writer):
    def post(self, rows):
        try:
            return super().post(rows)
        except tailrace.RejectedError:
            raise tailrace.FatalError(
                f"refused for the login {self.options.token.reveal()}"
            ) from None


class Sleeps(Writer):
    def post(self, rows):
        time.sleep(0.5)
        return super().post(rows)


class SharesItsClient(Writer):
    def post(self, rows):
        self.body = rows
        self.http.post("/find", json=[], safe=True)
        return super().post(self.body)


class SendsStrOfNone(Writer):
    def post(self, rows):
        return super().post([{**row, "name": str(row.get("name"))} for row in rows])


class LosesRows(Writer):
    def outcomes(self, batch, results):
        errors = {each["id"]: each.get("error") for each in results}
        return [batch.outcome(each) for each in batch if not errors[each.key]]


class SwallowsRefusals(Writer):
    def outcomes(self, batch, results):
        return [batch.outcome(each) for each in batch]


class DoublesAfterAReset(Appending):
    """Declares that a repeat does no harm, and appends."""
