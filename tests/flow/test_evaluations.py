"""Gates that ask the model: held-out examples, a temporary deployment that never stays, and a mean that decides."""

from __future__ import annotations

import json
from contextlib import suppress
from io import BytesIO
from itertools import pairwise

import pytest

from ftctl.core.errors import Exit, FtctlError, Severity
from ftctl.core.events import Stage
from ftctl.engine.execute import Stop
from ftctl.local.azure import Fault
from ftctl.render.look import Look
from ftctl.render.report import report_text
from ftctl.render.text import plan_text

from .conftest import actions, example, examples, refused
from .ending import assert_converged, patiently
from .test_checkpoints import change, overfitting, wants
from .test_gates import another_recipe, failed, gates, results
from .test_methods import rft, tasks

__all__ = ["overfitting", "rft"]  # fixtures

ANSWER = "Certainly. Please restart it, then tell me what you see."
LIKE = {"type": "string_check", "input": "{{sample.output_text}}", "reference": "{{item.reference}}"}
SECRET = "Velociraptor"


def asks(least: float | None = 0.5, *, most: float | None = None, **more) -> dict:
    bounds = {name: value for name, value in (("min", least), ("max", most)) if value is not None}
    return {"evaluate": {"dataset": "heldout", "grader": LIKE | {"operation": "like"}, **more}, **bounds}


@pytest.fixture
def asking(lab):
    """A stack whose model is asked ten questions that it was not trained on; it answers as it was taught."""
    lab.data("heldout", examples(10, "toaster"))
    lab.spec["datasets"]["heldout"] = {"path": "heldout.jsonl"}
    gates(lab, asks())
    return lab


def routes(lab, name: str) -> list:
    return [call for call in lab.azure.calls if call.route == name]


def chats(lab) -> int:
    return len(routes(lab, "chat.complete_v1"))


def temporary(lab) -> list[str]:
    return [one["name"] for one in lab.stored("deployment") if "--eval-" in one["name"]]


def conditions(report) -> list[dict]:
    (outcome,) = [one for one in report.outcomes if one.address.kind == "gate"]
    return outcome.outputs["conditions"]


def test_the_model_is_asked_and_its_mean_decides(asking):
    lab = asking
    gate = change(lab.plan(), "gate/prod")
    told = "mean score of string_check on 10 of dataset/heldout at least 0.5"
    assert gate.action == "judge"
    asked = "asks a temporary deployment of the model 10 questions, about 460 tokens with their answers"
    assert gate.because == (f"gate: {told}", asked)
    report = lab.apply()
    assert report.exit is Exit.DONE, report
    assert conditions(report) == [{"condition": told, "value": 1.0, "passed": True, "told": f"{told}: it is 1"}]
    assert chats(lab) == 10
    assert temporary(lab) == []
    assert_converged(lab)
    assert lab.apply().exit is Exit.DONE
    assert chats(lab) == 10


def test_a_mean_below_its_bound_deploys_nothing(asking):
    lab = asking
    gates(lab, asks(grader=LIKE | {"operation": "ne"}))
    report = lab.apply()
    assert report.exit is Exit.GATE
    outcome = failed(report)
    assert (str(outcome.address), outcome.problem.code) == ("gate/prod", "FT3230")
    assert "mean score of string_check on 10 of dataset/heldout at least 0.5: it is 0" in outcome.problem.what
    assert outcome.problem.where.line
    assert results(report)["deployment/prod"] == "not attempted"
    assert lab.stored("deployment") == []
    assert actions(lab.plan())["gate/prod"] == "judge"  # nothing serves that could remember it
    assert lab.apply().exit is Exit.GATE
    assert chats(lab) == 20


def test_a_refused_model_leaves_the_old_one_as_it_is(asking):
    lab = asking
    assert lab.apply().exit is Exit.DONE
    before = lab.stored("deployment")
    another_recipe(lab)
    gates(lab, asks(), asks(grader=LIKE | {"operation": "ne", "name": "other"}))
    lab.clock.advance(3600)
    assert lab.apply().exit is Exit.GATE
    assert lab.stored("deployment") == before
    held = change(lab.plan(), "deployment/prod")
    assert [field.path for field in held.fields] == ["model"]
    gates(lab, asks())
    assert lab.apply().exit is Exit.DONE
    assert lab.served_model() != before[0]["properties"]["model"]["name"]
    assert_converged(lab)


