"""FT1200 and FT1250-FT1299: what a kind's own check finds wrong with a declaration."""

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
        "A dataset without a source",
        Exit.DATA,
        "A dataset is a JSON Lines file beside the spec.",
        "Add `path:` with the file's path relative to the spec.",
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
}
