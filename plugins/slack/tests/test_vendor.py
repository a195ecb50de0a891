"""All that these tests send is checked against Slack's own description, where there is one.

The fixture `sandbox` does it after each test; here it shows that it would notice.
"""

from types import SimpleNamespace

import pytest

from .conftest import SPECS, Path, Vendor

pytestmark = pytest.mark.skipif(
    SPECS is None, reason="VENDOR_SPECS names no folder with the vendors' descriptions"
)


@pytest.mark.parametrize(
    ("method", "body", "problem"),
    [
        ("chat.postMessage", b'{"channel": "C1", "tekst": "a"}', "chat.postMessage: tekst?"),
        ("chat.update", b'{"channel": "C1", "text": "a"}', "chat.update lacks ts"),
        ("users.lookupByEmail", b'{"email": "a"}', "users.lookupByEmail takes no JSON"),
        ("conversations.replies", b'{"channel": "C1", "tss": "1"}', "conversations.replies: tss?"),
    ],
)
def test_a_wrong_call_is_noticed(method, body, problem):
    headers = {"content-type": "application/json"}
    call = SimpleNamespace(
        path=f"/api/{method}", headers=headers, body=body, status=200, fault=None, answer=b"{}"
    )

    assert [problem] == Vendor(Path(SPECS) / "slack").check(call)


def test_a_wrong_answer_is_noticed():
    call = SimpleNamespace(
        path="/api/chat.delete",
        headers={"content-type": "application/json"},
        body=b'{"channel": "C1", "ts": "1"}',
        status=200,
        fault=None,
        answer=b'{"ok":true,"channel":1,"ts":"1"}',
    )

    assert 1 == len(Vendor(Path(SPECS) / "slack").check(call))
