"""Where each Azure lives: the endpoints, token scopes and habits of a cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ftctl.core.errors import FtctlError, Problem


@dataclass(frozen=True, slots=True)
class Identity:
    """A service principal that a profile brings along; its secret shows in no repr."""

    tenant: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Cloud:
    """One Azure.

    `verify` is a CA file, None for what the system trusts. `identity` signs in instead of DefaultAzureCredential.
    `poll_seconds` is how long to wait between two looks at something that takes its time. `data_suffix` is what an
    account's host name ends in. `authority` is asked to vouch for itself (instance discovery) only where
    `known_authority` says that Microsoft lists it.
    """

    name: str
    arm: str
    authority: str
    graph: str
    arm_scope: str
    data_scope: str
    graph_scope: str
    data_suffix: str = ""
    retail_prices: str = ""
    verify: str | None = None
    identity: Identity | None = None
    poll_seconds: float = 15.0
    known_authority: bool = True


CLOUDS: Mapping[str, Cloud] = {
    cloud.name: cloud
    for cloud in (
        Cloud(
            name="public",
            arm="https://management.azure.com",
            authority="https://login.microsoftonline.com",
            graph="https://graph.microsoft.com",
            arm_scope="https://management.azure.com/.default",
            data_scope="https://cognitiveservices.azure.com/.default",
            graph_scope="https://graph.microsoft.com/.default",
            data_suffix="cognitiveservices.azure.com",
            retail_prices="https://prices.azure.com/api/retail/prices",
        ),
        Cloud(
            name="usgov",
            arm="https://management.usgovcloudapi.net",
            authority="https://login.microsoftonline.us",
            graph="https://graph.microsoft.us",
            arm_scope="https://management.usgovcloudapi.net/.default",
            data_scope="https://cognitiveservices.azure.us/.default",
            graph_scope="https://graph.microsoft.us/.default",
            data_suffix="cognitiveservices.azure.us",
        ),
        Cloud(
            name="china",
            arm="https://management.chinacloudapi.cn",
            authority="https://login.chinacloudapi.cn",
            graph="https://microsoftgraph.chinacloudapi.cn",
            arm_scope="https://management.chinacloudapi.cn/.default",
            data_scope="https://cognitiveservices.azure.cn/.default",
            graph_scope="https://microsoftgraph.chinacloudapi.cn/.default",
            data_suffix="cognitiveservices.azure.cn",
        ),
    )
}

_KEYS = {
    "name": "name",
    "resourceManager": "arm",
    "authority": "authority",
    "graph": "graph",
    "resourceManagerScope": "arm_scope",
    "dataScope": "data_scope",
    "graphScope": "graph_scope",
    "dataSuffix": "data_suffix",
    "retailPrices": "retail_prices",
    "caFile": "verify",
    "pollSeconds": "poll_seconds",
}
_ENDPOINTS = ("resourceManager", "authority", "graph")


def own(profile: Mapping[str, Any]) -> Cloud:
    """A cloud from a spec's `azure.cloud` map; raises FT2010 for everything that is wrong with it.

    `resourceManager` and `authority` are required. Scopes follow the endpoints, and the data scope is the public
    cloud's unless it is given. A profile holds no secrets: sign-in is by DefaultAzureCredential.
    """
    problems = [*_unknown(profile), *_missing(profile), *_insecure(profile), *_untimely(profile)]
    if problems:
        raise FtctlError.all(_problem(text) for text in problems)
    given = {_KEYS[key]: value for key, value in profile.items()}
    for key in ("arm", "authority", "graph"):
        given[key] = str(given.get(key, CLOUDS["public"].graph)).rstrip("/")
    return Cloud(
        **{
            "name": "own",
            "arm_scope": f"{given['arm']}/.default",
            "data_scope": CLOUDS["public"].data_scope,
            "graph_scope": f"{given['graph']}/.default",
            "known_authority": given["authority"] in {cloud.authority for cloud in CLOUDS.values()},
            **given,
        }
    )


def _unknown(profile: Mapping[str, Any]) -> list[str]:
    return [f"A cloud profile has no key {key!r}; it knows {', '.join(_KEYS)}." for key in profile if key not in _KEYS]


def _missing(profile: Mapping[str, Any]) -> list[str]:
    return [f"The cloud profile names no {key}." for key in ("resourceManager", "authority") if not profile.get(key)]


def _insecure(profile: Mapping[str, Any]) -> list[str]:
    """Tokens travel to these addresses, so each is https with a host, and brings no user or query."""
    texts = []
    for key in _ENDPOINTS:
        parts = urlsplit(str(profile.get(key) or "https://none"))
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.query:
            texts.append(f"The cloud profile's {key} is no https address.")
    return texts


def _untimely(profile: Mapping[str, Any]) -> list[str]:
    seconds = profile.get("pollSeconds", 15)
    fine = isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
    return [] if fine else ["The cloud profile's pollSeconds is no number above 0."]


def _problem(text: str) -> Problem:
    from ftctl.core.codes import CODES  # noqa: PLC0415  the table is only needed when something went wrong

    return Problem("FT2010", text, why=CODES["FT2010"].why, fix=CODES["FT2010"].fix)
