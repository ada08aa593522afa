"""Personal data in a text: addresses and numbers of people, told by check digits wherever there are any."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

_MAIL = re.compile(
    r"(?<![\w.+/:=%@-])([A-Za-z0-9][\w.+-]{0,63})@((?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,12})(?![\w@(/-]|\.\w)"
)
# Reserved by RFC 2606 and 6761, Microsoft's made-up companies, and what manuals say for "somebody".
_NOBODY = re.compile(
    r"(?i)(?:.*\.)?(?:example(?:\.\w+)*|test|invalid|localhost|local|internal|lan|contoso\.\w+|fabrikam\.\w+|"
    r"adventure-works\.com|northwindtraders\.com|(?:my|your)?(?:-?(?:company|domain|email|mail|server|host|org|site))"
    r"(?:name)?\.(?:com|org|net)|"
    r"(?:foo|bar|baz|spam|test|acme|somewhere|abc|xyz|users\.noreply\.github)\.(?:com|org|net)|[abcxyz]\.(?:com|org|net)|domain\.tld)"
)
_NO_PERSON = re.compile(
    r"(?i)git|hg|svn|no-?reply|do-?not-?reply|postmaster|mailer-daemon|root|foo|bar|spam|user(?:name)?"
)
# Endings of names of files and of attributes in programs, among which are a few countries.
_NO_DOMAIN = frozenset(
    """
    png jpg jpeg gif svg webp ico bmp css js mjs ts tsx jsx json py pyc pyi md txt html htm xml yml yaml
    toml cfg ini lock zip gz tar whl so dll exe service target shape dtype conj inv mean sum size dot
    """.split()  # noqa: SIM905  a list of words reads better without quotes
)
_PHONES = tuple(
    (region, re.compile(pattern))
    for region, pattern in (
        (None, r"(?<![\w.+/=-])\+[1-9](?:[ .()-]{0,2}\d){7,14}(?![\w+])"),
        ("US", r"(?<![\w.+$/-])(?:\([2-9]\d\d\) ?|[2-9]\d\d[-.])[2-9]\d\d[-.]\d{4}(?![\w/-]|\.\d)"),
        ("KR", r"(?<![\w.+/-])01[016789]-\d{3,4}-\d{4}(?![\w/-])"),
        ("ID", r"(?<![\w.+/-])08\d\d-\d{3,4}-\d{3,5}(?![\w/-])"),
        ("GB", r"(?<![\w.+/-])0(?:7\d{3} \d{6}|7\d{3} \d{3} \d{3}|20 \d{4} \d{4})(?![\w/-])"),
    )
)
# Numbers kept for films and manuals, in North America and the United Kingdom.
_UNCONNECTED = re.compile(r"\d{0,3}555\d{4}|555\d+|2079460\d{3}|1632960\d{3}|7700900\d{3}")

_CARD = re.compile(
    r"(?<![\w.+/=-])(?:(?:4\d|5[1-5]|2[2-7]|6[05]|35)\d\d([ -]?)\d{4}\1\d{4}\1\d{4}|3[47]\d\d([ -]?)\d{6}\2\d{5})"
    r"(?![\w/-]|\.\d)"
)
_TEST_CARDS = frozenset(  # of the payment companies' manuals
    """
    4111111111111111 4242424242424242 4012888888881881 4000056655665556 4000000000000002 5555555555554444
    5105105105105100 2223003122003222 5200828282828210 378282246310005 371449635398431 6011111111111117
    6011000990139424 3530111333300000 3566002020360505 4917610000000000 4444333322221111 4222222222222222
    2223000048400011 5454545454545454
    """.split()  # noqa: SIM905  a list of words reads better without quotes
)
_CARD_WORDS = re.compile(r"(?i)\b(?:card|visa|master ?card|amex|american express|credit|debit|kartu|kredit)|카드")


@dataclass(frozen=True, slots=True)
class Number:
    """A number that a state or a bank gives people; `near` are words the text must have where digits say little."""

    kind: str
    pattern: re.Pattern[str]
    module: str
    near: re.Pattern[str] | None = None


def _number(kind: str, pattern: str, module: str, near: str = "") -> Number:
    whole = re.compile(rf"(?<![\w.+/=-])(?:{pattern})(?![\w/=-]|\.\d)")
    return Number(kind, whole, module, re.compile(near, re.IGNORECASE) if near else None)


_NATIONAL = (
    _number("a US social security number", r"\d{3}-\d{2}-\d{4}", "us.ssn"),
    _number("a Korean resident registration number", r"\d{6}-[1-8]\d{6}", "kr.rrn"),
    _number("an Indonesian identity number", r"[1-9]\d{15}", "id.nik", r"\bNIK\b|\bKTP\b|penduduk|identitas"),
    _number("an Indian Aadhaar number", r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}", "in_.aadhaar", "aadhaar|आधार"),
    _number("a Brazilian CPF", r"\d{3}\.\d{3}\.\d{3}-\d{2}", "br.cpf"),
    _number("a Chinese identity number", r"[1-9]\d{5}(?:19|20)\d{9}[\dX]", "cn.ric"),
    _number("a French social security number", r"[12] \d\d \d\d [\dAB]{2} \d{3} \d{3} \d\d", "fr.nir"),
    _number(
        "a bank account (IBAN)",
        r"[A-Z]{2}\d{2}(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?|[A-Z]{2}\d{2}[A-Z0-9]{11,30}",
        "iban",
    ),
)
_PRINTED = frozenset(  # the examples of manuals and encyclopedias
    """
    123-45-6789 GB82WEST12345698765432 GB29NWBK60161331926819 DE89370400440532013000
    FR1420041010050500013M02606 NL91ABNA0417164300 CH9300762011623852957 ES9121000418450200051332
    BE68539007547034
    """.split()  # noqa: SIM905  a list of words reads better without quotes
)
_INSURANCE = re.compile(
    r"(?<![\w-])(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]( ?)\d\d\1\d\d\1\d\d\1[A-D](?![\w-])"
)
_INSURANCE_WORDS = re.compile(r"(?i)national insurance|\bNI(?:NO)?\b")


# Nine digits, however they are grouped, or what a UK national insurance number has of them.
_DIGITS = re.compile(r"\d(?:[ .()-]{0,2}\d){8,}|\d\d( ?)\d\d\1\d\d\1[A-D]\b")
_BEFORE, _AFTER = 24, 25  # characters around digits that may belong to the number: the letters of an account number


def personal_data(text: str) -> Iterator[tuple[str, str]]:
    """The kind and the text of each piece; a piece may come twice."""
    at = text.find("@")
    while at >= 0:
        for mail in _within(_MAIL, text, at - 64, at + 120):
            if mail.end(1) == at and _somebody(mail[1], mail[2]):
                yield "an e-mail address", mail[0]
        at = text.find("@", at + 1)
    for digits in _DIGITS.finditer(text):
        yield from _numbers(text, digits.start() - _BEFORE, digits.end() + _AFTER)


def _within(pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """Matches in a part of a text, without those that may only end where the part does."""
    for match in pattern.finditer(text, max(0, start), end):
        if match.end() < end:
            yield match


def _somebody(name: str, domain: str) -> bool:
    last = domain.rsplit(".", 1)[1].lower()
    return not (last in _NO_DOMAIN or _NOBODY.fullmatch(domain) or _NO_PERSON.fullmatch(name))


def _numbers(text: str, start: int, end: int) -> Iterator[tuple[str, str]]:
    for region, pattern in _PHONES:
        for found in _within(pattern, text, start, end):
            if _connected(found[0], region):
                yield "a phone number", found[0]
    for found in _within(_CARD, text, start, end):
        if _card(found[0], text):
            yield "a card number", found[0]
    for number in _NATIONAL:
        for found in _within(number.pattern, text, start, end):
            near = number.near is None or number.near.search(text)
            if near and found[0].replace(" ", "") not in _PRINTED and _valid(number.module, found[0]):
                yield number.kind, found[0]
    for found in _within(_INSURANCE, text, start, end):
        if found[1] or _INSURANCE_WORDS.search(text):
            yield "a UK national insurance number", found[0]


def _connected(number: str, region: str | None) -> bool:
    """Whether such a number is given out where it is from."""
    import phonenumbers  # noqa: PLC0415  27 ms, only where something looks like a phone number

    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(parsed) and not _UNCONNECTED.fullmatch(str(parsed.national_number))


def _card(number: str, text: str) -> bool:
    """Cards in groups as they are printed; without groups, ids look alike, so that the text must speak of cards."""
    digits = re.sub(r"\D", "", number)
    if digits in _TEST_CARDS or not _valid("luhn", digits):
        return False
    return len(digits) < len(number) or _CARD_WORDS.search(text) is not None


def _valid(module: str, number: str) -> bool:
    return bool(_module(module).is_valid(number))


@cache
def _module(name: str) -> Any:
    """A module of stdnum; only those that a text gives cause for are ever imported."""
    return import_module(f"stdnum.{name}")
