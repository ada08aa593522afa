"""FT6100-FT6199: what is wrong with the results of a training."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit

CODES: dict[str, Code] = {
    "FT6101": Code(
        "No results yet",
        Exit.PENDING,
        "A training begins to write what it measures once its first steps are done; before that it waits for its turn"
        " and for its data to be checked.",
        "Ask again later; `ftctl logs JOB --follow` shows how far it is.",
    ),
    "FT6102": Code(
        "The training left no results",
        Exit.ERROR,
        "It ended before its first step, or its results file was deleted.",
        "`ftctl logs JOB` shows what happened.",
    ),
    "FT6103": Code(
        "Not a results.csv",
        Exit.DATA,
        "Its first line names columns such as step, train_loss or train_mean_reward.",
        "Give the file as Azure wrote it: results.csv of a fine-tuning job.",
    ),
    "FT6104": Code(
        "No such training",
        Exit.USAGE,
        "An id that begins with ftjob- is looked up in the accounts of the loaded stacks.",
        "Check the id, and that a stack with the job's account is loaded.",
    ),
    "FT6105": Code(
        "Several measures in one picture",
        Exit.USAGE,
        "A picture by itself shows one training.",
        "Give one job, or compare several with `--html`.",
    ),
    "FT6106": Code(
        "A results file cannot be read",
        Exit.USAGE,
        "It is not there, or the operating system refuses.",
        "Check the path.",
    ),
}
