"""The Stripe twin, as Stripe's own client sees it."""

import json
import os
from pathlib import Path

import pytest
import stripe

from tailrace_sandbox import Sandbox
from tailrace_sandbox.stripe.kinds import KINDS

SPECS = os.environ.get("VENDOR_SPECS")


@pytest.fixture
def client(sandbox):
    """Give a client of a key, kept from proxies and pools of others."""
    opened = []

    def make(key="sk_test_1"):
        import requests

        session = requests.Session()
        session.trust_env = False
        opened.append(session)
        http = stripe.RequestsClient(session=session)
        base = {"api": sandbox.url("stripe")}
        return stripe.StripeClient(key, base_addresses=base, http_client=http).v1

    yield make
    for session in opened:
        session.close()


@pytest.fixture
def at(sandbox):
    """Set the twin's clock."""

    def set_to(seconds):
        sandbox.stripe.clock = lambda: seconds

    set_to(1_000)
    return set_to


def ids(page):
    return [each.id for each in page.data]


def test_lists_are_newest_first_and_pages_follow_each_other(client, sandbox, at):
    made = []
    for second in (1_000, 1_000, 1_001, 1_002, 1_002):
        at(second)
        made.append(sandbox.stripe.add("customers", {"email": f"{second}@x.example"})["id"])
    customers = client().customers
    page = customers.list({"limit": 2})

    assert (made[:2:-1], True) == (ids(page), page.has_more)
    assert made[::-1] == [each.id for each in page.auto_paging_iter()]
    assert [made[2], made[1]] == ids(customers.list({"limit": 2, "ending_before": made[0]}))
    assert [made[1], made[0]] == ids(customers.list({"created": {"lt": 1_001}}))
    assert [made[2]] == ids(customers.list({"created": 1_001}))
    assert made[:1:-1] == ids(customers.list({"created": {"gte": 1_001, "lte": 1_002}}))


def test_what_is_new_does_not_move_the_pages(client, sandbox, at):
    made = [sandbox.stripe.add("charges")["id"] for _ in range(4)]
    pages = client().charges.list({"limit": 2}).auto_paging_iter()
    first = [next(pages).id, next(pages).id]
    sandbox.stripe.add("charges")

    assert made[::-1] == [*first, *(each.id for each in pages)]


def test_filters_and_what_is_no_parameter(client, sandbox):
    sandbox.stripe.add("customers", {"email": "a@x.example"})
    wanted = sandbox.stripe.add("customers", {"email": "b@x.example"})["id"]
    running = sandbox.stripe.add("subscriptions", {"customer": wanted})["id"]
    ended = sandbox.stripe.add("subscriptions", {"customer": wanted})["id"]
    sandbox.stripe.remove("subscriptions", ended)
    v1 = client()

    assert [wanted] == ids(v1.customers.list({"email": "b@x.example"}))
    assert [running] == ids(v1.subscriptions.list({"customer": wanted}))
    assert [ended, running] == ids(v1.subscriptions.list({"status": "all"}))
    assert [ended] == ids(v1.subscriptions.list({"status": "ended"}))
    for wrong, code in (
        ({"colour": "red"}, "parameter_unknown"),
        ({"created": {"at": 1}}, "parameter_unknown"),
        ({"starting_after": "cus_9"}, "resource_missing"),
        ({"created": {"gte": "soon"}}, "parameter_invalid_integer"),
        ({"limit": 101}, None),
        ({"expand": ["data.colour"]}, None),
    ):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            v1.customers.list(wrong)
        assert (400, code) == (caught.value.http_status, caught.value.code), wrong


def test_objects_stand_where_their_ids_stood_if_that_is_asked_for(client, sandbox):
    customer = sandbox.stripe.add("customers", {"email": "a@x.example"})["id"]
    invoice = sandbox.stripe.add("invoices", {"customer": customer})["id"]
    given = {"customer": customer, "latest_invoice": invoice}
    subscription = sandbox.stripe.add("subscriptions", given)["id"]
    v1 = client()
    [plain] = v1.subscriptions.list().data
    [deep] = v1.subscriptions.list({"expand": ["data.latest_invoice.customer"]}).data
    one = v1.subscriptions.retrieve(subscription, {"expand": ["customer"]})

    assert (customer, invoice) == (plain.customer, plain.latest_invoice)
    assert "a@x.example" == deep.latest_invoice.customer.email == one.customer.email


def test_whatever_happens_to_an_object_is_an_event(client, sandbox):
    customer = sandbox.stripe.add("customers", {"email": "a@x.example"})["id"]
    sandbox.stripe.change("customers", customer, {"email": "b@x.example"})
    sandbox.stripe.remove("customers", customer)
    subscription = sandbox.stripe.add("subscriptions")["id"]
    sandbox.stripe.remove("subscriptions", subscription)
    v1 = client()
    happened = v1.events.list().data[::-1]

    assert [
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "customer.subscription.created",
        "customer.subscription.deleted",
    ] == [each.type for each in happened]
    assert {"email": "a@x.example"} == happened[1].data.previous_attributes.to_dict()
    assert "b@x.example" == happened[2].data.object.email
    assert "canceled" == happened[4].data.object.status
    assert v1.customers.retrieve(customer).deleted
    assert [happened[4].id] == ids(v1.events.list({"type": "*.subscription.deleted"}))
    assert [happened[0].id] == ids(v1.events.list({"types": ["customer.created"]}))


