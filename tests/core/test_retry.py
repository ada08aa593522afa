"""When a call is made again, how long that takes, and when it is given up."""

from __future__ import annotations

import pytest

from ftctl.clients.errors import AzureError, no_answer, to_error
from ftctl.clients.retry import Retry
from ftctl.clients.retry_after import seconds_to_wait
from ftctl.core.clock import ManualClock


def refused(status, code="", message="x", method="PUT", **headers):
    body = f'{{"error":{{"code":"{code}","message":"{message}"}}}}'
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return to_error(status, named, body, method=method, url="https://arm/subscriptions/s")


THROTTLED = refused(429, "TooManyRequests", retry_after="7")
SLOW_DOWN = refused(429, "429", "Please try again after '5' seconds.")
BUSY = refused(409, "RequestConflict")
UNSETTLED = refused(400, "AccountProvisioningStateInvalid")
STRANGER = refused(400, "PrincipalNotFound")
UNAVAILABLE = refused(503, "serviceUnavailable", retry_after="3")
BROKEN = refused(500, "InternalServerError")
LOST = no_answer("FT2023", "lost", method="POST", sent=True)
UNREACHABLE = no_answer("FT2020", "away", method="POST", sent=False)
UNTRUSTED = no_answer("FT2021", "who are you", method="GET", sent=False)
BAD = refused(400, "InvalidResourceProperties")
NO_QUOTA = refused(429, "quotaExceeded")


class Script:
    """A call that fails as listed, over and over its last failure unless that is a success."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.calls = 0

    def __call__(self):
        outcome = self.outcomes[min(self.calls, len(self.outcomes) - 1)]
        self.calls += 1
        if isinstance(outcome, AzureError):
            raise outcome
        return outcome


def run(script, *, idempotent=True, poll_seconds=15.0, dice=0.0, deadline=None):
    clock = ManualClock()
    start = clock.now()
    try:
        result = Retry(clock, lambda: dice, poll_seconds=poll_seconds)(script, idempotent=idempotent, deadline=deadline)
    except AzureError as error:
        result = error
    return result, (clock.now() - start).total_seconds()


@pytest.mark.parametrize(
    ("failure", "waited"),
    [
        (THROTTLED, 7.0),
        (SLOW_DOWN, 5.0),
        (BUSY, 30.0),
        (UNSETTLED, 30.0),
        (STRANGER, 10 / 3),
        (UNAVAILABLE, 3.0),
        (BROKEN, 2 / 3),
        (LOST, 2 / 3),
        (UNREACHABLE, 2 / 3),
    ],
)
def test_one_failure_is_waited_out(failure, waited):
    script = Script(failure, "done")
    result, seconds = run(script)
    assert (result, script.calls) == ("done", 2)
    assert seconds == pytest.approx(waited, abs=1e-5)


@pytest.mark.parametrize("failure", [UNAVAILABLE, BROKEN, LOST, UNREACHABLE])
def test_what_is_not_idempotent_is_not_repeated_when_it_may_have_happened(failure):
    script = Script(failure, "twice!")
    result, seconds = run(script, idempotent=False)
    assert (result, script.calls, seconds) == (failure, 1, 0)


@pytest.mark.parametrize("failure", [THROTTLED, BUSY, UNSETTLED, STRANGER])
def test_what_was_plainly_refused_is_repeated_though_not_idempotent(failure):
    assert run(Script(failure, "done"), idempotent=False)[0] == "done"


@pytest.mark.parametrize("failure", [BAD, UNTRUSTED, NO_QUOTA])
def test_what_will_not_pass_is_final(failure):
    script = Script(failure)
    assert run(script) == (failure, 0)
    assert script.calls == 1


@pytest.mark.parametrize(
    ("failure", "at_most", "at_least", "calls"),
    [(BUSY, 600, 560, 21), (STRANGER, 180, 140, 11), (THROTTLED, 300, 60, 10), (BROKEN, 90, 9, 5)],
)
def test_patience_ends(failure, at_most, at_least, calls):
    script = Script(failure)
    result, seconds = run(script)
    assert result is failure
    assert at_least <= seconds <= at_most
    assert script.calls == calls


def test_a_wait_longer_than_the_patience_is_not_begun():
    assert run(Script(refused(429, "429", retry_after="86400")))[1] == 0


def test_a_deadline_shortens_the_patience():
    result, seconds = run(Script(BUSY), deadline=70)
    assert result is BUSY
    assert seconds == 60


def test_waits_are_spread():
    assert run(Script(BUSY, "x"), dice=0.0)[1] == pytest.approx(30)
    assert run(Script(BUSY, "x"), dice=1.0)[1] == pytest.approx(45)
    assert 7 < run(Script(THROTTLED, "x"), dice=1.0)[1] < 8


def test_a_fast_cloud_is_asked_sooner():
    assert run(Script(BUSY, "x"), poll_seconds=0.5)[1] == pytest.approx(1.0)


def test_a_wait_is_announced():
    told = []
    Retry(ManualClock(), lambda: 0.0, notice=lambda error, wait: told.append((error.code, wait)))(
        Script(THROTTLED, "x"), idempotent=False
    )
    assert told == [("FT2025", 7.0)]


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after": "12"}, "", 12),
        ({"retry-after-ms": "1500", "retry-after": "12"}, "", 1.5),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:30 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, "", 30),
        ({"retry-after": "soon"}, "", None),
        ({}, "Please try again after '5' seconds.", 5),
        ({}, "Please retry after 26 seconds.", 26),
        ({}, "Please try again in 2 minutes", 120),
        ({}, "Try again in 20ms.", 0.02),
        ({}, "nothing", None),
    ],
)
def test_how_long_the_service_asks_to_wait(headers, message, seconds):
    assert seconds_to_wait(headers, message) == seconds
