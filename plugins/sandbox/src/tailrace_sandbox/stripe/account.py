"""An account: its objects, newest first, and the events that tell what became of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import attrs

from tailrace_sandbox.stripe.errors import ApiError
from tailrace_sandbox.stripe.kinds import Kind, Object, kind_of

API_VERSION = "2026-10-28.endive"


@attrs.define
class Account:
    """Hold lists of objects by the lists' names; guarded by its twin."""

    clock: Callable[[], float] = time.time
    lists: dict[str, dict[str, Object]] = attrs.field(factory=dict)
    gone: dict[str, str] = attrs.field(factory=dict)
    _numbers: int = 0

    def add(self, name: str, given: Mapping[str, Any]) -> Object:
        """Make an object, and an event of it."""
        kind, now = kind_of(name), int(self.clock())
        made = kind.make(self._id(kind), now, given)
        self.lists.setdefault(name, {})[made["id"]] = made
        self._happened(kind, "created", made)
        return made

    def change(self, name: str, id_: str, given: Mapping[str, Any]) -> Object:
        """Change fields of an object."""
        held = self.find(name, id_)
        before = {field: held.get(field) for field in given}
        held.update(deepcopy(dict(given)))
        self._happened(kind_of(name), "updated", held, previous_attributes=before)
        return held

    def remove(self, name: str, id_: str) -> None:
        """Delete an object; a subscription is canceled, and stays."""
        held, kind = self.find(name, id_), kind_of(name)
        if name == "subscriptions":
            now = int(self.clock())
            held.update(status="canceled", canceled_at=now, ended_at=now)
        else:
            del self.lists[name][id_]
            self.gone[id_] = kind.object
        self._happened(kind, "deleted", held)

    def items(self, given: list[Mapping[str, Any]]) -> Object:
        """Return the items of a subscription, with the prices that they name."""
        made = [
            {
                "id": f"si_{self._id(kind_of('prices'))[6:]}",
                "object": "subscription_item",
                "quantity": 1,
                **each,
                "price": deepcopy(self.find("prices", str(each.get("price")), "items[price]")),
            }
            for each in given
        ]
        return {"object": "list", "data": made, "has_more": False, "url": "/v1/subscription_items"}

    def find(self, name: str, id_: str, param: str = "id") -> Object:
        """Return an object of a list."""
        held = self.lists.get(name, {}).get(id_)
        if held is None:
            noun = kind_of(name).object
            status = 404 if param == "id" else 400
            told = f"No such {noun}: '{id_}'"
            raise ApiError(told, status, code="resource_missing", param=param)
        return held

    def anywhere(self, id_: str) -> Object | None:
        """Return the object of an id, whatever list it is in."""
        return next((each[id_] for each in self.lists.values() if id_ in each), None)

    def newest_first(self, name: str) -> list[Object]:
        """Return the objects of a list as Stripe lists them."""
        held = [*self.lists.get(name, {}).values()]
        held.reverse()
        return sorted(held, key=lambda each: each["created"], reverse=True)

    def forget_events(self, before: float) -> None:
        """Let go of the events from before a moment."""
        events = self.lists.get("events", {})
        self.lists["events"] = {
            id_: each for id_, each in events.items() if each["created"] >= before
        }

    def _happened(self, kind: Kind, what: str, subject: Object, **beside: Object) -> None:
        made: Object = {
            "id": self._id(kind_of("events")),
            "object": "event",
            "api_version": API_VERSION,
            "created": int(self.clock()),
            "data": {"object": deepcopy(subject), **deepcopy(beside)},
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": None, "idempotency_key": None},
            "type": kind.event(what),
        }
        self.lists.setdefault("events", {})[made["id"]] = made

    def _id(self, kind: Kind) -> str:
        self._numbers += 1
        return f"{kind.prefix}_{self._numbers:014d}"
