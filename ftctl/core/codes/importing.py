"""FT1460-FT1469 and FT6060-FT6069: job files of azd, and what stands in the way of an import."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit

CODES: dict[str, Code] = {
    "FT1460": Code(
        "A key that azd does not know",
        Exit.DATA,
        "Keys that azd does not know are passed over, so a mistyped one trains with a default. It is not in the spec.",
        "Correct the key in azd's file and import again, or write what it means into the spec.",
    ),
    "FT1461": Code(
        "A spec cannot say this",
        Exit.DATA,
        "The file says something for which a spec has no key, or not with this value. It is not in the spec.",
        "See docs/spec.md for what a job can say, and change the spec if need be.",
    ),
    "FT1462": Code(
        "This is no job file of azd",
        Exit.DATA,
        "A job file of azd's fine-tuning extension has at least `model` and `training_file` at its top.",
        "Name azd's job files, or an account with `--account`.",
    ),
    "FT1463": Code(
        "A value that cannot be taken over",
        Exit.DATA,
        "Azure would refuse it, or train otherwise than was meant; nothing was written.",
        "Correct the value in azd's file and import again.",
    ),
    "FT1464": Code(
        "What azd does not send, and ftctl does",
        Exit.DATA,
        "The key is taken by azd and left out of what it sends, so its jobs were trained without it.",
        "Keep it, if that is what was meant; take it out of the spec to train as azd did.",
    ),
    "FT1465": Code(
        "A model without its date",
        Exit.DATA,
        "A recipe names the very model that is trained; of a name without a date Azure decides which one that is.",
        "See that the date in the spec is the one that you mean.",
    ),
    "FT1466": Code(
        "The data that azd's file names is not there",
        Exit.DATA,
        "The path is looked for beside the job file, then where the command runs. The spec names it all the same.",
        "Correct `path` in the spec; `ftctl validate` checks the data.",
    ),
    "FT6060": Code(
        "What to import is not clear",
        Exit.USAGE,
        "An import reads an account that is named, or job files of azd.",
        "`ftctl import --account NAME -g GROUP --subscription ID`, or `ftctl import job.yaml`.",
    ),
    "FT6061": Code(
        "There is no such account",
        Exit.ERROR,
        "The subscription's Cognitive Services accounts were listed, as far as the signed-in identity may see them.",
        "Check the name, the group, the subscription and the cloud.",
    ),
    "FT6062": Code(
        "Several accounts have this name",
        Exit.USAGE,
        "The name of an account is unique in its resource group, not in a subscription.",
        "Say which one with `-g GROUP`, or give its whole ARM id.",
    ),
    "FT6063": Code(
        "An account of another kind",
        Exit.ERROR,
        "Models are fine-tuned in accounts of the kinds OpenAI and AIServices.",
        "Name another account.",
    ),
    "FT6064": Code(
        "A spec is in the way",
        Exit.ERROR,
        "An import writes a new file and never over one that exists.",
        "Give another name with `--out`, or move the file away first.",
    ),
    "FT6065": Code(
        "Which subscription is meant",
        Exit.USAGE,
        "An account is looked for in one subscription.",
        "Give `--subscription ID`, set AZURE_SUBSCRIPTION_ID, or name the account by its whole ARM id.",
    ),
    "FT6066": Code(
        "No stack can have this name",
        Exit.USAGE,
        "A stack's name is a mark on everything that it owns: small letters, digits and single dashes, 2 to 40.",
        "Give another name with `--stack`.",
    ),
    "FT6067": Code(
        "The spec that was written is not accepted",
        Exit.ERROR,
        "An import reads back what it writes. Something in this account was not thought of.",
        "Report it with what it says, without secrets. Nothing was written.",
    ),
}
