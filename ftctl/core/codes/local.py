"""FT5000-FT5999: the local Azure."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit

CODES: dict[str, Code] = {
    "FT5001": Code(
        "The local Azure is up already",
        Exit.ERROR,
        "One server is enough for a folder: every command finds it by itself.",
        "Use it as it is, or stop it with `ftctl local down` first.",
    ),
    "FT5002": Code(
        "The local Azure is not up",
        Exit.ERROR,
        "ftctl's own commands start one for themselves; other clients need a server that stays.",
        "Start it with `ftctl local up --detach`.",
    ),
    "FT5003": Code(
        "The local Azure cannot use the port",
        Exit.ERROR,
        "Another program listens there, or the system does not allow the port.",
        "Give another one with `--port`, or none for any that is free.",
    ),
    "FT5004": Code(
        "The local Azure did not come up",
        Exit.ERROR,
        "The server was started in the background and did not answer in time.",
        "Start it in the foreground with `ftctl local up` to see what it says; `server.log` has what it said so far.",
    ),
    "FT5005": Code(
        "The local Azure's folder cannot be used",
        Exit.ERROR,
        "Its state, certificate and uploads are kept there, and it cannot be read or written.",
        "Check its permissions, or name another folder with FTCTL_LOCAL_DIR; `ftctl local reset` starts anew.",
    ),
    "FT5006": Code(
        "The local Azure must be down for this",
        Exit.ERROR,
        "Its state would be taken away under a running server.",
        "Stop it first with `ftctl local down`.",
    ),
    "FT5007": Code(
        "Not a length of time",
        Exit.USAGE,
        "A length of time is a number and a unit, or several of them: `45s`, `30m`, `2h`, `2d`, `1h30m`.",
        "Write it that way, without a space.",
    ),
    "FT5008": Code(
        "A fault rule cannot be understood",
        Exit.USAGE,
        "A rule has a `fault` of calls or a `failure` of training jobs, and says which of them it is about.",
        "`ftctl local faults add --help` lists the faults, failures and options; a file has `faults:` and a list of them.",
    ),
}
