"""Fine-tuning jobs: create, list, get, cancel, delete, and their events and checkpoints."""

from __future__ import annotations

import uuid

from ftctl.local import files, jobstate
from ftctl.local.dataplane import (
    Doc,
    account_of,
    after_in,
    both,
    created,
    dated,
    derived_id,
    invalid,
    listed,
    not_found,
    number_in,
    refuse_all,
)
from ftctl.local.events import Story
from ftctl.local.joborder import Order, read_order
from ftctl.local.jobstate import job_folder, life_of, present, settle
from ftctl.local.wire import Refusal, Reply, Request

JOBS_LIMIT = 500  # of one account, MaxFineTuneCount
QUEUE_LIMIT = 20  # beyond those that run
_PAGE, _CHECKPOINTS_PAGE, _MOST = 20, 10, 1000
_JOB = "/fine_tuning/jobs/{job}"


@both("POST", "/fine_tuning/jobs", "fine-tunes/write")
def create(request: Request) -> Reply:
    """Check and enqueue. The data is copied aside, so that the files may be deleted from now on."""
    azure, account = request.azure, account_of(request)
    settle(azure, account)
    order = read_order(request)
    if azure.store.count("job", account) >= JOBS_LIMIT:
        raise Refusal(400, "quotaExceeded", f"The resource has the maximum of {JOBS_LIMIT} fine-tuning jobs already.")
    if azure.store.count("open_job", account) >= jobstate.RUNNING_LIMIT + QUEUE_LIMIT:
        raise Refusal(429, "quotaExceeded", f"{QUEUE_LIMIT} jobs are waiting already.", headers={"Retry-After": "60"})
    job = _new_job(request, order)
    _set_aside(request, order, job)
    with azure.store.transaction():
        azure.store.put("job", job["id"], job, parent=account)
        azure.store.put("open_job", job["id"], {"id": job["id"]}, parent=account)
    answer = created(request, present(azure, job))
    settle(azure, account)
    return answer


@both("GET", "/fine_tuning/jobs", "fine-tunes/read")
def list_all(request: Request) -> Reply:
    """Newest first, in pages."""
    azure, account = request.azure, account_of(request)
    settle(azure, account)
    after = request.query.get("after", "")
    limit = number_in(request, "limit", _PAGE, _MOST)
    if after and azure.store.get("job", after) is None:
        raise invalid("The query parameter 'after' names no job of this resource.", "after")
    page, more = azure.store.page("job", account, after=after, limit=limit)
    return listed([present(azure, job) for job in page], more=more)


@both("GET", _JOB, "fine-tunes/read")
def get(request: Request) -> Reply:
    return Reply(200, present(request.azure, _find(request)))


@both("POST", f"{_JOB}/cancel", "fine-tunes/cancel/action")
def cancel(request: Request) -> Reply:
    azure, account = request.azure, account_of(request)
    _find(request)  # what has come about, with a fit perhaps, is settled before the store is kept from others
    with azure.store.transaction():
        job = _find(request)
        if azure.store.get("open_job", job["id"]) is None:
            raise _wrong_state(request, job, "cancelled")
        job["_cancelled"] = azure.moment()
        azure.store.put("job", job["id"], job, parent=account)
        jobstate.close_place(azure, account, job)
    settle(azure, account)
    return Reply(200, present(azure, job))


@dated("DELETE", _JOB, "fine-tunes/delete")
def delete(request: Request) -> Reply:
    """Only the record goes: results file and models stay."""
    azure, account = request.azure, account_of(request)
    job = _find(request)
    if azure.store.get("open_job", job["id"]):
        raise _wrong_state(request, job, "deleted")
    jobstate.keep_results(azure, account, job)
    azure.store.delete("job", job["id"])
    return Reply(204)


@both("GET", f"{_JOB}/events", "fine-tunes/read")
def events(request: Request) -> Reply:
    """Newest first, in pages."""
    story = Story(request.azure, _find(request))
    page = story.page(request.query.get("after"), number_in(request, "limit", _PAGE, _MOST))
    if page is None:
        raise invalid("The query parameter 'after' names no event of this job.", "after")
    return listed(page[0], more=page[1])


