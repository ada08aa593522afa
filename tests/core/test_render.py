"""What plans, problems, reports and states look like: whole outputs, kept as golden files."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.codes import CODES
from ftctl.core.diff import FieldChange
from ftctl.core.errors import Problem, Severity, Where
from ftctl.core.estimate import Estimate, Span
from ftctl.core.events import Outcome, Report, Result
from ftctl.core.model import Address, ChangeClass, Health, Home, Live, Mode, Unknown, Unreadable
from ftctl.core.steps import Op
from ftctl.render import codes, findings
from ftctl.render import json as machine
from ftctl.render.events import event_lines
from ftctl.render.look import Look, clean, duration, width_of
from ftctl.render.problems import problems_text
from ftctl.render.report import report_text
from ftctl.render.status import status_json, status_text
from ftctl.render.text import plan_text
from ftctl.render.values import exact, pair, shown
from ftctl.render.verbs import summary

GOLDEN = Path(__file__).parent.parent / "cli" / "golden"
HOME = Home("support-tone", "5f0c1a2b-0000-4000-8000-000000000001", "rg-finetune")
WIDE, ASCII, COLOUR = Look(), Look(unicode=False), Look(colour=True)
SHA = "90f2b01a5c77" + "ab" * 26
ACCOUNT = (
    f"/subscriptions/{HOME.subscription}/resourceGroups/rg-finetune/providers/Microsoft.CognitiveServices/accounts/aoai"
)


def golden(name, text):
    """Compare with the kept file; FTCTL_GOLDEN=write keeps what is there now."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("FTCTL_GOLDEN") == "write":
        path.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == path.read_text(encoding="utf-8")


def at(kind, name):
    return Address(kind, name)


def live(kind, name, **more):
    return Live(kind, key=f"{kind}-{name}", id=more.pop("id", f"id-{name}"), name=name, fields={}, **more)


PROD, JOB = at("deployment", "tone-prod"), at("job", "tone")
CREATED = Change(
    at("account", "main"),
    Action.CREATE,
    Reason.MISSING,
    ChangeClass.NEW,
    name="aoai-finetune21",
    after={"location": "swedencentral", "localAuth": False, "tags": {"team": "support"}, "network": None},
    affects=(at("roleAssignment", "engineers"), at("dataset", "train"), JOB, PROD, at("deployment", "tone-test")),
)
ROLE = Change(
    at("roleAssignment", "engineers"),
    Action.CREATE,
    Reason.MISSING,
    ChangeClass.NEW,
    name="Cognitive Services OpenAI Contributor for ml-engineers",
    after={"role": "a001fd3d-188f-4b5d-821b-7da978bf7442", "scope": Unknown(at("account", "main"), "id")},
)
ESTIMATE = Estimate(
    Span(41.2, 55.0),
    once=Span.of(17_166_667),
    epochs=Span(4, 5),
    tokens=Span(68_666_667, 91_666_667),
    price="0.6 USD per 1M tokens (community table, 2026-02, not verified)",
    notes=("Azure chooses the epochs",),
    seconds=Span(7_200, 14_400),
    earlier=2,
)
TRAINED = Change(
    JOB,
    Action.CREATE,
    Reason.NEW_RECIPE,
    ChangeClass.TRAIN,
    name="tone-f94b-9f9b129f1815",
    fields=(FieldChange("n_epochs", 3, 4), FieldChange("training", SHA, "0e9ff91eea11" + "cd" * 26)),
    after={"n_epochs": 4},
    affects=(PROD,),
    estimate=ESTIMATE,
)
REPOINTED = Change(
    PROD,
    Action.UPDATE,
    Reason.DIFFERS,
    ChangeClass.REPOINT,
    name="tone-prod",
    fields=(FieldChange("model", "gpt-4.1-mini-2025-04-14.ft-1a2b-tone", Unknown(JOB, "model")),),
    before={"model": "gpt-4.1-mini-2025-04-14.ft-1a2b-tone"},
    after={"model": Unknown(JOB, "model")},
    because=("job/tone comes first",),
    needs=(JOB,),
)
DRIFTED = Change(
    at("deployment", "tone-test"),
    Action.UPDATE,
    Reason.DRIFTED,
    ChangeClass.IN_PLACE,
    fields=(FieldChange("capacity", 80, 50), FieldChange("tags.team", None, "support")),
)
REPLACED = Change(
    at("deployment", "old"),
    Action.REPLACE,
    Reason.DIFFERS,
    ChangeClass.INTERRUPTS,
    fields=(FieldChange("sku", "Standard", "GlobalStandard", forces=True),),
)
DELETED = Change(
    at("deployment", "unused"),
    Action.DELETE,
    Reason.UNDECLARED,
    ChangeClass.INTERRUPTS,
    before={"sku": "Standard"},
    live=live("deployment", "unused", id=f"{ACCOUNT}/deployments/unused"),
)
WAITING = Change(at("dataset", "train"), Action.WAIT, Reason.IN_PROGRESS, because=("the service is checking it",))
ADOPTED = Change(at("account", "other"), Action.ADOPT, Reason.ADOPTED, ChangeClass.METADATA, name="aoai-other")
FOREIGN = Problem(
    "FT3001",
    "account/third exists already as aoai-third, and it carries no stack's mark",
    Where("specs/none.yaml", 12, 3),
    fix="Take it over with `--adopt account/third`, or declare another name.",
)
BLOCKED = Change(at("account", "third"), Action.BLOCKED, Reason.FOREIGN, name="aoai-third", problem=FOREIGN)
KEPT = Change(at("account", "kept"), Action.NOOP, Reason.AS_DECLARED, live=live("account", "aoai-kept"))
EVERYTHING = (CREATED, ROLE, WAITING, ADOPTED, BLOCKED, TRAINED, REPOINTED, DRIFTED, REPLACED, DELETED, KEPT)


