"""`ftctl env` and `ftctl keys`: where an account answers, and its secrets for those alone who asked."""

import json
import shlex

import pytest
import yaml

from ftctl.embedded import local_folder
from ftctl.local import identity
from ftctl.local.azure import Azure


def stored_keys() -> dict[str, str]:
    azure = Azure(local_folder())
    (account,) = azure.store.all("account")
    azure.close()
    return {name: key for name, key in account["_keys"].items() if name in {"key1", "key2"}}


def declare(project, *, keys: bool, **more) -> None:
    spec = {
        "apiVersion": "ftctl/v1",
        "stack": "desk",
        "azure": {
            "subscription": identity.SUBSCRIPTION_ID,
            "resourceGroup": {"name": "rg-desk", "create": True, "location": "swedencentral"},
            "cloud": "local",
        },
        "resources": {"main": {"name": "aoai-desk", "location": "swedencentral", "localAuth": keys}} | more,
    }
    (project / "specs").mkdir(exist_ok=True)
    (project / "specs" / "desk.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")


@pytest.fixture
def with_keys(ftctl, project):
    declare(project, keys=True)
    assert ftctl("apply", "--auto-approve").code == 0
    return ftctl


def test_env_says_where_the_account_answers_and_no_secret(with_keys):
    said = with_keys("env")
    told = dict(line.removeprefix("export ").split("=", 1) for line in said.out.splitlines())
    assert said.code == 0
    assert set(told) == {"AZURE_OPENAI_ENDPOINT", "OPENAI_BASE_URL"}
    assert shlex.split(told["OPENAI_BASE_URL"])[0].startswith(shlex.split(told["AZURE_OPENAI_ENDPOINT"])[0])
    assert not any(key in said.out + said.err for key in stored_keys().values())


def test_env_prints_the_key_that_was_asked_for(with_keys):
    told = json.loads(with_keys("env", "main", "--with-key", "-o", "json").out)
    assert told["AZURE_OPENAI_API_KEY"] == stored_keys()["key1"]


@pytest.mark.parametrize("number", ["1", "2"])
def test_one_key_is_renewed_and_the_other_stays(with_keys, number):
    before = stored_keys()
    said = with_keys("keys", "rotate", "--key", number, "--auto-approve", "--trace")
    after = stored_keys()
    assert said.code == 0
    assert [name for name in before if before[name] != after[name]] == [f"key{number}"]
    assert not any(key in said.out + said.err for key in [*before.values(), *after.values()])
    assert with_keys("keys", "show", "--key", number).out.strip() == after[f"key{number}"]


def test_without_a_terminal_nothing_is_renewed(with_keys):
    before = stored_keys()
    said = with_keys("keys", "rotate", "--key", "1")
    assert (said.code, "FT6052" in said.err) == (64, True)
    assert stored_keys() == before


def test_a_keyless_account_has_no_keys_to_show_or_renew(ftctl, project):
    declare(project, keys=False)
    assert ftctl("apply", "--auto-approve").code == 0
    for words in (
        ["env", "--with-key"],
        ["keys", "show", "--key", "1"],
        ["keys", "rotate", "--key", "1", "--auto-approve"],
    ):
        said = ftctl(*words)
        assert (said.code, "FT6050" in said.err, said.out) == (1, True, "")
    assert ftctl("env").code == 0


def test_several_accounts_have_to_be_told_apart(ftctl, project):
    declare(project, keys=True, other={"name": "aoai-other", "location": "swedencentral"})
    said = ftctl("env")
    assert (said.code, "FT6053" in said.err) == (64, True)
    assert "main, other" in said.err


def test_an_account_of_others_keeps_its_keys(with_keys, project):
    before = stored_keys()
    declare(project, keys=True)
    text = (project / "specs" / "desk.yaml").read_text(encoding="utf-8")
    (project / "specs" / "desk.yaml").write_text(text.replace("stack: desk", "stack: guest"), encoding="utf-8")
    said = with_keys("keys", "rotate", "--key", "1", "--auto-approve")
    assert (said.code, "FT6051" in said.err) == (1, True)
    assert stored_keys() == before


def test_an_account_that_is_not_there_yet_is_told(ftctl, project):
    declare(project, keys=True)
    said = ftctl("env")
    assert (said.code, "FT6005" in said.err) == (1, True)
