"""Senders: what a service of each scheme puts into its headers, made without any code of ours."""

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime

import standardwebhooks
import stripe
from slack_sdk.signature import SignatureVerifier

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
URL = "https://hooks.example.com/in"


def _mac(secret, content):
    return hmac.new(secret.encode(), content, hashlib.sha256)


def sign(scheme, body, *, secret=SECRET, at=None, id="evt_1", url=URL):
    """Give the headers that a service of a scheme sends, as its own library or page has it."""
    at = time.time() if at is None else at
    if scheme == "standard":
        # The library takes its time for one without a zone, and then for UTC.
        moment = datetime.fromtimestamp(at, UTC)
        signature = standardwebhooks.Webhook(secret).sign(id, moment, body.decode("latin-1"))
        if not body.isascii():
            content = f"{id}.{int(at)}.".encode() + body
            key = base64.b64decode(secret.removeprefix("whsec_"))
            digest = hmac.new(key, content, hashlib.sha256).digest()
            signature = "v1," + base64.b64encode(digest).decode()
        headers = {"webhook-id": id, "webhook-timestamp": str(int(at))}
        return headers | {"webhook-signature": signature}
    if scheme == "stripe":
        text = body.decode()
        made = stripe.WebhookSignature.generate_signature_header(text, secret, int(at))
        return {"stripe-signature": made}
    if scheme == "slack":
        verifier = SignatureVerifier(secret)
        made = verifier.generate_signature(timestamp=str(int(at)), body=body)
        return {"x-slack-request-timestamp": str(int(at)), "x-slack-signature": made}
    if scheme == "github":
        made = "sha256=" + _mac(secret, body).hexdigest()
        return {"x-hub-signature-256": made, "x-github-delivery": id}
    if scheme == "typeform":
        made = base64.b64encode(_mac(secret, body).digest()).decode()
        return {"typeform-signature": f"sha256={made}"}
    if scheme == "hubspot":
        moment = str(int(at * 1000))
        content = b"POST" + url.encode() + body + moment.encode()
        made = base64.b64encode(_mac(secret, content).digest()).decode()
        return {"x-hubspot-request-timestamp": moment, "x-hubspot-signature-v3": made}
    return {}