def test_bounds_are_no_part_of_what_is_remembered_and_all_else_is(asking, tmp_path):
    lab = asking
    assert lab.apply().exit is Exit.DONE
    serving = lab.stored("deployment")
    gates(lab, asks(1.0))
    assert lab.plan().empty  # it is known already
    gates(lab, asks(None, most=0.9))
    assert actions(lab.plan()) == {"gate/prod": "blocked"}
    assert "at most 0.9: it is 1" in lab.plan().problems[0].what
    assert chats(lab) == 10
    assert lab.stored("deployment") == serving
    (tmp_path / "grade.py").write_text("def grade(sample, item):\n    return 0.75\n")
    changes = [
        lambda: gates(lab, asks(grader={"type": "python", "file": "grade.py"})),
        lambda: (tmp_path / "grade.py").write_text("def grade(sample, item):\n    return 0.5\n"),
        lambda: lab.data("heldout", examples(12, "kettle")),
    ]
    for turn in changes:
        turn()
        assert actions(lab.plan())["gate/prod"] == "judge"
        assert lab.apply().exit in {Exit.DONE, Exit.GATE}
    assert len(lab.jobs()) == 1
    assert temporary(lab) == []


def test_a_changed_evaluation_of_what_serves_is_made_and_then_remembered(asking):
    lab = asking
    assert lab.apply().exit is Exit.DONE
    gates(lab, asks(samples=4))
    assert actions(lab.plan()) == {"gate/prod": "judge"}
    assert lab.apply().exit is Exit.DONE
    assert chats(lab) == 14
    assert_converged(lab)
    gates(lab, asks(), asks(samples=4))  # the first is judged anew: one tag has what the last evaluations found
    assert lab.apply().exit is Exit.DONE
    assert chats(lab) == 24
    assert_converged(lab)


def test_what_is_measured_comes_first_and_spares_the_asking(asking):
    lab = asking
    gates(lab, asks(), {"metric": "full_valid_loss", "max": 0.001})
    assert lab.apply().exit is Exit.GATE
    assert chats(lab) == 0
    assert actions(lab.plan()) == {"gate/prod": "blocked", "deployment/prod": "blocked"}


def test_the_checkpoint_that_would_serve_is_asked(overfitting):
    lab = overfitting
    lab.data("heldout", examples(10, "toaster"))
    lab.spec["datasets"]["heldout"] = {"path": "heldout.jsonl"}
    wants(lab, "best")
    gates(lab, asks(0))
    put: list[str] = []

    def see(request, route):
        if route.name == "arm_deployments.put_deployment":
            put.append(sent(request)["properties"]["model"]["name"])

    lab.azure.faults.append(see)
    assert lab.apply().exit is Exit.DONE
    assert len(put) == 2
    assert put[0] == put[1] == lab.served_model()
    assert ":ckpt-step-" in put[0]
    lab.spec["deployments"]["prod"]["model"]["checkpoint"] = "last"
    gate = change(lab.plan(), "gate/prod")
    assert gate.action == "judge"
    assert lab.apply().exit is Exit.DONE
    assert lab.served_model() == put[-1]
    assert ":ckpt-step-" not in lab.served_model()
    assert_converged(lab)


def test_a_plan_after_the_training_knows_the_model_and_what_is_still_to_be_asked(asking):
    lab = asking
    gates(lab)
    assert lab.apply().exit is Exit.DONE
    serving = lab.served_model()
    another_recipe(lab)
    gates(lab, asks())
    lab.spec["deployments"]["prod"]["model"] = {"name": serving, "version": "1"}
    lab.apply()
    lab.spec["deployments"]["prod"]["model"] = {"job": "tone"}
    before = len(lab.azure.calls)
    plan = lab.plan()
    assert {call.method for call in list(lab.azure.calls)[before:] if call.plane != "entra"} == {"GET"}
    assert actions(plan) == {"gate/prod": "judge", "deployment/prod": "update"}
    assert change(plan, "deployment/prod").after["model"].startswith("gpt-4.1-mini-2025-04-14.ft-")
    assert change(plan, "gate/prod").because[0].startswith("last: step ")
    assert chats(lab) == 0
    assert lab.apply().exit is Exit.DONE
    assert lab.served_model() != serving


# --- what is asked, and how


