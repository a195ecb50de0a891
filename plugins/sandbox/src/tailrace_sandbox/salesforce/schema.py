"""The objects that an org has to start with."""

from __future__ import annotations

from functools import partial

from tailrace_sandbox.salesforce.fields import Field

PREFIXES = {
    "Organization": "00D",
    "User": "005",
    "Account": "001",
    "Contact": "003",
    "Lead": "00Q",
    "Opportunity": "006",
}
_shown = partial(Field, createable=False, updateable=False)
_flag = partial(Field, type="boolean", nillable=False, defaulted=True)
_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
_SYSTEM = (
    _shown(name="Id", type="id", length=18, nillable=False, defaulted=True),
    _shown(name="IsDeleted", type="boolean", nillable=False, defaulted=True),
    _shown(name="CreatedDate", type="datetime", nillable=False, defaulted=True),
    _shown(name="LastModifiedDate", type="datetime", nillable=False, defaulted=True),
    _shown(name="SystemModstamp", type="datetime", nillable=False, defaulted=True),
)
_OWNER = Field(
    name="OwnerId",
    type="reference",
    label="Owner ID",
    nillable=False,
    defaulted=True,
    target="User",
    relationship="Owner",
)
_CUSTOM = (
    Field(name="External_Id__c", label="External Id", external=True, unique=True),
    Field(
        name="Tier__c",
        label="Tier",
        type="picklist",
        values=("Gold", "Silver", "Bronze"),
        restricted=True,
    ),
    Field(
        name="Segments__c",
        label="Segments",
        type="multipicklist",
        length=4099,
        values=("retail", "b2b", "web"),
        restricted=True,
    ),
    Field(name="Score__c", label="Score", type="double", scale=2),
    Field(name="Since__c", label="Since", type="date"),
    Field(name="Seen__c", label="Seen", type="datetime"),
    _flag(name="Active__c", label="Active"),
)
_WRITTEN = (
    Field(name="Phone", type="phone", length=40),
    Field(name="Description", type="textarea", length=32_000),
)
_PERSON = (
    Field(name="LastName", label="Last Name", length=80, nillable=False),
    Field(name="FirstName", label="First Name", length=40),
    _shown(name="Name", label="Full Name", length=121, nillable=False),
    Field(name="Title", length=128),
    Field(name="Email", type="email", length=80, lookup=True),
    Field(name="LeadSource", label="Lead Source", type="picklist", values=_SOURCES),
)
_MONEY = (
    Field(name="AnnualRevenue", label="Annual Revenue", type="currency"),
    Field(name="NumberOfEmployees", label="Employees", type="int", precision=8),
    Field(name="Website", type="url"),
    Field(name="Industry", type="picklist", values=("Banking", "Energy", "Media", "Retail")),
)
_ACCOUNT = Field(
    name="AccountId",
    label="Account ID",
    type="reference",
    target="Account",
    relationship="Account",
)
STANDARD: dict[str, tuple[Field, ...]] = {
    "Organization": (*_SYSTEM, _shown(name="Name", length=80)),
    "User": (*_SYSTEM, _shown(name="Name", length=121), _shown(name="Username", length=80)),
    "Account": (
        *_SYSTEM,
        Field(name="Name", label="Account Name", nillable=False),
        Field(
            name="ParentId",
            label="Parent Account ID",
            type="reference",
            target="Account",
            relationship="Parent",
        ),
        Field(name="Type", type="picklist", values=("Prospect", "Customer", "Partner")),
        *(Field(name=f"Billing{part}", length=255) for part in ("Street", "City", "Country")),
        *_MONEY,
        *_WRITTEN,
        _OWNER,
        *_CUSTOM,
    ),
    "Contact": (
        *_SYSTEM,
        *_PERSON,
        _ACCOUNT,
        Field(name="Department", length=80),
        Field(name="Birthdate", type="date"),
        Field(name="MobilePhone", label="Mobile Phone", type="phone", length=40),
        *(Field(name=f"Mailing{part}", length=255) for part in ("Street", "City", "Country")),
        _flag(name="HasOptedOutOfEmail", label="Email Opt Out"),
        *_WRITTEN,
        _OWNER,
        *_CUSTOM,
    ),
    "Lead": (
        *_SYSTEM,
        *_PERSON,
        Field(name="Company", nillable=False),
        Field(
            name="Status",
            type="picklist",
            nillable=False,
            defaulted=True,
            values=("Open", "Working", "Closed"),
        ),
        *_MONEY,
        *_WRITTEN,
        _OWNER,
        *_CUSTOM,
    ),
    "Opportunity": (
        *_SYSTEM,
        Field(name="Name", label="Name", length=120, nillable=False),
        Field(
            name="StageName",
            label="Stage",
            type="picklist",
            nillable=False,
            values=("Prospecting", "Negotiation", "Closed Won", "Closed Lost"),
        ),
        Field(name="CloseDate", label="Close Date", type="date", nillable=False),
        Field(name="Amount", type="currency", scale=2),
        Field(name="Probability", type="percent", precision=3, defaulted=True),
        _ACCOUNT,
        Field(name="NextStep", label="Next Step"),
        Field(name="Description", type="textarea", length=32_000),
        _OWNER,
        *_CUSTOM,
    ),
}
DEFAULTS = {"Status": "Open"}