def a_plan(*changes, mode=Mode.NORMAL):
    return Plan(HOME, mode, changes, tuple(change.problem for change in changes if change.problem))


def test_a_plan_with_every_action():
    golden("plan-everything", plan_text(a_plan(*EVERYTHING), WIDE))


def test_the_same_plan_in_ascii():
    text = plan_text(a_plan(*EVERYTHING), ASCII)
    assert text.isascii()
    golden("plan-everything-ascii", text)


def test_a_plan_fits_its_width_but_for_the_frozen_sentence_and_what_cannot_be_broken():
    first, *others, last = plan_text(a_plan(*EVERYTHING), WIDE).splitlines()
    assert first == last
    for line in others:
        assert width_of(line) <= 80, line


@pytest.mark.parametrize("mode", Mode)
def test_a_plan_with_nothing_to_do_is_one_sentence(mode):
    text = plan_text(a_plan(*(() if mode is Mode.DESTROY else (KEPT,)), mode=mode), WIDE)
    golden(f"plan-nothing-{mode}", text)
    assert "\n" not in text


def test_a_plan_that_could_not_see_everything_does_not_claim_that_nothing_is_to_do():
    plan = Plan(HOME, Mode.NORMAL, (KEPT,), (Problem("FT2005", "the jobs cannot be read"),))
    assert "nothing to do" not in plan_text(plan, WIDE)


def test_the_first_sentence_is_frozen():
    line = "Plan: 1 to train, 1 to re-point, 2 interrupt serving, 1 to delete, 2 to create, 1 to update, 1 to replace"
    assert summary(EVERYTHING) == f"{line}, 1 to adopt, 1 to wait for, 1 blocked."
    assert summary([KEPT]) == "Plan: 0 to train, 0 to re-point, 0 interrupt serving, 0 to delete."
    said = plan_text(a_plan(*EVERYTHING), WIDE).splitlines()[0]
    assert said == summary(EVERYTHING).replace("1 to train", "1 to train (≈ 41–55 USD, 2–4 h)")
    assert plan_text(a_plan(REPOINTED), WIDE).splitlines()[0] == summary([REPOINTED])
    assert plan_text(a_plan(REPOINTED), WIDE).count("Plan: ") == 1  # once on a screen


def test_red_is_for_what_destroys_alone():
    def red(change):
        return "\x1b[1;31m" in plan_text(a_plan(change), COLOUR)

    assert [change for change in EVERYTHING if red(change)] == [REPLACED, DELETED]


def test_colour_changes_no_character():
    text = plan_text(a_plan(*EVERYTHING), COLOUR)
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert stripped == plan_text(a_plan(*EVERYTHING), WIDE)
    assert stripped != text


def test_what_azure_says_cannot_steer_a_terminal():
    evil = Change(at("deployment", "x"), Action.WAIT, Reason.IN_PROGRESS, name="a\x1b[2Jb", because=("\x1b]0;t\x07",))
    assert "\x1b" not in plan_text(a_plan(evil), WIDE)
    assert clean("a\x1bb\x9b\u202ec\n") == "a\\x1bb\\x9b\\x202ec\n"