def sent(request) -> dict:
    """What a request bears; whoever answers it can read it again."""
    raw = request.stream.read(request.length)
    request.stream = BytesIO(raw)
    return json.loads(raw)


def bodies(lab, route: str) -> list[dict]:
    """What the calls of a route were sent from now on."""
    seen: list[dict] = []

    def see(request, asked):
        if asked.name == route:
            seen.append(sent(request))

    lab.azure.faults.append(see)
    return seen


def test_the_questions_are_asked_as_they_stand_and_without_chance(asking):
    lab = asking
    seen = bodies(lab, "chat.complete_v1")
    graded = bodies(lab, "graders.run")
    assert lab.apply().exit is Exit.DONE
    assert all(one["temperature"] == 0 for one in seen)
    assert {tuple(message["role"] for message in one["messages"]) for one in seen} == {("system", "user")}
    asked = {one["messages"][1]["content"] for one in seen}
    assert asked == {f"My toaster number {n} does not start. What now?" for n in range(10)}
    assert {one["item"]["reference"] for one in graded} == {ANSWER}
    assert all(one["item"]["messages"][-1]["role"] == "user" for one in graded)


def test_few_of_many_are_always_the_same(asking):
    lab = asking
    lab.data("heldout", examples(300, "toaster"))
    gates(lab, asks(samples=12))
    seen = bodies(lab, "chat.complete_v1")
    assert lab.apply().exit is Exit.DONE
    another_recipe(lab)
    lab.clock.advance(3600)
    assert lab.apply().exit is Exit.DONE
    asked = [one["messages"][1]["content"] for one in seen]
    assert len(asked) == 24
    assert set(asked[:12]) == set(asked[12:])
    assert len(set(asked)) == 12
    gates(lab, asks())
    assert "on 200 of dataset/heldout" in change(lab.plan(), "gate/prod").because[1]


@pytest.mark.parametrize(
    ("sku", "taken"),
    [("GlobalStandard", "DeveloperTier"), ("Standard", "Standard"), ("DeveloperTier", "DeveloperTier")],
)
def test_the_temporary_deployment_is_small_and_bears_the_mark(asking, sku, taken):
    lab = asking
    lab.spec["deployments"]["prod"]["sku"] = sku
    puts = bodies(lab, "arm_deployments.put_deployment")
    assert lab.apply().exit is Exit.DONE
    first, _ = puts
    assert first["sku"] == {"name": taken, "capacity": 10}
    assert first["tags"]["ftctl-stack"] == "tone"
    assert first["tags"]["ftctl-evaluates"] == "prod"


def test_without_the_developer_tier_the_type_that_serves_is_taken(asking):
    lab = asking
    puts = bodies(lab, "arm_deployments.put_deployment")
    refusal = Fault(status=400, code="InvalidResourceProperties", message="The specified SKU is not supported here.")

    def refuse(request, route):
        named = route.name == "arm_deployments.put_deployment" and sent(request)["sku"]["name"] == "DeveloperTier"
        return refusal if named else None

    lab.azure.faults.append(refuse)
    assert lab.apply().exit is Exit.DONE
    assert [one["sku"]["name"] for one in puts] == ["DeveloperTier", "GlobalStandard", "GlobalStandard"]
    assert temporary(lab) == []


def test_a_reasoning_model_is_asked_without_a_temperature_and_by_reinforcement_items(rft):
    lab = rft
    lab.data("heldout", tasks(10, 90))
    lab.spec["datasets"]["heldout"] = {"path": "heldout.jsonl", "format": "reinforcement"}
    grader = LIKE | {"reference": "{{item.answer}}", "operation": "like"}
    gates(lab, asks(0, grader=grader), {"metric": "full_valid_mean_reward", "min": 0})
    seen = bodies(lab, "chat.complete_v1")
    refusals = {
        "max_tokens": "Unsupported parameter: 'max_tokens' is not supported with this model. Use"
        " 'max_completion_tokens' instead.",
        "temperature": "Unsupported value: 'temperature' does not support 0 with this model.",
    }

    def refuse(request, route):
        if route.name != "chat.complete_v1":
            return None
        found = next((text for name, text in refusals.items() if name in sent(request)), None)
        return Fault(status=400, code="unsupported_parameter", message=found) if found else None

    lab.azure.faults.append(refuse)
    assert lab.apply().exit is Exit.DONE
    assert len(seen) == 12  # two refusals, and then it is known
    assert seen[-1]["max_completion_tokens"] == 2000
    assert_converged(lab)


