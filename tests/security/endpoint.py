"""Run syncs into an endpoint of one's own, with all that can be said of it."""

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock

CANARY = "C4NARY+t0ken/with=signs"


def send(url, rows=({"id": 1},), **options):
    """Send rows to an address; give the report."""
    given = {"url": url, "allow_private": ["127.0.0.1", "localhost"], **options}
    sync = tailrace.Sync(
        source=list(rows),
        destination="http",
        name="it",
        mode="append",
        options=given,
        state=None,
    )
    return execute(prepare(sync), FakeClock())


LOGINS = {
    "none": {},
    "bearer": {"token": tailrace.Secret(CANARY)},
    "basic": {"username": "ada", "password": tailrace.Secret(CANARY)},
    "header": {"secret_headers": {"X-API-Key": tailrace.Secret(CANARY)}},
    "signature": {"signature": {"secret": tailrace.Secret(CANARY), "scheme": "hmac"}},
    "webhook": {"signature": {"secret": tailrace.Secret("whsec_" + "QUJD" * 8)}},
}
"""Every way to log in, but for OAuth, which takes a service of its own."""
