"""FT3000-FT3999: why a plan or an apply stops."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit

CODES: dict[str, Code] = {
    "FT3001": Code(
        "A thing with this name exists and is not this stack's",
        Exit.BLOCKED,
        "ftctl marks what it makes (tags, a role assignment's description, a file's name, a job's suffix) and changes or"
        " deletes nothing that carries no mark or another stack's.",
        "Take it over with `--adopt ADDRESS` on plan and apply, declare another name, or for an account only refer to it"
        " with `manage: reference`.",
    ),
    "FT3003": Code(
        "A referenced thing does not exist",
        Exit.BLOCKED,
        "`manage: reference` means that somebody else creates and changes it; this stack only reads it.",
        "Create it where it is managed, or let this stack own it with `manage: full`.",
    ),
    "FT3004": Code(
        "The same declaration failed before",
        Exit.BLOCKED,
        "A file or a job with exactly this content ended in failure. Doing the same again would most likely fail again,"
        " and a training run costs money, so it is never repeated silently.",
        "Change what was wrong (`ftctl logs JOB` shows its events), or try the same again with `--retry ADDRESS`.",
    ),
    "FT3005": Code(
        "The change would replace something that holds others",
        Exit.BLOCKED,
        "Azure cannot change the field in place, and replacing an account would delete its files, models and deployments.",
        "Take the change back, declare a second account beside the first, or `ftctl destroy` the stack first.",
    ),
    "FT3006": Code(
        "A protected thing would be deleted",
        Exit.BLOCKED,
        "`protect: true` makes every plan that would delete the thing an error; `--auto-approve` does not bypass it.",
        "Apply `protect: false` in a reviewed change of its own, then delete.",
    ),
    "FT3007": Code(
        "A soft-deleted account holds the name",
        Exit.BLOCKED,
        "A deleted account keeps its name, subdomain and quota for 48 hours, and `onSoftDeleted: fail` asks for a decision.",
        "Set `onSoftDeleted: restore` to bring it back as it was, or `purge` to delete it for good first.",
    ),
    "FT3020": Code(
        "Training could cost more than is allowed",
        Exit.BLOCKED,
        "The high end of the estimate is over `maxCost` of the job, `limits.maxCost` of the stack or `--max-cost`."
        " `--auto-approve` does not bypass it. What ran or runs already costs nothing more and is not counted.",
        "Say how many epochs with `n_epochs`, train on less data, or allow more.",
    ),
    "FT3021": Code(
        "A budget is set and a training's cost is unknown",
        Exit.BLOCKED,
        "A cost that nobody knows cannot be shown to be within `maxCost`, and it is never taken for nothing.",
        "Name a price book with the missing price in FTCTL_PRICES (docs/cost.md shows its form), or take the limit away.",
    ),
    "FT3101": Code(
        "The plan is stale",
        Exit.STALE,
        "Between plan and apply the spec, the data or something live has changed, so what was reviewed is not what would"
        " be done.",
        "Plan again, review, and apply the new plan.",
    ),
    "FT3102": Code(
        "This is not a plan file of this version",
        Exit.DATA,
        "The file is damaged, or was written by another version of ftctl.",
        "Plan again with `--out FILE`.",
    ),
    "FT3103": Code(
        "Approval is needed",
        Exit.USAGE,
        "Without a terminal nobody can answer the question, so nothing is changed.",
        "Give `--auto-approve`, or apply a reviewed plan file.",
    ),
    "FT3110": Code(
        "The plan file was altered",
        Exit.STALE,
        "The changes in the file have another digest than the file says: what it shows is not what an apply of it would"
        " look for.",
        "Plan again with `--out FILE`.",
    ),
    "FT3111": Code(
        "The plan has expired",
        Exit.STALE,
        "A saved plan is good for a day, or as long as `ftctl plan --expires` said: what was approved long ago is not"
        " what anybody has in mind now.",
        "Plan again, review, and apply the new plan.",
    ),
    "FT3112": Code(
        "The plan was applied before",
        Exit.STALE,
        "An approval is for doing something once. Whatever somebody has done to Azure since, even if it looks as it did"
        " before, nobody has approved that it is done again; and an apply that was cut off has done a part of it.",
        "Plan again, review, and apply the new plan. What was done is not done twice, and what is under way is waited"
        " for.",
    ),
    "FT3113": Code(
        "The plan needs a secret that is not in it",
        Exit.USAGE,
        "A plan file holds no value of a secret variable, only a hash of it.",
        "Give it again with `--var NAME=VALUE`, or set FTCTL_VAR_NAME. Another value is another plan (FT3101).",
    ),
    "FT3114": Code(
        "A secret is too short to be hidden",
        Exit.DATA,
        "What is made of a secret is hidden wherever its text shows up, and a text of a few characters shows up everywhere.",
        "Take a longer one, or do not declare the variable as secret.",
    ),
    "FT3115": Code(
        "A secret would be part of a name",
        Exit.DATA,
        "Names are no place for secrets: Azure shows them to everybody, in addresses, logs and bills.",
        "Put another value there, or do not declare the variable as secret.",
    ),
    "FT3201": Code(
        "Training failed",
        Exit.ERROR,
        "The service ended the job. Nothing was deployed from it, and failed jobs are not billed.",
        "Read its events with `ftctl logs JOB`, change what was wrong, and apply again.",
    ),
    "FT3202": Code(
        "The service refused the training file",
        Exit.DATA,
        "After the upload the service checks the file; the message names what it did not like.",
        "Correct the data and apply again: new content is a new file.",
    ),
    "FT3203": Code(
        "Azure ended in a failed state",
        Exit.ERROR,
        "The request was accepted, but the resource's provisioning ended in `Failed` or `Canceled`.",
        "Apply again: ftctl sends the declared state once more. The message has what Azure gave as the reason.",
    ),
    "FT3204": Code(
        "The smoke test failed",
        Exit.GATE,
        "The changed deployment did not answer the declared question, so the change was rolled back.",
        "Ask it by hand with `ftctl chat DEPLOYMENT`, correct the model or the test, and apply again.",
    ),
    "FT3205": Code(
        "It vanished while it was waited for",
        Exit.ERROR,
        "Somebody, or the service, deleted the thing while ftctl was waiting until it is ready.",
        "Apply again: it is created anew.",
    ),
    "FT3206": Code(
        "A value differs from the one reviewed",
        Exit.STALE,
        "Something that was known when the plan was made turned out differently while it was carried out.",
        "Plan again and review; what was done so far stays.",
    ),
    "FT3207": Code(
        "A role assignment did not take effect",
        Exit.PERMISSION,
        "Azure accepted the assignment, but the data plane still refuses the caller. It usually takes minutes, at most 30.",
        "Apply again later; what was done so far stays. Check that the signed-in principal is the one that got the role.",
    ),
    "FT3208": Code(
        "A creation was not answered",
        Exit.ERROR,
        "The request to create a job was sent, no answer came, and no such job can be seen. It may still appear.",
        "Apply again: ftctl looks for the job before it creates one, so it is never paid for twice.",
    ),
    "FT3209": Code(
        "A resource group is not empty",
        Exit.BLOCKED,
        "Deleting a group deletes all that is in it, and something in it is not this stack's.",
        "Move or delete the rest, or keep the group by writing `resourceGroup: NAME` without `create`.",
    ),
    "FT3210": Code(
        "No such principal",
        Exit.DATA,
        "Microsoft Graph knows nobody by that name, or the signed-in identity may not read the directory.",
        "Correct the name, or give the object id and its type: `principal: {id: …, type: Group}`.",
    ),
    "FT3211": Code(
        "A value did not stick",
        Exit.ERROR,
        "Azure accepted the change, but reading the resource back shows another value. A policy may have rewritten it.",
        "Declare the value that Azure keeps, or ask who changes it.",
    ),
    "FT3212": Code(
        "The model would not get ready",
        Exit.ERROR,
        "The deployment is there, but did not answer for a long time. Large models can take 15 minutes.",
        "Apply again later: ftctl goes on with the check.",
    ),
    "FT3230": Code(
        "A gate does not let the model pass",
        Exit.GATE,
        "What the training measured at the checkpoint that would serve is not what the job's `gates` ask for. What"
        " serves stays as it is.",
        "Train again with other data or hyperparameters, choose another `checkpoint`, or loosen the gate in a reviewed"
        " change.",
    ),
    "FT3231": Code(
        "A checkpoint is not there",
        Exit.ERROR,
        "The service keeps the checkpoints of the last three epochs; others, and deleted ones, cannot be served.",
        "Choose one of those that are there, `best` or `last`. `ftctl results JOB` lists them.",
    ),
    "FT3250": Code(
        "A sweep has no winner",
        Exit.GATE,
        "The metric was not measured for all of its jobs, and the best of the others might not be the best of all."
        " What serves stays as it is.",
        "Pick by another `metric` (`ftctl results JOB` compares them all), or take these combinations out.",
    ),
    "FT3320": Code(
        "Who applies lacks a right that the plan takes",
        Exit.PERMISSION,
        "None of the caller's roles gives the action, and no role that the plan assigns will. Nothing was written.",
        "Have the role assigned on the account, group or subscription, or let somebody apply who has it. After a fresh"
        " assignment wait some minutes.",
    ),
    "FT3321": Code(
        "A quota does not suffice",
        Exit.BLOCKED,
        "The region's quota has less left than what the plan would take of it. Soft-deleted accounts count too.",
        "Take less (`capacity`), free some, use another region or deployment type, or ask for more quota.",
    ),
    "FT3322": Code(
        "A model is not served there",
        Exit.BLOCKED,
        "The region's own list of models has no such model, or not with this deployment type.",
        "Choose a `sku` or a model that the region's list has, or an account in another region.",
    ),
    "FT3323": Code(
        "An account's name is taken",
        Exit.BLOCKED,
        "The name becomes a subdomain, which is unique in all of Azure; another account, or a deleted one, has it.",
        "Choose another name, or purge the deleted account that holds it.",
    ),
}
