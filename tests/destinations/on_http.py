"""An endpoint of one's own: a hundred records a request, an answer for each, deletions one by one."""

import attrs
import orjson

from .places import Place


class Http(Place):
    """Records under a path of the endpoint."""

    plugin = twin = "http"
    troubles = frozenset({"pace", "day", "login", "lost", "order"})
    writes = {"method": "POST"}
    bad = {"refused": ({"refuse": "we do not want this one"}, "refused", "we do not want")}

    def __init__(self, sandbox, folder):
        super().__init__(sandbox, folder)
        self.options |= {
            "url": "/people",
            "rows": self.batch,
            "idempotent": True,
            "delete_url": "/people/{id}",
            "allow_private": ["127.0.0.1"],
            "results": {"items": "results", "key": "id", "ok": "ok", "message": "message"},
        }

    def held(self):
        records = self.sandbox.http.records("people")
        assert len(records) == len({each["id"] for each in records})
        return {each["id"]: self.shown(each) for each in records}

    def optimum(self, written, removed):
        return super().optimum(written, 0) + removed

    def swap(self):
        return {"url": "/others", "delete_url": "/others/{id}"}

    def turn_round(self, monkeypatch):
        answer = self.sandbox.http.answer

        def turned(request):
            told = answer(request)
            body = orjson.loads(told.body or b"{}")
            if isinstance(body, dict) and "results" in body:
                body["results"].reverse()
                return attrs.evolve(told, body=orjson.dumps(body))
            return told

        monkeypatch.setattr(self.sandbox.http, "answer", turned)


class Events(Http):
    """Events, which are only added: one that came twice is there twice. Nothing is said of repeats."""

    mode = "append"
    finds = False
    key = "number"
    troubles = Http.troubles - {"order"}

    def __init__(self, sandbox, folder):
        super().__init__(sandbox, folder)
        for each in ("idempotent", "delete_url", "results"):
            del self.options[each]
        results = {"items": "results", "ok": "ok", "message": "message"}
        self.options |= {"url": "/events", "results": results}

    def row(self, n, version=0):
        return {"number": n, "name": f"name {n}", "score": version}

    def held(self):
        records = self.sandbox.http.records("events")
        assert len(records) == len({each["number"] for each in records})
        return {each["number"]: self.shown(each) for each in records}

    def swap(self):
        return {"url": "/others"}


class KeyedEvents(Events):
    """Events, of a service that knows a request that comes again by its key."""

    finds = True

    def __init__(self, sandbox, folder):
        super().__init__(sandbox, folder)
        self.options["idempotency_header"] = "Idempotency-Key"


class Looked(Http):
    """Records that are sent one by one, and can be asked for."""

    mode = "insert"
    count, many, batch = 1_000, 25, 1
    few = {"max_in_flight": 1}
    bad = {"refused": ({"refuse": "we do not want this one"}, "http_422", "we do not want")}
    troubles = Http.troubles - {"order"}

    def __init__(self, sandbox, folder):
        super().__init__(sandbox, folder)
        for each in ("idempotent", "delete_url", "results"):
            del self.options[each]
        self.options |= {"url": "/people/{id}?strict=1", "rows": 1, "lookup_url": "/people/{id}"}

    def held(self):
        writes = [
            each.path
            for each in self.sandbox.requests("http")
            if each.method == "POST" and each.applied and each.status != 422
        ]
        assert len(writes) == len(set(writes))
        return super().held()

    def swap(self):
        return {"url": "/others/{id}", "lookup_url": "/others/{id}"}
