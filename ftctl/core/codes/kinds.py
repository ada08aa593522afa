"""FT1250-FT1299: what a kind's own check finds wrong with a declaration."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit

CODES: dict[str, Code] = {
    "FT1250": Code(
        "A principal is not named in exactly one way",
        Exit.DATA,
        "A role assignment has one principal: a user, a group or a service principal by name, or an object id.",
        "Keep one of `user`, `group`, `servicePrincipal` and `id`.",
    ),
    "FT1251": Code(
        "An object id without its type",
        Exit.DATA,
        "Without a type Azure looks the principal up by itself, which fails for one that was made just now.",
        "Add `type: User`, `type: Group` or `type: ServicePrincipal`.",
    ),
    "FT1252": Code(
        "An unknown role",
        Exit.DATA,
        "Only built-in roles that matter to fine-tuning are known by name; old names work too.",
        "Correct the name, or give the GUID of the role definition.",
    ),
    "FT1253": Code(
        "A dataset is not named in exactly one way",
        Exit.DATA,
        "A dataset is a file beside the spec, one to import from an address, or one that is in the account already.",
        "Give one of `path`, `url` (with `sha256`) and `fileId`.",
    ),
    "FT1254": Code(
        "A job and its data are in different accounts",
        Exit.DATA,
        "Azure trains only on files that were uploaded to the job's own account.",
        "Declare the dataset once more with the `resource` of the job.",
    ),
    "FT1255": Code(
        "A deployment's model is not named in exactly one way",
        Exit.DATA,
        "A deployment serves either what a job of this stack trains, or a model by its name and version.",
        "Write `model: {job: NAME}` or `model: {name: NAME, version: VERSION}`.",
    ),
    "FT1256": Code(
        "A model's name without its version",
        Exit.DATA,
        "Azure knows a model by name and version; without a version it would pick one, and later another.",
        'Add `version`: the date of a base model, or "1" for a fine-tuned one.',
    ),
    "FT1257": Code(
        "from-training finds no single system message",
        Exit.DATA,
        "A fine-tuned model answers best with the system message that it was trained with; the training data has"
        " none, or several.",
        "Write the system message out, or give all examples the same one.",
    ),
    "FT1258": Code(
        "A resource group without a region",
        Exit.DATA,
        "Azure keeps a resource group's metadata in a region, and needs it to create the group.",
        "Add `location`, such as swedencentral.",
    ),
    "FT1259": Code(
        "An address without a hash, or a hash without an address",
        Exit.DATA,
        "What an address gives may change at any time; the hash says which content was reviewed, and is its identity.",
        "Give both `url` and `sha256`: `sha256sum FILE` prints the hash. Local files are hashed by ftctl itself.",
    ),
    "FT1260": Code(
        "An address to import from is none",
        Exit.DATA,
        "The service fetches the file over http or https, from a blob with its signature or from any public address.",
        "Correct `url`; a signature is best kept in a variable, as in https://ACCOUNT.blob.core.windows.net/C/F?${SAS}.",
    ),
    "FT1261": Code(
        "An option for local files on another dataset",
        Exit.DATA,
        "ftctl reads and uploads local files itself; imported and named files are used as they are.",
        "Take the option out, or name a local file with `path`.",
    ),
    "FT1290": Code(
        "A gate says nothing that can be judged",
        Exit.DATA,
        "A gate is a metric or an evaluation with a bound, or an improvement over the model that serves now.",
        "Write `{metric: full_valid_loss, max: 1.2}` or `{improvement: {metric: full_valid_loss}}`.",
    ),
    "FT1291": Code(
        "A gate's metric will not be measured",
        Exit.DATA,
        "A gate whose metric is missing refuses every model; that is better known before a training is paid for.",
        "Choose a metric that the job measures, or give it validation data.",
    ),
    "FT1292": Code(
        "A checkpoint without a job",
        Exit.DATA,
        "Checkpoints are what a job of this stack keeps; a model that is named is served as it is.",
        "Take `checkpoint` out, or name the model of the checkpoint itself.",
    ),
    "FT1293": Code(
        "The best checkpoint cannot be told",
        Exit.DATA,
        "The best checkpoint has the lowest full validation loss, or the highest validation reward.",
        "Give the job `validation`, or use `checkpoint: last`.",
    ),
}
