"""ARM ids: built and taken apart here, nowhere else."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ftctl.clients.errors import AzureError
from ftctl.clients.explain import plain
from ftctl.clients.redact import scrub

_ACCOUNTS = "Microsoft.CognitiveServices/accounts"
_ROLE_ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
_ROLE_DEFINITIONS = "Microsoft.Authorization/roleDefinitions"

_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)"
    r"(?:/resourceGroups/(?P<group>[^/]+)"
    rf"(?:/providers/{re.escape(_ACCOUNTS)}/(?P<account>[^/]+)"
    r"(?:/deployments/(?P<deployment>[^/]+))?)?)?",
    re.IGNORECASE,
)
_FOREIGN = re.compile(r"[/\\?#%\x00-\x1f\x7f]")
_ASSIGNMENT = re.compile(rf"(?P<scope>.*)/providers/{re.escape(_ROLE_ASSIGNMENTS)}/(?P<name>[^/]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ArmId:
    """A subscription, group, account or deployment by its parts; what it does not have is empty."""

    subscription: str
    group: str = ""
    account: str = ""
    deployment: str = ""


def subscription_id(subscription: str) -> str:
    return f"/subscriptions/{_segment(subscription)}"


def group_id(subscription: str, group: str) -> str:
    return f"{subscription_id(subscription)}/resourceGroups/{_segment(group)}"


def account_id(subscription: str, group: str, account: str) -> str:
    return f"{group_id(subscription, group)}/providers/{_ACCOUNTS}/{_segment(account)}"


def deployment_id(account: str, deployment: str) -> str:
    """`account` is the account's id."""
    return f"{account.rstrip('/')}/deployments/{_segment(deployment)}"


def role_assignment_id(scope: str, guid: str) -> str:
    """`scope` is the id of what the role is assigned on."""
    return f"{scope.rstrip('/')}/providers/{_ROLE_ASSIGNMENTS}/{_segment(guid)}"


def role_definition_id(subscription: str, guid: str) -> str:
    return f"{subscription_id(subscription)}/providers/{_ROLE_DEFINITIONS}/{_segment(guid)}"


def parse(arm_id: str) -> ArmId:
    """The parts of a subscription's, group's, account's or deployment's id; raises FT2011 for anything else."""
    match = _ID.fullmatch(arm_id.rstrip("/"))
    if match is None:
        raise _refused(arm_id)
    return ArmId(**{key: value or "" for key, value in match.groupdict().items()})


def parse_role_assignment(arm_id: str) -> tuple[str, str]:
    """The scope and the GUID of a role assignment's id; raises FT2011 for anything else."""
    match = _ASSIGNMENT.fullmatch(arm_id)
    if match is None:
        raise _refused(arm_id)
    return match["scope"] or "/", match["name"]


def last(arm_id: str) -> str:
    """The last segment of an id: of a role definition or assignment its GUID."""
    return arm_id.rstrip("/").rpartition("/")[2]


def _segment(name: str) -> str:
    """A name as one segment of an id: nothing in it can begin another one, or a query."""
    if name in {"", ".", ".."} or _FOREIGN.search(name):
        raise _refused(name)
    return name


def _refused(arm_id: str) -> AzureError:
    return AzureError(plain("FT2011", f"{scrub(arm_id)!r} is no id or name of Azure."))
