"""Specs in: stacks out; files and folders, variables, environments, several stacks at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftctl.core.codes import CODES
from ftctl.core.errors import FtctlError
from ftctl.core.model import Address, Home
from ftctl.spec.stack import load

ROOT = Path(__file__).parents[2]

HEAD = """\
apiVersion: ftctl/v1
stack: demo
azure: {subscription: sub, resourceGroup: rg}
resources: {main: {name: aoai-demo, location: westus}}
"""  # lines 1 to 4

FULL = """\
apiVersion: ftctl/v1
stack: support-tone
azure:
  subscription: ${AZURE_SUBSCRIPTION_ID}
  resourceGroup: {name: rg-finetune, create: true, location: swedencentral}
  cloud: local
variables:
  capacity: 50
resources:
  main: {name: aoai-finetune21, location: northcentralus, tags: {team: support}}
roleAssignments:
  engineers: {role: Cognitive Services OpenAI Contributor, principal: {group: ml-engineers}}
  pipeline:
    role: Cognitive Services Usages Reader
    scope: subscription
    principal: {id: 5f0c0000-0000-4000-8000-000000000001, type: ServicePrincipal}
datasets:
  train: {path: data/train.jsonl}
  valid: {path: data/valid.jsonl}
jobs:
  tone:
    model: gpt-4.1-mini-2025-04-14
    training: train
    validation: valid
    hyperparameters: {n_epochs: 3}
deployments:
  tone-prod:
    model: {job: tone}
    capacity: ${capacity}
environments:
  prod: {variables: {capacity: 200}, resources: {main: {tags: {team: null, tier: gold}}}}
  empty:
"""
PROCESS = {"AZURE_SUBSCRIPTION_ID": "00000000-0000-4000-8000-00000000000a"}


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


# --- what is right


def test_a_stack_becomes_typed_resources_with_places_and_edges(write):
    (found,) = load([write(FULL)], process_environment=PROCESS)
    assert found.home == Home("support-tone", PROCESS["AZURE_SUBSCRIPTION_ID"], "rg-finetune")
    assert (found.name, found.path, found.cloud, found.environment) == ("support-tone", Path("s.yaml"), "local", None)
    assert {str(one.address): [str(named) for named in one.references] for one in found.resources} == {
        "resourceGroup/rg-finetune": [],
        "account/main": [],
        "roleAssignment/engineers": ["account/main"],
        "roleAssignment/pipeline": [],
        "dataset/train": ["account/main"],
        "dataset/valid": ["account/main"],
        "job/tone": ["account/main", "dataset/train", "dataset/valid"],
        "deployment/tone-prod": ["account/main", "job/tone"],
    }
    job = found.resource(Address("job", "tone"))
    assert job.spec.hyperparameters.n_epochs == 3
    assert str(job.where) == "s.yaml:21:3"
    assert str(job.place("hyperparameters.n_epochs")) == "s.yaml:25:33"
    assert str(job.place("hyperparameters.batch_size")) == "s.yaml:25:22"
    assert found.document["deployments"]["tone-prod"]["capacity"] == 50
    assert "environments" not in found.document


def test_an_environment_is_merged_deep_and_null_removes(write):
    path = write(FULL)
    (found,) = load([path], environment="prod", process_environment=PROCESS)
    assert found.environment == "prod"
    assert found.resource(Address("deployment", "tone-prod")).spec.capacity == 200
    account = found.resource(Address("account", "main"))
    assert account.spec.tags == {"tier": "gold"}
    assert account.spec.location == "northcentralus"
    assert str(account.place("tags.tier")) == "s.yaml:31:82"
    (same,) = load([path], environment="empty", process_environment=PROCESS)
    assert same.resource(Address("deployment", "tone-prod")).spec.capacity == 50


def test_an_existing_group_is_no_resource(write):
    (found,) = load([write(HEAD.replace("rg}", "{name: rg-there}}"))])
    assert found.home.group == "rg-there"
    assert [str(one.address) for one in found.resources] == ["account/main"]


def test_a_named_account_is_taken_instead_of_the_implied_one(write):
    body = HEAD.replace("}}\n", "}, other: {name: aoai-other, location: westus}}\n")
    body += "datasets: {d: {path: x, resource: other}}\n"
    (found,) = load([write(body)])
    assert found.resource(Address("dataset", "d")).references == (Address("account", "other"),)


def test_a_folder_is_all_its_specs_by_name_and_nothing_below(write):
    for name in ("b.yml", "a.yaml", "data/c.yaml", ".hidden.yaml", "d.json"):
        write(HEAD.replace("demo", "demo-" + name[0].replace(".", "x")), f"specs/{name}".replace("specs/data", "data"))
    assert [found.name for found in load([Path("specs")])] == ["demo-a", "demo-b"]
    assert len(load([Path("specs"), Path("specs/a.yaml"), Path("specs/../specs/b.yml")])) == 2


# --- variables

VARIABLES = """\
variables:
  seen: {}
  whole: 5
  text: abc
  padded: 007
  "yes": true
  chain: <${{text}}>
  given: 1
  exported: 2
  CAPITALS: declared
  unused: ${{NOWHERE}}
