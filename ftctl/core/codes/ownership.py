"""FT1440-FT1449, FT3310-FT3319, FT6070-FT6074: what is renamed, forgotten, adopted, or put back."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit

CODES: dict[str, Code] = {
    "FT1440": Code(
        "Something moved to a name that is not declared",
        Exit.DATA,
        "`moved` says that a declaration has another name than before, so the new name stands in the same file.",
        "Correct `to`, declare it, or take the entry out.",
    ),
    "FT1441": Code(
        "Something moved or removed is still declared",
        Exit.DATA,
        "A name in `from` is one that the file used to have. With both, nobody can say which of them is meant.",
        "Take the declaration out, or the entry.",
    ),
    "FT1442": Code(
        "Something moved to another kind",
        Exit.DATA,
        "A thing keeps its kind: a job does not become a deployment.",
        "Write both addresses with the same kind.",
    ),
    "FT1443": Code(
        "Two things moved to one name",
        Exit.DATA,
        "A declaration is one thing in Azure, and was one before.",
        "Keep the entry of the one that it was, and let the other go with `removed`, or give it a name of its own.",
    ),
    "FT1444": Code(
        "Names moved in a circle",
        Exit.DATA,
        "Each entry leads to the next, and none of them to what is declared.",
        "Take out the entry that is no longer true. To exchange two names, rename one of them twice, with an apply after"
        " each.",
    ),
    "FT1445": Code(
        "What cannot be moved or removed",
        Exit.DATA,
        "`moved` renames what has a section in the file; a resource group is known by its name in Azure alone.",
        "Write addresses as the plan does, such as `job/tone`.",
    ),
    "FT1446": Code(
        "A name moved or removed twice",
        Exit.DATA,
        "A thing has one new name, or none.",
        "Keep one of the entries.",
    ),
    "FT1447": Code(
        "A stack cannot be renamed",
        Exit.DATA,
        "The names of a stack's files and jobs in Azure carry the stack's own, and Azure lets nobody change them. Under"
        " another name none of its trainings would be found again, and each would be paid for once more.",
        "Keep `stack: NAME`. For another one beside it: name its trainings with `adopt: ftjob-…`, let this one forget what"
        " should go over with `removed: [{from: …, keep: true}]`, and take that over with `ftctl adopt`.",
    ),
    "FT3310": Code(
        "Somebody else has marked it meanwhile",
        Exit.BLOCKED,
        "Between the plan and its execution another stack has taken the thing over.",
        "Plan again, and ask who did that.",
    ),
    "FT3311": Code(
        "There is nothing to adopt",
        Exit.BLOCKED,
        "`ftctl adopt` marks what is in Azure already.",
        "Compare the name with what is there, or let `ftctl apply` make it.",
    ),
    "FT3312": Code(
        "This is not adopted by a mark",
        Exit.BLOCKED,
        "A file or a job has its mark in its name, which Azure lets nobody change, a gate is nothing in Azure, and what is"
        " only referenced stays somebody else's.",
        "Use a job as it is with `adopt: ftjob-…` in its declaration, a file with `fileId`; declare an account with"
        " `manage: full` first.",
    ),
    "FT3313": Code(
        "It is not known what the deployment served before",
        Exit.BLOCKED,
        "The tag `ftctl-previous` has it, and is written when a model is exchanged by ftctl for the first time.",
        "Declare the model in the spec and apply: a job, a checkpoint of it, or `model: {name: …, version: …}`.",
    ),
    "FT3314": Code(
        "The model that served before is gone",
        Exit.BLOCKED,
        "It was deleted or retired since, so that no deployment could serve it.",
        "Serve another one: declare it in the spec and apply.",
    ),
    "FT3315": Code(
        "This is not what the deployment served before",
        Exit.BLOCKED,
        "`rollback` goes to the model that served before the present one, and no further back.",
        "Declare the model in the spec and apply, or leave `--to` out.",
    ),
    "FT6070": Code(
        "No stack declares this address",
        Exit.USAGE,
        "What is adopted is declared first: the declaration says which thing in Azure is meant.",
        "Correct the address, or declare it. `ftctl status` shows all addresses.",
    ),
}
