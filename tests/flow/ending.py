"""How a history ends: applying until it is done, and what must be true of Azure then."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

from ftctl.core.errors import Exit, FtctlError
from ftctl.core.model import Address
from ftctl.local import jobstate
from ftctl.local.identity import SUBSCRIPTION_ID
from ftctl.local.joblife import life_of

ENOUGH = 6


def patiently(lab, *, tries: int = ENOUGH) -> int:
    """Apply again until it is done, as people do; how often it took. What was cancelled they ask for again."""
    said, again = [], ()
    for count in range(1, tries + 1):
        try:
            report = lab.apply(retry=again)
        except FtctlError as error:
            said.append(str(error))
            again = [Address.parse(problem.subject) for problem in error.problems if problem.code == "FT3240"]
            lab.clock.advance(60)
            continue
        if report.exit is Exit.DONE:
            return count
        said += [f"{o.address} {o.result}: {o.problem.what if o.problem else o.text}" for o in report.outcomes]
    raise AssertionError(f"not done after {tries} applies:\n" + "\n".join(said))


def failing(lab) -> None:
    """Let every job from now on fail of its data, as the service finds out after a while."""

    def spoil(_request, _route):
        for job in lab.stored("job"):
            if status(lab, job) == "pending" and "_failure" not in job:
                failure = {
                    "kind": "format",
                    "code": "jsonlValidationFailed",
                    "message": "Line 3 is odd.",
                    "param": "training_file",
                }
                lab.azure.store.put("job", job["id"], job | {"_failure": failure}, parent=job["_account"])

    lab.azure.faults.append(spoil)


def cancel_by_hand(lab) -> None:
    """Cancel every job that is under way, as somebody would in the portal."""
    with lab.clients() as clients, suppress(FtctlError):  # an account on its way has no jobs yet
        for account in clients.arm.list_accounts(SUBSCRIPTION_ID):
            data = clients.data(account["properties"]["endpoint"])
            for job in data.list_jobs():
                if job["status"] in {"pending", "running"}:
                    data.cancel_job(job["id"])


def recipes(lab, *statuses: str) -> Counter[str]:
    """How many jobs of each recipe (a suffix ends in its fingerprint) the local Azure has in one of `statuses`."""
    return Counter(job["suffix"].rpartition("-")[2] for job in lab.stored("job") if status(lab, job) in statuses)


def status(lab, job: dict) -> str:
    return str(jobstate.present(lab.azure, job)["status"])


def assert_converged(lab) -> None:
    """The next plan is empty, nothing exists twice, and nothing is trained twice."""
    plan = lab.plan()
    assert plan.empty, [(str(c.address), c.action, c.reason, c.fields) for c in plan.pending]
    assert not plan.problems
    succeeded, alive = recipes(lab, "succeeded"), recipes(lab, "pending", "running")
    assert not alive
    assert all(count == 1 for count in succeeded.values()), succeeded
    files = Counter(
        file["filename"].rpartition("--")[2] for file in lab.stored("file") if file["purpose"] == "fine-tune"
    )
    assert all(count == 1 for count in files.values()), files
    triples = Counter(
        tuple(one["properties"][name] for name in ("scope", "principalId", "roleDefinitionId"))
        for one in lab.stored("role_assignment")
    )
    assert all(count == 1 for count in triples.values()), triples


def paid(lab) -> int:
    """How many jobs have trained a step, and so are billed: queueing is free, and so is what was cancelled before."""
    return sum(life_of(lab.azure, job).steps_done > 0 for job in lab.stored("job"))
