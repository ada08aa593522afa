"""Graders: their measures against worked examples, their formula and Python fenced in, and the API around."""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.local import formula, identity, similarity
from ftctl.local.grading import Grader
from ftctl.local.sandbox import Sandbox
from tests.local import plane
from tests.local.plane import refusal

EQUAL = {"type": "string_check", "input": "{{sample.output_text}}", "reference": "{{item.answer}}", "operation": "eq"}
ITEM = {"answer": "Oslo", "nested": {"deep": 5}}


@pytest.fixture
def client(arm, account):
    with plane.v1(arm, account) as client:
        yield client


def grade(spec, text="Oslo", item=ITEM, **options):
    with Grader(spec, **options) as grader:
        return grader.grade(text, item)


def python(source, text="Oslo", item=ITEM, **options):
    return grade({"type": "python", "source": source}, text, item, **options)


# -- measures ----------------------------------------------------------------------------------------------------------

CAT, MAT = "the cat sat on the mat", "the cat is on the mat"


@pytest.mark.parametrize(
    ("measure", "said", "reference", "score"),
    [
        ("fuzzy_match", "this is a test", "this is a test!", 28 / 29),
        ("fuzzy_match", "kitten", "sitting", 8 / 13),
        ("fuzzy_match", "", "", 1.0),
        ("fuzzy_match", "a", "", 0.0),
        # 1-grams 5 of 6; over one 1 is added to both: 2-grams 4 of 6, 3-grams 2 of 5, 4-grams 1 of 4
        ("bleu", CAT, MAT, (5 / 6 * 4 / 6 * 2 / 5 * 1 / 4) ** 0.25),
        ("bleu", "the cat", MAT, 0.1353352832366127),  # exp(1 - 6/2), every n-gram right
        ("bleu", "dog", "cat", 0.0),
        ("gleu", CAT, MAT, (5 + 3 + 1 + 0) / 18),
        ("gleu", "the cat", MAT, 3 / 18),
        # 5 of 6 both ways in two chunks
        ("meteor", CAT, MAT, 5 / 6 * (1 - 0.5 * (2 / 5) ** 3)),
        ("meteor", "on the mat sat the cat", CAT, 1.0 * (1 - 0.5 * (3 / 6) ** 3)),
        ("meteor", "dog", "cat", 0.0),
        ("rouge_1", CAT, MAT, 5 / 6),
        ("rouge_2", CAT, MAT, 3 / 5),
        ("rouge_3", CAT, MAT, 1 / 4),
        ("rouge_4", CAT, MAT, 0.0),
        ("rouge_5", CAT, CAT, 1.0),
        ("rouge_l", CAT, MAT, 5 / 6),
        ("rouge_l", "police killed the gunman", "police kill the gunman", 3 / 4),
        ("rouge_l", "the gunman kill police", "police kill the gunman", 2 / 4),
    ],
)
def test_measures_by_worked_examples(measure, said, reference, score):
    assert similarity.MEASURES[measure](said, reference) == pytest.approx(score, abs=1e-9)


texts = st.text(alphabet="ab c.", max_size=30)


@given(texts, texts)
def test_measures_stay_within_bounds_and_like_their_own(said, reference):
    for name, measure in similarity.MEASURES.items():
        assert -1e-9 <= measure(said, reference) <= 1 + 1e-9, name
        if name not in ("rouge_2", "rouge_3", "rouge_4", "rouge_5", "meteor"):
            assert measure(said, said) == pytest.approx(1.0), name


@given(texts, texts)
def test_common_subsequence_is_that_of_the_table(one, other):
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
    assert similarity.common(one, other) == table[-1][-1]


# -- formulas ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5 * a + 0.5 * b", 0.75),
        ("min(a, b) ^ 2", 0.25),
        ("max(a, b, 3) - abs(-1)", 2.0),
        ("floor(b + 0.9) + ceil(a) + sqrt(4) + exp(0) + log(1)", 5.0),
        ("-(a) / 2", -0.25),
    ],
)
def test_formula(text, value):
    formula.check(text, {"a", "b"})
    assert formula.evaluate(text, {"a": 0.5, "b": 1.0}) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        "c",
        "a +",
        "",
        "__import__('os')",
        "a.real",
        "a[0]",
        "(lambda: 1)()",
        "[a for a in b]",
        "'x' * 5",
        "a if b else a",
        "a < b",
        "a and b",
        "f'{a}'",
        "min()",
        "abs(a, b)",
        "min(*[a])",
        "max(a, key=b)",
        "(a := 5)",
        "True",
        "1" * 400,
        "(" * 300 + "a" + ")" * 300,
        "-" * 1500 + "a",
        "a" * 3000,
        "a\0",
    ],
)
def test_formula_refuses_what_is_no_arithmetic(text):
    with pytest.raises(formula.FormulaError):
        formula.check(text, {"a", "b"})


