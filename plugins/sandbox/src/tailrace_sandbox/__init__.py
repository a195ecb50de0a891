"""Local twins of the services that tailrace delivers to, over real HTTP on loopback."""

from tailrace_sandbox.faults import Fault, Faults
from tailrace_sandbox.log import Exchange
from tailrace_sandbox.sandbox import Sandbox
from tailrace_sandbox.twin import Part, Thing, Twin
from tailrace_sandbox.wire import Answer, Request

__all__ = [
    "Answer",
    "Exchange",
    "Fault",
    "Faults",
    "Part",
    "Request",
    "Sandbox",
    "Thing",
    "Twin",
]
