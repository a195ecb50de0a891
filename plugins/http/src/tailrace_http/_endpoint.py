"""The endpoint: batches become requests, and their answers outcomes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import attrs

import tailrace
from tailrace.http import encode_json
from tailrace_http._answers import is_there, outcomes
from tailrace_http._login import Login, Signed, Tokens, standard_key
from tailrace_http._template import ROW, ROWS, Address, Text, build, header, names_in, unknown

if TYPE_CHECKING:
    from tailrace_http import Options

_KINDS = {
    "json": "application/json",
    "lines": "application/x-ndjson",
    "form": "application/x-www-form-urlencoded",
}
_GONE = (404, 410)


@attrs.frozen
class Endpoint:
    """Write to one service."""

    options: "Options" = attrs.field(repr=False)
    http: tailrace.Http
    login: Login
    url: Address
    lookup_url: Address | None
    delete_url: Address | None
    headers: Mapping[str, Text] = attrs.field(repr=False)

    def write(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome] | None:
        """Send a batch in one request, or delete its records one by one."""
        if batch.action == "delete":
            return [self._delete(batch, record) for record in batch]
        rows = batch.rows()
        try:
            answer = self._send(self.options.method, self.url, batch.id, rows[0], self._body(rows))
        except tailrace.RejectedError as error:
            if error.status not in self.options.skip_statuses:
                raise
            told = f"the service answered {error.status}: there was nothing to do"
            return [batch.outcome(each, skipped=told, reason="nothing_to_do") for each in batch]
        if self.options.results is None:
            return None
        return outcomes(self.options.results, answer.json(), batch)

    def lookup(self, batch: tailrace.Batch) -> Iterable[tailrace.Outcome]:
        """Ask for each record whether it is there."""
        if self.lookup_url is None:
            return []
        found = []
        for record in batch:
            url = self.lookup_url.fill(record.values)
            there = is_there(self._signed("", b"").send("GET", url, safe=True).status)
            if batch.action == "delete" and there is not None:
                there = not there
            if there is not None:
                missing = None if there else "the service does not hold it as it was sent"
                found.append(batch.outcome(record, failed=missing))
        return found

    def _delete(self, batch: tailrace.Batch, record: Any) -> tailrace.Outcome:
        assert self.delete_url is not None  # or mirror would not be served
        name, row = f"{batch.id}/{record.key}", record.values
        try:
            self._send(self.options.delete_method, self.delete_url, name, row, None)
        except tailrace.RejectedError as error:
            if error.status in _GONE or error.status in self.options.skip_statuses:
                return batch.outcome(record, skipped="it was not there", reason="not_found")
            return batch.outcome(record, rejected=str(error), reason=error.reason)
        return batch.outcome(record)

    def _body(self, rows: list[dict[str, Any]]) -> bytes:
        """Write the body; raises RejectedError for what its format cannot hold."""
        shape, kind = self.options.body, self.options.format
        if shape is None:
            shape = f"{{{ROW if self.options.rows == 1 else ROWS}}}"
        single = rows[0] if self.options.rows == 1 else {}
        body = build(shape, {**single, ROW: single, ROWS: rows})
        if kind == "json":
            return encode_json(body)
        if kind == "lines":
            lines = body if isinstance(body, list) else [body]
            return b"".join(encode_json(each) + b"\n" for each in lines)
        if not isinstance(body, Mapping):
            raise tailrace.FatalError("a form is made of names and values: give body = { ... }")
        form = {name: value for name, value in body.items() if value is not None}
        nested = [name for name, value in form.items() if isinstance(value, (Mapping, bytes))]
        if nested:
            raise tailrace.RejectedError(f"a form cannot hold {nested[0]!r}", reason="value")
        return urlencode(form, doseq=True).encode()

    def _send(
        self, method: str, url: Address, name: str, row: Mapping[str, Any], body: bytes | None
    ) -> Any:
        made = {each: header(text, each, row) for each, text in self.headers.items()}
        if body is not None:
            made.setdefault("Content-Type", _KINDS[self.options.format])
        if self.options.results is not None:
            # So that an answer that is none is noticed as one that was lost.
            made.setdefault("Accept", "application/json")
        again = self.options.idempotency_header
        keyed = again is not None and again.title() == "Idempotency-Key"
        if again is not None and not keyed:
            made[again] = name
        return self._signed(name, body or b"").request(
            method,
            url.fill(row),
            data=body,
            headers=made,
            idempotency_key=name if keyed else None,
            repeat=True if again is not None else None,
        )

    def _signed(self, name: str, body: bytes) -> tailrace.Http:
        signature = self.options.signature
        if signature is None:
            return self.http.using(auth=self.login)
        return self.http.using(auth=Signed(self.login, signature, name, body))


def endpoint(options: "Options", http: tailrace.Http, key: Sequence[str]) -> Endpoint:
    """Make the writer; raises a ConfigError of all that does not go together."""
    problems: list[tailrace.Problem] = []
    found: dict[str, Address] = {}
    for option in ("url", "lookup_url", "delete_url"):
        given = getattr(options, option)
        if given is not None:
            try:
                found[option] = Address.of(option, options.base_url, given)
            except tailrace.ConfigError as error:
                problems += error.problems
    problems += _unfit(options, found, key)
    headers = {name: Text(value) for name, value in options.headers.items()}
    if problems:
        raise tailrace.ConfigError(*problems)
    plain = http.using(private=found["url"].host in options.allow_private)
    tokens = None
    if options.oauth is not None:
        host = urlsplit(options.oauth.token_url).hostname
        tokens = Tokens(options.oauth, http.using(private=host in options.allow_private))
    login = Login(options, tokens)
    lookup, delete = found.get("lookup_url"), found.get("delete_url")
    return Endpoint(options, plain, login, found["url"], lookup, delete, headers)


def _unfit(
    options: "Options", found: Mapping[str, Address], key: Sequence[str]
) -> list[tailrace.Problem]:
    """Say what of the options does not go together."""
    told = [*_astray(options, found), *_of_one_row(options, found), *_at_odds(options)]
    names = found["delete_url"].text.names if "delete_url" in found else []
    if key and (strange := unknown(names, key)):
        why = f"needs {strange[0]!r}, and of a deleted record only its key is known"
        told.append(("delete_url", why))
    if options.results is not None and options.results.key is not None and len(key) > 1:
        told.append(("results.key", "is the key of one field; here it has several"))
    return [tailrace.Problem(option, why) for option, why in told]


def _astray(options: "Options", found: Mapping[str, Address]) -> Iterator[tuple[str, str]]:
    for option, address in found.items():
        if not address.secure and address.host not in options.allow_private:
            yield option, f"is not https; for a host of yours: allow_private = [{address.host!r}]"
    if len({address.host for address in found.values()}) > 1:
        yield "url", "goes to another host than lookup_url or delete_url"


def _of_one_row(options: "Options", found: Mapping[str, Address]) -> Iterator[tuple[str, str]]:
    if options.rows == 1:
        return
    used = {
        "url": set(found["url"].text.names) if "url" in found else set(),
        "headers": names_in(options.headers),
        "body": names_in(options.body) - {ROWS},
    }
    for option, names in used.items():
        if names:
            why = (
                f"has a value of one row ({{{min(names)}}}), and a request has {options.rows} rows"
            )
            yield option, why


def _at_odds(options: "Options") -> Iterator[tuple[str, str]]:
    logins = [options.token, options.username, options.oauth]
    if sum(each is not None for each in logins) > 1:
        yield "token", "is one way to log in, and username or oauth another; give one"
    if (options.username is None) != (options.password is None):
        yield "username", "goes together with password"
    signature = options.signature
    standard = signature is not None and signature.scheme == "standard-webhooks"
    if signature is not None and standard and standard_key(signature.secret) is None:
        yield "signature.secret", "is whsec_ and base64 for this scheme; another scheme is hmac"
    if options.oauth is not None and not options.oauth.token_url.startswith("https://"):
        host = urlsplit(options.oauth.token_url).hostname or ""
        if host not in options.allow_private:
            yield (
                "oauth.token_url",
                f"is not https; for a host of yours: allow_private = [{host!r}]",
            )
