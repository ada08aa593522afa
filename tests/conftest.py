"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.held import plans_held

# Machines that run tests are noisy: nothing here is about time.
settings.register_profile("ftctl", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
settings.load_profile("ftctl")


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test finds what somebody has checked before, or leaves anything behind; nor do its child processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FTCTL_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _held() -> Iterator[None]:
    """Whatever plan a test makes is held against the published schema."""
    with plans_held():
        yield
