"""Faults by rule: what goes wrong, with which calls or jobs, and how often; kept in the store, for all processes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from fnmatch import fnmatchcase
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from ftctl.core.clock import SystemClock
from ftctl.local.wire import Plane, Refusal, Reply, Request, Route

if TYPE_CHECKING:
    from ftctl.local.azure import Azure
    from ftctl.local.store import Doc, Store

LONGEST = 300.0  # seconds of real time that a reply is held back at the most
FAULTS = ("throttle", "error", "conflict", "permission", "refuse", "slow", "lose", "cut", "reset", "twice", "late")
FAILURES = ("data", "training", "evaluation", "stuck-validation")
_TITLES = {
    500: ("InternalServerError", "An internal server error has occurred."),
    502: ("BadGateway", "The gateway got no valid answer."),
    503: ("ServiceUnavailable", "The service is unavailable. Please try again later."),
    504: ("GatewayTimeout", "The gateway did not receive a response within the specified time period."),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with one request, before its work or, with `after`, once that is done.

    `refuse` answers with an error, `lose` closes the connection without an answer, `cut` sends half of one, `reset`
    breaks the connection off, `slow` lets `seconds` of real time pass and does no other harm. `twice` has the work done
    twice, of which the first is answered; `late` keeps from a list what is younger than `seconds` of Azure's clock.
    """

    kind: Literal["refuse", "slow", "lose", "cut", "reset", "twice", "late"] = "refuse"
    status: int = 500
    code: str = "InternalServerError"
    message: str = "An internal server error has occurred."
    headers: Mapping[str, str] = field(default_factory=dict)
    after: bool = False
    seconds: float = 0.0

    def happen(self, reply: Reply | None) -> None:
        """Do it; `reply` is the answer that would have been, once the work is done."""
        if self.kind == "refuse":
            raise Refusal(self.status, self.code, self.message, headers=dict(self.headers))
        if self.kind != "slow":
            raise Hangup(self.kind, reply)
        SystemClock().sleep(min(self.seconds, LONGEST))

    def work(self, request: Request, handler: Callable[[Request], Reply]) -> Reply:
        """What the service does and answers in spite of it, or because of it."""
        if self.kind == "twice":
            return _twice(request, handler)
        reply = handler(request)
        if self.kind == "late":
            latest = request.azure.moment() - self.seconds
            body = dict(reply.body)
            body["data"] = [one for one in body["data"] if one["created_at"] < latest]
            return replace(reply, body=body)
        if self.after:
            self.happen(reply)
        return reply


def _twice(request: Request, handler: Callable[[Request], Reply]) -> Reply:
    sent = request.stream.read(request.length) if request.length else b""
    reply = handler(replace(request, stream=BytesIO(sent)))
    with suppress(Refusal):
        handler(replace(request, stream=BytesIO(sent)))
    return reply


