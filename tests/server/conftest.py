"""Served boards: one for a file of tests, or for one test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from served import World, make_world


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A served board that the tests of a file share."""
    return make_world(tmp_path_factory.mktemp("served"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A served board for one test."""
    return make_world(tmp_path)
