"""FT1400-FT1409 and FT3240-FT3249: how far a job is to go, what was cancelled, and jobs that are adopted."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit

CODES: dict[str, Code] = {
    "FT1400": Code(
        "An adopted job is told what to do",
        Exit.DATA,
        "`adopt` uses a job as it is: it is never paused, resumed, cancelled or deleted.",
        "Take out the key, or `adopt`: then the job is trained and owned by this stack.",
    ),
    "FT3240": Code(
        "The same declaration was cancelled before",
        Exit.BLOCKED,
        "Somebody cancelled the job, or ftctl did when another recipe took its place: Azure does not say who. Training"
        " it again is paid for again, so no apply begins that unasked.",
        "`--retry job/NAME` trains it again, and the plan then shows the cost; `state: cancelled` accepts that it is not"
        " trained; another recipe is another training.",
    ),
    "FT3241": Code(
        "A job was cancelled while it was waited for",
        Exit.ERROR,
        "Somebody cancelled it in the portal or by another client. What it had trained is billed, and no other job was"
        " begun in its place.",
        "`--retry job/NAME` trains it again, and the plan then shows the cost; `state: cancelled` accepts that it is not"
        " trained; another recipe is another training.",
    ),
    "FT3242": Code(
        "The account takes no more jobs",
        Exit.BLOCKED,
        "An account keeps a number of jobs, ended ones too, runs a few at once and lets 20 wait. Azure would refuse this"
        " one after its data was uploaded.",
        "Delete jobs that nobody needs (`keep: N` does so for a job's former trainings), wait until others have ended, or"
        " train in another account.",
    ),
    "FT3243": Code(
        "A job cannot be adopted",
        Exit.BLOCKED,
        "`adopt` uses a job of the declaration's own account that has succeeded or is under way.",
        "Correct the id (`ftctl results --job-id ID` shows one), or take `adopt` out: then the job is trained.",
    ),
    "FT3244": Code(
        "Two declarations of one recipe disagree",
        Exit.BLOCKED,
        "Jobs of one recipe share one training, and it cannot both go on and be paused or cancelled.",
        "Give both the same `state`, or one of them another recipe (another seed is enough).",
    ),
}