@both("GET", f"{_JOB}/checkpoints", "fine-tunes/read")
def checkpoints(request: Request) -> Reply:
    """One an epoch, newest first, of which the last three are kept."""
    azure, job = request.azure, _find(request)
    life = life_of(azure, job)
    found = [
        {
            "id": derived_id("ftchkpt", job["id"], step),
            "created_at": int(life.step_done(step)),
            "fine_tuned_model_checkpoint": name,
            "fine_tuning_job_id": job["id"],
            "object": "fine_tuning.job.checkpoint",
            "step_number": step,
            "metrics": jobstate.measures(jobstate.fit_of(azure, job).rows[step - 1]),
        }
        for step, name in reversed(jobstate.checkpoints(job, life.steps_done))
    ]
    limit = number_in(request, "limit", _CHECKPOINTS_PAGE, _MOST)
    found = after_in(request, found)
    return listed(found[:limit], more=len(found) > limit)


refuse_all(both("POST", f"{_JOB}/pause", "fine-tunes/write"), "pausing of jobs")
refuse_all(both("POST", f"{_JOB}/resume", "fine-tunes/write"), "resuming of jobs")
refuse_all(both("POST", f"{_JOB}/checkpoints/{{checkpoint}}/copy", "fine-tunes/write"), "copies of checkpoints")
refuse_all(both("GET", f"{_JOB}/checkpoints/{{checkpoint}}/copy", "fine-tunes/read"), "copies of checkpoints")
refuse_all(both("POST", "/fine_tuning/alpha/graders/{verb}", "fine-tunes/write"), "graders")


def _find(request: Request) -> Doc:
    settle(request.azure, account_of(request))
    job = request.azure.store.get("job", request.names["job"])
    if job is None or job["_account"] != account_of(request).lower():
        raise not_found("fine-tuning job")
    return job


def _wrong_state(request: Request, job: Doc, verb: str) -> Refusal:
    status = life_of(request.azure, job).status
    return Refusal(409, "unexpectedEntityState", f"A job whose status is '{status}' cannot be {verb}.")


def _new_job(request: Request, order: Order) -> Doc:
    from ftctl.local.training import count_steps  # noqa: PLC0415  only for those who train

    azure = request.azure
    number = uuid.uuid4().hex
    chosen = order.chosen
    job: Doc = {
        "id": f"ftjob-{number}",
        "created_at": azure.timestamp(),
        "model": order.model,
        "object": "fine_tuning.job",
        "seed": order.seed,
        "training_file": order.training["id"],
        "_account": account_of(request).lower(),
        "_created": azure.moment(),
        "_unit": azure.seconds(1.0),
        "_root": order.root.id,
        "_result": "-".join(filter(None, (f"{order.root.id}.ft-{number}", order.suffix))),
        "_asked": order.asked,
        "_chosen": chosen,
        "_own_rate": order.own_rate,
        "_steps": count_steps(order.training["_examples"], chosen["batch_size"], chosen["n_epochs"]),
    }
    if order.by_method:
        job["method"] = {}  # filled in when it is shown
    if order.validation:
        job["validation_file"] = order.validation["id"]
    optional = {"suffix": order.suffix, "trainingType": order.training_type, "_warning": order.warning}
    return job | {name: value for name, value in optional.items() if value} | _failure(order)


def _failure(order: Order) -> Doc:
    """What the job will fail of, once it gets to look at its data."""
    for name, file in (("training_file", order.training), ("validation_file", order.validation)):
        if file and file["_unfit"]:
            message = f"The {name.replace('_', ' ')} is not fit for supervised training. {file['_unfit']}"
            return {"_failure": {"code": "jsonlValidationFailed", "message": message, "param": name}}
    return {}


def _set_aside(request: Request, order: Order, job: Doc) -> None:
    from ftctl.local import training  # noqa: PLC0415  only for those who train

    azure = request.azure
    folder = job_folder(azure, job["id"])
    try:
        training.place_file(files.blob(azure, order.training), folder / "training.jsonl")
        if order.validation:
            training.place_file(files.blob(azure, order.validation), folder / "validation.jsonl")
        if order.base:
            model = training.model_path(job_folder(azure, order.base["_folder"]), order.base["_step"])
            training.place_file(model, folder / "base.model")
    except FileNotFoundError:
        raise invalid("A file of the job was deleted just now.") from None
