"""Models as the data plane lists them: those of the catalogue, and the account's own fine-tuned ones."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from ftctl.local import catalog, uploads
from ftctl.local.dataplane import Doc, account_of, both, not_found, public, region_of
from ftctl.local.jobstate import job_folder, settle
from ftctl.local.wire import Refusal, Reply, Request

if TYPE_CHECKING:
    from ftctl.local.azure import Azure

_LIFECYCLE = {
    "GenerallyAvailable": "generally-available",
    "Stable": "generally-available",
    "Preview": "preview",
    "Deprecating": "deprecating",
    "Deprecated": "deprecated",
}


def find_model(azure: Azure, account_id: str, name: str) -> Doc | None:
    """A fine-tuned model or checkpoint of an account that can be deployed now."""
    settle(azure, account_id)
    doc = azure.store.get("model", f"{account_id}|{name}")
    return doc if doc and doc.get("_ready_at", 0.0) <= azure.moment() else None  # a copy comes after a while


def deployed(azure: Azure, account_id: str, name: str) -> bool:
    """Whether a deployment of the account, in whatever state, holds the model."""
    return any(
        doc["properties"]["model"]["name"].lower() == name.lower() for doc in azure.store.all("deployment", account_id)
    )


def forget_account(azure: Azure, account_id: str) -> None:
    """Drop files, jobs and models of an account that was purged."""
    for doc in azure.store.all("file", account_id):
        (azure.blobs / "files" / doc["id"]).unlink(missing_ok=True)
    folders = [doc["id"] for doc in azure.store.all("job", account_id)]
    models = azure.store.all("model", account_id)
    folders += [doc["_folder"] for doc in models]
    for folder in folders:
        shutil.rmtree(job_folder(azure, folder), ignore_errors=True)
    with azure.store.transaction():
        uploads.forget_uploads(azure, account_id)
        for doc in models:
            azure.store.delete_children("copy", f"{account_id}|{doc['id']}")
        for kind in ("file", "job", "open_job", "model"):
            azure.store.delete_children(kind, account_id)
        azure.store.delete("job_ends", account_id)


@both("GET", "/models", "models/read")
def list_all(request: Request) -> Reply:
    """Base models that the account's region has, and its fine-tuned ones; checkpoints are listed with their jobs.

    Rests on recorded lists and the dated schema.
    """
    azure, account = request.azure, account_of(request)
    settle(azure, account)
    own = [_tuned(doc) for doc in azure.store.all("model", account) if not doc["_checkpoint"]]
    base = [_base(model) for model in catalog.MODELS if model.listed_in(region_of(request))]
    return Reply(200, {"object": "list", "data": [*base, *own]})


@both("GET", "/models/{model}", "models/read")
def get(request: Request) -> Reply:
    """One model, a checkpoint too. Rests on the dated schema."""
    name = request.names["model"]
    doc = find_model(request.azure, account_of(request), name)
    if doc:
        return Reply(200, _tuned(doc))
    model = catalog.find(name)
    if model is None or not model.listed_in(region_of(request)):
        raise not_found("model")
    return Reply(200, _base(model))


@both("DELETE", "/models/{model}", "models/delete")
def delete(request: Request) -> Reply:
    """A fine-tuned model, unless it is deployed.

    No schema has it; that it answers as OpenAI's does is assumed, that it is refused while deployed is documented.
    """
    azure, account, name = request.azure, account_of(request), request.names["model"]
    doc = find_model(azure, account, name)
    if doc is None:
        if catalog.find(name):
            raise Refusal(403, "forbidden", "A base model cannot be deleted.")
        raise not_found("model")
    with azure.store.transaction():
        if deployed(azure, account, name):
            raise Refusal(409, "conflict", "The model is deployed. Delete its deployments before the model itself.")
        azure.store.delete("model", f"{account}|{name}")
    return Reply(200, {"id": doc["id"], "deleted": True, "object": "model"})


def _base(model: catalog.BaseModel) -> Doc:
    trains = model.format == "OpenAI" and bool(model.training)  # the service says false of the others, which do train
    return {
        "id": model.id,
        "object": "model",
        "status": "succeeded",
        "created_at": _released(model),
        **_traits(model, fine_tune=trains),
    }


def _tuned(doc: Doc) -> Doc:
    root = catalog.find(doc["_root"])
    body = {"object": "model", "status": "succeeded", **public(doc)}
    return body | (_traits(root, fine_tune=True) if root else {})


def _traits(model: catalog.BaseModel, *, fine_tune: bool) -> Doc:
    return {
        "capabilities": {
            "fine_tune": fine_tune,
            "inference": bool(model.skus),
            "completion": "completion" in model.capabilities,
            "chat_completion": "chatCompletion" in model.capabilities,
            "embeddings": False,
        },
        "lifecycle_status": _LIFECYCLE.get(model.lifecycle, "generally-available"),
        "deprecation": {"fine_tune": _unix(model.training_end), "inference": _unix(model.inference_end)},
    }


def _released(model: catalog.BaseModel) -> int:
    """The day in the version, where that is one."""
    try:
        return _unix(date.fromisoformat(model.version))
    except ValueError:
        return _unix(catalog.AS_OF)


@lru_cache(maxsize=512)
def _unix(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
