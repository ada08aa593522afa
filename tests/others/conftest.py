"""One local Azure, in a process of its own, for all the clients of other people."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `from lab import …`, with which every test here begins

from lab import LocalAzure, ftctl, new_account


@pytest.fixture(scope="session")
def azure(tmp_path_factory):
    """The server; each test makes a group and an account of its own in it."""
    folder = tmp_path_factory.mktemp("azure") / "local"
    ftctl(folder, "local", "up", "--detach", "--pace", "100000")
    try:
        environment = json.loads(ftctl(folder, "local", "env", "--output", "json"))
        yield LocalAzure(folder, environment["AZURE_AUTHORITY_HOST"], folder / "ca.pem", environment)
    finally:
        ftctl(folder, "local", "down")


@pytest.fixture
def account(azure):
    """An account of the test's own, whose maker may do everything; a region takes thirty, so it goes again."""
    account = new_account(azure)
    yield account
    account.purge()