# --- trouble


def fails(lab, name: str, fault: Fault, *, times: int = 10**6) -> list[str]:
    met: list[str] = []

    def ask(request, route):
        if route.name == name and len(met) < times:
            met.append(request.path)
            return fault
        return None

    lab.azure.faults.append(ask)
    return met


NOT_THERE = Fault(status=404, code="DeploymentNotFound", message="The API deployment does not exist.")
BUSY = Fault(status=429, code="429", message="Please retry.", headers={"retry-after": "40"})
TROUBLES = {
    "late": ("chat.complete_v1", NOT_THERE, 9),
    "busy": ("chat.complete_v1", BUSY, 12),
    "busy grader": ("graders.run", BUSY, 5),
    "faulty": ("chat.complete_v1", Fault(status=500), 2),
    "lost": ("graders.run", Fault("lose"), 2),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_what_passes_is_borne(asking, name):
    lab = asking
    route, fault, times = TROUBLES[name]
    met = fails(lab, route, fault, times=times)
    report = lab.apply()
    assert report.exit is Exit.DONE, report
    assert len(met) == times
    assert conditions(report)[0]["value"] == 1
    assert temporary(lab) == []
    words = [event.text for event in lab.events if event.stage is Stage.PROGRESS]
    assert any("--eval-" in one and "answered" in one for one in words)


def test_a_busy_deployment_is_left_alone_for_as_long_as_it_asks(asking):
    lab = asking
    moments: list[float] = []

    def ask(_request, route):
        if route.name != "chat.complete_v1":
            return None
        moments.append(lab.clock.now().timestamp())
        return BUSY if len(moments) < 4 else None

    lab.azure.faults.append(ask)
    assert lab.apply().exit is Exit.DONE
    assert all(40 <= later - sooner < 90 for sooner, later in pairwise(moments[:4]))


def test_a_deployment_that_never_answers_is_given_up_and_taken_away(asking):
    lab = asking
    fails(lab, "chat.complete_v1", NOT_THERE)
    report = lab.apply()
    outcome = failed(report)
    assert outcome.problem.code == "FT3261"
    assert 20 * 60 < outcome.seconds < 40 * 60
    assert lab.stored("deployment") == []


def test_a_filtered_question_scores_nothing_and_is_counted(asking):
    lab = asking
    gates(lab, asks(0.85))
    filtered = Fault(status=400, code="content_filter", message=f"The prompt about {SECRET} was filtered.")
    fails(lab, "chat.complete_v1", filtered, times=1)
    report = lab.apply()
    assert report.exit is Exit.DONE
    (told,) = conditions(report)
    assert told["value"] == 0.9
    assert told["told"].endswith("it is 0.9, 1 of 10 got no answer")
    gates(lab, asks(0.95))
    assert "1 of 10 got no answer" in lab.plan().problems[0].what


def test_a_grader_that_fails_ends_it_and_says_for_which_lines(asking):
    lab = asking
    source = f"def grade(sample, item):\n    raise ValueError('{SECRET}')\n"
    gates(lab, asks(grader={"type": "python", "source": source}))
    report = lab.apply()
    problem = failed(report).problem
    assert (problem.code, report.exit) == ("FT3262", Exit.PARTIAL)
    assert problem.where.line
    assert problem.fix
    assert (
        "failed for 10 of 10 answers with python_grader_runtime_error: line 1, 2, 3 … of heldout.jsonl" in problem.what
    )
    assert lab.stored("deployment") == []


def test_a_grader_that_the_service_refuses_deploys_nothing(asking):
    lab = asking
    met = bodies(lab, "arm_deployments.put_deployment")
    fails(lab, "graders.validate", Fault(status=400, code="invalidPayload", message="The grader is no good."))
    report = lab.apply()
    assert "The grader is no good." in failed(report).problem.what
    assert met == []


def test_an_answer_that_cannot_be_graded_ends_it_without_the_services_words(asking):
    lab = asking
    fails(lab, "graders.run", Fault(status=400, code="invalidPayload", message=f"No such thing: {SECRET}"))
    problem = failed(lab.apply()).problem
    assert problem.code == "FT3260"
    assert "line 1 of heldout.jsonl could not be graded" in problem.what
    assert SECRET not in str(problem)
    assert lab.stored("deployment") == []


def test_no_row_prompt_or_answer_is_shown(asking):
    lab = asking
    row = example(f"Does the {SECRET} bite?", f"Only {SECRET}s know.")
    lab.data("heldout", [*examples(9, "toaster"), row])
    gates(lab, asks(0.95))
    shown = [plan_text(lab.plan(), Look(width=200))]
    for fault in (None, Fault(status=400, code="invalidPayload", message=f"Bad: {SECRET}")):
        if fault:
            fails(lab, "chat.complete_v1", fault)
        report = lab.apply()
        shown += [report_text("tone", report, Look(width=200), resume=""), str(report), *map(str, lab.events)]
        assert report.exit is not Exit.DONE
    text = "\n".join(shown)
    assert "heldout" in text
    assert SECRET not in text
    assert "toaster" not in text


def test_data_that_changed_since_the_plan_is_not_asked(asking):
    lab = asking

    def change_it(event):
        if event.address and event.address.kind == "job" and event.stage is Stage.DONE:
            lab.data("heldout", examples(10, "fridge"))

    report = lab.apply(emit=change_it)
    assert failed(report).problem.code == "FT3263"
    assert chats(lab) == 0
    assert lab.stored("deployment") == []


# --- interruption


def interrupted(lab, answered: int) -> None:
    """An apply that ends while a temporary deployment is there, after so many answers."""
    stop = Stop()

    def end(event):
        if "--eval-" in event.text and chats(lab) >= answered:
            stop.set()

    report = lab.apply(stop=stop, emit=end)
    assert report.interrupted
    assert len(temporary(lab)) == 1
    (outcome,) = [one for one in report.outcomes if one.address.kind == "gate"]
    assert "--eval-" in outcome.text


@pytest.mark.parametrize("answered", [0, 1, 9])
def test_killed_in_the_middle_the_next_run_finishes_it(asking, answered):
    lab = asking
    interrupted(lab, answered)
    (name,) = temporary(lab)
    plan = lab.plan()
    assert actions(plan) == {"gate/prod": "judge", "deployment/prod": "create"}
    assert change(plan, "gate/prod").because[-1] == f"goes on with {name}, which an earlier run left"
    puts = bodies(lab, "arm_deployments.put_deployment")
    assert lab.apply().exit is Exit.DONE
    assert len(puts) == 1
    assert [one["name"] for one in lab.stored("deployment")] == ["prod"]
    assert_converged(lab)


def test_what_a_killed_run_left_is_removed_where_nothing_asks_it_any_more(asking):
    lab = asking
    interrupted(lab, 1)
    (name,) = temporary(lab)
    gates(lab)
    plan = lab.plan()
    left = change(plan, f"deployment/{name}")
    assert (left.action, left.reason.value, left.change_class.value) == (
        "delete", "was made for a time and is left over", "in place",
    )  # fmt: skip
    assert lab.apply().exit is Exit.DONE
    assert temporary(lab) == []
    assert_converged(lab)


def test_what_a_killed_run_left_of_another_model_is_removed_at_once(asking):
    lab = asking
    interrupted(lab, 1)
    (name,) = temporary(lab)
    another_recipe(lab)
    lab.clock.advance(3600)
    assert actions(lab.plan())[f"deployment/{name}"] == "delete"
    gates(lab, asks(2.0))  # which nothing reaches: it is removed all the same
    report = lab.apply()
    assert report.exit is Exit.GATE
    assert results(report)[f"deployment/{name}"] == "done"
    assert lab.stored("deployment") == []


def test_destroy_takes_what_a_killed_run_left(asking):
    lab = asking
    interrupted(lab, 1)
    assert lab.destroy().exit is Exit.DONE
    assert lab.stored("deployment") == []


def test_a_foreign_thing_of_the_same_name_is_left_alone(asking):
    lab = asking
    interrupted(lab, 1)
    (body,) = lab.stored("deployment")
    lab.azure.store.put("deployment", body["id"], body | {"tags": {"owner": "somebody"}}, parent=body["_account"])
    report = lab.apply()
    assert failed(report).problem.code == "FT3001"
    assert [one["name"] for one in lab.stored("deployment")] == [body["name"]]


def test_what_another_run_found_out_meanwhile_is_taken_and_nothing_stays(asking):
    lab = asking
    assert lab.apply().exit is Exit.DONE
    (before,) = lab.stored("deployment")
    gates(lab, asks(samples=9))
    assert lab.apply().exit is Exit.DONE
    (after,) = lab.stored("deployment")
    lab.azure.store.put("deployment", before["id"], before, parent=before["_account"])

    def other_run(event):
        if "answered" in event.text:
            lab.azure.store.put("deployment", after["id"], after, parent=after["_account"])

    asked = chats(lab)
    assert lab.apply(emit=other_run).exit is Exit.DONE
    assert chats(lab) < asked + 9
    assert temporary(lab) == []
    assert_converged(lab)


def test_cut_at_any_call_of_an_evaluation_the_next_runs_end_the_same(asking):
    lab = asking
    gates(lab)
    lab.apply()
    gates(lab, asks(samples=2))
    puts = bodies(lab, "arm_deployments.put_deployment")
    for at in range(1, 40, 3):
        seen = 0

        def cut(_request, route, at=at):
            nonlocal seen
            seen += not route.name.startswith("entra.")
            return Fault("lose", after=bool(at % 2)) if seen >= at else None

        lab.azure.faults.append(cut)
        with suppress(FtctlError):
            lab.apply()
        lab.azure.faults.remove(cut)
        lab.clock.advance(300)
    patiently(lab)
    assert temporary(lab) == []
    assert puts
    assert len(lab.jobs()) == 1
    assert_converged(lab)


# --- offline


def named(lab) -> tuple[str, str]:
    with pytest.raises(FtctlError) as caught:
        lab.stack()
    (problem,) = [one for one in caught.value.problems if one.severity is Severity.ERROR]
    return problem.code, (lab.folder / "stack.yaml").read_text().splitlines()[problem.where.line - 1].strip()


@pytest.mark.parametrize("way", ["training", "validation", "path", "content"])
def test_data_that_the_job_reads_is_not_held_out(asking, way):
    lab = asking
    if way == "path":
        lab.spec["datasets"]["heldout"] = {"path": "./valid.jsonl"}
    elif way == "content":
        lab.data("heldout", examples())
    else:
        lab.spec["jobs"]["tone"]["gates"][0]["evaluate"]["dataset"] = {"training": "train", "validation": "valid"}[way]
    code, line = named(lab)
    assert code == "FT1420"
    assert line.startswith("dataset: ")


def test_held_out_examples_that_were_trained_on_are_a_warning(asking):
    lab = asking
    lab.data("heldout", [*examples(9, "toaster"), examples(1)[0]])
    (warning,) = [one for one in lab.stack().warnings if one.code == "FT1423"]
    assert "1 example of it stands in dataset/train too, first line 10 (there 1)" in warning.what


def test_data_without_questions_here_is_refused(asking):
    lab = asking
    lab.spec["datasets"]["heldout"] = {"fileId": "file-1"}
    assert named(lab)[0] == "FT1421"
    lab.spec["datasets"]["heldout"] = {"url": "https://a.example/b", "sha256": "0" * 64}
    assert named(lab)[0] == "FT1421"


WRONG = {
    "no bound": (asks(None), "FT1290"),
    "crossed bounds": (asks(0.5, most=0.4), "FT1290"),
    "with a metric": (asks() | {"metric": "full_valid_loss"}, "FT1290"),
    "unknown data": (asks(dataset="heldoud"), "FT1201"),
    "unknown key": (asks(grader=LIKE | {"operation": "eq", "reference": "{{item.answer}}"}), "FT1330"),
    "no template": (asks(grader=LIKE | {"operation": "eq", "input": "{{ sample.output_text }}"}), "FT1329"),
    "no Python": (asks(grader={"type": "python", "source": "def grade("}), "FT1275"),
    "no formula": (
        asks(grader={"type": "multi", "graders": {"a": LIKE | {"operation": "eq"}}, "calculate_output": "a + b"}),
        "FT1277",
    ),
    "endpoint": (asks(grader={"type": "endpoint", "url": "https://grader.example"}), "FT1281"),
    "too few": (asks(samples=0), "FT1105"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_before_anything_is_paid_for(asking, name):
    gate, code = WRONG[name]
    gates(asking, gate)
    assert code in refused(asking.stack)


def test_more_than_are_remembered_are_refused(asking):
    gates(asking, *[asks(samples=number) for number in range(1, 8)])
    code, line = named(asking)
    assert (code, line) == ("FT1422", "dataset: heldout")
