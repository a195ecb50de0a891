"""What a contender is told, and how it tells what it did; it needs nothing but Python."""

import json
import resource
import sys
import time
from pathlib import Path


class Task:
    """Hold what is to be done: how many rows, in batches of what size, to where."""

    def __init__(self, told):
        self.does = told["does"]
        self.rows_wanted = told["rows"]
        self.batch = told["batch"]
        self.url = told.get("url")
        self.folder = Path(told["folder"])
        self.files = told.get("files", {})
        self.setting = told.get("setting", {})
        self.out = told["out"]
        self.began = self.before = None

    def rows(self, part=0, of=1):
        """Make the rows one by one, or every so manyth of them."""
        for number in range(part, self.rows_wanted, of):
            yield {"id": number, "name": f"name {number}", "score": number * 0.5, "active": True}

    def pages(self, size, part=0, of=1):
        """Make the rows in lists."""
        page = []
        for row in self.rows(part, of):
            page.append(row)
            if len(page) == size:
                yield page
                page = []
        if page:
            yield page

    def begin(self):
        """Say that all is imported and the run begins."""
        self.before = cpu()
        self.began = time.perf_counter()


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(**does):
    """Do what the task names; write down its seconds, the CPU before it, and what was told of it."""
    task = Task(json.loads(Path(sys.argv[1]).read_text()))
    began, before = time.perf_counter(), cpu()
    told = does[task.does](task) or {}
    ended = time.perf_counter()
    said = {"run": ended - (task.began or began), "before": task.before or before, "told": told}
    Path(task.out).write_text(json.dumps(said))
