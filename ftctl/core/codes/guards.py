"""FT1450-FT1459, FT3040-FT3059 and FT6030: what stops a plan that could be done, and policies that are wrong."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit

CODES: dict[str, Code] = {
    "FT1450": Code(
        "There are no policies to read",
        Exit.DATA,
        "A folder that was named for its policies is missing, cannot be read or has none in it. What is to be checked and"
        " is not there is an error, since nobody would notice otherwise.",
        "Correct the path, or take `--policies`, FTCTL_POLICIES or the empty folder away.",
    ),
    "FT1451": Code(
        "A policy has the wrong form",
        Exit.DATA,
        "A rule is a map of texts: name, require and message, and as needed for, when, severity, at, why and fix.",
        "Compare it with those in examples/policies.",
    ),
    "FT1452": Code(
        "The expression of a policy is wrong",
        Exit.DATA,
        "Expressions are read and checked before anything is planned, so that no rule passes in silence.",
        "Correct it; docs/guards.md lists the variables and what they hold.",
    ),
    "FT1453": Code(
        "Two policies have one name",
        Exit.DATA,
        "The name is what a broken policy is told by.",
        "Rename one of them.",
    ),
    "FT3040": Code(
        "A large part of the stack would change at once",
        Exit.BLOCKED,
        "Where a stack owns at least 10 things, one plan may update or delete 30 % of them, or what `limits.maxChanged` says:"
        " more is oftener a slip (a variable, an environment, a merge) than meant. Files and jobs that stay are not counted.",
        "Read the plan. If all of it is meant, give `--allow many-changes` to plan and apply; `--auto-approve` does not.",
    ),
    "FT3041": Code(
        "More would be deleted than is allowed",
        Exit.BLOCKED,
        "`limits.maxDeletes` of the stack or `--max-deletes` says how many things one plan may delete or replace.",
        "Do it in smaller steps, or allow more. `--auto-approve` does not bypass it, nor does `--allow`.",
    ),
    "FT3042": Code(
        "What may be answering calls would be deleted",
        Exit.BLOCKED,
        "Whoever calls the deployment gets errors as soon as it is deleted, and while it is replaced.",
        "If that is meant, name it: `--allow ADDRESS` on plan and apply, or `limits.allow` in the spec for its reviewers to"
        " see. `--auto-approve` does not bypass it.",
    ),
    "FT3043": Code(
        "What a deployment needs would be deleted",
        Exit.BLOCKED,
        "The deployments in it go with it, those of other stacks too, and whoever calls them gets errors.",
        "If that is meant, name it: `--allow ADDRESS` on plan and apply, or `limits.allow` in the spec for its reviewers to"
        " see. `--auto-approve` does not bypass it.",
    ),
    "FT3044": Code(
        "An allowance is not needed",
        Exit.DONE,
        "What `limits.allow` names may be deleted by every plan from now on, one that is a slip included.",
        "Take it out once the plan that needed it has been applied.",
    ),
    "FT3050": Code(
        "A policy is broken",
        Exit.BLOCKED,
        "A rule of the folder `policies/` beside the stack's file, of FTCTL_POLICIES or of `--policies` says that this must"
        " not be. Neither `--auto-approve` nor an approved digest passes a policy.",
        "Declare it as the rule asks for, or change the rule in a review of its own.",
    ),
    "FT3051": Code(
        "A policy advises against it",
        Exit.DONE,
        "A rule with `severity: warn` says so. The plan can be applied all the same.",
        "Declare it as the rule asks for, or go on.",
    ),
    "FT3052": Code(
        "A policy could not be evaluated",
        Exit.BLOCKED,
        "An expression that ends in an error says neither yes nor no, and what nobody could check is not let through."
        " Mostly it reads a key that is not always there.",
        "Ask with `has(…)` first, or compare with null what may be left out; then plan again.",
    ),
    "FT6030": Code(
        "Policies cannot be evaluated on this machine",
        Exit.BLOCKED,
        "The package cel-expr-python, which evaluates their expressions, is not installed, or there is none for this platform."
        " A plan that nobody could check is not let through.",
        "Install it: `pip install cel-expr-python`. It is there for Linux (glibc), macOS and Windows.",
    ),
}
