"""Secrets in a text: tokens and keys by the shapes that their issuers publish, so that little else looks like one."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

_MADE_UP = re.compile(r"(?i)example|x{5}|your|change.?me|placeholder|redacted|dummy|sample|(.)\1{5}|12345678|abcdef")
_FEWEST_CHARACTERS = 10  # different ones in what chance has made; "sk-aaaa..." has fewer
# Azurite's account key is printed in its manual and opens nothing; the token of the JWT home page is everybody's.
_AZURITE = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_JWT_SAMPLE = "1234567890"
_PLAIN = re.compile(
    r"(?i)\*+|pass|password|passwd|pwd|pw|secret|token|user|username|guest|admin|root|test|postgres|mysql|mypass\w*"
)
_NO_HOST = re.compile(r"(?i)localhost|127\.|0\.0\.0\.0|host\b|db\b|server\b|(?:[\w-]+\.)*example\b")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a kind of secret looks like: one of `hints` stands in each; the secret is group 1 of `pattern`, or all."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    real: Callable[[re.Match[str]], bool]


def secrets(text: str) -> Iterator[tuple[str, str]]:
    """The kind and the text of each."""
    for shape in SHAPES:
        for hint in shape.hints:
            if hint in text:
                yield from ((shape.kind, _secret(match)) for match in shape.pattern.finditer(text) if shape.real(match))
                break


def _secret(match: re.Match[str]) -> str:
    return match[1 if match.re.groups else 0]


def _random(match: re.Match[str]) -> bool:
    secret = _secret(match)
    return len(set(secret)) >= _FEWEST_CHARACTERS and not _MADE_UP.search(secret)


def _storage_key(match: re.Match[str]) -> bool:
    return match[1] != _AZURITE and _random(match)


def _signed(match: re.Match[str]) -> bool:
    """A signature among the other parameters of a shared access signature, not any `sig` in an address."""
    return _random(match) and re.search(r"[?&;](?:sv|se|sr)=", match.string) is not None


def _json_token(match: re.Match[str]) -> bool:
    try:
        header, payload = (_decoded(part) for part in match[0].split(".")[:2])
    except (ValueError, RecursionError):
        return False
    return "alg" in header and payload.get("sub") != _JWT_SAMPLE


def _decoded(part: str) -> dict[str, object]:
    padded = part + "=" * (-len(part) % 4)
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=dict[str, object])
    except binascii.Error as error:
        raise ValueError from error


def _password(match: re.Match[str]) -> bool:
    return not _PLAIN.fullmatch(match[1]) and not _MADE_UP.search(match[1]) and not _NO_HOST.match(match[2])


def _assigned(match: re.Match[str]) -> bool:
    return not _PLAIN.fullmatch(match[1]) and not _MADE_UP.search(match[1])


def _shape(kind: str, hints: str, pattern: str, real: Callable[[re.Match[str]], bool] = _random) -> Shape:
    return Shape(kind, tuple(hints.split()), re.compile(pattern), real)


SHAPES = (
    _shape(
        "a private key",
        "PRIVATE",
        r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----\s+(?:[A-Z][\w-]+: [^\n]*\n)*"
        r"\s*([A-Za-z0-9+/=\s]{64,})",
    ),
    _shape("an Azure Storage key", "AccountKey=", r"\bAccountKey=([A-Za-z0-9+/]{86}==)", _storage_key),
    _shape("an Azure shared access key", "AccessKey=", r"\bSharedAccessKey=([A-Za-z0-9+/]{43}=)"),
    _shape("a shared access signature", "sig=", r"[?&;]sig=([A-Za-z0-9%+/]{43,70}(?:=|%3[Dd]))", _signed),
    _shape("an Azure AI services key", "JQQJ99", r"\b[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{26}\b"),
    _shape(
        "an Azure API key",
        "key Key KEY",
        r"(?:api|API|Api|subscription|Subscription|SUBSCRIPTION|[Oo]pen[Aa][Ii]|OPENAI|[Aa]zure|AZURE)[-_](?:key|KEY|Key)"
        r"\W{1,7}([0-9a-f]{32})\b",
    ),
    _shape("an Entra client secret", "8Q~", r"(?<![\w~.-])[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{31,34}(?![\w~-])"),
    _shape("an OpenAI key", "T3BlbkFJ", r"\bsk-[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{20,}"),
    _shape("an Anthropic key", "sk-ant-", r"\bsk-ant-[a-z0-9]{3,8}-[A-Za-z0-9_-]{80,}"),
    _shape("a GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"\bgh[oprsu]_[A-Za-z0-9]{36,255}\b"),
    _shape("a GitHub token", "github_pat_", r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b"),
    _shape("a GitLab token", "glpat-", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    _shape("an AWS access key id", "AKIA ASIA", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    _shape(
        "an AWS secret key",
        "aws_secret AWS_SECRET",
        r"(?i)\baws_secret_(?:access_)?key\W{1,7}([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    ),
    _shape("a Google API key", "AIza", r"\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    _shape("a Slack token", "xox", r"\bxox[abeoprs]-\d{8,}-[A-Za-z0-9-]{20,}"),
    _shape("a Stripe key", "k_live_", r"\b[rs]k_live_[A-Za-z0-9]{20,}"),
    _shape("a Hugging Face token", "hf_", r"\bhf_[A-Za-z]{34}\b"),
    _shape("an npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    _shape("a PyPI token", "pypi-AgEI", r"\bpypi-AgEI[A-Za-z0-9_-]{50,}"),
    _shape(
        "a JSON web token",
        ".eyJ",
        r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{20,}",
        _json_token,
    ),
    _shape(
        "a password in a connection string",
        "assword= ASSWORD= Pwd= pwd= PWD=",
        r"(?i)\b(?:Server|Data Source|Host|Addr)=[^;\n]{1,100};(?:[^;=\n]{1,40}=[^;\n]{0,100};){0,8}"
        r"\s?(?:Password|Pwd)=([^;\s\"'<>{}$%*\\]{6,100})",
        _assigned,
    ),
    _shape(
        "a password in an address",
        "://",
        r"://[^\s/:@\"'<>{}$\[\]\\]{1,60}:([^\s/:@\"'<>{}$%*\[\]\\]{6,100})@([A-Za-z0-9.-]{3,100})",
        _password,
    ),
)
