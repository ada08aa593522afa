"""Secrets and personal data: what is found, what is left in peace, and that no finding shows what it found.

Nothing here is anybody's: tokens are made by chance when the tests run, numbers by their check digits.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
from importlib import import_module

import pytest
from hypothesis import example as tried
from hypothesis import given
from hypothesis import strategies as st

from ftctl.data import privacy
from ftctl.data.privacy import findings, suspicious
from tests.data.rows import everything, example, fill, look, said, say

CHANCE = random.Random(20261122)
MIXED = string.ascii_letters + string.digits
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def token(length: int, letters: str = MIXED) -> str:
    return "".join(CHANCE.choice(letters) for _ in range(length))


def b64(size: int) -> str:
    return base64.b64encode(CHANCE.randbytes(size)).decode()


def jwt(payload: dict[str, object]) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, payload))
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), token(43)])


def checked(module: str, length: int, head: str = "", tail: str = "", pattern: str = "{}") -> str:
    """Some number that a module of stdnum takes."""
    valid = import_module(f"stdnum.{module}").is_valid
    while True:
        number = head + token(length, string.digits) + tail
        if valid(number):
            return pattern.format(number)


def grouped(number: str, *sizes: int, by: str = " ") -> str:
    groups, start = [], 0
    for size in sizes:
        groups.append(number[start : start + size])
        start += size
    return by.join(groups)


SECRETS = {
    "a private key": "-----BEGIN RSA PRIVATE KEY-----\n" + b64(120) + "\n-----END RSA PRIVATE KEY-----",
    "an Azure Storage key": f"DefaultEndpointsProtocol=https;AccountName=mine;AccountKey={b64(64)};EndpointSuffix=core",
    "an Azure shared access key": f"Endpoint=sb://mine/;SharedAccessKeyName=all;SharedAccessKey={b64(32)}",
    "a shared access signature": f"https://mine.blob/c/f?sv=2024-11-04&sr=b&sig={token(43)}%3D",
    "an Azure AI services key": f"{token(52)}JQQJ99{token(26)}",
    "an Azure API key": f'api-key: "{token(32, "0123456789abcdef")}"',
    "an Entra client secret": f"{token(3)}8Q~{token(34)}",
    "an OpenAI key": f"sk-proj-{token(30)}T3BlbkFJ{token(30)}",
    "an Anthropic key": f"sk-ant-api03-{token(93)}",
    "a GitHub token": f"ghp_{token(36)}",
    "a GitHub token, fine-grained": f"github_pat_{token(22)}_{token(59)}",
    "a GitLab token": f"glpat-{token(20)}",
    "an AWS access key id": f"AKIA{token(16, UPPER)}",
    "an AWS secret key": f"aws_secret_access_key = {token(40)}",
    "a Google API key": f"AIza{token(35)}",
    "a Slack token": f"xoxb-{token(12, string.digits)}-{token(24)}",
    "a Stripe key": f"sk_live_{token(24)}",
    "a Hugging Face token": f"hf_{token(34, string.ascii_letters)}",
    "an npm token": f"npm_{token(36)}",
    "a PyPI token": f"pypi-AgEI{token(60)}",
    "a JSON web token": jwt({"sub": "42", "name": "Ada"}),
    "a password in a connection string": f"Server=sql1;Database=d;User Id=u;Password={token(14)};",
    "a password in an address": f"postgres://app:{token(14)}@db7.internal-host.net:5432/shop",
}
PERSONAL = {
    "an e-mail address": "ada.lovelace@analytical-engine.co.uk",
    "a phone number": "+44 20 7123 4567",
    "a phone number, French": "+33 1 42 68 53 00",
    "a phone number, with brackets": "(212) 736-5000",
    "a phone number, with dashes": "212-736-5000",
    "a phone number, Korean": "010-4123-5678",
    "a phone number, Indonesian": "0812-3412-5678",
    "a phone number, British": "07911 123456",
    "a card number": grouped(checked("luhn", 12, "4539"), 4, 4, 4, 4),
    "a card number, with dashes": grouped(checked("luhn", 12, "5311"), 4, 4, 4, 4, by="-"),
    "a card number, ungrouped": "visa " + checked("luhn", 12, "4539"),
    "a US social security number": "536-22-1234",
    "a Korean resident registration number": grouped(checked("kr.rrn", 6, "8503121"), 6, 7, by="-"),
    "an Indonesian identity number": "NIK: 3171011708450001",
    "an Indian Aadhaar number": "Aadhaar " + grouped(checked("in_.aadhaar", 11, "3"), 4, 4, 4),
    "a Brazilian CPF": "{}.{}.{}-{}".format(*grouped(checked("br.cpf", 9, "31"), 3, 3, 3, 2).split()),
    "a Chinese identity number": checked("cn.ric", 4, "11010519491231"),
    "a French social security number": grouped(checked("fr.nir", 8, "2955109"), 1, 2, 2, 2, 3, 3, 2),
    "a bank account (IBAN)": grouped(checked("iban", 2, "DE", "500105175407324931"), 4, 4, 4, 4, 4, 2),
    "a UK national insurance number": "AB 12 34 56 C",
}
FOUND = {**SECRETS, **PERSONAL}


def row(text: str) -> dict[str, object]:
    return example(say("user", f"It is {text}, they say."), say("assistant", "I see."))


def line(text: str, *, ascii_only: bool = True) -> bytes:
    return json.dumps(row(text), ensure_ascii=ascii_only).encode() + b"\n"


@pytest.mark.parametrize("kind", FOUND)
def test_what_should_not_be_there_is_found(tmp_path, kind):
    report = look(tmp_path / "train.jsonl", fill(row(FOUND[kind])))
    (finding,) = report.findings
    assert (finding.code, finding.line) == ("FT1357" if kind in SECRETS else "FT1358", 1)
    assert finding.what.startswith(f"messages[0].content holds {kind.split(',')[0]} (hash ")
    assert finding.warning
    assert report.errors == 0


@pytest.mark.parametrize("kind", FOUND)
def test_no_finding_shows_what_it_found(tmp_path, kind):
    shown = everything(look(tmp_path / "train.jsonl", fill(row(FOUND[kind]))))
    text = FOUND[kind]
    assert not any(
        text[start : start + 8] in shown for start in range(max(1, len(text) - 7)) if " " not in text[start : start + 8]
    )


@pytest.mark.parametrize("kind", FOUND)
def test_what_is_allowed_may_stay(tmp_path, kind):
    (finding,) = look(tmp_path / "train.jsonl", fill(row(FOUND[kind]))).findings
    name = finding.what.rpartition(" ")[2].rstrip(")")
    assert len(name) == 12
    assert said(look(tmp_path / "train.jsonl", fill(row(FOUND[kind])), allow=(name,))) == []


@pytest.mark.parametrize("kind", FOUND)
def test_escapes_hide_nothing(kind):
    hidden = line("?").replace(b"?", b"".join(b"\\u%04x" % ord(char) for char in FOUND[kind]))
    assert suspicious(hidden)
    assert (
        [fault.what for fault in findings(hidden, ())]
        == [fault.what for fault in findings(line(FOUND[kind]), ())]
        != []
    )


def test_json_inside_a_string_hides_nothing():
    address = PERSONAL["an e-mail address"]
    arguments = json.dumps({"to": address}).replace("@", "\\u0040")
    calls = [{"id": "1", "type": "function", "function": {"name": "send", "arguments": arguments}}]
    content = json.dumps(example(say("user"), say("assistant", None, tool_calls=calls))).encode()
    assert suspicious(content)
    (fault,) = findings(content, ())
    assert fault.what.startswith("messages[1].tool_calls[0].function.arguments holds an e-mail address (hash ")


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"messages": [], "extra": {"deep": [0, "?"]}}, "extra.deep[1]"),
        ({"a key 7": "?"}, "*"),
        ({"?": 1}, "a key of the example"),
        ({"messages": [{"?": 1}]}, "a key of messages[0]"),
        ("?", "the example"),
    ],
)
def test_every_place_is_looked_at(value, place):
    content = json.dumps(value).replace("?", "ada@analytical-engine.org").encode()
    assert [fault.what.partition(" holds ")[0] for fault in findings(content, ())] == [place]


def test_a_text_is_told_once_for_each_example():
    content = line("ada@analytical-engine.org and ada@analytical-engine.org and bo@analytical-engine.org")
    assert len(list(findings(content, ()))) == 2


def test_each_of_many_is_told_whole():
    """Texts are searched in parts, and the end of a part is not the end of an address or a number."""
    names = [f"{'a' * size}.lovelace@analytical-engine.org" for size in range(1, 40)]
    numbers = [f"536-22-{1000 + number}" for number in range(40)]
    wide = " , ".join(f"{name} {number}" for name, number in zip(names, numbers, strict=False))
    hashes: dict[str, str] = {}
    assert len(list(findings(line(wide), ("none",), hashes))) == 2 * len(names)
    assert set(hashes) == {*names, *numbers[: len(names)]}


def test_the_end_of_a_part_is_not_the_end_of_an_address():
    endless = f"ada@{'a' * 50}.{'b' * 57}.{'c' * 30}-and-more.org"
    assert list(findings(line(endless), ())) == []


def test_only_so_many_hashes_are_made():
    content = line(" ".join(f"{token(9, string.ascii_lowercase)}@analytical-engine.org" for _ in range(50)))
    hashes: dict[str, str] = {f"known {number}": "" for number in range(38)}
    told = [fault.what for fault in findings(content, (), hashes)]
    assert len(told) == 50
    assert sum("(hash " in what for what in told) == 2


PEACE = [
    "mail someone@example.com, a@sub.example.org, x@test, me@localhost, info@contoso.com, you@yourcompany.com",
    "git@github.com:owner/repo.git and noreply@somewhere-real.com and logo@2x.png and torch.ones(3)@w.mean",
    "user@host.target, a.b@c.d, @decorator.name, x@y.T, foo@bar.com, npm i pkg@1.2.3-beta",
    "call 555-0123, (555) 123-4567, 212-555-0187, +1 212 555 0123, +44 20 7946 0958, +44 7700 900123",
    "version 10.15.7.19041, 3.11.0-1234567, build 20240501.1234567890, 1.2.840.113549.1.1.11, rev 123-456-7890",
    "at 2024-05-01 10:00:00.123456, 20240501T100000Z, 1714557600, 1714557600123, 1714557600123456, 2024-05-01-2024-06",
    "id 3fa85f64-5717-4562-b3fc-2c963f66afa6, 4539578763621486123, order 4539-5787-6362-1487, run 71250760688",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 d41d8cd98f00b204e9800998ecf8427e",
    "$1,234,567,890.12, Rp 12.345.678.901, 1.000.000.000 KRW, 3.141592653589793, 6.02214076e23, 123456789012345678",
    "10.0.0.1, 192.168.100.200:8080, fe80::1ff:fe23:4567:890a, 255.255.255.255/32, 00:1B:44:11:3A:B7",
    "ISBN 978-3-16-148410-0, EAN 4006381333931, RFC 2606, DOI 10.1000/182345678, part 212-736-50001, 4-4-4-4",
    "test cards 4111 1111 1111 1111, 4242-4242-4242-4242, 378282246310005 and 5555555555554444 of a card manual",
    "SSN 123-45-6789, 000-12-3456, 666-12-3456, 078-05-1120, 987-65-4321; IBAN GB82 WEST 1234 5698 7654 32",
    "key sk-xxxxxxxxxxxxxxxxxxxxxxxx, ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, AKIAIOSFODNN7EXAMPLE, AIza...",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY, api_key: 00000000000000000000000000000000",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----, password = getpass(), Password=<your password>",
    "Server=localhost;Database=d;Uid=u;Pwd={password}; postgres://user:password@localhost/db, http://a:b@example.com",
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    "x = 1234567890 + 9876543210; y=+1234567890; a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p; __all_of_these_are_just_names__",
    "67, 79, 39, 56 + 12 34 56 78 90 12, (100 * 6) + (75 + 25), <<48/2=24>>24, 1 2 3 4 5 6 7 8 9 10 11 12",
    "SW1A 1AA, flight BA 117, room AB 12, model RX 78 90 12, 12 34 56 D, chapter IV 12 34 56",
]


@pytest.mark.parametrize("text", PEACE, ids=[text[:40] for text in PEACE])
def test_what_only_looks_like_it_is_left_in_peace(text):
    assert [fault.what for fault in findings(line(text), ())] == []


def test_pictures_are_not_searched():
    assert list(findings(json.dumps({"url": "data:image/png;base64," + SECRETS["a GitHub token"]}).encode(), ())) == []


def test_ordinary_lines_are_passed_over():
    talk = "What is the capital of France? It's Paris, a well-known city; 2,102,650 people lived there in 2023."
    assert not suspicious(line(talk))
    assert not suspicious(line("대한민국의 수도는 서울이다. Müller überlegt.", ascii_only=True))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([*FOUND.values(), *PEACE]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from([*FOUND.values()]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=json_values)
@tried(value={FOUND["a Hugging Face token"]: FOUND["a private key"]})
def test_whatever_is_found_was_suspicious_and_is_not_shown(value):
    content = json.dumps(value).encode()
    shown = [fault.what for fault in findings(content, (), {str(number): "" for number in range(60)})]
    assert suspicious(content) or not shown
    for text in FOUND.values():
        assert not any(text in what for what in shown)


def plain_search(content, start=0):
    return re.compile(privacy._ROUGHLY).search(content, start)


@given(value=json_values)
def test_where_re2_cannot_be_had_pythons_own_expressions_say_the_same(value):
    content = json.dumps(value).encode()
    assert (plain_search(content) is not None) == suspicious(content)


def test_suspects_of_a_block_are_told_by_their_places():
    lines = [
        line(text).rstrip(b"\n") for text in ("Hello.", FOUND["an e-mail address"], "", *["Fine."] * 3, *FOUND.values())
    ]
    assert privacy.suspects(lines) == [n for n, one in enumerate(lines) if suspicious(one)] != []
    assert privacy.suspects([]) == []


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: json.dumps(text).encode()))
def test_no_bytes_are_too_much(content):
    assert suspicious(content) in (True, False)
    list(findings(content, ()))
