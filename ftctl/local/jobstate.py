"""The life of a fine-tuning job, told from its age: when it starts, which steps are done, and what it leaves behind.

Nothing runs in the background. `settle` writes down what has come about since somebody last looked: a place among the
running jobs taken, a results file begun, an end reached. All else (status, steps, events) is reckoned from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftctl.local.dataplane import Doc, derived_id, public

if TYPE_CHECKING:
    from ftctl.local.azure import Azure
    from ftctl.local.training import Fit, Row

RUNNING_LIMIT = 3  # jobs of one account, MaxRunningFineTuneCount
CHECKPOINTS_KEPT = 3
CSV_COLUMNS = (
    "step,train_loss,train_mean_token_accuracy,valid_loss,valid_mean_token_accuracy,"
    "full_valid_loss,full_valid_mean_token_accuracy"
)

# Seconds of Azure's time from the moment a job has its place; a small job takes about an hour in all.
CHECKING, CHECKED = 20.0, 60.0
CHECKING_VALIDATION, CHECKED_VALIDATION = 80.0, 110.0
STARTED = 120.0
IMPORTING, TUNING, QUEUED, TRAINING = 150.0, 200.0, 240.0, 560.0
RESULTS_BEGUN = 565.0
_STEPS_FROM = 570.0
_STEPS_TAKE, _EACH_STEP_TAKES, _LONGEST = 2400.0, 0.5, 8 * 3600.0
_EVALUATION = 300.0  # after the last step


@dataclass(frozen=True, slots=True)
class Life:
    """The moments of a job in Unix time, and how much of it has come about at `now`."""

    now: float
    created: float
    placed: float | None  # among the running jobs
    unit: float  # seconds of the clock in one of Azure's
    steps: int
    failed: bool
    cancelled: float | None

    @property
    def stopped(self) -> float:
        """The moment up to which the job's moments count."""
        return self.now if self.cancelled is None else min(self.now, self.cancelled)

    def at(self, seconds: float) -> float:
        """The moment so many of Azure's seconds into the job."""
        return (self.created if self.placed is None else self.placed) + seconds * self.unit

    def reached(self, seconds: float) -> bool:
        return self.placed is not None and self.at(seconds) <= self.stopped

    @property
    def each_step(self) -> float:
        return min(_STEPS_TAKE + self.steps * _EACH_STEP_TAKES, _LONGEST) / self.steps

    def step_done(self, step: int) -> float:
        """The moment at which a step is done."""
        return self.at(_STEPS_FROM + step * self.each_step)

    @property
    def steps_done(self) -> int:
        if self.failed or not self.reached(_STEPS_FROM):
            return 0
        done = int((self.stopped - self.at(_STEPS_FROM)) / (self.each_step * self.unit))
        return min(done + (done < self.steps and self.step_done(done + 1) <= self.stopped), self.steps)

    @property
    def succeeds(self) -> float:
        return self.step_done(self.steps) + _EVALUATION * self.unit

    @property
    def end(self) -> float:
        """When the job ends, or would if it had its place just now."""
        if self.cancelled is not None:
            return self.cancelled
        return self.at(CHECKED) if self.failed else self.succeeds

    @property
    def status(self) -> str:
        if self.cancelled is not None:
            return "cancelled"
        if self.placed is not None and self.end <= self.now:
            return "failed" if self.failed else "succeeded"
        return "running" if self.reached(STARTED) else "pending"


def life_of(azure: Azure, job: Doc) -> Life:
    """A job's life up to now."""
    return Life(
        now=azure.moment(),
        created=job["_created"],
        placed=job.get("_placed"),
        unit=job["_unit"],
        steps=job["_steps"],
        failed="_failure" in job,
        cancelled=job.get("_cancelled"),
    )


# -- settling ----------------------------------------------------------------------------------------------------------


def settle(azure: Azure, account: str) -> None:
    """Write down what has come about in an account's jobs since it was last looked at."""
    if not azure.store.count("open_job", account):
        return
    with azure.store.transaction():
        ended = _place_and_begin(azure, account)
    for job in ended:
        tokens = 0 if "_failure" in job else fit_of(azure, job).trained_tokens  # may take seconds: in no transaction
        with azure.store.transaction():
            if azure.store.get("open_job", job["id"]):
                _close(azure, account, job, tokens)


def close_place(azure: Azure, account: str, job: Doc) -> None:
    """Take a job that has ended, in whatever way, out of those that are followed; its place is free from its end on."""
    azure.store.delete("open_job", job["id"])
    if "_placed" in job:
        ends = (azure.store.get("job_ends", account) or {"ends": []})["ends"]
        azure.store.put("job_ends", account, {"ends": sorted([*ends, life_of(azure, job).end])[-RUNNING_LIMIT:]})