def test_old_events_are_let_go(client, sandbox, at):
    sandbox.stripe.add("customers")
    at(2_000)
    sandbox.stripe.add("customers")
    sandbox.stripe.forget_events(1_500)

    assert [2_000] == [each.created for each in client().events.list().data]


def test_keys(client, sandbox):
    sandbox.stripe.forbid("customers")

    assert [] == client("rk_test_1").products.list().data
    assert [] == client("sk_test_1").customers.list().data
    with pytest.raises(stripe.PermissionError, match="rak_customer_read"):
        client("rk_test_1").customers.list()
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key"):
        client("pk_test_1").customers.list()


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "AuthenticationError"), (429, "RateLimitError"), (500, "APIError")],
)
def test_refusals_are_errors_of_the_client(client, sandbox, status, kind):
    sandbox.faults.add("stripe", "answer", status=status)
    with pytest.raises(getattr(stripe, kind)) as caught:
        client().customers.list()

    assert status == caught.value.http_status
    assert caught.value.request_id.startswith("req_")


def test_objects_are_made_changed_and_deleted_by_the_api_too(client, sandbox):
    v1 = client()
    made = v1.customers.create({"email": "a@x.example", "metadata": {"team": "a", "x": "1"}})
    v1.customers.update(made.id, {"name": "Ada", "balance": -500, "metadata": {"team": "b"}})
    product = v1.products.create({"name": "p", "active": False})
    price = v1.prices.create({"product": product.id, "unit_amount": 1099, "currency": "eur"})
    subscription = v1.subscriptions.create({"customer": made.id, "items": [{"price": price.id}]})
    v1.subscriptions.cancel(subscription.id)
    now = v1.customers.retrieve(made.id)
    gone = v1.customers.delete(made.id)

    assert ("Ada", -500) == (now.name, now.balance)
    assert {"team": "b", "x": "1"} == now.metadata.to_dict()
    assert (False, 1099) == (product.active, price.unit_amount)
    assert 1099 == subscription["items"].data[0].price.unit_amount
    assert "canceled" == v1.subscriptions.retrieve(subscription.id).status
    assert gone.deleted
    assert [
        "customer.deleted",
        "customer.subscription.deleted",
        "customer.subscription.created",
        "price.created",
        "product.created",
        "customer.updated",
        "customer.created",
    ] == [each.type for each in v1.events.list().data]


def test_a_request_that_comes_twice_is_done_once(client):
    v1 = client()
    both = [v1.charges.create({"amount": 5}, {"idempotency_key": "k"}).id for _ in range(2)]

    assert both[0] == both[1]
    assert both[:1] == ids(v1.charges.list())


def test_what_cannot_be_written_is_refused(client, sandbox):
    sandbox.stripe.forbid("customers")
    v1 = client()
    for wrong, said in (
        ({"colour": "red"}, "unknown parameter: colour"),
        ({"balance": "much"}, "Invalid integer: much"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=said):
            v1.customers.create(wrong)
    with pytest.raises(stripe.InvalidRequestError, match="No such price"):
        v1.subscriptions.create({"customer": "cus_1", "items": [{"price": "price_9"}]})
    with pytest.raises(stripe.PermissionError, match="rak_customer_write"):
        client("rk_test_1").customers.create({})
    assert [] == v1.events.list().data


def test_other_calls_are_unknown(client):
    v1 = client()
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        v1.customers.search({"query": "email:'a'"})
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        v1.customers.retrieve("cus_9")


def test_a_list_that_is_not_described_has_what_it_is_given(client, sandbox):
    made = sandbox.stripe.add("checkout.sessions", {"status": "open", "expires_at": 5})
    [found] = client().checkout.sessions.list().data

    assert made == found.to_dict()
    assert "checkout.session" == made["object"]


def test_the_rate_limit_is_enforced_if_that_is_asked_for():
    import requests

    with Sandbox(quotas=True) as running, requests.Session() as session:
        session.trust_env = False
        url, auth = f"{running.url('stripe')}/v1/customers", ("sk_test_1", "")
        statuses = {session.get(url, auth=auth, timeout=5).status_code for _ in range(60)}

    assert {200, 429} == statuses


def test_the_page_shows_objects_as_a_grid(sandbox):
    sandbox.stripe.add("customers", {"email": "a@x.example"})
    [thing] = sandbox.stripe.things()
    seen = sandbox.stripe.look(thing.id, "customers", 0, 100)
    names = [cell[0] for cell in seen["rows"][0]]

    assert ["customers", "events"] == [part.id for part in thing.parts]
    assert ["a@x.example", "s"] == seen["rows"][1][names.index("email")]


@pytest.mark.skipif(SPECS is None, reason="VENDOR_SPECS names no folder of descriptions")
@pytest.mark.parametrize("name", KINDS)
def test_objects_have_the_fields_that_stripes_own_samples_have(name, sandbox):
    text = Path(SPECS, "stripe", "fixtures3.json").read_text(encoding="utf-8")
    sample = json.loads(text)["resources"][KINDS[name].object]
    sandbox.stripe.add("customers")
    made = (
        sandbox.stripe.add(name)
        if name != "events"
        else sandbox.stripe._account.newest_first(name)[0]
    )
    kinds = {
        field: (type(value), type(made.get(field)))
        for field, value in sample.items()
        if value is not None and made.get(field) is not None
    }

    assert set(sample) == set(made)
    assert {} == {field: each for field, each in kinds.items() if each[0] is not each[1]}
