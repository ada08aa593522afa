"""FT1430-FT1439: what is wrong with the fields that a declaration leaves alone."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit

CODES: dict[str, Code] = {
    "FT1430": Code(
        "No field of that name can be left alone",
        Exit.DATA,
        "`ignoreDrift` lists fields as they are written in the declaration, such as `capacity` or `tags.owner`; what is"
        " not declared is never compared, and needs no mention.",
        "Correct the name, or take it out.",
    ),
    "FT1431": Code(
        "A field cannot be left alone",
        Exit.DATA,
        "Only what an update sends can stay as it is: not what a thing is known by, what cannot change in place in an"
        " account, what is ftctl's own, or the model of a job, which a deployment is there to serve.",
        "Take it out of `ignoreDrift`.",
    ),
}
