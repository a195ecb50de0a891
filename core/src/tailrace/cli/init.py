"""`tailrace init`."""

import json
from pathlib import Path

import click

from tailrace.errors import ConfigError

_PROJECT = """\
#:schema ./tailrace.schema.json
# A sync brings the rows of a source into a destination. Run it with: tailrace run

[sync.people]
mode = "upsert"        # append | replace | upsert; `tailrace plugins sheets` tells what there is
key = "id"             # the field that names a record
source = { plugin = "file", path = "people.csv" }

[sync.people.destination]
plugin = "sheets"
tab = "Sheet1"
# To try it without an account, run `tailrace sandbox` in another terminal and keep these lines.
spreadsheet = "sandbox"
base_url = "http://127.0.0.1:8765/sheets"
# For a real sheet, put these in their place; the plugin's README tells how to get the file.
# spreadsheet = "https://docs.google.com/spreadsheets/d/..."
# credentials = { file = "service-account.json" }

# Column in the sheet = field of the source. Without this table all fields go under their names.
[sync.people.mapping]
"Full name" = "name"
Email = "email"
Score = "score"
"""

_PEOPLE = """\
id,name,email,score
1,Ada Lovelace,ada@example.com,0.98
2,Grace Hopper,grace@example.com,0.91
3,Edgar Codd,edgar@example.com,0.87
"""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
def init(folder: Path) -> None:
    """Write tailrace.toml, sample data and the file's JSON Schema into FOLDER; overwrite nothing."""
    from tailrace.cli.schema import project_schema

    schema = json.dumps(project_schema(), indent=2) + "\n"
    texts = {"tailrace.toml": _PROJECT, "people.csv": _PEOPLE, "tailrace.schema.json": schema}
    there = [name for name in texts if (folder / name).exists()]
    if there:
        raise ConfigError(f"{', '.join(there)} is there already; nothing was written")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    print(f"wrote {', '.join(texts)}")
    print("next: `tailrace sandbox` in another terminal, then `tailrace run`;")
    print("tailrace.toml says what to change for a real sheet")
