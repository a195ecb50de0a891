"""The writer of an incoming webhook, which can only post, and answers `ok` or a word."""

from hashlib import blake2b
from typing import TYPE_CHECKING

import attrs

import tailrace
from tailrace_slack._draft import Draft
from tailrace_slack._template import Values

if TYPE_CHECKING:
    from tailrace_slack import Options

SCOPE = "webhook"


@attrs.frozen
class Webhook:
    """Post to the channel that a webhook belongs to."""

    http: tailrace.Http
    url: tailrace.Secret
    draft: Draft

    @property
    def identity(self) -> str:
        """Name the webhook by a digest, since its address is a secret."""
        return f"webhook {blake2b(self.url.reveal().encode(), digest_size=8).hexdigest()}"

    def write(self, batch: tailrace.Batch) -> None:
        """Post one message for the rows of a batch."""
        said = self.draft.compose([Values(record.values, batch.schema) for record in batch])
        message = {**said, "unfurl_links": False, "unfurl_media": False}
        try:
            answer = self.http.post(self.url.reveal(), json=message, scope=SCOPE)
        except tailrace.RejectedError as error:
            if error.status in (404, 410):
                raise tailrace.FatalError(str(error), status=error.status) from None
            raise
        if answer.text.strip() != "ok":
            raise tailrace.UnansweredError("the webhook's answer is not `ok`", status=answer.status)


def open_webhook(options: "Options", http: tailrace.Http) -> Webhook:
    """Give the writer."""
    assert options.webhook_url is not None  # or there would be a channel
    return Webhook(http, options.webhook_url, Draft.of(options))
