"""The state of fine-tuning jobs: what has come about since somebody last looked, and what they leave behind.

Nothing runs in the background. `settle` writes down what has come about: a place among the running jobs taken, a
results file begun, a pause reached, an end. All else (status, steps, events) is reckoned from there by `joblife`.
"""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftctl.local.dataplane import Doc, derived_id, public
from ftctl.local.joblife import RESULTS_BEGUN, STARTED, Life, life_of

if TYPE_CHECKING:
    from ftctl.local.azure import Azure
    from ftctl.local.measures import Fit

RUNNING_LIMIT = 3  # jobs of one account, MaxRunningFineTuneCount
CHECKPOINTS_KEPT = 3
_SHOWN_OF_FAILURE = ("code", "message", "param")


# -- settling ----------------------------------------------------------------------------------------------------------


def settle(azure: Azure, account: str) -> None:
    """Write down what has come about in an account's jobs since it was last looked at."""
    if not azure.store.count("open_job", account):
        return
    with azure.store.transaction():
        paused, ended = _place_and_begin(azure, account)
    for job in paused:
        fit_of(azure, job)  # may take seconds: in no transaction
        with azure.store.transaction():
            _keep_paused(azure, account, job)
    for job in ended:
        tokens = 0 if "_failure" in job else fit_of(azure, job).trained_tokens  # the same
        with azure.store.transaction():
            if azure.store.get("open_job", job["id"]):
                _close(azure, account, job, tokens)
        forget_data(azure, job)


def close_place(azure: Azure, account: str, job: Doc) -> None:
    """Take a job that has ended, in whatever way, out of those that are followed; its place is free from its end on."""
    azure.store.delete("open_job", job["id"])
    if "_placed" in job:
        ends = (azure.store.get("job_ends", account) or {"ends": []})["ends"]
        azure.store.put("job_ends", account, {"ends": sorted([*ends, life_of(azure, job).end])[-RUNNING_LIMIT:]})


def _place_and_begin(azure: Azure, account: str) -> tuple[list[Doc], list[Doc]]:
    """Give out places in order of creation, begin results files; the jobs that have paused, and those that have ended.

    A job that is paused, or stuck, keeps its place.
    """
    now = azure.moment()
    jobs = [job for entry in azure.store.all("open_job", account) if (job := azure.store.get("job", entry["id"]))]
    ends = list((azure.store.get("job_ends", account) or {"ends": []})["ends"])
    ends += [life_of(azure, job).end for job in jobs if "_placed" in job]
    for job in jobs:
        if "_placed" not in job:
            busiest = sorted(ends)[-RUNNING_LIMIT:]
            free = busiest[0] if len(busiest) == RUNNING_LIMIT else 0.0
            if max(job["_created"], free) > now:
                break
            job["_placed"] = max(job["_created"], free)
            ends.append(life_of(azure, job).end)
            azure.store.put("job", job["id"], job, parent=account)
    lives = [(job, life_of(azure, job)) for job in jobs]
    for job, life in lives:
        if "result_files" not in job and life.reached(RESULTS_BEGUN):
            _begin_results(azure, account, job, life)
    paused = [job for job, life in lives if _due_pause(job, life)]
    return paused, [job for job, life in lives if life.status in ("succeeded", "failed")]


def _begin_results(azure: Azure, account: str, job: Doc, life: Life) -> None:
    file = {
        "id": results_id(job),
        "bytes": 0,
        "created_at": int(life.at(RESULTS_BEGUN)),
        "filename": "results.csv",
        "object": "file",
        "purpose": "fine-tune-results",
        "_account": account.lower(),
        "_job": job["id"],
    }
    azure.store.put("file", file["id"], file, parent=account)
    job["result_files"] = [file["id"]]
    azure.store.put("job", job["id"], job, parent=account)


def _due_pause(job: Doc, life: Life) -> Doc | None:
    """A pause that has been reached, whose checkpoint is not there yet."""
    pauses: list[Doc] = job.get("_pauses", [])
    return next((one for one in pauses if not one["kept"] and life.paused_at(one["begun"]) <= life.stopped), None)


def _keep_paused(azure: Azure, account: str, job: Doc) -> None:
    """Make the checkpoint of a pause deployable."""
    now = azure.store.get("job", job["id"])
    pause = _due_pause(now, life_of(azure, now)) if now else None
    if now is None or pause is None:
        return
    pause["kept"] = True
    azure.store.put("job", now["id"], now, parent=account)
    moment = int(life_of(azure, now).paused_at(pause["begun"]))
    _put_model(azure, account, now, pause["step"], checkpoint_name(now, pause["step"]), moment)


def _close(azure: Azure, account: str, job: Doc, tokens: int) -> None:
    life = life_of(azure, job)
    if not life.failure:
        job |= {"fine_tuned_model": job["_result"], "finished_at": int(life.end)}
        job |= {"trained_tokens": tokens} if job["_method"]["kind"] != "reinforcement" else {}
        for step, name in checkpoints(job, life.steps):
            _put_model(azure, account, job, step, name, int(life.end))
    azure.store.put("job", job["id"], job, parent=account)
    close_place(azure, account, job)
    keep_results(azure, account, job)


