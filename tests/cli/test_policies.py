"""Policies through the command line: the starter set, rules that are wrong, and that nothing passes one unasked."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from ftctl.core.errors import Exit
from ftctl.policies.rules import load
from ftctl.render.formats import FORMATS

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "examples/policies"
SPEC = Path("specs/support-tone.yaml")
GATE = "    gates: [{metric: valid_loss, max: 2}]\n    trainingType: globalStandard\n"
GATED = ("    trainingType: globalStandard\n", GATE)


@pytest.fixture(autouse=True)
def specs(project, monkeypatch):
    monkeypatch.delenv("FTCTL_POLICIES", raising=False)
    shutil.copytree(ROOT / "specs", project / "specs")


def edit(*pairs):
    text = SPEC.read_text("utf-8")
    for before, after in pairs:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    SPEC.write_text(text, encoding="utf-8")


def rule(path="specs/policies/own.yaml", **more):
    """A file with one rule, which no plan breaks unless it is told otherwise."""
    texts = {"name": "own", "require": "true", "message": "it is as we want it"} | more
    body = "".join(f"    {key.rstrip('_')}: {json.dumps(text)}\n" for key, text in texts.items())
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(f"policies:\n  -\n{body}", encoding="utf-8")


def told(said):
    return [(one["code"], one["what"]) for one in json.loads(said.out)["plans"][0]["diagnostics"]]


def planned(ftctl, *words):
    said = ftctl("plan", "-o", "json", *words)
    return said.code, told(said)


# --- the starter set

CASES = {
    "regions": [
        ([("    location: swedencentral\n", "    location: Sweden Central\n")], ""),
        ([("    location: swedencentral\n", "    location: eastus2\n")], "account/main"),
        ([("    location: swedencentral\n", "    location: eastus2\n    manage: reference\n")], ""),
    ],
    "keyless": [
        ([("    localAuth: false ", "    sku: S0 #"), ("    sku: S0\n", "")], ""),
        ([("    localAuth: false ", "    localAuth: true ")], "account/main"),
    ],
    "skus": [
        ([("    sku: GlobalStandard\n", "    sku: DataZoneStandard\n")], ""),
        ([("    sku: GlobalStandard\n", "    sku: ProvisionedManaged\n")], "deployment/tone-prod"),
    ],
    "gate-before-production": [
        ([GATED], ""),
        ([], "deployment/tone-prod"),
        ([("model: {job: tone}", "model: {job: tone, checkpoint: best}")], "deployment/tone-prod"),
        ([("  tone-prod: ", "  tone-try: ")], ""),
        (
            [
                ("model: {job: tone}", 'model: {name: gpt-4.1-mini, version: "2025-04-14"}'),
                ("      system: from-", "#"),
            ],
            "",
        ),
    ],
    "validation-data": [
        ([("    validation: valid ", "    # ")], "job/tone"),
        ([], ""),
    ],
}


@pytest.mark.parametrize(
    ("name", "edits", "broken"),
    [(name, edits, broken) for name, cases in CASES.items() for edits, broken in cases],
    ids=[f"{name}-{number}" for name, cases in CASES.items() for number in range(len(cases))],
)
def test_the_starter_set(ftctl, name, edits, broken):
    edit(*edits)
    said = ftctl("plan", "-o", "json", "--policies", str(STARTER))
    plan = json.loads(said.out)["plans"][0]
    own = [one for one in plan["diagnostics"] if f" breaks the policy {name}: " in one["what"]]
    assert [one["subject"] for one in own] == [broken] * bool(broken)
    assert {one["code"] for one in plan["diagnostics"]} <= {"FT3050", "FT3003", "FT3322"}
    if broken:
        (one,) = own
        assert (said.code, one["where"]["path"], one["severity"]) == (Exit.BLOCKED, str(SPEC), "error")
        assert one["why"].endswith(f"The policy stands at {place(name)}.")
        assert f"policy {name}" in ftctl("validate", "--policies", str(STARTER)).err


def place(name):
    return next(str(one.where) for one in load([STARTER]) if one.name == name)


def test_every_rule_of_the_starter_set_is_tested():
    assert sorted(CASES) == sorted(one.name for one in load([STARTER]))


def test_the_demo_with_a_gate_breaks_none_of_them(ftctl):
    edit(GATED)
    assert planned(ftctl, "--policies", str(STARTER)) == (Exit.DONE, [])
    said = ftctl("validate", "--policies", str(STARTER))
    assert (said.code, ": valid. Stack" in said.out) == (Exit.DONE, True)


# --- where they come from


def test_beside_the_spec_in_the_environment_and_on_the_command_line(ftctl, monkeypatch):
    for name in ("beside", "environment", "command"):
        rule(f"{'specs/policies' if name == 'beside' else name}/own.yaml", name=name, require="false")
    monkeypatch.setenv("FTCTL_POLICIES", "environment")
    code, found = planned(ftctl, "--policies", "command", "--policies", "command/own.yaml")
    names = [what.split("policy ")[1].split(":")[0] for _, what in found]
    assert (code, names) == (Exit.BLOCKED, ["beside", "environment", "command"])


@pytest.mark.parametrize("folder", ["nowhere", "empty"])
@pytest.mark.parametrize("way", ["option", "environment", "beside"])
def test_policies_that_are_not_there_are_no_policies_that_pass(ftctl, monkeypatch, folder, way):
    Path("empty").mkdir()
    words = ["--policies", folder] if way == "option" else []
    if way == "environment":
        monkeypatch.setenv("FTCTL_POLICIES", folder)
    if way == "beside":
        Path("specs/policies").mkdir()
    said = ftctl("plan", *words)
    assert (said.code, "error FT1450" in said.err, said.out) == (Exit.DATA, True, "")


def test_without_the_engine_nothing_is_let_through(ftctl, monkeypatch):
    from ftctl.policies import expressions, rules  # noqa: PLC0415  what they keep is put away

    expressions._environment.cache_clear()
    rules._parsed.cache_clear()
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    assert ftctl("plan").code == Exit.DONE  # nor is it loaded where there are no policies
    rule()
    said = ftctl("plan")
    assert (said.code, "error FT6030" in said.err, said.out) == (Exit.BLOCKED, True, "")


# --- rules that are wrong


def written(*lines, scope="stack"):
    return "\n".join(["policies:", "  - name: a", "    message: m", f"    for: {scope}", *lines])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("policies: []", [("FT1451", "1:1")]),
        ("rules:\n  - name: a", [("FT1451", "1:1")]),
        ("policies: [1]", [("FT1451", "1:12")]),
        ("policies:\n  - {name: a, require: 'true'}", [("FT1451", "2:5")]),
        ("policies:\n  - {name: A b, require: 'true', message: m}", [("FT1451", "2:12")]),
        ("policies:\n  - {name: a, require: true, message: m}", [("FT1451", "2:24")]),
        ("policies:\n  - {name: a, require: 'true', message: m, sevrity: warn}", [("FT1451", "2:44")]),
        ("policies:\n  - {name: a, require: 'true', message: m, severity: error}", [("FT1451", "2:54")]),
        ("policies:\n  - {name: a, require: 'true', message: m, for: gate}", [("FT1451", "2:49")]),
        ("policies:" + "\n  - {name: a, require: 'true', message: m}" * 2, [("FT1453", "3:5")]),
        ("policies:\n  - {name: a, name: b, require: 'true', message: m}", [("FT1015", "2:15")]),
        ("policies: [", [("FT1005", "2:1")]),
        ("", [("FT1016", "1:1")]),
        # expressions
        (written("    require: 1 +"), [("FT1452", "5:17")]),
        (written("    require: stack.name"), []),
        (written("    require: size(declared)"), [("FT1452", "5:14")]),
        (written("    require: resource.sku == ''"), [("FT1452", "5:22")]),
        (written("    require: \"nope == ''\""), [("FT1452", "5:15")]),
        (written("    require: plan.mod == ''"), [("FT1452", "5:19")]),
        (written("    require: 'true'", "    when: 1 == ''"), [("FT1452", "6:13")]),
        (
            written("    require: |", "      true &&", "        resource.trainin == ''", scope="job"),
            [("FT1452", "7:18")],
        ),
        (written("    require: >", "      true &&", "      resource.trainin == ''", scope="job"), [("FT1452", "5:14")]),
        (written("    require: resource.model.jop == null", scope="deployment"), [("FT1452", "5:29")]),
        (written("    require: has(resource.tags.anything)", scope="account"), []),
        (written("    require: name != 'resource.nope' // plan.nope", scope="account"), []),
        (written("    require: change.kind.startsWith('j')", scope="change"), []),
    ],
)
def test_a_rule_that_is_wrong_is_told_at_its_place(ftctl, text, found):
    Path("rules").mkdir()
    Path("rules/own.yaml").write_text(text, encoding="utf-8")
    said = ftctl("validate", "--policies", "rules", "-o", "json")
    problems = [one for one in json.loads(said.out)["problems"] if one["where"]["path"] == "rules/own.yaml"]
    places = [(one["code"], f"{one['where']['line']}:{one['where']['column']}") for one in problems]
    assert places == found
    if found:
        assert (said.code, json.loads(said.out)["valid"]) == (Exit.DATA, False)


def test_a_wrong_field_is_told_with_those_that_there_are(ftctl):
    rule(for_="account", require="!has(resource.locatoin) || false")
    said = ftctl("plan")
    assert (said.code, said.out) == (Exit.DATA, "")
    said = " ".join(said.err.split())
    assert "resource has no field locatoin" in said
    assert 'Did you mean "location"?' in said


def test_what_is_wrong_is_told_once_of_many_stacks(ftctl):
    for name in ("one", "two"):
        text = SPEC.read_text("utf-8").replace("support-tone", f"support-{name}")
        Path(f"specs/{name}.yaml").write_text(text, encoding="utf-8")
    rule(require="nope")
    for words in (["plan"], ["apply", "--auto-approve"], ["validate"]):
        said = ftctl(*words)
        assert (said.code, said.err.count("error FT1452"), said.out) == (Exit.DATA, 1, ""), words


# --- rules that fail


@pytest.mark.parametrize(
    ("require", "what"),
    [
        ("plan.summary.nope > 1 / 0", "FT1452"),
        ("plan.headline", "its value is neither true nor false but string"),
        ("plan.changes[0].before.nope == 1", "null"),
        ("plan.changes.exists(c, c.nope == 1)", 'Key not found in map : "nope"'),
        ("1 / size(plan.problems) == 0", "FT1452"),
        ("1 / (size(plan.changes) - size(declared)) == 0", "divide by zero"),
        ("declared[99].name == ''", "index"),
    ],
)
def test_what_cannot_be_evaluated_is_denied(ftctl, require, what):
    rule(require=require)
    said = ftctl("plan")
    if what == "FT1452":
        assert (said.code, "error FT1452" in said.err) == (Exit.DATA, True)
        return
    assert (said.code, "error FT3052" in said.err) == (Exit.BLOCKED, True)
    assert what in " ".join(said.err.split())
    rule(require="true", when=require)
    assert ftctl("plan").code == Exit.BLOCKED


def test_of_a_spec_that_a_rule_fails_on_no_value_is_told(ftctl):
    edit(("team: support", "team: TOPSECRET"))
    rule(for_="account", require="int(resource.tags.team) == resource.tags.team")
    said = ftctl("plan")
    assert (said.code, "error FT3052" in said.err) == (Exit.BLOCKED, True)
    assert "TOPSECRET" not in said.err


# --- what they are told of


def test_a_warning_lets_it_pass_and_is_told(ftctl):
    rule(for_="job", require="resource.seed == 1", severity="warn", at="seed", why="Seeds matter.", fix="Take 1.")
    said = ftctl("plan", "--out", "plan.json")
    assert (said.code, Path("plan.json").exists()) == (Exit.DONE, True)
    assert "warning FT3051: job/tone breaks the policy own: it is as we want it" in said.err
    assert "why: Seeds matter. The policy stands at specs/policies/own.yaml:2:3." not in said.err  # it is at its map
    assert " ".join(said.err.split()).count("why: Seeds matter. The policy stands at specs/policies/own.yaml:3:5.") == 1
    assert "fix: Take 1." in said.err


@pytest.mark.parametrize("output", [form for form in FORMATS if form != "terraform-json"])
def test_every_form_tells_the_rule_and_the_place(ftctl, output):
    rule(for_="job", require="false", at="seed", name="seeds")
    line = next(n for n, text in enumerate(SPEC.read_text("utf-8").splitlines(), 1) if text.startswith("    seed:"))
    said = ftctl("plan", "-o", output)
    shown = " ".join((said.out + said.err * (output == "text")).split())
    assert said.code == Exit.BLOCKED
    for words in ("FT3050", "breaks the policy seeds", str(line), SPEC.name):
        assert words in shown


def test_of_the_jobs_of_a_sweep_it_is_told_once(ftctl):
    edit(("    seed: 105 ", "    matrix: {seed: [1, 2, 3]}\n    pick: {metric: valid_loss}\n    # "))
    rule(for_="job", require="resource.seed > 2")
    code, found = planned(ftctl)
    assert (code, found) == (Exit.BLOCKED, [("FT3050", "job/tone breaks the policy own: it is as we want it")])


def test_a_rule_sees_the_plan_the_stack_and_all_that_is_declared(ftctl):
    rule(require="plan.summary.train == 1 && plan.estimate.cost.high < 1.0 && plan.stack == stack.name")
    assert planned(ftctl) == (Exit.DONE, [])
    rule(require="stack.environment == 'prod' && stack.cloud == 'local' && stack.path == 'specs/support-tone.yaml'")
    assert planned(ftctl, "-e", "prod") == (Exit.DONE, [])
    assert planned(ftctl)[0] == Exit.BLOCKED
    rule(for_="deployment", require="change.actions == ['create'] && resource.capacity == 80 && name == 'tone-prod'")
    assert planned(ftctl, "--var", "capacity=80") == (Exit.DONE, [])
    rule(require="declared.filter(d, d.kind == 'dataset').map(d, d.resource.format) == ['chat', 'chat']")
    assert planned(ftctl) == (Exit.DONE, [])


# --- nothing passes one unasked


def test_neither_approval_nor_a_plan_file_passes_a_policy(ftctl):
    saved = ftctl("plan", "-o", "json", "--out", "plan.json")
    digest = json.loads(saved.out)["plans"][0]["digest"]
    rule(for_="deployment", require="resource.capacity < 50")
    again = ftctl("plan", "-o", "json")
    assert (again.code, json.loads(again.out)["plans"][0]["digest"]) == (Exit.BLOCKED, digest)
    for words in (["--auto-approve"], ["plan.json"], ["--expect", digest], ["plan.json", "--allow", "many-changes"]):
        said = ftctl("apply", *words)
        assert said.code == (Exit.USAGE if "--allow" in words else Exit.BLOCKED), words
        assert "created" not in said.out
    assert "0 things" in ftctl("destroy", "--auto-approve").out or ftctl("plan").code == Exit.BLOCKED
    shutil.rmtree("specs/policies")
    rule("central/own.yaml", for_="deployment", require="resource.capacity < 50")
    said = ftctl("apply", "plan.json", "--policies", "central")
    assert (said.code, "error FT3050" in said.err) == (Exit.BLOCKED, True)


def test_a_saved_plan_takes_its_policies_along(ftctl):
    rule("central/own.yaml", require="true")
    assert ftctl("plan", "--out", "plan.json", "--policies", "central").code == Exit.DONE
    shutil.rmtree("central")
    said = ftctl("apply", "plan.json")
    assert (said.code, "error FT1450" in said.err) == (Exit.DATA, True)


def test_destroying_is_held_against_the_rules_for_changes(ftctl):
    shutil.rmtree("specs/data")
    SPEC.write_text(SPEC.read_text("utf-8").split("roleAssignments:")[0], encoding="utf-8")
    assert ftctl("apply", "--auto-approve").code == Exit.DONE
    rule("specs/policies/own.yaml", for_="change", require="change.action != 'delete' || change.kind != 'account'")
    rule("specs/policies/other.yaml", name="other", for_="account", require="false")
    said = ftctl("destroy", "--auto-approve")
    assert (said.code, said.err.count("FT3050: ")) == (Exit.BLOCKED, 1)
    assert "account/main breaks the policy own" in said.err
    Path("specs/policies/own.yaml").unlink()
    assert ftctl("destroy", "--auto-approve").code == Exit.DONE
