"""Every error code, by the stage that raises it; `ftctl explain` reads this table and a test keeps it whole."""

from __future__ import annotations

from ftctl.core.codes import (
    azure,
    command,
    courses,
    data,
    evaluation,
    ignored,
    importing,
    jobs,
    kinds,
    local,
    plan,
    results,
    spec,
)
from ftctl.core.errors import Code

CODES: dict[str, Code] = {
    **spec.CODES,
    **kinds.CODES,
    **jobs.CODES,
    **courses.CODES,
    **ignored.CODES,
    **importing.CODES,
    **data.CODES,
    **evaluation.CODES,
    **azure.CODES,
    **plan.CODES,
    **local.CODES,
    **command.CODES,
    **results.CODES,
}
