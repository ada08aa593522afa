"""Azure's own host names: what they stand for where they lead here, as in a network that has no other Azure."""

from __future__ import annotations

import re
from functools import lru_cache

ARM, ENTRA, GRAPH = "management.azure.com", "login.microsoftonline.com", "graph.microsoft.com"
ACCOUNTS = ("cognitiveservices.azure.com", "openai.azure.com", "services.ai.azure.com")
REGIONS = "api.cognitive.microsoft.com"
# What a certificate names that is good for all of them.
ALL = (ARM, ENTRA, GRAPH, "prices.azure.com", *(f"*.{domain}" for domain in (*ACCOUNTS, REGIONS)))

_PORT = re.compile(r":\d+$")


@lru_cache(maxsize=256)
def prefix(host: str) -> str:
    """What a host's own name says before the path: `acc.openai.azure.com` is `/cognitiveservices/acc` elsewhere."""
    name, _, domain = _PORT.sub("", host.lower()).partition(".")
    if domain in ACCOUNTS:
        return f"/cognitiveservices/{name}"
    return f"/cognitiveservices/regional/{name}" if domain == REGIONS else ""


def endpoint(base_url: str, subdomain: str | None, region: str) -> str:
    """Where an account answers who called `base_url`, without a slash at the end; by its name for who used a name."""
    host = _PORT.sub("", base_url.removeprefix("https://").lower())
    if host in {ARM, ENTRA, GRAPH} or prefix(host):
        port = base_url.removeprefix("https://")[len(host) :]
        return f"https://{subdomain}.{ACCOUNTS[0]}{port}" if subdomain else f"https://{region}.{REGIONS}{port}"
    return f"{base_url}/cognitiveservices/{subdomain or f'regional/{region}'}"