def _place_and_begin(azure: Azure, account: str) -> list[Doc]:
    """Give out places in order of creation, begin results files, and return the jobs that have come to their end."""
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
    for job in jobs:
        life = life_of(azure, job)
        if "result_files" not in job and not life.failed and life.reached(RESULTS_BEGUN):
            _begin_results(azure, account, job, life)
    return [job for job in jobs if life_of(azure, job).status in ("succeeded", "failed")]


def _begin_results(azure: Azure, account: str, job: Doc, life: Life) -> None:
    file = {
        "id": results_id(job),
        "bytes": 0,
        "created_at": int(life.at(RESULTS_BEGUN)),
        "filename": "results.csv",
        "object": "file",
        "purpose": "fine-tune-results",
        "_job": job["id"],
    }
    azure.store.put("file", file["id"], file, parent=account)
    job["result_files"] = [file["id"]]
    azure.store.put("job", job["id"], job, parent=account)


def _close(azure: Azure, account: str, job: Doc, tokens: int) -> None:
    life = life_of(azure, job)
    if not life.failed:
        job |= {"fine_tuned_model": job["_result"], "finished_at": int(life.end), "trained_tokens": tokens}
        for step, name in checkpoints(job, life.steps):
            model: Doc = {
                "id": name,
                "created_at": int(life.end),
                "model": job["_root"],
                "fine_tune": job["id"],
                "_root": job["_root"],
            }
            model |= {"_step": step, "_checkpoint": name != job["_result"], "_folder": job["id"]}
            azure.store.put("model", f"{account}|{name}", model, parent=account)
    azure.store.put("job", job["id"], job, parent=account)
    close_place(azure, account, job)
    keep_results(azure, account, job)


# -- what a job shows --------------------------------------------------------------------------------------------------


def present(azure: Azure, job: Doc) -> Doc:
    """A job's body as it stands now: keys without a value are absent, and values not chosen yet are -1."""
    life = life_of(azure, job)
    chosen = job["_chosen"] if life.reached(STARTED) and not life.failed else job["_asked"]
    body = public(job) | {"status": life.status, "hyperparameters": chosen}
    if "method" in job:
        body["method"] = {"type": "supervised", "supervised": {"hyperparameters": chosen}}
    body["estimated_finish"] = int(life.end if life.cancelled is None else life.succeeds)
    if life.status == "failed":
        body["error"] = job["_failure"]
    return body


def results_id(job: Doc) -> str:
    return derived_id("file", job["id"], "results")


def checkpoints(job: Doc, steps_done: int) -> list[tuple[int, str]]:
    """Step and name of the checkpoints that are kept, oldest first: the ends of the last epochs."""
    each = job["_steps"] // job["_chosen"]["n_epochs"]
    ends = range(each, steps_done + 1, each)[-CHECKPOINTS_KEPT:]
    return [(step, job["_result"] if step == job["_steps"] else f"{job['_result']}:ckpt-step-{step}") for step in ends]


def job_folder(azure: Azure, job_id: str) -> Path:
    """Where a job keeps its copies of the data, its measures and its models."""
    return azure.blobs / "jobs" / job_id


def fit_of(azure: Azure, job: Doc) -> Fit:
    """The training itself, run when its outcome is first asked for."""
    from ftctl.local import training  # noqa: PLC0415  the fitting is only for those who look at a job's steps

    chosen = job["_chosen"]
    return training.fitted(
        training.Recipe(
            folder=job_folder(azure, job["id"]),
            epochs=chosen["n_epochs"],
            batch_size=chosen["batch_size"],
            rate=chosen["learning_rate_multiplier"] / job["_own_rate"],
            seed=job["seed"],
        )
    )


def measures(row: Row) -> dict[str, Any]:
    """A row by the names that results.csv, events and checkpoints share; what was not measured is absent."""
    return {name: value for name, value in zip(CSV_COLUMNS.split(","), _values(row), strict=True) if value is not None}


def results(azure: Azure, job_id: str) -> bytes:
    """results.csv as far as its job has come."""
    job = azure.store.get("job", job_id)
    assert job is not None  # `keep_results` comes before its deletion
    done = life_of(azure, job).steps_done
    rows = fit_of(azure, job).rows[:done] if done else []
    lines = (",".join("" if value is None else str(value) for value in _values(row)) for row in rows)
    return "".join(f"{line}\n" for line in (CSV_COLUMNS, *lines)).encode()


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


def _values(row: Row) -> tuple[Any, ...]:
    return (
        row.step,
        row.train_loss,
        row.train_accuracy,
        row.valid_loss,
        row.valid_accuracy,
        row.full_valid_loss,
        row.full_valid_accuracy,
    )
