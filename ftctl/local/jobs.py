"""Fine-tuning jobs: create, list, get, cancel, pause, resume, delete, and their events and checkpoints."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from ftctl.local import faults, files, jobstate
from ftctl.local.dataplane import (
    Doc,
    account_of,
    after_in,
    both,
    created,
    dated,
    invalid,
    listed,
    not_found,
    number_in,
)
from ftctl.local.events import Story
from ftctl.local.joblife import life_of
from ftctl.local.joborder import Order, read_order
from ftctl.local.jobstate import job_folder, present, settle
from ftctl.local.wire import Refusal, Reply, Request

if TYPE_CHECKING:
    from ftctl.local.azure import Azure

JOBS_LIMIT = 500  # of one account, MaxFineTuneCount
QUEUE_LIMIT = 20  # beyond those that run
_PAGE, _CHECKPOINTS_PAGE, _MOST = 20, 10, 1000
_JOB = "/fine_tuning/jobs/{job}"


@both("POST", "/fine_tuning/jobs", "fine-tunes/write")
def create(request: Request) -> Reply:
    """Check and enqueue. The data is copied aside, so that the files may be deleted from now on.

    Rests on recordings (bodies of supervised, preference and reinforcement jobs) and both schemas; limits are those of
    the recorded capabilities.
    """
    azure, account = request.azure, account_of(request)
    settle(azure, account)
    order = read_order(request)
    if azure.store.count("job", account) >= JOBS_LIMIT:
        raise Refusal(400, "quotaExceeded", f"The resource has the maximum of {JOBS_LIMIT} fine-tuning jobs already.")
    if azure.store.count("open_job", account) >= jobstate.RUNNING_LIMIT + QUEUE_LIMIT:
        raise Refusal(429, "quotaExceeded", f"{QUEUE_LIMIT} jobs are waiting already.", headers={"Retry-After": "60"})
    job = _new_job(request, order)
    _set_aside(request, order, job)
    job |= _failure(azure, order)
    with azure.store.transaction():
        azure.store.put("job", job["id"], job, parent=account)
        azure.store.put("open_job", job["id"], {"id": job["id"]}, parent=account)
    answer = created(request, present(azure, job))
    settle(azure, account)
    return answer


@both("GET", "/fine_tuning/jobs", "fine-tunes/read")
def list_all(request: Request) -> Reply:
    """Newest first, in pages. Rests on both schemas."""
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
    """One job as it stands. Rests on recordings of jobs before and after their end."""
    return Reply(200, present(request.azure, _find(request)))


@both("POST", f"{_JOB}/cancel", "fine-tunes/cancel/action")
def cancel(request: Request) -> Reply:
    """End a job that has not ended. Rests on both schemas; the refusal of others is assumed."""
    azure, account = request.azure, account_of(request)
    _find(request)  # what has come about, with a fit perhaps, is settled before the store is kept from others
    with azure.store.transaction():
        job = _find(request)
        if azure.store.get("open_job", job["id"]) is None:
            raise _wrong_state(request, job, "cancelled")
        job["_cancelled"] = azure.moment()
        azure.store.put("job", job["id"], job, parent=account)
        jobstate.close_place(azure, account, job)
    jobstate.forget_data(azure, job)
    settle(azure, account)
    return Reply(200, present(azure, job))


@both("POST", f"{_JOB}/pause", "fine-tunes/write")
def pause(request: Request) -> Reply:
    """Stop after the step at hand; once that is evaluated the job is paused, with a checkpoint that can be deployed.

    Rests on both schemas and the documentation (only while running, after a first step); times, the words of events,
    and that a paused job keeps its place among the running ones are assumed.
    """
    azure, account = request.azure, account_of(request)
    _find(request)
    with azure.store.transaction():
        job = _find(request)
        life = life_of(azure, job)
        if life.status != "running" or not 0 < life.steps_done < life.steps:
            raise _wrong_state(
                request, job, "paused; it must be running, with a first step done and a last one to come"
            )
        new = {"begun": azure.moment(), "ended": None, "step": life.steps_done, "kept": False}
        job["_pauses"] = [*job.get("_pauses", []), new]
        azure.store.put("job", job["id"], job, parent=account)
    return Reply(200, present(azure, job))


@both("POST", f"{_JOB}/resume", "fine-tunes/write")
def resume(request: Request) -> Reply:
    """Go on where the pause was asked for. Rests on the same as pausing."""
    azure, account = request.azure, account_of(request)
    _find(request)
    with azure.store.transaction():
        job = _find(request)
        if life_of(azure, job).status != "paused":
            raise _wrong_state(request, job, "resumed")
        job["_pauses"][-1]["ended"] = azure.moment()
        azure.store.put("job", job["id"], job, parent=account)
    return Reply(200, present(azure, job))


@dated("DELETE", _JOB, "fine-tunes/delete")
def delete(request: Request) -> Reply:
    """Only the record goes: results file and models stay. Rests on the dated schema; what stays is assumed."""
    azure, account = request.azure, account_of(request)
    job = _find(request)
    if azure.store.get("open_job", job["id"]):
        raise _wrong_state(request, job, "deleted")
    jobstate.keep_results(azure, account, job)
    azure.store.delete("job", job["id"])
    return Reply(204)


@both("GET", f"{_JOB}/events", "fine-tunes/read")
def events(request: Request) -> Reply:
    """Newest first, in pages. Rests on recorded events and both schemas."""
    story = Story(request.azure, _find(request))
    page = story.page(request.query.get("after"), number_in(request, "limit", _PAGE, _MOST))
    if page is None:
        raise invalid("The query parameter 'after' names no event of this job.", "after")
    return listed(page[0], more=page[1])


@both("GET", f"{_JOB}/checkpoints", "fine-tunes/read")
def checkpoints(request: Request) -> Reply:
    """One an epoch, newest first, of which the last three are kept; and one for each pause.

    Rests on the schemas for the body, on the documentation for which there are and their names.
    """
    from ftctl.local.measures import told  # noqa: PLC0415  only for those who look at a job's steps

    azure, job = request.azure, _find(request)
    life = life_of(azure, job)
    kept = [] if life.status == "failed" else jobstate.checkpoints(job, life.steps_done)
    found = [
        {
            "id": jobstate.checkpoint_id(job, step),
            "created_at": int(life.step_done(step)),
            "fine_tuned_model_checkpoint": name,
            "fine_tuning_job_id": job["id"],
            "object": "fine_tuning.job.checkpoint",
            "step_number": step,
            "metrics": told(jobstate.fit_of(azure, job).rows[step - 1]),
        }
        for step, name in reversed(kept)
    ]
    limit = number_in(request, "limit", _CHECKPOINTS_PAGE, _MOST)
    found = after_in(request, found)
    return listed(found[:limit], more=len(found) > limit)


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
        "_asked": order.method.asked,
        "_method": {"kind": order.method.kind, "sent": order.method.sent, "parts": order.method.parts},
        "_chosen": chosen,
        "_own_rate": order.own_rate,
        "_steps": count_steps(order.training["_examples"], chosen["batch_size"], chosen["n_epochs"]),
    }
    if order.validation:
        job["validation_file"] = order.validation["id"]
    optional = {"suffix": order.suffix, "trainingType": order.training_type, "_warning": order.warning}
    return job | order.echoed | {name: value for name, value in optional.items() if value}


_HARMS = "[hate_fairness, self_harm, violence]"
_FAILURES = {
    "data": (
        "invalidPayload",
        f"The provided training data failed RAI checks for harm types: {_HARMS}. Please fix the data and try again.",
    ),
    "training": ("internalFailure", "The training failed because of an internal error. Please try again."),
    "evaluation": (
        "invalidPayload",
        (
            "This model is unable to be deployed. Model evaluation identified that this fine tuned model scores "
            "above acceptable thresholds for [Violence, Self Harm]. Please review your training data set and resubmit "
            "the job."
        ),
    ),
    "stuck-validation": ("", ""),
}


def _failure(azure: Azure, order: Order) -> Doc:
    """What the job will fail of: data that does not suit its method, or a fault that somebody asked for.

    The words about harm are reported ones, their codes and those of a broken training are assumed.
    """
    for name, file in (("training_file", order.training), ("validation_file", order.validation)):
        if file and (problem := file["_unfit"].get(order.method.kind)):
            message = f"The {name.replace('_', ' ')} is not fit for {_TITLES[order.method.kind]} training. {problem}"
            return {"_failure": {"kind": "format", "code": "jsonlValidationFailed", "message": message, "param": name}}
    kind = faults.of_job(azure, model=order.model, suffix=order.suffix or "")
    if kind is None:
        return {}
    code, message = _FAILURES[kind]
    return {"_failure": {"kind": kind, "code": code, "message": message}}


_TITLES = {"supervised": "supervised", "dpo": "preference", "reinforcement": "reinforcement"}


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
