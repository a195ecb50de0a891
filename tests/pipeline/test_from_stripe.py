"""From Stripe to HubSpot: the README's story from Python, and its project file from a command line."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

pytestmark = pytest.mark.once

TEXT = (Path(__file__).parents[2] / "plugins/stripe/README.md").read_text(encoding="utf-8")
STORY = re.search(r"<!-- example: churn.py -->\n```python\n(.*?)```", TEXT, re.DOTALL)[1]
PROJECT = re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)[1]


@pytest.fixture
def risks(sandbox):
    """Make the property that the story writes, and give what HubSpot holds of it, by e-mail."""
    made = {"name": "churn_risk", "label": "Churn risk", "type": "number", "fieldType": "number"}
    with requests.Session() as session:
        session.trust_env = False
        url = f"{sandbox.url('hubspot')}/crm/v3/properties/contacts"
        body = {**made, "groupName": "contactinformation"}
        assert session.post(url, json=body, timeout=5).status_code == 201

    def held():
        records = sandbox.hubspot.records("contacts")
        return {each["email"]: float(each["churn_risk"]) for each in records}

    return held


def test_the_second_run_sends_only_the_scores_that_changed(sandbox, risks, tmp_path):
    invoices = {}
    for n in range(5):
        customer = sandbox.stripe.add("customers", {"email": f"c{n}@x.example"})["id"]
        invoices[n] = [
            sandbox.stripe.add("invoices", {"customer": customer, "status": status})["id"]
            for status in ["paid"] * (4 - n) + ["open"] * n + ["draft"]
        ]
    names = {}
    exec(compile(STORY, "churn.py", "exec"), names)
    stripe, hubspot = ({"base_url": sandbox.url(each)} for each in ("stripe", "hubspot"))
    first = names["rate_customers"](stripe, hubspot, tmp_path)
    before = risks()
    sandbox.stripe.change("invoices", invoices[3][-2], {"status": "paid"})
    second = names["rate_customers"](stripe, hubspot, tmp_path)

    assert {f"c{n}@x.example": n / 4 for n in range(5)} == before
    assert {**before, "c3@x.example": 0.5} == risks()
    assert (5, 1, 4) == (first.delivered, second.delivered, second.skipped)


def test_the_project_file_brings_customers_from_the_command_line(sandbox, tmp_path):
    for n in range(3):
        sandbox.stripe.add("customers", {"email": f"c{n}@x.example", "name": f"name {n}"})
    text = PROJECT
    for plugin in ("stripe", "hubspot"):
        line = f'plugin = "{plugin}"\n'
        text = text.replace(line, f'{line}base_url = "{sandbox.url(plugin)}"\n')
    (tmp_path / "tailrace.toml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "tailrace", "run"],
        cwd=tmp_path,
        env={"STRIPE_API_KEY": "rk_test_1", "HUBSPOT_TOKEN": "t", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
    assert {f"c{n}@x.example": f"name {n}" for n in range(3)} == {
        each["email"]: each["firstname"] for each in sandbox.hubspot.records("contacts")
    }
