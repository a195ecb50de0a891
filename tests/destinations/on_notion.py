"""Notion: pages by their title, one a call."""

from .places import Place

PROPERTIES = {
    "Name": {"title": {}},
    "Note": {"rich_text": {}},
    "Mail": {"email": {}},
    "Plan": {"select": {"options": [{"name": "team"}]}},
    "Score": {"number": {}},
}


class Notion(Place):
    """Pages of a data source: one request a row, so that a thousand rows are many."""

    plugin = twin = "notion"
    key = "Name"
    count, batch = 1_000, 1
    queried = 50
    troubles = frozenset({"pace", "day", "login", "lost"})
    writes = {"path": "/v1/pages"}
    bad = {
        "no option": ({"Plan": "guru"}, "no_option", "Plan"),
        "too long": ({"Mail": "x" * 300}, "too_long", "Mail"),
        "wrong type": ({"Score": "many"}, "value", "Score"),
    }

    def __init__(self, sandbox, folder):
        super().__init__(sandbox, folder)
        self.source = sandbox.notion.add_database("People", PROPERTIES)
        self.options["data_source"] = self.source

    def row(self, n, version=0):
        return {"Name": f"k{n}", "Note": f"name {n}", "Score": version}

    def held(self):
        pages = self.sandbox.notion.pages(self.source)
        found = {each["Name"]: each for each in pages}
        assert len(pages) == len(found)
        return {key: {"Note": each["Note"], "Score": each["Score"]} for key, each in found.items()}

    def optimum(self, written, removed):
        opening, queries = 2, -(-written // self.queried)
        return opening + queries + written + removed

    def swap(self):
        self.sandbox.notion.move()
        return {}
