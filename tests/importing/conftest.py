"""One world for each test."""

from __future__ import annotations

import pytest

from tests.importing.world import world_in


@pytest.fixture
def world(tmp_path):
    with world_in(tmp_path) as made:
        yield made