def _put_model(azure: Azure, account: str, job: Doc, step: int, name: str, moment: int) -> None:
    if azure.store.get("model", f"{account}|{name}"):
        return
    model: Doc = {
        "id": name,
        "created_at": moment,
        "model": job["_root"],
        "fine_tune": job["id"],
        "_root": job["_root"],
        "_step": step,
        "_checkpoint": name != job["_result"],
        "_folder": job["id"],
    }
    azure.store.put("model", f"{account}|{name}", model, parent=account)


def forget_data(azure: Azure, job: Doc) -> None:
    """Drop the copies of an ended job's files, unless its measures are still to be made from them."""
    from ftctl.local import training  # noqa: PLC0415  only for those who train

    folder = job_folder(azure, job["id"])
    if training.is_fitted(folder) or not life_of(azure, job).steps_done:
        training.forget_data(folder)


# -- what a job shows --------------------------------------------------------------------------------------------------


def present(azure: Azure, job: Doc) -> Doc:
    """A job's body as it stands now: keys without a value are absent, and values not chosen yet are -1."""
    life, method = life_of(azure, job), job["_method"]
    chosen = job["_chosen"] if life.reached(STARTED) else job["_asked"]
    body = public(job) | {"status": life.status, "hyperparameters": chosen}
    if method["sent"]:
        body["method"] = {"type": method["kind"], method["kind"]: {**method["parts"], "hyperparameters": chosen}}
    end = life.end if life.cancelled is None and isfinite(life.end) else life.expected
    body["estimated_finish"] = int(end)
    if life.status == "failed":
        body["error"] = {name: job["_failure"][name] for name in _SHOWN_OF_FAILURE if name in job["_failure"]}
    return body


def results_id(job: Doc) -> str:
    return derived_id("file", job["id"], "results")


def checkpoints(job: Doc, steps_done: int) -> list[tuple[int, str]]:
    """Step and name of the checkpoints that are kept, oldest first: the ends of the last epochs, and of each pause."""
    each = job["_steps"] // job["_chosen"]["n_epochs"]
    steps = set(range(each, steps_done + 1, each)[-CHECKPOINTS_KEPT:]) | set(_paused_steps(job))
    return [(step, checkpoint_name(job, step)) for step in sorted(steps)]


def checkpoint_name(job: Doc, step: int) -> str:
    return str(job["_result"]) if step == job["_steps"] else f"{job['_result']}:ckpt-step-{step}"


def checkpoint_id(job: Doc, step: int) -> str:
    return derived_id("ftchkpt", job["id"], step)


def _paused_steps(job: Doc) -> list[int]:
    return [one["step"] for one in job.get("_pauses", ()) if one["kept"]]


def job_folder(azure: Azure, job_id: str) -> Path:
    """Where a job keeps its copies of the data, its measures and its models."""
    return azure.blobs / "jobs" / job_id


def fit_of(azure: Azure, job: Doc) -> Fit:
    """The training itself, run when its outcome is first asked for."""
    from ftctl.local import training  # noqa: PLC0415  the fitting is only for those who look at a job's steps

    chosen, method = job["_chosen"], job["_method"]
    return training.fitted(
        training.Recipe(
            folder=job_folder(azure, job["id"]),
            epochs=chosen["n_epochs"],
            batch_size=chosen["batch_size"],
            rate=chosen["learning_rate_multiplier"] / job["_own_rate"],
            seed=job["seed"],
            method=method["kind"],
            options=chosen | method["parts"],
            keep=tuple(one["step"] for one in job.get("_pauses", ())),
            over=azure.store.get("open_job", job["id"]) is None,
        )
    )


def columns_of(job: Doc) -> Any:
    """The kind of row that a job's method measures."""
    from ftctl.local.measures import RewardRow, Row  # noqa: PLC0415  only for those who look at a job's steps

    return RewardRow if job["_method"]["kind"] == "reinforcement" else Row


def results(azure: Azure, job_id: str) -> bytes:
    """results.csv as far as its job has come."""
    from ftctl.local.measures import as_csv  # noqa: PLC0415  only for those who look at a job's steps

    job = azure.store.get("job", job_id)
    assert job is not None  # `keep_results` comes before its deletion
    done = life_of(azure, job).steps_done
    return as_csv(columns_of(job), fit_of(azure, job).rows[:done] if done else [])


def keep_results(azure: Azure, account: str, job: Doc) -> None:
    """Make an ordinary file of an ended job's results, unless somebody has deleted it."""
    file = azure.store.get("file", results_id(job))
    if file is None or "_job" not in file:
        return
    content = results(azure, file.pop("_job"))
    place = azure.blobs / "files" / file["id"]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    azure.store.put("file", file["id"], file | {"bytes": len(content)}, parent=account)