@pytest.mark.parametrize(
    "text", ["a / 0", "9 ^ 9 ^ 9 ^ 9", "sqrt(0 - 1)", "log(0)", "exp(1000)", "1e308 * 10", "(0-8) ^ 0.3"]
)
def test_formula_that_cannot_be_computed(text):
    with pytest.raises(formula.FormulaError):
        formula.evaluate(text, {"a": 1.0})


# -- grading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "said", "reward"),
    [
        ("eq", "Oslo", 1),
        ("eq", "oslo", 0),
        ("ne", "oslo", 1),
        ("like", "It is Oslo.", 1),
        ("like", "It is oslo.", 0),
        ("ilike", "It is oslo.", 1),
        ("ilike", "It is Riga.", 0),
    ],
)
def test_string_check(operation, said, reward):
    assert grade(EQUAL | {"operation": operation}, said).reward == reward


def test_templates_reach_into_items_and_json():
    spec = EQUAL | {"input": "{{sample.output_json.a.b}}", "reference": "{{item.nested.deep}}"}
    assert grade(spec, '{"a": {"b": 5}}').reward == 1
    missing = grade(spec, "no json")
    assert (missing.reward, missing.errors) == (0, {"sample_parse_error"})
    assert grade(EQUAL, item={}).errors == {"invalid_variable_error"}


def test_scoring_model_is_played_by_word_overlap():
    spec = {
        "type": "score_model",
        "model": "gpt-4o-2024-08-06",
        "range": [0, 10],
        "input": [{"role": "user", "content": "Reference: {{item.answer}}. Answer: {{sample.output_text}}"}],
    }
    assert grade(spec, "Oslo").reward == 10
    assert grade(spec, "Oslo Riga").reward == 5
    assert grade(spec, "Riga").reward == 0
    assert grade(spec, "").reward == 0
    assert grade(spec, "Oslo").tokens == {"gpt-4o-2024-08-06": pytest.approx(7, abs=2)}


def test_multi_puts_grades_together():
    spec = {
        "type": "multi",
        "graders": {
            "exact": EQUAL,
            "near": {"type": "text_similarity", "input": "{{sample.output_text}}", "reference": "{{item.answer}}"}
            | {"evaluation_metric": "fuzzy_match"},
            "code": {"type": "python", "source": "def grade(sample, item): return len(sample['output_text'])"},
        },
        "calculate_output": "0.5 * exact + 0.5 * near + code",
    }
    found = grade(spec, "Osl")
    assert found.subs == {"exact": 0, "near": pytest.approx(6 / 7), "code": 3}
    assert found.reward == pytest.approx(3 / 7 + 3)
    assert grade(spec | {"calculate_output": "1 / exact"}, "Osl").errors == {"formula_parse_error"}


def test_many_python_graders_in_one_and_many_of_those_at_once():
    code = {"type": "python", "source": "def grade(sample, item): return 1"}
    names = [f"g{n}" for n in range(10)]
    spec = {"type": "multi", "graders": dict.fromkeys(names, code), "calculate_output": " + ".join(names)}
    with ThreadPoolExecutor(4) as pool:
        assert [one.reward for one in pool.map(lambda _: grade(spec), range(4))] == [10] * 4


# -- python ------------------------------------------------------------------------------------------------------------


def test_python_gets_sample_and_item():
    source = "import json, re\ndef grade(sample, item):\n  return sample['output_json']['x'] + item['nested']['deep']"
    assert python(source, '{"x": 2}').reward == 7


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def grade(sample, item): return 1 / 0", "ZeroDivisionError"),
        ("def grade(sample, item): return 'high'", "no number"),
        ("def grade(sample, item): return True", "no number"),
        ("def grade(sample, item): return float('nan')", "no number"),
        ("def grade(sample, item): return None", "no number"),
        ("def grade(sample): return 1", "TypeError"),
        ("def other(sample, item): return 1", "no function grade"),
        ("def grade(sample, item) return 1", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("def grade(sample, item): raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import not_there", "ModuleNotFoundError"),
        ("x = [0] * (1 << 40)", "MemoryError"),
        ("def grade(sample, item): return bytearray(3 << 30)", "MemoryError"),
    ],
)
def test_python_that_fails_is_told_and_gives_nothing(source, told):
    found = python(source)
    assert (found.reward, found.errors) == (0, {"python_grader_runtime_error"})
    assert told in found.details


