"""Served boards: one for a file of tests, or for one test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

sys.path.insert(0, str(Path(__file__).parent))

from served import World, make_world

from synthestat.cycle import accounts

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="module", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash passwords cheaply; that a server's are dear is for tests/cycle/test_accounts.py."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(accounts, "_hasher", lambda: CHEAP)
        accounts._nobody.cache_clear()
        yield
    accounts._nobody.cache_clear()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A served board that the tests of a file share."""
    return make_world(tmp_path_factory.mktemp("served"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A served board for one test."""
    return make_world(tmp_path)
