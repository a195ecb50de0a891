"""Stripe's own client, which sends through the engine's."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import attrs
import stripe

import tailrace
from tailrace.errors import SourceError

PAGE = 100
Object = dict[str, Any]

_CURES = {
    401: "Stripe does not know this key; look at api_key, and whether it is of this account",
    403: "the key lacks a permission; add it in Stripe, under Developers, API keys",
}


class Transport(stripe.HTTPClient):
    """Be the `http_client` of Stripe's client; the engine paces, repeats and judges."""

    name = "tailrace"

    def __init__(self, http: tailrace.Http) -> None:
        super().__init__()
        self._http = http
        self.told = ""
        """When Stripe sent its last answer, as that said."""

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **beside: Any,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send one request; raises what the engine makes of any answer but 2xx."""
        asked = {**(headers or {}), "Accept": "application/json"}
        answer = self._http.request(method.upper(), url, headers=asked, data=post_data)
        self.told = answer.headers.get("date", "")
        return answer.content.decode(), answer.status, answer.headers

    def close(self) -> None:
        """Leave connections to the engine."""


class Service(Protocol):
    """List objects; one of the many services of Stripe's client."""

    def list(self, params: Any, /) -> Any:
        """Give one page."""


def connect(
    http: tailrace.Http, key: str, base_url: str, version: str, account: str | None
) -> tuple[stripe.StripeClient, Transport]:
    """Give Stripe's client, which itself repeats nothing, and what it sends through."""
    transport = Transport(http)
    client = stripe.StripeClient(
        key,
        http_client=transport,
        base_addresses={"api": base_url},
        max_network_retries=0,
        stripe_version=version,
        stripe_account=account,
    )
    return client, transport


@attrs.frozen
class Api:
    """Read one list."""

    service: Service
    name: str
    transport: Transport = attrs.field(repr=False)

    def pages(self, asked: Mapping[str, Any]) -> Iterator[list[Object]]:
        """Give the objects newest first, without those that are made meanwhile.

        Each page follows the last object of the one before, so that new ones, which Stripe puts in
        front, move nothing; what bounds `created` below also bounds it above, by the first page.
        """
        params = {"limit": PAGE, **asked}
        while True:
            with self._telling():
                page = self.service.list(params)
                found = [each.to_dict() for each in page.data]
            if not found:
                return
            if "starting_after" not in params and "created" in params:
                params["created"] = {"lte": found[0]["created"], **params["created"]}
            yield found
            if not page.has_more:
                return
            params["starting_after"] = found[-1]["id"]

    def now(self) -> int | None:
        """Give the seconds of Stripe's clock at its last answer, where it told them."""
        try:
            return int(parsedate_to_datetime(self.transport.told).timestamp())
        except (ValueError, OverflowError):
            return None

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except tailrace.WriteError as error:
            cure = _CURES.get(error.status or 0, "the list cannot be read")
            raise SourceError(f"{self.name}: {cure} ({error})") from None
        except stripe.StripeError as error:
            raise SourceError(f"{self.name}: Stripe's client cannot read this: {error}") from None
