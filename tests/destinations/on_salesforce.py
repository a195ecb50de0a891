"""Salesforce: accounts by an external id, two hundred a call."""

from .places import Place


class Salesforce(Place):
    """Accounts of an org, by calls."""

    plugin = twin = "salesforce"
    key = "External_Id__c"
    batch = 200
    many = 650
    troubles = frozenset({"pace", "day", "login", "lost"})
    writes = {"path": "/composite/sobjects"}
    bad = {
        "no option": ({"Tier__c": "guru"}, "no_option", "Tier__c"),
        "too long": ({"Name": "x" * 256}, "too_long", "Name"),
        "wrong type": ({"Score__c": "many"}, "value", "Score__c"),
        "missing": ({"Name": None}, "null", "Name"),
    }

    def __init__(self, sandbox, folder):
        super().__init__(sandbox, folder)
        self.options |= {"object": "Account", "bulk": False, "keep_calls": 0}

    def row(self, n, version=0):
        return {"External_Id__c": f"k{n}", "Name": f"name {n}", "Score__c": version}

    def held(self):
        records = self.sandbox.salesforce.records("Account")
        found = {each["External_Id__c"]: each for each in records}
        assert len(records) == len(found)
        return {
            key: {"Name": each["Name"], "Score__c": each["Score__c"]} for key, each in found.items()
        }

    def optimum(self, written, removed):
        opening = 2
        return opening + super().optimum(written, removed) + -(-removed // self.batch)

    def end_day(self):
        self.sandbox.salesforce.spend_day(left=3)
        return "the org's calls are used up"

    def let_in(self):
        super().let_in()
        self.sandbox.salesforce.spend_day(left=10_000)

    def swap(self):
        self.sandbox.salesforce.org = "00Dxx0000000099AAA"
        return {}


class SalesforceJobs(Salesforce):
    """The same by jobs, whose calls do not depend on the rows."""

    troubles = frozenset()

    def __init__(self, sandbox, folder):
        super().__init__(sandbox, folder)
        self.options["bulk"] = True
        sandbox.salesforce.seconds = 0.0  # or it is asked as often as that takes

    def optimum(self, written, removed):
        return 15 + -(-removed // self.batch)