# --- values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "(none)"),
        (True, "true"),
        (3, "3"),
        ("3", '"3"'),
        ("true", '"true"'),
        ("", '""'),
        (" x", '" x"'),
        ("Global Standard", "Global Standard"),
        (Unknown(JOB, "model"), "(known after job/tone)"),
        (Unreadable.UNREADABLE, "(not readable)"),
        ([1, "a", {"k": None}], "[1, a, {k: (none)}]"),
    ],
)
def test_a_value_cannot_be_taken_for_another(value, text):
    assert exact(value) == text


def test_ids_and_hashes_are_short():
    assert shown(SHA, WIDE) == "90f2b01a5c77…"
    assert shown("a001fd3d-188f-4b5d-821b-7da978bf7442", WIDE) == "a001fd3d…"
    assert shown("00000000-0000-4000-8000-000000009001", WIDE) == "…000000009001"
    assert shown(f"{ACCOUNT}/deployments/tone", WIDE) == "…/deployments/tone"


@pytest.mark.parametrize(
    ("before", "after"),
    [(SHA, SHA[:-1] + "0"), ("a" * 150 + "1" + "b" * 150, "a" * 150 + "2" + "b" * 150), (f"{ACCOUNT}/a", "/x/a")],
)
def test_values_that_differ_look_different(before, after):
    one, other = pair(before, after, WIDE)
    assert one != other


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (1, "1 s"), (59.6, "1 min"), (185, "3 min 5 s"), (7200, "2 h"), (172800, "2 days")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


# --- problems


def test_a_problem_in_a_spec_shows_its_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tone.yaml").write_text("jobs:\n  tone:\n    trianing: train\n", encoding="utf-8")
    problem = Problem(
        "FT1100",
        '"trianing" is no key of a job',
        Where("tone.yaml", 3, 5),
        fix='Did you mean "training"?',
        subject="job/tone",
        correlation="5f0c1a2b-aaaa",
    )
    warning = Problem("FT1305", "the file is empty", Where("a.jsonl", 1), severity=Severity.WARNING)
    golden("problems", problems_text([problem, warning, FOREIGN], WIDE))
    golden("problems-ascii", problems_text([problem, warning, FOREIGN], ASCII))


