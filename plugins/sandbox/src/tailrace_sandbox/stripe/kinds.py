"""Kinds of objects: how they are called, what their ids begin with, and the fields that they have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import attrs

Object = dict[str, Any]

_NOTHING: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Kind:
    """Describe the objects of one list.

    null: fields that hold nothing unless it is said. filters: parameters of the list that name a
    field; None lets any do. family: what the types of its events begin with.
    """

    object: str
    prefix: str
    null: tuple[str, ...] = _NOTHING
    set: Mapping[str, Any] = attrs.field(factory=dict)
    filters: frozenset[str] | None = None
    family: str = ""

    def make(self, id_: str, created: int, given: Mapping[str, Any]) -> Object:
        """Return an object with all fields of its kind."""
        made = {"id": id_, "object": self.object, "created": created, "livemode": False}
        made |= {"metadata": {}, **dict.fromkeys(self.null), **deepcopy(dict(self.set))}
        return made | deepcopy(dict(given))

    def event(self, what: str) -> str:
        """Name the type of an event."""
        return f"{self.family or self.object}.{what}"


def _listed(url: str) -> Object:
    return {"object": "list", "data": [], "has_more": False, "url": url}


_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
_AUTOMATIC_TAX = {"enabled": False, "liability": None, "disabled_reason": None}

KINDS: Mapping[str, Kind] = {
    "customers": Kind(
        object="customer",
        prefix="cus",
        null=(
            *("address", "currency", "default_source", "description", "discount", "email"),
            *("name", "phone", "shipping", "test_clock"),
        ),
        set={
            "balance": 0,
            "delinquent": False,
            "invoice_prefix": "5A4DB0B",
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "next_invoice_sequence": 1,
            "preferred_locales": [],
            "tax_exempt": "none",
        },
        filters=frozenset({"email", "test_clock"}),
    ),
    "products": Kind(
        object="product",
        prefix="prod",
        null=(
            *("default_price", "description", "name", "package_dimensions", "shippable"),
            *("statement_descriptor", "tax_code", "unit_label", "updated", "url"),
        ),
        set={"active": True, "images": [], "marketing_features": [], "type": "service"},
        filters=frozenset({"active", "shippable", "url"}),
    ),
    "prices": Kind(
        object="price",
        prefix="price",
        null=(
            *("custom_unit_amount", "lookup_key", "nickname", "product", "recurring"),
            *("tiers_mode", "transform_quantity"),
        ),
        set={
            "active": True,
            "billing_scheme": "per_unit",
            "currency": "usd",
            "tax_behavior": "unspecified",
            "type": "one_time",
            "unit_amount": 1000,
            "unit_amount_decimal": "1000",
        },
        filters=frozenset({"active", "currency", "product", "type"}),
    ),
    "subscriptions": Kind(
        object="subscription",
        prefix="sub",
        null=(
            *("application", "application_fee_percent", "billing_cycle_anchor"),
            *("billing_cycle_anchor_config", "billing_schedules", "billing_thresholds"),
            *("cancel_at", "canceled_at", "customer", "customer_account", "days_until_due"),
            *("default_payment_method", "default_source", "description", "ended_at"),
            *("latest_invoice", "managed_payments", "next_pending_invoice_item_invoice"),
            *("on_behalf_of", "pause_collection", "pending_invoice_item_interval"),
            *("pending_setup_intent", "pending_update", "schedule", "start_date", "test_clock"),
            *("transfer_data", "trial_end", "trial_settings", "trial_start"),
        ),
        set={
            "automatic_tax": _AUTOMATIC_TAX,
            "billing_mode": {"type": "flexible"},
            "cancel_at_period_end": False,
            "cancellation_details": dict.fromkeys(("comment", "feedback", "reason")),
            "collection_method": "charge_automatically",
            "currency": "usd",
            "default_tax_rates": [],
            "discounts": [],
            "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
            "items": _listed("/v1/subscription_items"),
            "payment_settings": {"payment_method_types": None},
            "status": "active",
        },
        filters=frozenset({"collection_method", "customer", "price", "status", "test_clock"}),
        family="customer.subscription",
    ),
    "invoices": Kind(
        object="invoice",
        prefix="in",
        null=(
            *("account_name", "account_tax_ids", "application", "automatically_finalizes_at"),
            *("custom_fields", "customer", "customer_account", "customer_address"),
            *("customer_email", "customer_name", "customer_phone", "customer_shipping"),
            *("default_payment_method", "default_source", "description", "due_date"),
            *("effective_at", "ending_balance", "footer", "from_invoice", "hosted_invoice_url"),
            *("invoice_pdf", "last_finalization_error", "latest_revision"),
            *("next_payment_attempt", "number", "on_behalf_of", "parent", "period_end"),
            *("period_start", "receipt_number", "rendering", "shipping_cost"),
            *("shipping_details", "statement_descriptor", "subscription", "test_clock"),
            *("total_pretax_credit_amounts", "webhooks_delivered_at"),
        ),
        set={
            "account_country": "US",
            **dict.fromkeys(
                (
                    *("amount_due", "amount_overpaid", "amount_paid", "amount_remaining"),
                    *("amount_shipping", "attempt_count", "starting_balance", "subtotal", "total"),
                    *("post_payment_credit_notes_amount", "pre_payment_credit_notes_amount"),
                    *("subtotal_excluding_tax", "total_excluding_tax"),
                ),
                0,
            ),
            "attempted": False,
            "auto_advance": False,
            "automatic_tax": {**_AUTOMATIC_TAX, "provider": None, "status": None},
            "billing_reason": "manual",
            "collection_method": "charge_automatically",
            "currency": "usd",
            "customer_tax_exempt": "none",
            "customer_tax_ids": [],
            "default_tax_rates": [],
            "discounts": [],
            "issuer": {"type": "self"},
            "lines": _listed("/v1/invoices/lines"),
            "payment_settings": {"payment_method_types": None},
            "status": "draft",
            "status_transitions": dict.fromkeys(
                ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
            ),
            "total_discount_amounts": [],
            "total_taxes": [],
        },
        filters=frozenset({"collection_method", "customer", "status", "subscription"}),
    ),
    "charges": Kind(
        object="charge",
        prefix="ch",
        null=(
            *("application", "application_fee", "application_fee_amount"),
            *("balance_transaction", "calculated_statement_descriptor", "customer"),
            *("description", "failure_balance_transaction", "failure_code", "failure_message"),
            *("on_behalf_of", "outcome", "payment_intent", "payment_method"),
            *("payment_method_details", "receipt_email", "receipt_number", "receipt_url"),
            *("review", "shipping", "source", "source_transfer", "statement_descriptor"),
            *("statement_descriptor_suffix", "transfer_data", "transfer_group"),
        ),
        set={
            "amount": 1000,
            "amount_captured": 1000,
            "amount_refunded": 0,
            "billing_details": {
                "address": _ADDRESS,
                **dict.fromkeys(("email", "name", "phone", "tax_id")),
            },
            "captured": True,
            "currency": "usd",
            "disputed": False,
            "fraud_details": {},
            "paid": True,
            "refunded": False,
            "refunds": _listed("/v1/charges/refunds"),
            "status": "succeeded",
        },
        filters=frozenset({"customer", "payment_intent", "transfer_group"}),
    ),
    "events": Kind(object="event", prefix="evt", filters=frozenset()),
}


def kind_of(name: str) -> Kind:
    """Return the kind of a list; one that is not described has just the fields it is given."""
    known = KINDS.get(name)
    if known is not None:
        return known
    object_ = name.removesuffix("s").replace("/", ".")
    initials = "".join(word[0] for word in re.split(r"[._]", object_))
    return Kind(object=object_, prefix=initials)
