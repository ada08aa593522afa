"""The rights that planned changes take: Azure's actions by their names."""

from __future__ import annotations

from collections.abc import Iterator

from ftctl.core.changes import Action, Change
from ftctl.core.rights import Right

COGNITIVE = "Microsoft.CognitiveServices"
ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
GROUPS = "Microsoft.Resources/subscriptions/resourceGroups"
ACCOUNTS = f"{COGNITIVE}/accounts"
DEPLOYMENTS = f"{ACCOUNTS}/deployments"
PURGE = f"{COGNITIVE}/locations/resourceGroups/deletedAccounts/delete"
FILES, JOBS, MODELS = "files", "fine-tunes", "models"  # of the data plane
ASK = "deployments/chat/completions/action"
_OPENAI = f"{ACCOUNTS}/OpenAI"
_VERBS = {
    Action.CREATE: ("write",),
    Action.UPDATE: ("write",),
    Action.ADOPT: ("write",),
    Action.REPLACE: ("delete", "write"),
    Action.DELETE: ("delete",),
}


def verbs(change: Change) -> tuple[str, ...]:
    """What is done with a thing, in Azure's words."""
    return _VERBS.get(change.action, ())


def of(change: Change, action: str, scope: str) -> Iterator[Right]:
    """What a change takes in Azure Resource Manager."""
    return (Right(f"{action}/{verb}", scope) for verb in verbs(change))


def data(action: str, account: str) -> Right:
    """A right to an account's data."""
    return Right(f"{_OPENAI}/{action}", account, data=True)