class Hangup(Exception):
    """The connection ends here: `reply` is what half of is still sent when it is `cut`."""

    def __init__(self, kind: str, reply: Reply | None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.reply = reply


class BadRule(Exception):
    """A rule that cannot be meant; the text says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When which fault happens: to calls (`fault`) or to training jobs (`failure`).

    Calls are chosen by patterns of route name, method and path, jobs by their model and suffix. Of those chosen, the
    `nth` one fails, or all; each with `probability`, drawn from `seed` and so the same every time; at most `times`.
    """

    fault: str = ""
    failure: str = ""
    route: str = "*"
    method: str = "*"
    path: str = "*"
    model: str = "*"
    suffix: str = "*"
    nth: int | None = None
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    status: int | None = None
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None
    seconds: float | None = None
    after: bool | None = None
    id: str = ""
    seen: int = 0
    fired: int = 0

    @property
    def exhausted(self) -> bool:
        return (self.times is not None and self.fired >= self.times) or (self.nth is not None and self.seen >= self.nth)

    @property
    def shown(self) -> Doc:
        """What was set of it, and its counts."""
        blank = Rule()
        return {
            name: value
            for name, value in asdict(self).items()
            if value != getattr(blank, name) or name in {"seen", "fired"}
        }

    def takes(self, request: Request, route: Route) -> bool:
        if not self.fault or self.exhausted or not fnmatchcase(request.method, self.method.upper()):
            return False
        path = self.path.lower()
        paths = {request.path.lower(), request.whole_path.lower()}
        return fnmatchcase(route.name, self.route) and any(fnmatchcase(one, path) for one in paths)

    def counted(self) -> tuple[Rule, bool]:
        """The rule after one more of those that it chooses, and whether that one fails."""
        seen = self.seen + 1
        drawn = random.Random(f"{self.seed}:{seen}").random()  # noqa: S311  dice, not secrets
        fires = (self.nth is None or seen == self.nth) and drawn < self.probability
        return replace(self, seen=seen, fired=self.fired + fires), fires

    def as_fault(self, request: Request, route: Route) -> Fault:
        match self.fault:
            case "slow":
                return Fault("slow", after=self.after is not False, seconds=self.seconds or 1.0)
            case "lose" | "cut" | "reset" as kind:
                return Fault(kind, after=self.after is not False)
            case "twice":
                return Fault("twice", after=True)
            case "late":
                return Fault("late", after=True, seconds=30.0 if self.seconds is None else self.seconds)
            case _:
                return self._refusal(request, route)

    def _refusal(self, request: Request, route: Route) -> Fault:
        status, code, message = _said(self.fault, self.status, request, route)
        headers = {} if self.retry_after is None else {"Retry-After": f"{self.retry_after:g}"}
        if self.fault == "throttle":
            headers = {"Retry-After": "5"} | headers
        if route.plane is Plane.DATA and headers:
            headers["retry-after-ms"] = f"{float(headers['Retry-After']) * 1000:.0f}"
        return Fault(
            "refuse",
            status,
            self.code if self.code is not None else code,
            self.message if self.message is not None else message,
            headers,
            after=bool(self.after),
        )


_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("fault", "failure", "route", "method", "path", "model", "suffix", "code", "message"), (str,)),
    **dict.fromkeys(("nth", "times", "seed", "status"), (int,)),
    **dict.fromkeys(("probability", "retry_after", "seconds"), (int, float)),
    "after": (bool,),
}
_OF_CALLS = ("route", "method", "path", "status", "code", "message", "retry_after", "seconds", "after")
_OF_JOBS = ("model", "suffix")
_LISTS = ("jobs.list_all", "files.list_all")  # that can be late


def rule(sent: Mapping[str, Any]) -> Rule:
    """A rule from what somebody wrote; keys may be written with dashes."""
    given = {str(name).replace("-", "_"): value for name, value in sent.items() if value is not None}
    for name, value in given.items():
        _check_value(name, value)
    made = Rule(**given)
    if bool(made.fault) == bool(made.failure):
        raise BadRule("a rule has either a `fault` (of calls) or a `failure` (of training jobs)")
    strange = [name for name in (_OF_JOBS if made.fault else _OF_CALLS) if name in given]
    if strange:
        raise BadRule(f"`{strange[0]}` has no meaning for a {'call' if made.fault else 'job'}")
    _check_numbers(made)
    return made


def _check_value(name: str, value: Any) -> None:
    kinds = _TYPES.get(name)
    if kinds is None:
        raise BadRule(f"there is no `{name}`; a rule has {', '.join(_TYPES)}")
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise BadRule(f"`{name}` is not {'a number' if int in kinds else 'true or false' if bool in kinds else 'text'}")
    for key, words in (("fault", FAULTS), ("failure", FAILURES)):
        if name == key and value not in words:
            raise BadRule(f"`{name}` is one of {', '.join(words)}")


