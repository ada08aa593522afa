"""The local Azure itself: its state, its clock, and the way of a request through faults, sign-in and handler."""

from __future__ import annotations

import importlib
import os
import pkgutil
import random
import re
import shutil
import sys
import tempfile
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import ftctl.local as package
from ftctl.core.clock import Clock, SystemClock
from ftctl.local import access, arm_deployments, arm_projects, faults, identity, roles
from ftctl.local.faults import Fault, Hangup
from ftctl.local.store import Store
from ftctl.local.wire import ROUTES, Plane, Refusal, Reply, Request, Route, refused

if TYPE_CHECKING:
    from ftctl.local.server import Served

BANNER = "ftctl-local-azure/1 (not Microsoft Azure)"
# Several slashes after it are one: guides write "$AZURE_OPENAI_ENDPOINT/openai/…", and an endpoint ends with a slash.
_DATA_PREFIX = re.compile(r"/cognitiveservices/(?:regional/(?P<location>[^/]+)|(?P<subdomain>[^/]+))/*(?P<rest>/.*)?")
_PROJECT = re.compile(r"/api/projects/([^/]+)(/openai/v1/.*)", re.IGNORECASE)
_WITHOUT_ROUTES = {"connection", "datafile", "formula", "grading", "http1", "loop", "measures", "preference"}
_WITHOUT_ROUTES |= {"reinforcement", "sandbox", "server", "similarity", "textmodel", "tls", "training"}
_MOST_PLACES = 5000
_VERSION = re.compile(r"20\d\d-[01]\d-[0-3]\d(-preview)?")
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)
_ARM_HEADERS = {"pragma": "no-cache", "expires": "-1", "x-content-type-options": "nosniff"}


def _left(what: str, own: int, everybodys: int) -> dict[str, str]:
    start = "x-ms-ratelimit-remaining-subscription-"
    return {f"{start}{what}": str(own), f"{start}global-{what}": str(everybodys)}


_WRITES = _left("writes", 799, 11_999)
# What ARM says is left of its limits. Nothing here is limited, so it stays the same.
_LEFT = {"GET": _left("reads", 1099, 16_499), "DELETE": _left("deletes", 799, 11_999)} | dict.fromkeys(
    ("PUT", "PATCH", "POST"), _WRITES
)


@dataclass(frozen=True, slots=True)
class Settings:
    """How this Azure behaves. `pace` is how many seconds of Azure's work pass in one of the clock's."""

    pace: float = 360.0
    retirements: Literal["warn", "enforce"] = "warn"
    propagation_seconds: float = 0.0  # of Azure's time, from a role assignment to its effect on the data plane
    answer_seconds: float = 0.0  # of Azure's time, from a deployment's success to its first answer
    flap: int = 0  # so many looks at an account that has just been made, of which every other one says Accepted
    import_hosts: tuple[str, ...] = ()  # whose files may be imported by URL, beside this machine's
    idle_removal: bool = True  # deployments nobody uses disappear, as they do after 15 days (developer tier: one)
    faithful: bool = False  # long operations give no Retry-After, and the SDKs' pollers wait as long as with Azure

    @classmethod
    def kept(cls, store: Store) -> Settings:
        """Those of a folder, with today's defaults for what it does not know."""
        known = {one.name for one in fields(cls)}
        kept = store.get("setting", "settings") or {}
        values: dict[str, Any] = {name: value for name, value in kept.items() if name in known}
        values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**values)

    def keep(self, store: Store) -> None:
        """For every process on the folder, at once."""
        store.put("setting", "settings", asdict(self))


@dataclass(frozen=True, slots=True)
class Call:
    """One answered request, for tests that count; `status` is 0 where the reply was lost."""

    method: str
    route: str
    plane: Plane | None
    path: str
    status: int


class OffsetClock:
    """Another clock moved by the offset that the store keeps, so that all processes on one folder agree."""

    def __init__(self, base: Clock, store: Store) -> None:
        self._base = base
        self._store = store

    def now(self) -> datetime:
        return self._base.now() + self._store.derived("clock", lambda: timedelta(seconds=self._offset()))

    def advance(self, seconds: float) -> None:
        with self._store.transaction():
            self._store.put("setting", "clock", {"offset": self._offset() + seconds})

    def sleep(self, seconds: float) -> None:
        self._base.sleep(seconds)

    def receive(self, inbox: Any, seconds: float, *, busy: bool) -> Any:
        return self._base.receive(inbox, seconds, busy=busy)

    def _offset(self) -> float:
        return float((self._store.get("setting", "clock") or {"offset": 0.0})["offset"])


