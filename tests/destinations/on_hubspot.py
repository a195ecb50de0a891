"""HubSpot: contacts by their e-mail, a hundred a call."""

from .places import Place

OWN = ("hs_object_id", "createdate", "lastmodifieddate")


class HubSpot(Place):
    """Contacts of an account."""

    plugin = twin = "hubspot"
    key = "email"
    troubles = frozenset({"pace", "day", "login", "lost", "order"})
    writes = {"path": "/batch/upsert"}
    bad = {
        "no option": ({"lifecyclestage": "guru"}, "no_option", "lifecyclestage"),
        "too long": ({"firstname": "x" * 65_537}, "too_long", "firstname"),
        "wrong type": ({"firstname": ["a"]}, "value", "firstname"),
        "no e-mail": ({"email": "nobody"}, "invalid_email", "Email address nobody is invalid"),
    }

    def __init__(self, sandbox, folder):
        super().__init__(sandbox, folder)
        self.options["object"] = "contacts"

    def row(self, n, version=0):
        return {
            "email": f"p{n}@x.example",
            "firstname": f"name {n}",
            "lastname": f"v{version}",
            "lifecyclestage": "lead",
        }

    def held(self):
        records = self.sandbox.hubspot.records("contacts")
        found = {each["email"]: each for each in records}
        assert len(records) == len(found)
        own = (*OWN, "email")
        return {
            key: {name: value for name, value in each.items() if name not in own and value}
            for key, each in found.items()
        }

    def optimum(self, written, removed):
        opening = 2
        return opening + super().optimum(written, removed) + -(-removed // self.batch)

    def end_day(self):
        self.sandbox.hubspot.spend_day(left=3)
        return "daily limit"

    def let_in(self):
        super().let_in()
        self.sandbox.hubspot.spend_day(left=100_000)

    def swap(self):
        self.sandbox.hubspot.portal = 4711
        return {}

    def turn_round(self, monkeypatch):
        """Its answers never are in the order of what was asked."""
