"""Events as Stripe's own fixtures show its objects: taken as its library takes them, and kept whole."""

import json
import os
from pathlib import Path

import pytest
import stripe

from .senders import SECRET, sign

FOLDER = os.environ.get("VENDOR_SPECS")


@pytest.mark.skipif(FOLDER is None, reason="VENDOR_SPECS names no folder of descriptions")
def test_events_of_all_of_stripes_objects_are_kept_once_and_whole(listen):
    fixtures = json.loads((Path(FOLDER) / "stripe" / "fixtures3.json").read_text())["resources"]
    sample = fixtures["event"]
    events = [
        {**sample, "id": f"evt_{name}", "data": {"object": each}} for name, each in fixtures.items()
    ]
    with listen(scheme="stripe") as endpoint:
        for event in [*events, *events[:9]]:
            body = json.dumps(event, indent=2).encode()
            header = sign("stripe", body)

            told = header["stripe-signature"]
            assert stripe.WebhookSignature.verify_header(body.decode(), told, SECRET, 300)
            assert endpoint.post(body, header)[0] == 200

        assert len(events) > 50
        assert endpoint.rows == events
