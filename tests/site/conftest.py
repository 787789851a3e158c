"""What the tests of the site share: runs folders, the sites made of them, and hostile packs."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from synthestat.api import build
from synthestat.review.report import review_run, write_review
from synthestat.site.static_site import write_site
from synthestat.sources.snapshots import SnapshotStore

TINY = Path(__file__).parents[1] / "packs" / "tiny"
HOSTILE = (
    "=1+1 \u202e<script>window.ran=1</script><img src=x onerror=window.ran=2>\"'&amp;</script>"
)
"""A formula, a right-to-left mark, scripts, quotes and an entity: text, wherever it stands."""
CATEGORY = "Mill <script>window.ran=3</script>\"'"
TEXTS = {
    *("name", "label", "title", "publisher", "licence", "query", "reference_period", "retrieved"),
    *("quirks", "citation", "source", "reason", "evidence_needed", "looked_in", "out_of_scope"),
    "quality_flags",
}
"""Fields of a pack that hold words for readers."""


class Page(HTMLParser):
    """Addresses, ids and tags of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append((tag, found))
        self.links += [value for key in ("href", "src") if (value := found.get(key)) is not None]
        if found.get("id"):
            self.ids.append(str(found["id"]))


@pytest.fixture(scope="session")
def read_page() -> Callable[[Path], Page]:
    return Page


@pytest.fixture(scope="session")
def hostile_words() -> str:
    return HOSTILE


@pytest.fixture(scope="session")
def tiny_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two runs of Tinyland, reviewed. Tests that alter it must copy it first."""
    runs = tmp_path_factory.mktemp("site") / "runs"
    for seed in (1, 2):
        reviewed(build(TINY, seed=seed, out=runs), TINY)
    return runs


@pytest.fixture(scope="session")
def tiny_site(tiny_runs: Path) -> Path:
    """The site of these two runs."""
    return write_site(tiny_runs, tiny_runs.parent / "site").parent


@pytest.fixture(scope="session")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a Tinyland whose every word is hostile."""
    home = tmp_path_factory.mktemp("hostile")
    pack = hostile_pack(home)
    reviewed(build(pack, seed=1, out=home / "runs"), pack)
    return write_site(home / "runs", home / "site").parent


@pytest.fixture
def copied_runs(tiny_runs: Path, tmp_path: Path) -> Path:
    """Both runs, to be altered."""
    return Path(shutil.copytree(tiny_runs, tmp_path / "runs"))


@pytest.fixture
def one_run(copied_runs: Path) -> Path:
    """A folder of the first run alone, to be altered: its site takes half as long."""
    gone = sorted(path.parent for path in copied_runs.glob("*/*/build_manifest.json"))[1]
    shutil.rmtree(gone)
    gone.with_name(f"{gone.name}.review.json").unlink()
    return copied_runs


def reviewed(run: Path, pack: Path) -> Path:
    write_review(review_run(run, SnapshotStore(pack / "snapshots")), run)
    return run


def hostile_pack(home: Path) -> Path:
    """Copy Tinyland's pack with a hostile text before every word for readers, and in a category."""
    folder = Path(shutil.copytree(TINY, home / "pack"))
    for path in folder.glob("*.yaml"):
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        with path.open("w", encoding="utf-8") as stream:
            writer = YAML(typ="safe", pure=True)
            writer.allow_unicode = True
            is_id = path.name == "attributes.yaml"  # there a name is no word for readers
            writer.dump(spoilt(content, "", TEXTS - {"name"} if is_id else TEXTS), stream)
    geography = folder / "geography.csv"
    with geography.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        row["other_spellings"] = "|".join(filter(None, [row["other_spellings"], row["name"]]))
        row["name"] = f"{HOSTILE} {row['name']}"
    with geography.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    limits = folder / "LIMITS.md"
    limits.write_text(f"# {HOSTILE}\n\n- {HOSTILE} `{HOSTILE}`\n", encoding="utf-8")
    return folder


def spoilt(value: Any, key: str, texts: set[str]) -> Any:
    """Return a pack's content with every text for readers hostile."""
    if isinstance(value, dict):
        return {
            (CATEGORY if name == "Mill" else name): spoilt(each, str(name), texts)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [spoilt(each, key, texts) for each in value]
    if value == "Mill":
        return CATEGORY
    if key == "address" and value:
        return "javascript:window.ran=4"
    is_text = key in texts and isinstance(value, str) and value != "assumption"
    return f"{HOSTILE} {value}" if is_text else value
