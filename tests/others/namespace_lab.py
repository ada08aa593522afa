"""The lab as a user's own program would do it in Azure: it knows of no endpoint but the real ones.

Run by test_namespace.py where those names lead to the local Azure. It prints what it found as JSON.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time

import requests
from azure.identity import DefaultAzureCredential, get_bearer_token_provider
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from openai import AzureOpenAI, OpenAI

ARM, GRAPH = "https://management.azure.com", "https://graph.microsoft.com"
GROUP, NAME, SUBSCRIPTION, ROLE = sys.argv[1:]


def lines(number: int) -> bytes:
    pairs = ((f"What is {n} plus {n}?", f"{n} plus {n} is {2 * n}.") for n in range(number))
    rows = (
        {"messages": [{"role": "user", "content": ask}, {"role": "assistant", "content": say}]} for ask, say in pairs
    )
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def deployment(model: str) -> dict:
    return {
        "sku": {"name": "GlobalStandard", "capacity": 1},
        "properties": {"model": {"format": "OpenAI", "name": model, "version": "1"}},
    }


def call(credential: DefaultAzureCredential, method: str, host: str, path: str) -> dict:
    """For what the SDKs here do not do: a resource group, and a look-up in Microsoft Graph."""
    bearer = {"Authorization": f"Bearer {credential.get_token(f'{host}/.default').token}"}
    body = {"location": "swedencentral"} if method == "PUT" else None
    reply = requests.request(method, host + path, json=body, headers=bearer, timeout=10)
    reply.raise_for_status()
    return reply.json()


def main() -> dict:
    credential = DefaultAzureCredential()
    services = CognitiveServicesManagementClient(credential, SUBSCRIPTION)
    authorization = AuthorizationManagementClient(credential, SUBSCRIPTION)
    call(credential, "PUT", ARM, f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}?api-version=2024-03-01")
    mine = f"servicePrincipalNames/any(c:c eq '{os.environ['AZURE_CLIENT_ID']}')"
    (me,) = call(credential, "GET", GRAPH, f"/v1.0/servicePrincipals?$filter={mine}")["value"]
    body = {"location": "swedencentral", "kind": "OpenAI", "sku": {"name": "S0"}}
    account = services.accounts.begin_create(GROUP, NAME, body | {"properties": {"customSubDomainName": NAME}}).result()
    definition = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"
    authorization.role_assignments.create(
        account.id,
        "7d0e8f3a-0000-4000-8000-00000000beef",
        {"role_definition_id": definition, "principal_id": me["id"], "principal_type": "ServicePrincipal"},
    )

    token = get_bearer_token_provider(credential, "https://cognitiveservices.azure.com/.default")
    dated = AzureOpenAI(
        azure_endpoint=f"https://{NAME}.openai.azure.com/",
        api_version="2025-04-01-preview",
        azure_ad_token_provider=token,
    )
    v1 = OpenAI(base_url=f"https://{NAME}.cognitiveservices.azure.com/openai/v1/", api_key=token)
    location = dated.files.with_raw_response.create(file=("t.jsonl", io.BytesIO(lines(20))), purpose="fine-tune")
    train = v1.files.wait_for_processing(location.parse().id, poll_interval=0.05)
    valid = v1.files.create(file=("v.jsonl", io.BytesIO(lines(10))), purpose="fine-tune")
    v1.files.wait_for_processing(valid.id, poll_interval=0.05)
    job = dated.fine_tuning.jobs.create(
        training_file=train.id,
        validation_file=valid.id,
        model="gpt-4.1-mini-2025-04-14",
        extra_body={"trainingType": "globalStandard"},
    )
    while job.status not in {"succeeded", "failed", "cancelled"}:
        time.sleep(0.1)
        job = v1.fine_tuning.jobs.retrieve(job.id)

    services.deployments.begin_create_or_update(GROUP, NAME, "sums", deployment(job.fine_tuned_model)).result()
    ask = [{"role": "user", "content": "What is 3 plus 3?"}]
    keys = services.accounts.list_keys(GROUP, NAME)
    keyed = OpenAI(base_url=f"https://{NAME}.openai.azure.com/openai/v1/", api_key=keys.key1)
    return {
        "endpoint": account.properties.endpoint,
        "location": location.headers["location"],
        "status": job.status,
        "answers": [
            one.chat.completions.create(model="sums", messages=ask, temperature=0).choices[0].message.content
            for one in (dated, v1, keyed)
        ],
    }


sys.stdout.write(json.dumps(main()))