def test_a_row_of_training_data_is_never_quoted(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text('{"private": "Erika"}\n', encoding="utf-8")
    assert "Erika" not in problems_text([Problem("FT1310", "no JSON", Where(str(path), 1, 3))], WIDE)


@pytest.mark.parametrize(
    "line", ["url: https://x/y?sv=1&sig=SECRET", "client_secret: SECRET", "apiKey: 'SECRET'", "x?token=SECRET"]
)
def test_a_secret_in_a_spec_is_not_quoted(tmp_path, line):
    path = tmp_path / "s.yaml"
    path.write_text(line, encoding="utf-8")
    text = problems_text([Problem("FT1100", "wrong", Where(str(path), 1, 1))], WIDE)
    assert "SECRET" not in text
    assert "******" in text


def test_the_mark_stands_below_the_place_in_a_long_or_wide_line(tmp_path):
    path = tmp_path / "s.yaml"
    for line, word in [(f"{'a' * 200} WORD {'b' * 200}", "WORD"), ("name: 日本語 WORD", "WORD"), ("\tWORD: 1", "WORD")]:
        path.write_text(line, encoding="utf-8")
        text = problems_text([Problem("FT1100", "x", Where(str(path), 1, line.index(word) + 1))], WIDE, hint=False)
        source, mark = next((a, b) for a, b in zip(text.split("\n"), text.split("\n")[1:], strict=False) if "^" in b)
        before = source[: source.index(word)]
        assert width_of(before) == width_of(mark[: mark.index("^")])
        assert mark.count("^") == len(word)
        assert width_of(source) <= 80


@pytest.mark.parametrize("where", [Where("no/such.yaml", 1, 1), Where("/", 1), Where(__file__, 99999)])
def test_a_place_that_cannot_be_read_is_still_told(where):
    assert str(where) in problems_text([Problem("FT1100", "x", where)], WIDE)


def test_every_code_has_a_page():
    for name, code in CODES.items():
        text = codes.page(name, code, WIDE)
        assert code.title.split()[0] in text
        assert all(width_of(line) <= 80 for line in text.splitlines())
        assert name in codes.index(CODES, WIDE)


# --- reports


def outcome(address, op, result, text="", **more):
    return Outcome(address, op, result, text, **more)


FAILURE = Problem("FT3201", "training failed: the data has too few examples", subject="job/b")
REPORT = Report(
    (
        outcome(at("account", "main"), Op.CREATE, Result.DONE, "aoai", seconds=32.4),
        outcome(PROD, Op.UPDATE, Result.DONE, seconds=0.2, answers="A ZZ plant.\x1b[2J"),
        outcome(at("job", "b"), Op.CREATE, Result.FAILED, "x", problem=FAILURE, seconds=3725),
        outcome(JOB, Op.CREATE, Result.PENDING, "running: step 12 of 40"),
        outcome(at("deployment", "b"), Op.CREATE, Result.NOT_ATTEMPTED, "waits for job/b"),
        outcome(at("dataset", "x"), Op.WAIT, Result.NOT_ATTEMPTED),
    ),
    seconds=3757,
)


def test_a_report_of_everything():
    golden("report-everything", report_text("support-tone", REPORT, WIDE, resume="ftctl apply specs -e prod"))
    assert report_text("support-tone", REPORT, ASCII, resume="ftctl apply").isascii()


def test_a_report_of_success_is_short():
    report = Report(REPORT.outcomes[:2], seconds=33)
    golden("report-done", report_text("support-tone", report, WIDE, resume="ftctl apply"))


def test_an_interrupted_report_says_how_to_go_on():
    report = Report(REPORT.outcomes[3:5], interrupted=True, seconds=3)
    golden("report-interrupted", report_text("support-tone", report, WIDE, resume="ftctl apply specs"))


# --- machines


def test_a_plan_as_json():
    plan = a_plan(*EVERYTHING)
    text = findings.document(plans=[machine.plan_json(plan)])
    golden("plan-json", text.replace(plan.digest(), "DIGEST"))
    assert json.loads(text)["format_version"] == "1.0"
    (one,) = json.loads(text)["plans"]
    assert one["digest"] == plan.digest()
    actions = {change["address"]: change["actions"] for change in one["changes"]}
    assert actions["deployment/old"] == ["delete", "create"]
    assert actions["account/kept"] == ["no-op"]
    assert not one["applyable"]


def test_a_report_and_a_state_as_json():
    golden("report-json", findings.document(reports=[machine.report_json("support-tone", REPORT)]))
    golden("status-json", findings.document(stacks=[status_json(STATE)]))


def test_problems_for_code_scanning_and_for_github():
    problems = [FOREIGN, Problem("FT1305", "50% empty,\nreally", Where("a:b.yaml"), severity=Severity.WARNING)]
    results = json.loads(findings.sarif(problems))["runs"][0]["results"]
    assert results[0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 12, "startColumn": 3}
    assert [result["level"] for result in results] == ["error", "warning"]
    first, second = findings.github(problems).split("\n")
    assert first.startswith("::error file=specs/none.yaml,line=12,col=3,title=FT3001::account/third exists")
    assert second.startswith("::warning file=a%3Ab.yaml,line=1,col=1,title=FT1305::50%25 empty,%0Areally.")


# --- states

STATE = a_plan(
    Change(
        at("account", "main"),
        Action.NOOP,
        Reason.AS_DECLARED,
        live=live("account", "aoai", outputs={"endpoint": "https://aoai.example/", "key": "never"}),
    ),
    Change(JOB, Action.WAIT, Reason.IN_PROGRESS, live=live("job", "j", health=Health.PENDING, detail="running")),
    Change(
        PROD,
        Action.UPDATE,
        Reason.DRIFTED,
        live=live("deployment", "tone-prod", outputs={"model": "gpt-4.1-mini-2025-04-14.ft-1a2b-tone"}),
    ),
    Change(at("deployment", "new"), Action.CREATE, Reason.MISSING),
    Change(at("deployment", "gone"), Action.DELETE, Reason.UNDECLARED, live=live("deployment", "gone")),
)


def test_a_state():
    golden("status", status_text(STATE, WIDE))
    assert "never" not in findings.document(stacks=[status_json(STATE)])


def test_a_job_event():
    event = {"created_at": 1780000000, "level": "warn", "message": "Step 1:\x1b[2J loss=2"}
    assert event_lines(event, WIDE) == ["2026-05-28 20:26:40  warn: Step 1:\\x1b[2J loss=2"]
