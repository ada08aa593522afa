"""Bad specs, told where and what: a table that reaches every code; then edges between kinds, and the schema."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from jsonschema import Draft202012Validator

from ftctl.catalog import clouds
from ftctl.core.codes import kinds, spec
from ftctl.core.errors import Exit, FtctlError
from ftctl.core.model import Address
from ftctl.kinds.contract import Declaration, Kind, reference
from ftctl.spec import declaration, references, resources, schema, shape, stack
from ftctl.spec.stack import load

ROOT = Path(__file__).parents[2]

CODES = {**spec.CODES, **kinds.CODES}
HEAD = """\
apiVersion: ftctl/v1
stack: demo
azure: {subscription: sub, resourceGroup: rg}
resources: {main: {name: aoai-demo, location: westus}}
"""  # lines 1 to 4


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def one(text: str, name: str = "s.yaml") -> Path:
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return one


def problems(*paths, **options):
    with pytest.raises(FtctlError) as caught:
        load(paths, **options)
    return caught.value.problems


def told(found):
    return [f"{one.code} {one.where.line}:{one.where.column}" if one.where else one.code for one in found]


# --- what is wrong: each body stands below HEAD, so its first line is 5

BAD = {
    # variables
    "unknown-variable": ("datasets: {d: {path: '${x}'}}", ["FT1040 5:22"]),
    "unknown-variable-hides-what-follows-from-it": (
        "datasets: {d: {path: p, resource: '${x}'}}\njobs: {j: {model: m, training: d, seed: '${y}'}}",
        ["FT1040 5:35", "FT1040 6:41"],
    ),
    "circle-of-variables": ("variables: {a: '${b}', b: '<${c}>', c: '${a}'}", ["FT1041 5:16"]),
    "variable-of-itself": ("variables: {a: '${a}'}\ndatasets: {d: {path: '${a}'}}", ["FT1041 5:16"]),
    "expression": ("datasets: {d: {path: '${a.b}'}, e: {path: '${'}}", ["FT1042 5:22", "FT1042 5:43"]),
    "variable-in-key": ("datasets: {'${x}': {path: p}}", ["FT1043 5:12", "FT1106 5:12"]),
    # shape
    "unknown-section": ("dataset: {}", ["FT1100 5:1"]),
    "unknown-keys": (
        "jobs:\n  j:\n    model: m\n    trainning: d\n    hyperparameters: {epochs: 1}",
        ["FT1101 6:3", "FT1100 8:5", "FT1100 9:23"],
    ),
    "unknown-section-of-an-environment": ("environments: {e: {job: {}}, f: {stack: x}}", ["FT1100 5:20"]),
    "environment-within-environment": ("environments: {e: {environments: {}}}", ["FT1100 5:20"]),
    "missing-keys": ("jobs:\n  j: {}", ["FT1101 6:3"]),
    "missing-model": ("datasets: {d: {path: p}}\njobs:\n  j: {training: d}", ["FT1101 7:3"]),
    "list-for-map": ("datasets: [a]", ["FT1102 5:11"]),
    "map-for-list": ("jobs: {j: {model: m, training: {a: b}}}", ["FT1102 5:32"]),
    "nothing-for-map": ("datasets:\n  d:", ["FT1102 6:3"]),
    "number-for-text": ("datasets: {d: {path: 017}}", ["FT1102 5:22"]),
    "yes-for-true": ("resources: {a: {name: aoai-a, location: x, localAuth: yes}}", ["FT1015 5:1"]),
    "list-in-union": ("jobs: {j: {model: m, training: t, seed: [1]}}\ndatasets: {t: {path: p}}", ["FT1102 5:41"]),
    "environments-a-list": ("environments: [prod]", ["FT1102 5:15"]),
    "environment-a-list": ("environments: {prod: []}", ["FT1102 5:22"]),
    "variables-a-list": ("variables: [a]", ["FT1102 5:12"]),
    "variable-a-map": ("variables: {a: {b: c}}", ["FT1101 5:13", "FT1100 5:17"]),
    "unknown-word": ("datasets: {d: {path: p, format: Chat}}", ["FT1103 5:33"]),
    "unknown-word-in-union": (
        "datasets: {t: {path: p}}\njobs: {j: {model: m, training: t, hyperparameters: {n_epochs: atuo}}}",
        ["FT1103 6:63"],
    ),
    "pattern": ("datasets: {t: {path: p}}\njobs: {j: {model: m, training: t, suffix: 'a b'}}", ["FT1104 6:43"]),
    "out-of-range": ("datasets: {t: {path: p}}\njobs: {j: {model: m, training: t, seed: -1}}", ["FT1105 6:41"]),
    "names": ("datasets: {a b: {path: p}}\nvariables: {a-b: 1}", ["FT1106 5:12", "FT1106 6:13"]),
    "point-nought": ("datasets: {t: {path: p}}\njobs: {j: {model: m, training: t, seed: 1.0}}", ["FT1107 6:41"]),
    "escaped-variable-is-no-number": (
        "datasets: {t: {path: p}}\njobs: {j: {model: m, training: t, seed: '$${x}'}}",
        ["FT1102 6:41"],
    ),
    # references and kinds' own rules
    "dataset-in-two-ways": ("datasets: {t: {path: p, fileId: file-1}}", ["FT1253 5:33"]),
    "import-without-hash": ("datasets: {t: {url: 'https://a.example/b'}}", ["FT1259 5:21"]),
    "import-from-nowhere": (f"datasets: {{t: {{url: a/b, sha256: '{'0' * 64}'}}}}", ["FT1260 5:21"]),
    "mark-of-no-file": ("datasets: {t: {fileId: file-1, bom: add}}", ["FT1261 5:37"]),
    "null-of-what-is-not-yet": ("datasets: {t: {path: p, fileId: null, resource: x}}", ["FT1201 5:49"]),
    "dangling": (
        "jobs: {j: {model: m, training: t, validation: u}}\ndatasets: {T2: {path: p}}",
        ["FT1201 5:32", "FT1201 5:47"],
    ),
    "dangling-beside-wrong-shape": ("jobs: {j: {model: 1, training: t}}", ["FT1102 5:19", "FT1201 5:32"]),
    "principal": (
        "roleAssignments:\n  r:\n    role: Cognitive Services OpenAI User\n    principal: {user: u, group: g}",
        ["FT1250 8:16"],
    ),
    "principal-without-type": (
        "roleAssignments:\n  r:\n    role: Reader\n    principal: {id: 5f0c0000-0000-4000-8000-000000000001}",
        ["FT1251 8:21"],
    ),
    "role": ("roleAssignments: {r: {role: Kognitive, principal: {user: u}}}", ["FT1252 5:29"]),
    "dataset-without-data": ("datasets:\n  d: {format: chat}", ["FT1253 6:3"]),
    "model-of-two-forms": ("deployments: {d: {model: {}}}", ["FT1255 5:26"]),
    "model-without-version": ("deployments: {d: {model: {name: gpt-4.1}}}", ["FT1256 5:33"]),
    "gates": (
        (
            "jobs:\n  j:\n    model: m\n    training: t\n    validation: t\n    gates:\n"
            "      - {metric: train_loss}\n      - {metric: full_valid_los, max: 1}\n"
            "      - {metric: full_valid_loss, min: 2, max: 1}\n      - {improvement: {metric: overfit_ratio}}\n"
            "      - {metric: full_valid_loss, max: 1, improvement: {metric: train_loss}}\ndatasets: {t: {path: p}}"
        ),
        ["FT1290 11:9", "FT1291 12:18", "FT1290 13:9", "FT1291 14:32", "FT1290 15:9"],
    ),
    "gates-without-what-they-measure": (
        (
            "jobs:\n  j:\n    model: m\n    training: t\n    gates:\n      - {metric: full_valid_loss, max: 1}\n"
            "      - {metric: overfit_ratio, max: 1}\ndatasets: {t: {path: p}}"
        ),
        ["FT1291 10:18", "FT1291 11:18"],
    ),
    "checkpoint-without-job": (
        'deployments: {d: {model: {name: gpt-4.1, version: "1", checkpoint: best}}}',
        ["FT1292 5:68"],
    ),
    "many-at-once": (
        "datasets: {d: {pth: p, format: 3}, d: {}}\njobs: {j: {training: x}, j k: 7}",
        ["FT1100 5:16", "FT1102 5:32", "FT1015 5:36", "FT1101 6:8", "FT1201 6:22", "FT1106 6:26", "FT1102 6:31"],
    ),
}

WHOLE = {
    "group-without-region": (
        HEAD.replace("resourceGroup: rg", "resourceGroup: {name: g, create: true}"),
        ["FT1258 3:61"],
    ),
    "missing-top": ("stack: demo\n", ["FT1101 1:1", "FT1101 1:1"]),
    "version": (HEAD.replace("v1", "v2"), ["FT1103 1:13"]),
    "stack-name": (HEAD.replace("demo", "Demo", 1), ["FT1104 2:8"]),
    "no-account": (HEAD.partition("resources")[0] + "datasets: {d: {path: p}}\n", ["FT1204 4:12"]),
    "which-account": (
        HEAD.replace("}}\n", "}, other: {name: aoai-other, location: westus}}\n") + "datasets: {d: {path: p}}\n",
        ["FT1203 5:12"],
    ),
    "account-twice": (
        HEAD.replace("}}\n", "}, other: {name: AOAI-demo, location: westus}}\n"),
        ["FT1206 4:70"],
    ),
    "cloud": (HEAD.replace("rg}", "rg, cloud: publc}"), ["FT1103 3:54"]),
    "cloud-profile": (
        HEAD.replace("rg}", "rg, cloud: {arm: x, authority: http://x}}"),
        ["FT1101 3:47", "FT1100 3:55", "FT1104 3:74"],
    ),
    "group": (HEAD.replace("rg}", "{create: yes}}"), ["FT1101 3:28", "FT1102 3:52"]),
    "group-name": (HEAD.replace("rg}", "a/b}"), ["FT1104 3:43"]),
    "broken-yaml": (HEAD + "a: b: c\n", ["FT1005 5:5"]),
    "yaml-that-can-be-read-on": (HEAD + "datasets: {d: {path: p, path: q, pth: r}}\n", ["FT1015 5:25", "FT1100 5:34"]),
}


@pytest.mark.parametrize("name", [*BAD, *WHOLE])
def test_a_bad_spec_is_told_where_and_what(write, name):
    text, expected = WHOLE[name] if name in WHOLE else (HEAD + BAD[name][0] + "\n", BAD[name][1])
    found = problems(write(text))
    assert told(found) == expected
    for one in found:
        assert one.where.path == "s.yaml"
        assert one.what
        assert one.why
        assert one.fix


def test_every_code_is_reached():
    reached = {one.split()[0] for _, expected in [*BAD.values(), *WHOLE.values()] for one in expected}
    # the circle stands below, the others in test_spec
    by_other_tests = {"FT1000", "FT1001", "FT1044", "FT1045", "FT1046", "FT1202", "FT1205"}
    once_data_is_read = {"FT1254", "FT1257", "FT1293"}  # Kind.relate: tests/kinds, tests/flow
    of_yaml = {code for code in CODES if code < "FT1040"}  # test_yaml
    assert reached | by_other_tests | once_data_is_read | of_yaml == set(CODES)
    assert {CODES[code].exit for code in CODES} == {Exit.DATA}


def test_an_error_says_what_would_be_right(write):
    text = (
        HEAD + BAD["many-at-once"][0] + "\ndeployments: {x: {model: {job: jj}, sku: globalstandard, capacity: '1'}}\n"
    )
    found = {f"{one.code} {one.where.line}:{one.where.column}": one for one in problems(write(text))}
    assert 'Did you mean "path"?' in found["FT1100 5:16"].fix
    assert found["FT1100 5:16"].subject == "dataset/d"
    assert 'Did you mean "GlobalStandard"?' in found["FT1103 7:42"].fix
    assert found["FT1102 7:68"].what == 'capacity: text ("1") stands where a whole number belongs'
    assert found["FT1102 7:68"].fix == "Take the quotes off."
    assert 'Did you mean "j"? Declared: j' in found["FT1201 7:32"].fix


def test_a_union_is_told_as_the_branch_that_fits_best(write):
    text = HEAD + "datasets: {t: {path: p}}\njobs: {j: {model: m, training: t, hyperparameters: {batch_size: 0}}}\n"
    (found,) = problems(write(text))
    assert found.what == "hyperparameters.batch_size: 0 is less than 1"
    (cloud,) = problems(write(HEAD.replace("rg}", "rg, cloud: 3}")))
    assert cloud.what == "azure.cloud: a whole number (3) stands where china, local, public, usgov or a map belongs"


def test_a_wrong_value_is_described_and_not_repeated_at_length(write):
    (found,) = problems(write(HEAD + f"datasets: {{d: {{path: p, format: {'x' * 5000}}}}}\n"))
    assert len(found.what) < 120


# --- edges of kinds that there are not yet: lists, unions and circles


class Inner(Declaration, frozen=True):
    of: Annotated[str, reference("step", "One.")]


class StepSpec(Declaration, frozen=True):
    """A step."""

    needs: list[Annotated[str, reference("step", "Several.")]] = []  # noqa: RUF012  msgspec copies it
    after: Annotated[list[str], reference("step", "Several.")] = []  # noqa: RUF012  msgspec copies it
    start: int | Inner | None = None
    by_name: dict[str, Inner] = {}  # noqa: RUF012  msgspec copies it


class StepKind(Kind):
    name, section, Spec, rank = "step", "steps", StepSpec, 9
    wanted = observe = refresh = create = delete = Kind.promised


@pytest.fixture
def steps(monkeypatch):
    known = {"step": StepKind()}
    for module in (declaration, resources, stack):
        monkeypatch.setattr(module, "kinds", lambda: known)
    declaration.declaration.cache_clear()
    check = Draft202012Validator(schema.closed(schema.generate()))
    monkeypatch.setattr(shape, "validator", lambda: check)
    yield
    declaration.declaration.cache_clear()


STEPS = "apiVersion: ftctl/v1\nstack: demo\nazure: {subscription: s, resourceGroup: g}\nsteps:\n"


def test_references_are_found_in_lists_maps_and_unions_in_the_order_of_fields(write, steps):
    text = STEPS + "  a: {byName: {x: {of: f}}, start: {of: e}, after: [d, b], needs: [b, c]}\n"
    text += "".join(f"  {name}: {{}}\n" for name in "bcdef")
    (found,) = load([write(text)])
    assert [named.name for named in found.resource(Address("step", "a")).references] == list("bcdef")
    assert told(problems(write(text.replace("[d, b]", "[d, bb]")))) == ["FT1201 5:56"]
    assert told(problems(write(text.replace("x: {of: f}", "x: {of: ff}")))) == ["FT1201 5:24"]


def test_a_circle_is_spelled_out(write, steps):
    text = STEPS + "  a: {needs: [b]}\n  b: {start: {of: c}}\n  c: {after: [d, a]}\n  d: {needs: [d]}\n"
    large, small = problems(write(text))
    assert told([large, small]) == ["FT1202 7:18", "FT1202 8:15"]
    assert large.what.endswith("step/a → step/b → step/c → step/a")
    assert small.what.endswith("step/d → step/d")


def test_a_long_chain_is_no_circle_and_needs_no_recursion():
    chain = [Address("step", str(number)) for number in range(5_000)]
    edges = {one: [other] for one, other in itertools.pairwise(chain)}
    assert list(references.cycles(edges)) == []


# --- the schema


def test_the_committed_schema_is_what_the_kinds_make():
    committed = (ROOT / "schemas" / schema.NAME).read_text("utf-8")
    assert committed == schema.text(schema.generate()), "run: python -m ftctl.spec.schema"


def test_the_schema_is_a_schema_and_leaves_nothing_open():
    Draft202012Validator.check_schema(schema.load_schema())
    structs = [one for one in schema.load_schema()["$defs"].values() if one.get("type") == "object"]
    assert structs
    assert all(one["additionalProperties"] is False for one in structs)
    assert all("description" in field for one in structs for field in one["properties"].values())


def test_an_editor_accepts_variables_wherever_a_scalar_stands():
    editor = Draft202012Validator(schema.load_schema())
    spec = {
        "apiVersion": "ftctl/v1",
        "stack": "a-${v}",
        "azure": {"subscription": "${v}", "resourceGroup": "${v}", "cloud": "${v}"},
        "resources": {"m": {"name": "x${v}", "location": "${v}", "localAuth": "${v}", "kind": "${v}"}},
        "datasets": {"d": {"path": "${v}"}},
        "jobs": {"j": {"model": "m", "training": "d", "seed": "${v}", "hyperparameters": {"n_epochs": "${v}"}}},
        "deployments": {"d": {"model": {"job": "j"}, "capacity": "${v}"}},
    }
    assert list(editor.iter_errors(spec)) == []
    half = copy.deepcopy(spec)
    half["deployments"]["d"]["capacity"] = "1${v}"
    assert len(list(editor.iter_errors(half))) == 1
    assert list(Draft202012Validator(schema.closed(schema.load_schema())).iter_errors(spec))


def test_a_cloud_profile_has_the_keys_that_the_catalogue_reads():
    fields = {field.encode_name for field in msgspec.structs.fields(declaration.Profile)}
    assert fields == set(clouds._KEYS)


def test_writing_the_schema_says_where(tmp_path):
    said = []
    schema.write(tmp_path, said.append)
    assert (tmp_path / schema.NAME).read_text("utf-8").startswith("{\n")
    assert str(tmp_path) in said[0]
