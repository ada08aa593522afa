"""Every code of FT2000-FT2999 from the answer that brings it, and what its words tell."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ftctl.clients.errors import no_answer, parse, to_error
from ftctl.clients.redact import scrub, scrub_url
from ftctl.core.codes.azure import CODES
from ftctl.core.errors import Exit

ARM = "https://management.azure.com/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices"
DATA = "https://x.cognitiveservices.azure.com/openai/v1/files"
NEEDED = "Microsoft.CognitiveServices/accounts/OpenAI/files/write"


def refusal(status, code="", message="", *, method="PUT", url=f"{ARM}/accounts/x", headers=None, **more):
    body = json.dumps({"error": {"code": code, "message": message, **more}})
    return to_error(status, headers or {}, body, method=method, url=url)


TABLE = [
    ("FT2002", 401, "invalid_client", ""),
    ("FT2003", 401, "401", "Access denied due to invalid subscription key or wrong API endpoint."),
    ("FT2003", 401, "InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer"),
    ("FT2004", 403, "AuthorizationFailed", "The client 'a' does not have authorization"),
    ("FT2005", 401, "PermissionDenied", "Principal does not have access to API/Operation."),
    ("FT2006", 400, "BadRequest", "Failed to list key. disableLocalAuth is set to be true"),
    ("FT2006", 403, "AuthenticationTypeDisabled", "Key based authentication is disabled for this resource."),
    ("FT2007", 403, "403", "Public access is disabled. Please configure private endpoint."),
    ("FT2007", 403, "Forbidden", "Access denied due to Virtual Network/Firewall rules."),
    ("FT2008", 403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
    ("FT2009", 404, "SubscriptionNotFound", "The subscription 's' could not be found."),
    ("FT2022", 408, "", ""),
    ("FT2024", 302, "", ""),
    ("FT2025", 429, "TooManyRequests", "slow"),
    ("FT2026", 503, "serviceUnavailable", "later"),
    ("FT2027", 409, "RequestConflict", "Another operation is being performed on the parent resource 'x'."),
    ("FT2028", 400, "AccountProvisioningStateInvalid", "Account x in state Accepted"),
    ("FT2100", 400, "SomethingNew", "never heard of"),
    ("FT2101", 404, "ResourceNotFound", "The Resource was not found."),
    ("FT2101", 404, "ParentResourceNotFound", "no parent"),
    ("FT2102", 409, "FlagMustBeSetForRestore", "An existing resource with ID '/a/accounts/x' has been soft-deleted."),
    ("FT2103", 409, "CustomDomainInUse", "Please pick a different name."),
    ("FT2104", 400, "InsufficientQuota", "no numbers here"),
    ("FT2105", 400, "SpecialFeatureOrQuotaIdRequired", "The subscription does not have QuotaId/Feature"),
    ("FT2106", 400, "InvalidResourceProperties", "The specified SKU 'Standard' for model 'm' is not supported"),
    ("FT2106", 400, "DeploymentModelNotSupported", "The model is not supported."),
    ("FT2107", 409, "CannotDeleteResource", "nested"),
    ("FT2108", 409, "MissingSubscriptionRegistration", "The subscription is not registered"),
    ("FT2109", 403, "RequestDisallowedByPolicy", "Resource 'x' was disallowed by policy."),
    ("FT2109", 409, "ScopeLocked", "The scope cannot perform delete operation"),
    ("FT2110", 400, "PrincipalNotFound", "Principal 0 does not exist in the directory 1."),
    ("FT2111", 400, "UnmatchedPrincipalType", "type"),
    ("FT2112", 409, "RoleAssignmentExists", "The role assignment already exists."),
    ("FT2113", 409, "RoleAssignmentUpdateNotPermitted", "are not allowed to be updated."),
    ("FT2114", 400, "RoleAssignmentLimitExceeded", "limit"),
    ("FT2115", 400, "RoleDefinitionDoesNotExist", "none"),
    ("FT2116", 400, "NetworkAclsBypassNotSupported", "bypass"),
    ("FT2117", 409, "OperationError", "failed"),
    ("FT2118", 500, "InternalServerError", "An error occurred. 715-123420"),
    ("FT2119", 409, "conflict", "The model is deployed."),
    ("FT2200", 404, "DeploymentNotFound", "The API deployment for this resource does not exist."),
    ("FT2201", 409, "DeploymentNotReady", "wait"),
    ("FT2202", 400, "invalidPayload", "The specified base model does not support fine-tuning."),
    ("FT2203", 400, "jsonlValidationFailed", "Validation of jsonl file failed: No valid json line found"),
    ("FT2204", 400, "", "The provided training data failed RAI checks for harm types: [violence]."),
    ("FT2205", 400, "", "This model is unable to be deployed. Model evaluation identified"),
    ("FT2206", 400, "content_filter", "The response was filtered"),
    ("FT2207", 423, "", "paused"),
    ("FT2208", 404, "404", "Resource not found"),
    ("FT2209", 429, "quotaExceeded", "too many files"),
]


@pytest.mark.parametrize(("ours", "status", "code", "message"), TABLE)
def test_a_refusal_has_its_code(ours, status, code, message):
    error = refusal(status, code, message)
    assert error.code == ours
    assert (error.status, error.service_code) == (status, code)
    assert error.problem.what
    assert error.problem.why
    assert error.problem.fix


def test_every_code_is_raised_by_something_and_well_described():
    package = Path(__file__).parents[2] / "ftctl"
    files = [*(package / "clients").glob("*.py"), *(package / "kinds").glob("*.py"), package / "catalog" / "clouds.py"]
    sources = "".join(path.read_text(encoding="utf-8") for path in files)
    assert set(re.findall(r"FT2\d\d\d", sources)) == set(CODES)
    for code in CODES.values():
        assert not code.title.endswith(".")
        assert code.why.endswith(".")
        assert code.fix.endswith((".", "?"))


def test_sign_in_and_rights_have_their_exit():
    assert all(code.exit is Exit.PERMISSION for name, code in CODES.items() if name < "FT2010")
    assert refusal(403, "AuthorizationFailed").exit is Exit.PERMISSION
    assert refusal(403, "AuthorizationFailed").permission
    assert not refusal(409, "RequestConflict").permission


def test_a_missing_data_right_names_the_action_and_the_role():
    message = f"The principal `p` lacks the required data action `{NEEDED}` to perform `POST /openai/files` operation."
    problem = refusal(401, "PermissionDenied", message, method="POST", url=DATA).problem
    assert NEEDED in problem.what
    assert "POST /openai/files" in problem.what
    assert "Owner gives no data actions" in problem.why
    assert "'Cognitive Services OpenAI Contributor'" in problem.fix
    assert "OpenAI User" not in problem.fix


def test_a_missing_right_to_read_asks_for_no_more_than_it_takes():
    message = f"The principal `p` lacks the required data action `{NEEDED.replace('write', 'read')}`."
    assert "'Cognitive Services OpenAI User'" in refusal(401, "PermissionDenied", message).problem.fix


@pytest.mark.parametrize(
    ("action", "role"),
    [
        ("Microsoft.Authorization/roleAssignments/write", "Role Based Access Control Administrator"),
        ("Microsoft.CognitiveServices/locations/usages/read", "Cognitive Services Usages Reader"),
        ("Microsoft.CognitiveServices/accounts/read", "(Reader)"),
        ("Microsoft.CognitiveServices/accounts/deployments/write", "Cognitive Services OpenAI Contributor"),
        ("Microsoft.CognitiveServices/accounts/write", "Cognitive Services Contributor"),
        ("Microsoft.Resources/subscriptions/resourcegroups/write", "(Contributor)"),
    ],
)
def test_a_missing_arm_right_names_a_role(action, role):
    message = f"The client 'a' with object id 'b' does not have authorization to perform action '{action}' over scope "
    problem = refusal(403, "AuthorizationFailed", f"{message}'/subscriptions/s' or the scope is invalid.").problem
    assert problem.what == f"The identity may not do {action} on /subscriptions/s."
    assert role in problem.fix


def test_quota_is_told_in_numbers():
    message = (
        "This operation require 30 new capacity in quota Tokens Per Minute (thousands) - GPT-4-Turbo, which is bigger "
        "than the current available capacity 8. The current quota usage is 0 and the quota limit is 8 for quota T."
    )
    problem = refusal(400, "InsufficientQuota", message).problem
    assert problem.what == "30 units of quota 'Tokens Per Minute (thousands) - GPT-4-Turbo' are needed and 8 are left."
    assert problem.why.startswith("0 of 8 are in use")
    assert "8 or less" in problem.fix


def test_no_quota_left_is_no_capacity_to_set():
    message = (
        "This operation require 1 new capacity in quota T, which is bigger than the current available capacity 0. "
        "The current quota usage is 8 and the quota limit is 8."
    )
    assert refusal(400, "InsufficientQuota", message).problem.fix.startswith("Free some")


def test_the_missing_training_type_is_not_blamed_on_the_model():
    problem = refusal(400, "invalidPayload", "The specified base model does not support fine-tuning.").problem
    assert "region" in problem.what
    assert "globalStandard" in problem.fix


def test_a_bare_fault_on_a_deployment_points_at_the_model():
    assert to_error(500, {}, b"", method="PUT", url=f"{ARM}/accounts/x/deployments/d").code == "FT2118"
    assert to_error(500, {}, b"", method="GET", url=f"{ARM}/accounts/x/deployments/d").code == "FT2026"


@pytest.mark.parametrize(
    ("headers", "correlation"),
    [
        ({"x-ms-request-id": "two", "X-MS-Correlation-Request-Id": "one"}, "one"),
        ({"X-Request-ID": "four", "apim-request-id": "three"}, "three"),
        ({}, ""),
    ],
)
def test_the_correlation_id_goes_along(headers, correlation):
    assert refusal(400, "x", headers=headers).problem.correlation == correlation


@pytest.mark.parametrize(
    ("method", "status", "ambiguous"),
    [("PUT", 500, True), ("POST", 504, True), ("POST", 408, True), ("GET", 500, False), ("PUT", 429, False)],
)
def test_a_write_that_may_have_happened_is_ambiguous(method, status, ambiguous):
    assert refusal(status, method=method).ambiguous is ambiguous


def test_a_call_without_answer_is_ambiguous_once_it_was_sent():
    assert no_answer("FT2023", "x", method="PUT", sent=True).ambiguous
    assert not no_answer("FT2020", "x", method="PUT", sent=False).ambiguous
    assert not no_answer("FT2023", "x", method="GET", sent=True).ambiguous


@pytest.mark.parametrize(
    ("status", "code", "message", "missing"),
    [
        (404, "NotFound", "gone", True),
        (404, "notFound", "gone", True),
        (404, "", "", True),
        (404, "SubscriptionNotFound", "gone", False),
        (404, "InvalidResourceType", "typo", False),
        (404, "404", "Resource not found", False),
        (400, "NotFound", "gone", False),
    ],
)
def test_missing_is_the_thing_and_not_the_way_to_it(status, code, message, missing):
    assert refusal(status, code, message).missing is missing


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"code": "A", "message": "m"}}, "A", "m"),
        ({"code": "A", "message": "m"}, "A", "m"),
        ({"error": {"code": None, "message": "m", "type": None}}, "", "m"),
        ({"error": {"code": "A", "message": "m", "details": [{"message": "more"}, {"message": "m"}]}}, "A", "m more"),
        (
            {"error": "invalid_client", "error_description": "AADSTS7000215: no."},
            "invalid_client",
            "AADSTS7000215: no.",
        ),
        ({"statusCode": 401, "message": "m"}, "401", "m"),
        ({"error": []}, "", ""),
        (["odd"], "", "['odd']"),
        (None, "", ""),
    ],
)
def test_error_bodies_of_all_shapes(body, code, message):
    fault = parse(json.dumps(body))
    assert (fault.code, fault.message) == (code, message)


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json_still_gives_an_error(body):
    error = to_error(502, {}, body, method="GET", url=DATA)
    assert error.code == "FT2026"
    assert "<" not in error.problem.what


def test_the_inner_code_decides_where_the_outer_says_nothing():
    error = refusal(400, "BadRequest", "no", innererror={"code": "ResponsibleAIPolicyViolation"})
    assert error.code == "FT2206"


@pytest.mark.parametrize(
    "secret",
    [
        "https://a.blob.core.windows.net/ft/train.jsonl?sv=2024&sig=S3cr%2Fet&se=2026",
        "Bearer S3cret.abc",
        "eyJhbGciOiJIUzI1NiJ9.S3cret.sig",
        "api-key: S3cret",
        '{"client_secret":"S3cret"}',
        "key " + "S3cret" * 20,
        "https://user:S3cret@host/x",
    ],
)
def test_no_secret_of_a_message_is_passed_on(secret):
    error = refusal(400, "fileImportFailed", f"Could not read {secret} at all")
    assert "S3cret" not in repr(error.problem) + str(error)
    assert "S3cr%2Fet" not in repr(error.problem)


def test_no_row_of_a_file_is_passed_on():
    message = 'Validation of jsonl file failed: line 3: {"messages": [{"role": "user", "content": "private"}]}'
    assert refusal(400, "jsonlValidationFailed", message).problem.what == ("Validation of jsonl file failed: line 3.")


def test_a_hash_in_a_name_is_no_secret():
    name = f"ftctl--tone--train--{'0a' * 32}.jsonl"
    assert scrub(f"no file {name}") == f"no file {name}"


def test_addresses_show_harmless_parameters_only():
    url = "https://u:p@h/x?api-version=2025&$filter=a%20eq%20'b'&sig=abc&t=1&s=2&code=3"
    assert scrub_url(url) == "https://h/x?api-version=2025&$filter=a eq 'b'&sig=…&t=…&s=…&code=…"
