"""Copies of checkpoints: a fine-tuned model put into another account, where it can be deployed and trained on."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from ftctl.local import jobstate, roles
from ftctl.local.catalog import normal
from ftctl.local.dataplane import RIGHTS, Doc, account_of, invalid, not_found
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

if TYPE_CHECKING:
    from ftctl.local.azure import Azure

COPYING = 600.0  # of Azure's seconds
HEADER = "aoai-copy-ft-checkpoints"
_PATH = "/openai/v1/fine_tuning/jobs/{job}/checkpoints/{checkpoint}/copy"


@route("POST", _PATH, plane=Plane.DATA, action=f"{RIGHTS}fine-tunes/write")
def start(request: Request) -> Reply:
    """Begin a copy. It has the same name where it goes, is in no list there, and outlives the one it was made of.

    Rests on the v1 schema (bodies, the header) and the documentation (what the destination needs: a job of its own, an
    open network, rights of the caller). The dated route has it not. How long it takes and what refusals say is assumed;
    callers with a key are taken to have the rights that the service looks for in a managed identity.
    """
    azure, source, model = request.azure, account_of(request), _checkpoint(request)
    body = request.json()
    if strange := sorted(body.keys() - {"destinationResourceId", "region"}):
        raise invalid(f"The property '{strange[0][:40]}' is not known.", strange[0][:40])
    for name in ("destinationResourceId", "region"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise invalid(f"The property '{name}' is required and must be a string.", name)
    target = _destination(request, body["destinationResourceId"], body["region"])
    key = f"{target['id']}|{model['id']}"
    if azure.store.get("model", key) is None:  # a copy that is there is not made again
        copy = model | {"_folder": f"copy-{uuid.uuid4().hex}", "_checkpoint": True}
        copy["_ready_at"] = azure.moment() + azure.seconds(COPYING)
        _place(azure, model, copy)
        azure.store.put("model", key, copy, parent=target["id"])
    note = {"_target": target["id"], "_region": target["location"], "_model": model["id"]}
    azure.store.put("copy", f"{source}|{key}", note, parent=f"{source}|{model['id']}")
    return Reply(200, _told(request, model))


@route("GET", _PATH, plane=Plane.DATA, action=f"{RIGHTS}fine-tunes/read")
def get(request: Request) -> Reply:
    """Where a checkpoint was copied to, and whether it is there. Rests on the same."""
    model = _checkpoint(request)
    if not request.azure.store.count("copy", f"{account_of(request)}|{model['id']}"):
        raise not_found("copy of the checkpoint")
    return Reply(200, _told(request, model))


def _checkpoint(request: Request) -> Doc:
    """The deployable checkpoint that the path names, by its id or by its model's name."""
    if request.headers.get(HEADER) != "preview":
        raise Refusal(400, "BadRequest", f"This feature requires the '{HEADER}' header to be set to 'preview'.")
    azure, account, names = request.azure, account_of(request), request.names
    jobstate.settle(azure, account)
    job = azure.store.get("job", names["job"])
    if job is None or job["_account"] != account.lower():
        raise not_found("fine-tuning job")
    wanted = names["checkpoint"].lower()
    for model in azure.store.all("model", account):
        known = (jobstate.checkpoint_id(job, model["_step"]), model["id"].lower())
        if model["fine_tune"] == job["id"] and wanted in known:
            return model
    raise not_found("checkpoint")


def _destination(request: Request, account_id: str, region: str) -> Doc:
    azure, who = request.azure, request.principal
    target = azure.store.get("account", account_id)
    if target is None or (who and not roles.allowed(azure, who, f"{RIGHTS}fine-tunes/write", target["id"], data=True)):
        raise Refusal(403, "forbidden", "The destination does not exist, or the caller may not train there.")
    if target["id"].lower() == account_of(request).lower():
        raise invalid("The destination is the account that the checkpoint is in.", "destinationResourceId")
    if normal(target["location"]) != normal(region):
        raise invalid("The destination is in another region than the one that was given.", "region")
    if target["properties"].get("publicNetworkAccess") == "Disabled":
        raise invalid("The destination has public network access disabled.", "destinationResourceId")
    if not azure.store.count("job", target["id"]):
        raise invalid("The destination must have at least one fine-tuning job.", "destinationResourceId")
    return target


def _place(azure: Azure, model: Doc, copy: Doc) -> None:
    from ftctl.local import training  # noqa: PLC0415  only for those who copy

    source, target = (jobstate.job_folder(azure, one["_folder"]) for one in (model, copy))
    try:
        training.place_file(training.model_path(source, model["_step"]), training.model_path(target, model["_step"]))
    except FileNotFoundError:
        raise not_found("checkpoint") from None


def _told(request: Request, model: Doc) -> Doc:
    azure = request.azure
    copies = azure.store.all("copy", f"{account_of(request)}|{model['id']}")
    return {
        "checkpointedModelName": model["id"],
        "fineTuningJobId": model["fine_tune"],
        "copiedAccountDetails": [
            {"destinationResourceId": one["_target"], "region": one["_region"], "status": _status(azure, one)}
            for one in copies
        ],
    }


def _status(azure: Azure, copy: Doc) -> str:
    """Failed, where the destination or the copy is gone meanwhile."""
    there = azure.store.get("model", f"{copy['_target']}|{copy['_model']}")
    if there is None:
        return "Failed"
    return "Completed" if there.get("_ready_at", 0.0) <= azure.moment() else "InProgress"