class Azure:
    """One local Azure on a folder (or in memory). Several may serve the same folder at once."""

    def __init__(self, folder: Path | None, *, clock: Clock | None = None, settings: Settings | None = None) -> None:
        """Without a `clock` the system's is used, moved by the folder's offset; without `settings` those kept there."""
        self._temporary = Path(tempfile.mkdtemp(prefix="ftctl-azure-")) if folder is None else None
        self.folder = folder or self._temporary or Path()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.blobs = self.folder / "blobs"
        self.blobs.mkdir(exist_ok=True)
        self.store = Store(folder / "state.sqlite" if folder else None)
        self.clock: Clock = clock or OffsetClock(SystemClock(), self.store)
        self.secrets = identity.Secrets.ensure(folder)
        self.calls: deque[Call] = deque(maxlen=100_000)
        self.faults: list[Callable[[Request, Route], Fault | None]] = []
        self._routes = _compiled_routes()
        self._places: dict[tuple[bool, str, str], tuple[Route, dict[str, str]]] = {}
        with self.store.transaction():
            if settings is not None and settings != self.settings:
                self.settings = settings
            if self.store.get("setting", "seeded") is None:
                identity.seed_principals(self.store)
                roles.seed_assignments(self)
                self.store.put("setting", "seeded", {"as": BANNER})

    def close(self) -> None:
        self.store.close()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)

    @property
    def settings(self) -> Settings:
        return self.store.derived("settings", lambda: Settings.kept(self.store))

    @settings.setter
    def settings(self, settings: Settings) -> None:
        settings.keep(self.store)

    def seconds(self, azure_seconds: float) -> float:
        """How long something takes on this clock that takes Azure `azure_seconds`."""
        return azure_seconds / self.settings.pace

    def moment(self) -> float:
        """Unix time with its fraction, for ages."""
        return self.clock.now().timestamp()

    def timestamp(self) -> int:
        """Unix time in whole seconds, as the data plane writes it."""
        return int(self.moment())

    def stamp(self, moment: float | None = None) -> str:
        """ISO 8601 in UTC with seven digits, as ARM writes it."""
        when = self.clock.now() if moment is None else datetime.fromtimestamp(moment, UTC)
        return f"{when:%Y-%m-%dT%H:%M:%S.%f}0Z"

    @contextmanager
    def serve(self, *, host: str = "127.0.0.1", port: int = 0, by_name: bool = False) -> Iterator[Served]:
        """Answer HTTPS on a port (0 picks one) as long as the block runs; `by_name` to Azure's own names too."""
        from ftctl.local.server import serving  # noqa: PLC0415  ssl and sockets only for those who serve

        with serving(self, host=host, port=port, by_name=by_name) as served:
            yield served

    def handle(self, request: Request) -> Reply:
        """Answer one request. Raises nothing but `Hangup`."""
        route: Route | None = None
        status, plane = 0, _plane_of(request.path)
        request.whole_path = request.path
        try:
            with self.store.looking():
                arm_deployments.expire(self)
                route = self._find_route(request)
                reply = self._work(request, route)
            status = reply.status
        except Refusal as refusal:
            status = refusal.status
            reply = self._refused(request, plane, refusal)
        except Hangup:
            raise
        except Exception:  # noqa: BLE001  whatever is wrong in a handler must not end the server
            if os.environ.get("FTCTL_LOCAL_DEBUG"):
                traceback.print_exc(file=sys.stderr)
            status = 500
            reply = self._refused(request, plane, Refusal(500, "InternalServerError", "The local Azure has a bug."))
        finally:
            name = route.name if route else ""
            self.calls.append(Call(request.method, name, plane, request.whole_path, status))
        return Reply(reply.status, reply.body, {**_common_headers(request, plane), **reply.headers}, reply.media)

    def _work(self, request: Request, route: Route) -> Reply:
        self._admit(request, route)
        fault = next((one for ask in self.faults if (one := ask(request, route))), None) if self.faults else None
        fault = fault or faults.of_call(request, route)
        if fault and not fault.after:
            fault.happen(None)
        return fault.work(request, route.handler) if fault else route.handler(request)

    def _find_route(self, request: Request) -> Route:
        """The route of a request, its names filled in; on the data plane the account too, and its prefix taken off."""
        data = _DATA_PREFIX.fullmatch(request.path)
        if data:
            access.find_account(request, data["subdomain"], data["location"])
            request.path = _without_project(request, data["rest"] or "/")
        place = (bool(data), request.method, request.path)
        known = self._places.get(place)
        if known is None:
            known = self._match(*place)
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            self._places[place] = known
        request.names = dict(known[1])
        return known[0]

    def _match(self, data: bool, method: str, path: str) -> tuple[Route, dict[str, str]]:  # noqa: FBT001  part of a key
        routes = self._routes[data]
        for pattern, route in routes.get(method, []):
            if matched := pattern.fullmatch(path):
                return route, matched.groupdict()
        if any(pattern.fullmatch(path) for known in routes.values() for pattern, _ in known):
            raise Refusal(405, "MethodNotAllowed", f"The HTTP method '{method}' is not supported here.")
        if data:
            raise Refusal(404, "404", "Resource not found")
        raise Refusal(404, "NotFound", "The local Azure answers nothing at this path.")

    def _admit(self, request: Request, route: Route) -> None:
        if route.plane is Plane.DATA:
            _check_data_version(request)
            access.admit_data(request, route)
        elif route.plane is Plane.GRAPH:
            access.sign_in(request, access.GRAPH_AUDIENCES)
        elif route.plane is Plane.ARM:
            access.sign_in(request, access.ARM_AUDIENCES)
            _check_arm(request)
            access.authorize_arm(request, route)

    def _refused(self, request: Request, plane: Plane, refusal: Refusal) -> Reply:
        v1 = plane is Plane.DATA and "/openai/v1/" in request.path.lower()
        return refused(plane, refusal, v1=v1, when=self.stamp(), trace=_trace())


