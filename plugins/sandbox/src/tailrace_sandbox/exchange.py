"""One request's way through the faults to the twin, into the log and back."""

from __future__ import annotations

import threading

import attrs

from tailrace_sandbox.faults import Fault, Faults
from tailrace_sandbox.log import Log
from tailrace_sandbox.twin import Twin
from tailrace_sandbox.wire import Answer, Connection, Request

GARBAGE = b"<!DOCTYPE html><html><title>Error</title><p>Something went wrong.</html>\n"


@attrs.frozen(kw_only=True)
class Case:
    """Hold a request together with what is to go wrong with it."""

    twin: Twin
    request: Request
    log: Log
    began: float
    faults: list[Fault]

    def play(self, connection: Connection, faults: Faults, stopping: threading.Event) -> None:
        """Answer the request, or break off as its faults say."""
        for fault in self.faults:
            if fault.kind != "latency":
                self._strike(fault, connection, faults)
                return
            if stopping.wait(fault.seconds):
                connection.hang_up()
                return
        answer = self.twin.answer(self.request)
        self._record(answer, answer.status)
        connection.send(answer, bodiless=self.request.method == "HEAD")

    def _strike(self, fault: Fault, connection: Connection, faults: Faults) -> None:
        match fault.kind:
            case "answer":
                answer = self._refusal(fault)
                self._record(answer, fault.status, applied=False)
                connection.send(answer)
            case "reset_before":
                self._record(None, None)
                connection.reset()
            case "late":
                faults.hold(self._apply_late, fault.seconds)
                connection.hang_up()
            case _:
                self._lose(fault, self.twin.answer(self.request), connection)

    def _lose(self, fault: Fault, answer: Answer, connection: Connection) -> None:
        match fault.kind:
            case "lose":
                self._record(answer, fault.status)
                connection.send(self._refusal(fault))
            case "reset_after":
                self._record(answer, None)
                connection.reset()
            case "truncate":
                self._record(answer, answer.status)
                connection.cut(answer)
            case _:
                self._record(answer, 200)
                connection.send(Answer(body=GARBAGE, content_type="text/html; charset=UTF-8"))

    def _apply_late(self) -> None:
        self._record(self.twin.answer(self.request), None)

    def _refusal(self, fault: Fault) -> Answer:
        answer = self.twin.refuse(self.request, fault.status)
        if fault.retry_after is None:
            return answer
        header = ("Retry-After", str(fault.retry_after))
        return attrs.evolve(answer, headers=(*answer.headers, header))

    def _record(self, answer: Answer | None, status: int | None, *, applied: bool = True) -> None:
        self.log.record(
            self.twin.name,
            self.request,
            status=status,
            answer=b"" if answer is None else answer.body,
            fault="+".join(fault.kind for fault in self.faults) or None,
            applied=applied and answer is not None,
            began=self.began,
        )
