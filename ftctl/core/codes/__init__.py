"""Every error code, by the stage that raises it; `ftctl explain` reads this table and a test keeps it whole."""

from __future__ import annotations

from ftctl.core.codes import (
    azure,
    command,
    courses,
    data,
    evaluation,
    jobs,
    kinds,
    local,
    ownership,
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
    **ownership.CODES,
    **data.CODES,
    **evaluation.CODES,
    **azure.CODES,
    **plan.CODES,
    **local.CODES,
    **command.CODES,
    **results.CODES,
}