"""
SOURCES = {
    "variables": {"given": "7", "quoted": '"7"', "empty": "", "raw": "a${text}", "unused": "x"},
    "process_environment": {
        "FTCTL_VAR_given": "8",
        "FTCTL_VAR_exported": "true",
        "UPPER": "017",
        "CAPITALS": "from-process",
        "lower": "x",
    },
}


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("${whole}", 5), ('"${whole}"', 5), ("x-${whole}", "x-5"), ("${whole}${text}", "5abc"), ("${text}", "abc"),
        ("$${whole}", "${whole}"), ("$$x $", "$$x $"), ("${padded}", 7), ("${padded}-${yes}", "007-true"),
        ("${chain}", "<abc>"), ("${given}", 7), ("${quoted}", "7"), ("${whole}${empty}", "5"), ("${exported}", True),
        ("${UPPER}", "017"), ("${CAPITALS}", "declared"), ("${raw}", "a${text}"), ("${raw}${raw}", "a${text}a${text}"),
    ],
)  # fmt: skip
def test_a_variable_keeps_its_type_whole_and_is_text_inside_text(write, value, result):
    used = "datasets: {d: {path: '${given}${quoted}${empty}${raw}'}}\n"
    (found,) = load([write(HEAD + VARIABLES.format(value) + used)], **SOURCES)
    assert found.document["variables"]["seen"] == result
    assert type(found.document["variables"]["seen"]) is type(result)


def test_an_environments_variables_stand_between_the_command_line_and_the_file(write):
    path = write(HEAD + "variables: {v: file}\nenvironments: {e: {variables: {v: chosen}}}\n")

    def value(**options):
        return load([path], **options)[0].document["variables"]["v"]

    assert value() == "file"
    assert value(environment="e") == "chosen"
    assert value(environment="e", process_environment={"FTCTL_VAR_v": "exported"}) == "exported"
    assert value(environment="e", process_environment={"FTCTL_VAR_v": "exported"}, variables={"v": "arg"}) == "arg"


def test_variables_that_double_each_other_are_refused(write):
    doubled = "".join(f'  a{i}: "${{a{i + 1}}}${{a{i + 1}}}"\n' for i in range(60))
    (found,) = problems(write(HEAD + "variables:\n" + doubled + "  a60: xxxxxxxxxx\n"))
    assert told([found]) == ["FT1046 50:8"]


def test_values_from_the_process_environment_are_never_told(write):
    body = (
        "datasets: {d: {path: p, format: '${FORMAT}'}, e: {path: p, resource: '${ACCOUNT}'}}\n"
        "roleAssignments: {r: {role: '${ROLE}', principal: {user: u}}}\n"
    )
    process = {"FORMAT": "secret-format", "ACCOUNT": "secret-account", "ROLE": "secret-role"}
    found = problems(write(HEAD + body), process_environment=process)
    assert told(found) == ["FT1103 5:33", "FT1201 5:70", "FT1252 6:29"]
    assert "secret" not in repr(found)
    assert "${FORMAT}" in found[0].what
    assert "${ROLE}" in found[2].what


def test_an_unknown_variable_names_the_ways_to_give_it(write):
    path = write(HEAD + "variables: {capacity: 1}\ndatasets: {d: {path: '${capcity}${SAS_TOKEN}'}}\n")
    lower, upper = problems(path, process_environment={"capcity": "1"})
    assert 'Did you mean "capacity"?' in lower.fix
    assert "--var capcity=" in lower.fix
    assert "FTCTL_VAR_capcity" in lower.fix
    assert "set SAS_TOKEN itself" in upper.fix


def test_a_variable_declared_without_value_must_be_given(write):
    path = write(HEAD + "variables:\n  size:\ndatasets: {d: {path: 'a${size}'}}\n")
    assert told(problems(path)) == ["FT1040 6:3"]
    assert load([path], variables={"size": "3"})


def test_a_given_variable_that_nothing_uses_is_an_error(write):
    path = write(HEAD + "variables: {capacity: 1}\n")
    (found,) = problems(path, variables={"capacty": "2"})
    assert told([found]) == ["FT1044"]
    assert 'Did you mean "capacity"?' in found.fix
    assert load([path], process_environment={"FTCTL_VAR_other": "2"})


# --- environments


def test_an_unknown_environment_is_an_error_in_every_stack(write):
    one = write(HEAD + "environments: {prod: {}, dev: {}}\n")
    two = write(HEAD.replace("demo", "none"), "t.yaml")
    known, none = problems(one, two, environment="prd")
    assert told([known, none]) == ["FT1045 5:1", "FT1045 1:1"]
    assert 'Did you mean "prod"?' in known.fix
    assert "prod, dev" in known.fix


def test_what_is_wrong_in_the_chosen_environment_is_told_once_at_its_place(write):
    blocks = "  e:\n    job: {}\n    datasets: []\n    resources: {main: {locations: x}}\n    stack: null\n"
    path = write(HEAD + "environments:\n" + blocks)
    found = problems(path, environment="e")
    assert told(found) == ["FT1101 1:1", "FT1100 7:5", "FT1102 8:15", "FT1100 9:24"]
    assert told(problems(path)) == ["FT1100 7:5", "FT1102 8:15"]


def test_variables_of_other_environments_need_no_value(write):
    path = write(HEAD + "environments: {e: {azure: {subscription: '${ELSEWHERE}'}}}\n")
    assert load([path])
    assert told(problems(path, environment="e")) == ["FT1040 5:42"]


# --- several stacks


def test_two_stacks_of_one_name_and_two_owners_of_one_account(write):
    one = write(HEAD)
    two = write(HEAD.replace("rg}", "RG}").replace("westus", "westus, tags: {}"), "t.yaml")
    name, account = problems(one, two)
    assert told([name, account]) == ["FT1205 2:8", "FT1206 4:26"]
    assert name.where.path == account.where.path == "t.yaml"
    assert "s.yaml:2:8" in name.what
    assert "s.yaml:4:13" in account.what


def test_an_account_may_be_owned_by_one_and_read_by_others(write):
    one = write(HEAD)
    text = HEAD.replace("westus", "westus, manage: reference")
    two, three = write(text.replace("demo", "two", 1), "t.yaml"), write(text.replace("demo", "three", 1), "u.yaml")
    assert len(load([two, one, three])) == 3
    elsewhere = write(HEAD.replace("stack: demo", "stack: four").replace("sub,", "other,"), "v.yaml")
    assert len(load([one, elsewhere])) == 2


def test_every_problem_of_every_file_comes_at_once_and_in_order(write):
    write(HEAD + "a: b: c\n", "specs/b.yaml")
    write(HEAD + "datasets: []\nx: 1\n", "specs/a.yaml")
    write("", "specs/c.yaml")
    found = problems(Path("specs"), Path("missing.yaml"))
    assert [f"{one.code} {one.where}" for one in found] == [
        "FT1000 missing.yaml",
        "FT1102 specs/a.yaml:5:11",
        "FT1100 specs/a.yaml:6:1",
        "FT1005 specs/b.yaml:5:5",
        "FT1016 specs/c.yaml:1:1",
    ]


def test_paths_that_cannot_be_read(write, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    found = problems(Path("empty"), Path("nothing"), Path("loop.yaml"), Path("/dev/null"))
    assert [f"{one.code} {one.where}" for one in found] == [
        "FT1000 /dev/null",
        "FT1001 empty",
        "FT1000 loop.yaml",
        "FT1000 nothing",
    ]


# --- whatever is written

BITS = [
    "null",
    "{}",
    "[]",
    "'${x}'",
    "*a",
    "&a ",
    "3",
    "-1",
    "x",
    "\n",
    "\n  ",
    ": ",
    ", ",
    "}",
    "a: ",
    "main",
    "train",
]


@settings(max_examples=60, deadline=None)
@given(
    edits=st.lists(st.tuples(st.integers(0, len(FULL)), st.integers(0, 30), st.sampled_from(BITS)), max_size=4),
    environment=st.sampled_from([None, "prod"]),
)
def test_no_edit_makes_it_fail_otherwise(tmp_path_factory, edits, environment):
    text = FULL
    for at, length, bit in edits:
        text = text[:at] + bit + text[at + length :]
    path = tmp_path_factory.getbasetemp() / "edited.yaml"
    path.write_text(text, "utf-8")
    found = ()
    try:
        load([path], environment=environment, process_environment=PROCESS)
    except FtctlError as error:
        found = error.problems
    assert all(one.code in CODES and one.where and one.what and one.fix for one in found)
    assert PROCESS["AZURE_SUBSCRIPTION_ID"] not in repr(found)


@pytest.mark.skipif(not (ROOT / "specs" / "support-tone.yaml").exists(), reason="the repo's own spec is not there")
def test_the_repos_own_specs_load():
    assert load([ROOT / "specs"], process_environment=PROCESS)
