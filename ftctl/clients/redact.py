"""Secrets out of texts and addresses: what a message, a trace line or an error may show."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit, urlunsplit

# Query parameters whose values are harmless. All others are hidden: signatures, codes and keys go by many names.
_OPEN = frozenset({"api-version", "$filter", "$top", "$select", "$expand", "limit", "after", "order", "purpose"})
_QUERY = re.compile(r"(https?://[^\s?\"'<>]*)\?[^\s\"'<>]*", re.IGNORECASE)
_USER = re.compile(r"(https?://)[^\s/@]+@", re.IGNORECASE)
_SECRETS = re.compile(
    r"""eyJ[\w-]{8,}(?:\.[\w-]*){0,2}                      # a token
      | \bBearer\s+[^\s"',]+
      | \b(?:sig|api-?key|subscription-key|client_secret|password|pwd|secret|AccountKey|SharedAccessKey)
        (?:"?\s*[=:]\s*)"?[^\s"'&;,]+
      | \b[A-Za-z0-9+/]{80,}={0,2}                              # a key; a sha256 is shorter
      | \b[0-9a-f]{32}\b(?=.{0,40}\bkey\b) """,
    re.IGNORECASE | re.VERBOSE,
)
LONGEST = 600


def scrub(text: str) -> str:
    """`text` on one line without tokens, keys and the queries of addresses, cut where it gets long."""
    text = _USER.sub(r"\1", _QUERY.sub(r"\1?…", " ".join(text.split())))
    text = _SECRETS.sub("…", text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def is_secret(text: str) -> bool:
    """Whether a text holds what looks like a token or a key."""
    return bool(_SECRETS.search(text))


def scrub_url(url: str) -> str:
    """An address with the values of all query parameters hidden that are not known to be harmless."""
    parts = urlsplit(url)
    query = "&".join(
        f"{name}={value if name.lower() in _OPEN else '…'}"
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))
