"""Which checkpoint is the one to serve."""

from __future__ import annotations

from datetime import UTC, datetime

from ftctl.render.look import Look
from ftctl.render.results import compared_text, results_markdown
from ftctl.render.results_html import results_html
from ftctl.render.results_json import results_json
from ftctl.results.checkpoint import choose
from ftctl.results.job import Checkpoint, checkpoints_of, job_of, told_bill, told_file
from ftctl.results.run import differing, run_of
from ftctl.results.table import read

EMPTY = read(b"step,train_loss\n1,2\n60,1\n")
REWARD = read(b"step,train_mean_reward\n1,0.1\n60,0.5\n")


def kept(**metrics):
    """Checkpoints at steps 20, 40, 60 with these measures."""
    rows = zip(*metrics.values(), strict=True) if metrics else [()] * 3
    return [
        Checkpoint(20 * n, f"m{20 * n}", metrics=dict(zip(metrics, row, strict=True))) for n, row in enumerate(rows, 1)
    ]


def test_the_lowest_full_validation_loss():
    choice = choose(kept(full_valid_loss=(0.9, 0.7, 0.8), valid_loss=(0.1, 0.5, 0.2)), EMPTY)
    assert (choice.step, choice.model, choice.value) == (40, "m40", 0.7)
    assert choice.why == "lowest full validation loss, 0.700"


def test_the_highest_validation_reward():
    assert choose(kept(full_valid_mean_reward=(0.2, 0.6, 0.5)), REWARD).step == 40
    assert choose(kept(valid_mean_reward=(0.5, 0.7, 0.6)), REWARD).step == 40


def test_of_equals_the_later():
    assert choose(kept(full_valid_loss=(0.7, 0.7, 0.8)), EMPTY).step == 40
    assert choose(kept(full_valid_mean_reward=(0.6, 0.6, 0.2)), REWARD).step == 40


def test_without_validation_the_last_and_it_says_so():
    choice = choose(kept(valid_loss=(0.1, 0.5, 0.2)), EMPTY)
    assert choice.step == 60
    assert choice.why == "the last one, since nothing was measured on all of the validation data"


def test_a_measure_that_is_no_number_is_none():
    assert choose(kept(full_valid_loss=(float("nan"), 0.9, 0.8)), EMPTY).step == 60


def test_what_a_checkpoint_lacks_is_taken_from_the_file():
    table = read(b"step,train_loss,full_valid_loss\n20,2,0.5\n40,1,0.6\n60,1,0.7\n")
    assert choose(kept(), table).step == 20


def test_a_better_step_whose_checkpoint_is_gone_is_told():
    table = read(b"step,train_loss,full_valid_loss\n10,2,0.3\n20,2,0.5\n40,1,0.6\n60,1,0.7\n")
    choice = choose(kept(), table)
    assert (choice.step, choice.why) == (
        20,
        "lowest full validation loss, 0.500, of those that are kept; step 10 had 0.300",
    )


def test_a_saved_file_has_a_step_to_serve_too():
    assert choose([], read(b"step,train_loss,full_valid_loss\n10,2,0.3\n20,2,0.5\n")).step == 10
    assert choose([], EMPTY).step == 60
    assert choose([], read(b"step,train_loss\n")) is None


def test_checkpoints_as_the_service_tells_them():
    bodies = [
        {"id": "ftchkpt-2", "step_number": 40, "fine_tuned_model_checkpoint": "m", "metrics": {"step": 40}},
        {
            "id": "ftchkpt-1",
            "step_number": 20,
            "fine_tuned_model_checkpoint": "m:ckpt-step-20",
            "metrics": {"step": 20, "full_validation_loss": 0.5, "train_loss": None, "x": "odd"},
        },
    ]
    first, second = checkpoints_of(bodies)
    assert (first.step, first.metrics, second.metrics) == (20, {"full_valid_loss": 0.5}, {})


def test_a_job_with_little_in_it():
    job = job_of({"id": "ftjob-1", "status": "pending", "error": None, "method": None, "result_files": None})
    assert (job.method, job.ended, job.result_files, job.epochs, job.seconds(5.0)) == (
        "supervised",
        False,
        (),
        None,
        5.0,
    )