def _compiled_routes() -> dict[bool, dict[str, list[tuple[re.Pattern[str], Route]]]]:
    """Routes by whether they are the data plane's, and by method.

    Every module of this package is imported, but for those that only training and grading need: routes are found by
    being there.
    """
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("_") and module.name not in _WITHOUT_ROUTES:
            importlib.import_module(f"{package.__name__}.{module.name}")
    found: dict[bool, dict[str, list[tuple[re.Pattern[str], Route]]]] = {True: {}, False: {}}
    # A pattern that swallows whole paths is asked last.
    for route in sorted(ROUTES, key=lambda one: ":path}" in one.pattern):
        found[route.plane is Plane.DATA].setdefault(route.method, []).append((route.compiled(), route))
    return found


def _plane_of(path: str) -> Plane:
    """Whose error shape an answer takes, even where there is no route."""
    lowered = path.lower()
    if lowered.startswith("/cognitiveservices/"):
        return Plane.DATA
    if lowered.startswith("/v1.0/"):
        return Plane.GRAPH
    if "/oauth2/" in lowered or "/.well-known/" in lowered or "/discovery/" in lowered:
        return Plane.ENTRA
    return Plane.ARM


def _without_project(request: Request, path: str) -> str:
    """A project's own address is that of its account, as far as files, training and chat go."""
    matched = _PROJECT.fullmatch(path)
    if not matched:
        return path
    assert request.account is not None
    if matched[1].lower() not in {name.lower() for name in arm_projects.names(request.account)}:
        raise Refusal(404, "404", "Resource not found")
    if _VERSION.fullmatch(request.query.get("api-version", "")):
        request.query = {name: value for name, value in request.query.items() if name != "api-version"}
    return matched[2]


def _check_data_version(request: Request) -> None:
    """The dated route takes an api-version and refuses without; v1 takes none, `v1` or `preview`."""
    version = request.query.get("api-version")
    if request.path.lower().startswith("/openai/v1/"):
        if version not in (None, "v1", "preview"):
            raise Refusal(400, "BadRequest", "api-version query parameter is not allowed when using /v1 path")
    elif version is None or not _VERSION.fullmatch(version):
        raise Refusal(404, "404", "Resource not found")


def _check_arm(request: Request) -> None:
    version = request.query.get("api-version")
    if version is None:
        raise Refusal(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not _VERSION.fullmatch(version):
        raise Refusal(400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.")
    subscription = _SUBSCRIPTION.match(request.path)
    if subscription and subscription[1].lower() != identity.SUBSCRIPTION_ID:
        raise Refusal(404, "SubscriptionNotFound", f"The subscription '{subscription[1]}' could not be found.")


_dice = random.Random(uuid.uuid4().int)  # noqa: S311  names of requests, not secrets


def _trace() -> str:
    """A GUID without asking the system for randomness, which would make threads take turns."""
    text = f"{_dice.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def _common_headers(request: Request, plane: Plane) -> dict[str, str]:
    trace = _trace()
    if plane is Plane.DATA:
        region = str((request.account or {}).get("location", "")).replace(" ", "")
        return {"apim-request-id": trace, "x-request-id": trace, "x-ms-region": region}
    headers = {"x-ms-request-id": trace, "x-ms-correlation-request-id": trace, "cache-control": "no-cache"}
    if "x-ms-client-request-id" in request.headers:
        headers["x-ms-client-request-id"] = request.headers["x-ms-client-request-id"]
    if plane is Plane.ARM:
        who = request.principal.id if request.principal else ""
        headers |= _ARM_HEADERS | _LEFT.get(request.method, _LEFT["GET"])
        headers["x-ms-routing-request-id"] = f"LOCAL:{trace}"
        headers["x-ms-operation-identifier"] = f"tenantId={identity.TENANT_ID},objectId={who}/local/{trace}"
    return headers
