"""Azure's refusals in helpful words: which code of ours each is, and what its message really means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from ftctl.catalog.roles import roles_that_give
from ftctl.clients.redact import scrub
from ftctl.core.codes import CODES
from ftctl.core.errors import Problem

_BY_WORD: Mapping[str, str] = {
    word: code
    for code, words in {
        "FT2002": "invalid_client invalid_grant unauthorized_client invalid_request",
        "FT2003": "InvalidAuthenticationToken ExpiredAuthenticationToken AuthenticationFailed Unauthorized 401 "
        "InvalidAuthenticationTokenTenant InvalidAuthenticationInfo",
        "FT2004": "AuthorizationFailed LinkedAuthorizationFailed",
        "FT2005": "PermissionDenied",
        "FT2006": "AuthenticationTypeDisabled",
        "FT2008": "Authorization_RequestDenied",
        "FT2009": "SubscriptionNotFound InvalidSubscriptionId InvalidSubscription",
        "FT2027": "RequestConflict AnotherOperationInProgress",
        "FT2028": "AccountProvisioningStateInvalid",
        "FT2100": "InvalidResourceType NoRegisteredProviderFound",
        "FT2101": "ResourceNotFound NotFound ResourceGroupNotFound ParentResourceNotFound itemDoesNotExist "
        "Request_ResourceNotFound",
        "FT2102": "FlagMustBeSetForRestore",
        "FT2103": "CustomDomainInUse",
        "FT2104": "InsufficientQuota QuotaExceededForSubscription",
        "FT2105": "SpecialFeatureOrQuotaIdRequired",
        "FT2106": "InvalidResourceProperties DeploymentModelNotSupported ServiceModelDeprecated",
        "FT2107": "CannotDeleteResource",
        "FT2108": "MissingSubscriptionRegistration",
        "FT2109": "RequestDisallowedByPolicy ScopeLocked",
        "FT2110": "PrincipalNotFound",
        "FT2111": "UnmatchedPrincipalType",
        "FT2112": "RoleAssignmentExists",
        "FT2113": "RoleAssignmentUpdateNotPermitted",
        "FT2114": "RoleAssignmentLimitExceeded",
        "FT2115": "RoleDefinitionDoesNotExist",
        "FT2116": "NetworkAclsBypassNotSupported",
        "FT2117": "OperationError ResourceProviderError ResourceOperationFailure",
        "FT2200": "DeploymentNotFound",
        "FT2201": "DeploymentNotReady",
        "FT2203": "jsonlValidationFailed fileImportFailed invalidFileFormat",
        "FT2206": "content_filter contentFilter ResponsibleAIPolicyViolation",
        "FT2207": "DeploymentPaused",
        "FT2209": "quotaExceeded",
    }.items()
    for word in map(str.lower, words.split())
}
# What only the message tells apart; the first that fits wins, before the table above.
_BY_TEXT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        (r"does not support fine-?tuning", "FT2202"),
        (r"failed RAI checks|training data.*(harm|safety)", "FT2204"),
        (r"model is unable to be deployed|scores above acceptable thresholds", "FT2205"),
        (r"disableLocalAuth|key[- ]based authentication is disabled|local auth\w* is disabled", "FT2006"),
        (r"lacks the required data action|Principal does not have access to API/Operation", "FT2005"),
        (r"public access is disabled|virtual network/firewall|denied due to.*(network|firewall)", "FT2007"),
        (r"715-123420", "FT2118"),
    )
)  # fmt: skip
_BY_STATUS: Mapping[int, str] = {
    401: "FT2003",
    403: "FT2004",
    404: "FT2101",
    408: "FT2022",
    409: "FT2119",
    423: "FT2207",
    429: "FT2025",
}
_BARE = frozenset({"", "500", "internalservererror", "internalfailure"})
_SERVER_FAULT = 500
_CLIENT_FAULT = 400


def explain(
    status: int, code: str, inner: str = "", message: str = "", *, method: str = "GET", url: str = ""
) -> Problem:
    """The problem behind a refusal. Also for an `error` inside a job, a file or an operation (status 400)."""
    message = scrub(message)
    ours = _which(status, code.lower(), inner.lower(), message, method=method, path=urlsplit(url).path.lower())
    doing = f"{method} {_short(url)}" if url else "the request"
    return _REWRITTEN.get(ours, plain)(ours, message or f"Azure answered {doing} with status {status}.")


def _which(status: int, code: str, inner: str, message: str, *, method: str, path: str) -> str:
    if status < _CLIENT_FAULT:
        return "FT2024"
    if status == 404 and (code, message.strip(". ").lower()) == ("404", "resource not found"):  # noqa: PLR2004  HTTP
        return "FT2208"
    for pattern, ours in _BY_TEXT:
        if pattern.search(message):
            return ours
    if status == 403 and "/openai/" in path and code in {"403", "forbidden", ""}:  # noqa: PLR2004  HTTP
        return "FT2007"
    word = _BY_WORD.get(inner) if code in {"", "badrequest", "invalidrequest"} else _BY_WORD.get(code)
    if word:
        return word
    if status >= _SERVER_FAULT:
        return "FT2118" if method == "PUT" and "/deployments/" in path and code in _BARE and not message else "FT2026"
    return _BY_STATUS.get(status, "FT2100")


def plain(ours: str, message: str) -> Problem:
    """A problem in the general words of its code."""
    return Problem(ours, message, why=CODES[ours].why, fix=CODES[ours].fix)


def _short(url: str) -> str:
    """The end of an address: enough to know which call it was."""
    return "/".join(urlsplit(url).path.rsplit("/", 2)[1:])


def _quota(ours: str, message: str) -> Problem:
    need = re.search(r"require (\d+) new capacity in quota (.+?), which is bigger", message)
    left = re.search(r"available capacity (\d+)", message)
    used = re.search(r"quota usage is (\d+) and the quota limit is (\d+)", message)
    if not (need and left and used):
        return plain(ours, message)
    return Problem(
        ours,
        f"{need[1]} units of quota '{need[2]}' are needed and {left[1]} are left.",
        why=f"{used[1]} of {used[2]} are in use in this subscription and region.",
        fix=(f"Set `capacity` to {left[1]} or less, free" if int(left[1]) else "Free")
        + " some (soft-deleted accounts count too), or ask for more quota.",
    )


def _data_action(ours: str, message: str) -> Problem:
    action = re.search(r"data action `?([\w./*-]+)`?", message)
    if not action:
        return plain(ours, message)
    roles = "' or '".join(roles_that_give(action[1])[:2] or ["Cognitive Services OpenAI Contributor"])
    operation = re.search(r"to perform `([^`]+)`", message)
    return Problem(
        ours,
        f"The identity lacks the data action {action[1]}" + (f" for {operation[1]}." if operation else "."),
        why=CODES[ours].why,
        fix=f"Have the role '{roles}' assigned on the account; a new assignment takes up to five minutes to reach it.",
    )


def _arm_action(ours: str, message: str) -> Problem:
    action = re.search(r"perform action '([^']+)' over scope '([^']+)'", message)
    if not action:
        return plain(ours, message)
    return Problem(
        ours,
        f"The identity may not do {action[1]} on {action[2]}.",
        why=CODES[ours].why,
        fix=f"Have a role with {action[1]} assigned there or above ({_role_for(action[1])}); "
        "after a fresh assignment wait some minutes and run again.",
    )


def _role_for(action: str) -> str:
    action = action.lower()
    if action.startswith("microsoft.authorization/") and not action.endswith("/read"):
        return "Role Based Access Control Administrator"
    if "/usages/" in action:
        return "Cognitive Services Usages Reader on the subscription"
    if action.endswith("/read"):
        return "Reader"
    if "/accounts/deployments/" in action:
        return "Cognitive Services OpenAI Contributor"
    return "Cognitive Services Contributor" if "microsoft.cognitiveservices/" in action else "Contributor"


def _fine_tuning(ours: str, _message: str) -> Problem:
    return plain(ours, "The model cannot be trained in this region with this training type.")


def _soft_deleted(ours: str, message: str) -> Problem:
    found = re.search(r"accounts/([^/'\s]+)", message)
    name = f" '{found[1]}'" if found else " of this name"
    return plain(ours, f"An account{name} was deleted less than 48 hours ago and is in the way.")


def _bad_file(ours: str, message: str) -> Problem:
    """Without what the service may quote of the file."""
    return plain(ours, re.split(r"[{\[\"“]", message)[0].strip(" :'") + ".")


_REWRITTEN = {
    "FT2004": _arm_action,
    "FT2005": _data_action,
    "FT2102": _soft_deleted,
    "FT2104": _quota,
    "FT2202": _fine_tuning,
    "FT2203": _bad_file,
}
