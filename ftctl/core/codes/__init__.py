"""Every error code, by the stage that raises it; `ftctl explain` reads this table and a test keeps it whole."""

from __future__ import annotations

from ftctl.core.codes import azure, command, courses, data, evaluation, guards, jobs, kinds, local, plan, results, spec
from ftctl.core.errors import Code

CODES: dict[str, Code] = {
    **spec.CODES,
    **kinds.CODES,
    **jobs.CODES,
    **courses.CODES,
    **data.CODES,
    **evaluation.CODES,
    **azure.CODES,
    **plan.CODES,
    **guards.CODES,
    **local.CODES,
    **command.CODES,
    **results.CODES,
}