def _check_numbers(made: Rule) -> None:
    """Bounds; a status that is no error would be no fault."""
    bounds = {
        "nth": (1, 1_000_000_000),
        "times": (1, 1_000_000_000),
        "probability": (0, 1),
        "status": (400, 599),
        "retry_after": (0, 86_400),
        "seconds": (0, LONGEST),
    }
    for name, (least, most) in bounds.items():
        value = getattr(made, name)
        if value is not None and not least <= value <= most:
            raise BadRule(f"`{name}` is from {least:g} to {most:g}")
    if made.fault == "refuse" and made.status is None:
        raise BadRule("`refuse` needs a `status`")
    if made.fault == "permission" and made.after:
        raise BadRule("a missing permission is found out before the work")
    if made.fault == "late" and made.route not in _LISTS:
        raise BadRule(f"`late` needs a `route`: {' or '.join(_LISTS)}")


def add(store: Store, made: Iterable[Rule]) -> list[Rule]:
    """Keep rules; they are asked in the order in which they came."""
    kept = []
    with store.transaction():
        last = max((int(one["id"]) for one in store.all("fault")), default=0)
        for number, one in enumerate(made, last + 1):
            kept.append(replace(one, id=str(number)))
            store.put("fault", str(number), _doc(kept[-1]))
    return kept


def rules(store: Store) -> list[Rule]:
    return [_rule(doc) for doc in store.all("fault")]


def clear(store: Store) -> int:
    """Forget all rules, and say how many there were."""
    with store.transaction():
        known = rules(store)
        for one in known:
            store.delete("fault", one.id)
    return len(known)


def of_call(request: Request, route: Route) -> Fault | None:
    """What goes wrong with this call, by the first rule that says so."""
    store = request.azure.store
    for one in store.derived("faults", lambda: rules(store)):
        if one.takes(request, route) and _count(store, one):
            return one.as_fault(request, route)
    return None


def of_job(azure: Azure, *, model: str, suffix: str = "") -> str | None:
    """How a job that is being made is going to fail (one of `FAILURES`); asked once for each job."""
    store = azure.store
    for one in store.derived("faults", lambda: rules(store)):
        chosen = one.failure and not one.exhausted
        if chosen and fnmatchcase(model, one.model) and fnmatchcase(suffix, one.suffix) and _count(store, one):
            return one.failure
    return None


def _count(store: Store, one: Rule) -> bool:
    with store.transaction():
        doc = store.get("fault", one.id)
        if doc is None or (now := _rule(doc)).exhausted:
            return False
        after, fires = now.counted()
        store.put("fault", one.id, _doc(after))
    return fires


def _doc(one: Rule) -> Doc:
    return {"kind": "job" if one.failure else "call"} | asdict(one)


def _rule(doc: Doc) -> Rule:
    known = {one.name for one in fields(Rule)}
    return Rule(**{name: value for name, value in doc.items() if name in known})


def _said(fault: str, status: int | None, request: Request, route: Route) -> tuple[int, str, str]:
    """Status, code and text of a refusal, as the plane at hand says it."""
    data = route.plane is Plane.DATA
    if fault == "throttle":
        text = "The request was throttled. Please try again after the time that the Retry-After header gives."
        return status or 429, "tooManyRequests" if data else "TooManyRequests", text
    if fault == "conflict":
        parent = (request.account or {}).get("id") or request.path.partition("/deployments/")[0]
        text = f"Another operation is being performed on the parent resource '{parent}'. Please try again later."
        return status or 409, "conflict" if data else "RequestConflict", text
    if fault == "permission":
        from ftctl.local import access  # noqa: PLC0415  it needs what this module is for

        refusal = access.missing_right(request, route)
        return status or refusal.status, refusal.code, refusal.message
    code, text = _TITLES.get(status or 500, ("BadRequest", "The request failed by a rule of the local Azure."))
    return status or 500, code, text


def described(one: Rule) -> str:
    """A rule in one line."""
    what = one.shown
    counts = f"seen {what.pop('seen')}, failed {what.pop('fired')}"
    words = [what.pop("id"), what.pop("fault", None) or f"job {what.pop('failure')}"]
    said = [f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in what.items()]
    return "  ".join([*words, *said, f"({counts})"])
