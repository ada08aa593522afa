"""An image in an example: its address or its bytes, held against what vision tuning takes."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Any

from ftctl.data.fault import Fault

MOST_IMAGES = 64  # in one example
LARGEST = 10 * 2**20  # bytes of one image; the documented 10 MB, read in the sender's favour

_DETAILS = ("auto", "low", "high")
_MEDIA = ("image/jpeg", "image/jpg", "image/png", "image/webp")
_WEB = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_DATA = re.compile(r"data:(?P<media>[^;,]{0,100})(?P<base64>(?:;[^;,]{0,100})*?;base64)?,", re.IGNORECASE)
_HEAD = 48  # characters: enough to know a picture by
_COLOURED = (b"\x02", b"\x06")  # a PNG's colour types for RGB and RGBA; the others are grey or have a palette


def image_faults(image: Any, place: str) -> Iterator[Fault]:
    """What is wrong with the value of `image_url`."""
    match image:
        case {"url": str(url)}:
            if wrong := _url(url):
                yield Fault("FT1324", f"{place}.url {wrong}")
            if image.get("detail") not in (None, *_DETAILS):
                yield Fault("FT1324", f"{place}.detail is none of {', '.join(_DETAILS)}")
        case str():
            yield Fault("FT1324", f"{place} is a string", 'Write the address as {"url": "..."}.')
        case _:
            yield Fault("FT1324", f"{place} is not an object with a url")


def _url(url: str) -> str:
    if _WEB.match(url):
        return ""
    head = _DATA.match(url)
    if head is None:
        return "is neither a web address nor a data URI"
    if head["media"].lower() not in _MEDIA:
        return "is a data URI of another type than image/jpeg, image/png and image/webp"
    if not head["base64"]:
        return "is a data URI that is not base64"
    return _embedded(url, head.end())


def _embedded(url: str, start: int) -> str:
    """What is wrong with the base64 from `start` on, told by its length and its first bytes alone."""
    size = len(url) - start
    if size % 4 or not size:
        return "holds base64 that was cut off"
    if size // 4 * 3 - url.count("=", -2) > LARGEST:
        return f"holds an image of more than {LARGEST // 2**20} MB"
    try:
        return _picture(binascii.a2b_base64(url[start : start + _HEAD], strict_mode=True))
    except ValueError:
        return "holds no base64"


def _picture(head: bytes) -> str:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "" if head[25:26] in _COLOURED else "holds a PNG in grey or with a palette, not in RGB or RGBA"
    if head.startswith(b"\xff\xd8\xff") or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return ""
    return "holds no JPEG, PNG or WEBP image"
