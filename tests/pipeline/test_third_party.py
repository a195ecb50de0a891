"""Plugins in packages of their own, outside the repository."""

import json
import subprocess
import sys

STRANGER = '''
"""Write every row as a line of a file."""
import json
import tailrace

@tailrace.destination(batch_size=100, max_in_flight=1)
def lines(rows, *, path: str):
    with open(path, "a") as file:
        file.writelines(json.dumps(row) + "\\n" for row in rows)
'''

PROJECT = """
[sync.copy]
source = { plugin = "file", path = "people.csv" }
destination = { plugin = "lines", path = "out.jsonl" }
"""


def _project(command):
    command.write("people.csv", "id,name\n" + "".join(f"{n},p{n}\n" for n in range(1000)))
    command.write("tailrace.toml", PROJECT)


def test_a_strangers_plugin_is_found_by_name_listed_and_runs(command, pip_install):
    _project(command)
    command.paths.append(
        pip_install("tailrace-lines", ["lines = lines_plugin:lines"], {"lines_plugin.py": STRANGER})
    )

    listed = command("plugins")
    ran = command("run", "--json")

    assert ["lines", "tailrace-lines", "1.0"] in map(str.split, listed.stdout.splitlines())
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert (report["read"], report["delivered"]) == (1000, 1000)
    rows = [json.loads(line) for line in (command.folder / "out.jsonl").read_text().splitlines()]
    assert rows == [{"id": n, "name": f"p{n}"} for n in range(1000)]


def test_a_broken_plugin_that_nobody_names_does_no_harm(command, pip_install):
    _project(command)
    command.paths.append(
        pip_install("tailrace-lines", ["lines = lines_plugin:lines"], {"lines_plugin.py": STRANGER})
    )
    pip_install("tailrace-bad", ["bad = bad_plugin"], {"bad_plugin.py": "raise OSError('no')"})

    assert command("run").returncode == 0
    shown = command("plugins", "bad")
    assert shown.returncode == 2
    assert shown.stderr == ("tailrace: plugin 'bad' (bad_plugin) cannot be imported: OSError: no\n")


def test_a_sync_with_fifty_other_plugins_imports_none_of_them(command, pip_install):
    _project(command)
    site = pip_install(
        "tailrace-lines", ["lines = lines_plugin:lines"], {"lines_plugin.py": STRANGER}
    )
    for number in range(50):
        info = site / f"tailrace_other{number}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tailrace-other{number}\n")
        (info / "entry_points.txt").write_text(f"[tailrace]\nother{number} = other{number}\n")
        (site / f"other{number}.py").write_text(f"raise SystemExit('{number} was imported')\n")
    command.paths.append(site)
    code = (
        "import sys, tailrace\n"
        "report = tailrace.load()[0].run()\n"
        "print(report.delivered, [name for name in sys.modules if name.startswith('other')])"
    )
    environment = {"PYTHONPATH": str(site), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=command.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "1000 []\n", done.stderr
    assert len(command("plugins", "--json").stdout.splitlines()) >= 52
