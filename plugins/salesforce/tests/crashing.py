"""A run in a process of its own, which ends as if killed: before, or after, one of its requests."""

import os
import sys

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace._engine.wire import Wire
from tailrace.testing import FakeClock


def main(base_url, state, mode, when, method, skip):
    send, left = Wire.send, [int(skip)]

    def sending(wire, verb, url, *rest):
        meant = verb == method and "jobs" in url
        if meant:
            left[0] -= 1
        if meant and left[0] < 0 and when == "before":
            os._exit(9)
        answer = send(wire, verb, url, *rest)
        if meant and left[0] < 0 and when == "after":
            os._exit(9)
        return answer

    Wire.send = sending
    rows = [{"External_Id__c": f"p-{n}", "LastName": f"name {n}"} for n in range(30)]
    options = {"object": "Contact", "base_url": base_url, "bulk": 5}
    sync = tailrace.Sync(
        source=rows,
        destination="salesforce",
        name="it",
        mode=mode,
        key="External_Id__c",
        options=options,
        state=state,
    )
    execute(prepare(sync), FakeClock())


main(*sys.argv[1:])