def test_a_recipe_is_flat_and_what_is_not_chosen_yet_is_auto():
    body = {
        "id": "ftjob-1",
        "status": "running",
        "model": "o4-mini",
        "method": {
            "type": "reinforcement",
            "reinforcement": {"grader": {"type": "python"}, "hyperparameters": {"eval_interval": 5}},
        },
        "hyperparameters": {"n_epochs": -1, "batch_size": 4},
        "trainingType": "globalStandard",
    }
    assert job_of(body).recipe == {
        "model": "o4-mini",
        "method": "reinforcement",
        "training type": "globalStandard",
        "eval_interval": 5,
        "n_epochs": "auto",
        "batch_size": 4,
        "grader": "#9f7faf6465de",
    }


def test_what_events_tell_of_the_file_and_the_bill():
    events = [{"message": "Created results file: file-1"}, {"message": "Training tokens billed: 7,223,000"}]
    assert (told_file(events), told_bill(events)) == ("file-1", (7_223_000, None))
    assert told_bill([{"message": "Training hours billed: 0.500"}]) == (None, 0.5)
    assert told_bill([{"message": "Training hours billed: soon"}]) == (None, None)
    assert told_file([]) == ""


def test_only_what_differs_is_compared():
    runs = [
        run_of(str(n), EMPTY, job_of({"id": "j", "model": "m", "hyperparameters": {"n_epochs": n}})) for n in (1, 2)
    ]
    assert differing(runs) == [("n_epochs", [1, 2])]
    assert differing([runs[0], runs[0]]) == []
    assert differing([runs[0], run_of("file", EMPTY)]) == []
    assert differing([*runs, run_of("file", EMPTY)]) == [("n_epochs", [1, 2, None])]


def test_a_job_without_checkpoints_serves_its_model_or_nothing_yet():
    done = job_of({"id": "j", "status": "succeeded", "fine_tuned_model": "m.ft-1"})
    assert (run_of("a", EMPTY, done).choice.step, run_of("a", EMPTY, done).choice.model) == (60, "m.ft-1")
    assert run_of("a", EMPTY, job_of({"id": "j", "status": "running"})).choice is None


def test_what_a_grader_or_a_tool_holds_is_compared_and_never_shown():
    def job(key):
        tools = [{"name": "desk", "server_url": "https://x", "headers": {"Authorization": key}}]
        method = {
            "type": "reinforcement",
            "reinforcement": {"tools": tools, "grader": {"type": "python", "source": key}},
        }
        return run_of("a", REWARD, job_of({"id": "j", "method": method}))

    runs = [job("s3cret"), job("0ther")]
    assert [name for name, _ in differing(runs)] == ["tools", "grader"]
    now = datetime(2026, 6, 1, tzinfo=UTC)
    shown = [
        compared_text(runs, Look(), 0),
        results_html(runs, now),
        str(results_json(runs, 0)),
        results_markdown(runs, 0),
    ]
    assert all("s3cret" not in text and "0ther" not in text for text in shown)


def rows(*losses, full=()):
    """A file with these training losses, one a step, and full validation losses every twentieth."""
    lines = [f"{n},{loss},{full[n // 20 - 1] if full and n % 20 == 0 else ''}" for n, loss in enumerate(losses, 1)]
    return read("\n".join(["step,train_loss,full_valid_loss", *lines]).encode())


def test_nothing_from_after_a_divergence_is_served():
    """Its validation loss may be the lowest: it is of equals, or was measured on data that is easy."""
    table = rows(*[3 - n / 20 for n in range(40)], *[1 + n / 5 for n in range(20)], full=(0.9, 0.8, 0.7))
    run = run_of("x", table, checkpoints=tuple(kept()))
    assert run.verdict.outcome == "diverging"
    assert (run.choice.step, run.choice.model, run.choice.value) == (40, "m40", 0.8)


def test_a_model_of_no_numbers_is_never_the_one_to_serve():
    broken = rows(*[2.0] * 50, *[float("nan")] * 10)
    run = run_of("x", broken, checkpoints=tuple(kept()))
    assert run.choice.step == 40
    assert run.choice.why.startswith("the last one from before it diverged, since")
    saved = run_of("x", broken)
    assert saved.choice is None
    told = results_markdown([saved], 0.0)
    assert "Nothing to serve: no checkpoint from before it diverged, at step 50, is kept." in told