def test_python_is_fenced_in(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden")
    attempts = {
        "network": "import socket; socket.create_connection(('127.0.0.1', 9), 1)",
        "names": "import socket; socket.getaddrinfo('localhost', 80)",
        "process": "import subprocess; subprocess.run(['true'])",
        "shell": "import os; os.system('true')",
        "fork": "import os; os.fork()",
        "foreign": "import ctypes; ctypes.CDLL(None)",
        "reading": f"open({str(secret)!r}).read()",
        "writing": f"open({str(tmp_path / 'x')!r}, 'w')",
        "removing": f"import os; os.remove({str(secret)!r})",
        "environment": "import os; raise ValueError(sorted(os.environ))",
    }
    for name, attempt in attempts.items():
        found = python(f"def grade(sample, item):\n  {attempt}\n  return 1.0")
        assert found.reward == 0, name
        if name == "environment":
            assert not re.search(r"PATH|KEY|SECRET|TOKEN|AZURE", found.details)
        else:
            assert re.search("not allowed|outside of|ImportError", found.details), (name, found.details)
    assert secret.read_text() == "hidden"
    own = "def grade(sample, item):\n  open('mine', 'w').write('12')\n  return float(open('mine').read())"
    assert python(own).reward == 12


def test_python_that_takes_too_long_is_ended_with_all_it_started():
    with Sandbox("import time\ndef grade(sample, item): time.sleep(60)", seconds=0.3) as box:
        box.load()
        child = box._child.pid
        answer = box.grade({}, {})
        assert (answer.reward, answer.served) == (None, False)
        assert "longer than 0.3 seconds" in answer.trouble
        assert box.grade({}, {}).trouble == answer.trouble  # not asked again
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_python_that_talks_out_of_turn_or_ends_is_given_up():
    loud = (
        "import os, sys\nfor n in range(3, 60):\n  try: os.write(n, b'x' * 70000)\n"
        "  except OSError: pass\ndef grade(s, i): return 1"
    )
    assert python(loud).reward == 0
    assert python("print('hello')\ndef grade(s, i): print('x' * 100000); return 1").reward == 1
    assert python("import os\ndef grade(s, i): os._exit(0)").errors == {"python_grader_server_error"}


def test_sandbox_starts_anew_as_long_as_patience_lasts():
    source = "import os\nn = 0\ndef grade(s, i):\n  if i.get('die'): os._exit(1)\n  return 1.0"
    with Sandbox(source, patience=2) as box:
        assert [box.grade({}, item).reward for item in ({}, {"die": 1}, {}, {"die": 1}, {})] == [1, None, 1, None, None]
        assert box._folder is None


# -- the API -----------------------------------------------------------------------------------------------------------


def run(client, grader, sample="Oslo", item=ITEM):
    return client.fine_tuning.alpha.graders.run(grader=grader, model_sample=sample, item=item)


def test_run_answers_by_the_schema(client):
    found = run(client, EQUAL | {"name": "exact"})
    body = found.model_dump(exclude_unset=True, by_alias=True)
    assert body.keys() == {"reward", "metadata", "sub_rewards", "model_grader_token_usage_per_model"}
    assert body["reward"] == 1.0
    told = body["metadata"]
    assert (told["name"], told["type"], told["token_usage"], told["scores"]) == ("exact", "string_check", None, {})
    assert told["execution_time"] >= 0
    assert len(told["errors"]) == 14
    assert not any(told["errors"].values())


def test_run_of_python_tells_its_errors(client):
    found = run(client, {"type": "python", "name": "p", "source": "def grade(sample, item): return item['none']"})
    assert found.reward == 0
    assert found.metadata.errors.python_grader_runtime_error
    assert "KeyError" in found.metadata.errors.python_grader_runtime_error_details


def test_validate_gives_the_grader_back(client):
    for grader in (
        EQUAL | {"name": "x"},
        {"type": "python", "name": "p", "source": "def grade(sample, item): return 1"},
    ):
        found = client.fine_tuning.alpha.graders.validate(grader=grader)
        assert found.grader.model_dump(exclude_unset=True) == grader


@pytest.mark.parametrize(
    ("grader", "param", "told"),
    [
        (None, "grader", "must be an object"),
        ({"type": "magic"}, "grader.type", "must be one of"),
        ({"type": ["multi"]}, "grader.type", "must be one of"),
        ({"type": "endpoint", "url": "https://example.org"}, "grader.type", "not emulate"),
        (EQUAL | {"operation": "is"}, "grader.operation", "must be one of"),
        (EQUAL | {"reference": 5}, "grader.reference", "must be a string"),
        (EQUAL | {"colour": "red"}, "grader.colour", "no property"),
        (EQUAL | {"input": "{{ sample.output_text }}"}, "grader.input", "without blanks"),
        (EQUAL | {"reference": "{{item.list[0]}}"}, "grader.reference", "indexing"),
        (EQUAL | {"reference": "{{other.x}}"}, "grader.reference", "is invalid"),
        (EQUAL | {"input": "{{sample.text}}"}, "grader.input", "no 'text'"),
        (
            {"type": "text_similarity", "input": "a", "reference": "b", "evaluation_metric": ["bleu"]},
            "grader.evaluation_metric",
            "must be one of",
        ),
        (
            {"type": "text_similarity", "input": "a", "reference": "b", "evaluation_metric": "cosine"},
            "grader.evaluation_metric",
            "must be one of",
        ),
        ({"type": "score_model", "model": "gpt-9", "input": []}, "grader.model", "must be one of"),
        ({"type": "score_model", "model": "gpt-4o-2024-08-06", "input": "x"}, "grader.input", "list of messages"),
        (
            {"type": "score_model", "model": "gpt-4o-2024-08-06", "input": [{"role": "user", "content": "x"}]}
            | {"range": [1, 0]},
            "grader.range",
            "lesser first",
        ),
        ({"type": "python", "source": ""}, "grader.source", "required"),
        ({"type": "python", "source": "#" * (257 * 1024)}, "grader.source", "more than"),
        ({"type": "python", "source": "def grade(sample, item) return 1"}, "grader.source", "SyntaxError"),
        ({"type": "multi", "graders": [EQUAL], "calculate_output": "a"}, "grader.graders", "object"),
        (
            {"type": "multi", "graders": {"a": EQUAL}, "calculate_output": "b"},
            "grader.calculate_output",
            "no grader 'b'",
        ),
        ({"type": "multi", "graders": {"a": EQUAL}}, "grader.calculate_output", "required"),
        (
            {"type": "multi", "graders": {"a": {"type": "multi"}}, "calculate_output": "a"},
            "grader.graders.a.type",
            "one of",
        ),
    ],
)
def test_what_is_no_grader_is_refused(client, grader, param, told):
    with pytest.raises(Exception, match="400") as caught:
        client.post("/fine_tuning/alpha/graders/validate", cast_to=object, body={"grader": grader})
    assert caught.value.body["param"] == param
    assert told in caught.value.body["message"]


def test_run_needs_its_parts_and_the_right_to_train(client, arm):
    def post(**body):
        return refusal(
            lambda: client.post("/fine_tuning/alpha/graders/run", cast_to=object, body={"grader": EQUAL} | body)
        )

    assert post()[0] == 400
    assert post(model_sample=5)[0] == 400
    assert post(model_sample="x", item=[])[0] == 400
    assert post(model_sample="x", colour="red")[0] == 400
    reader = arm.as_(identity.FTCTL_READER)
    url = f"{arm.served.url}/cognitiveservices/acc-sub/openai/v1/fine_tuning/alpha/graders/run"
    answer = reader.call(
        "POST", url, {"grader": EQUAL, "model_sample": "x"}, audience="https://cognitiveservices.azure.com"
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "PermissionDenied")


def test_microsofts_own_grader_runs(client):
    """The countdown grader of the fine-tuning samples, by its rules: numbers used once, then how near."""
    source = (
        "import json, re\n"
        "def grade(sample, item):\n"
        "  out = sample['output_json']\n"
        "  used = sorted(map(int, re.findall(r'-?\\d+', out['expression'])))\n"
        "  if used != sorted(json.loads(item['nums'])): return 0\n"
        "  return 5 if int(out['result']) == int(item['target']) else 2\n"
    )
    item = {"target": "77", "nums": "[67, 79, 39, 56]"}
    good = json.dumps({"expression": "67 + 79 - 39 - 56", "result": "77"})
    assert run(client, {"type": "python", "name": "c", "source": source}, good, item).reward == 5
