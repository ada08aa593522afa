"""`plan --why` and `plan --show-suppressed`, and the same of a saved plan, as people and machines read them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from ftctl.core.errors import Exit
from ftctl.core.noise import Noise
from ftctl.embedded import local_folder
from ftctl.local.azure import Azure
from ftctl.render.why import RULES
from tests.golden import normal

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture
def spec(project):
    """The example, of which a tag and the capacity are left alone, and the region is written with a blank."""
    shutil.copytree(SPECS, project / "specs")
    (file,) = (project / "specs").glob("*.yaml")
    text = file.read_text("utf-8").replace("    location: swedencentral\n", "    location: Sweden Central\n")
    text = text.replace("    # Azure keeps", "    ignoreDrift: [tags.team]\n    # Azure keeps")
    text = text.replace("    smokeTest:  ", "    ignoreDrift: [capacity]\n    smokeTest:  ")
    file.write_text(text, encoding="utf-8")
    return file


def changed_by_hand():
    """Somebody raises the capacity, renames a tag's team and sets what ftctl has no field for."""
    azure = Azure(local_folder())
    (deployment,) = azure.store.all("deployment")
    deployment["sku"]["capacity"] = 80
    azure.store.put("deployment", deployment["id"], deployment, parent=deployment["_account"])
    (account,) = azure.store.all("account")
    account["location"] = "swedencentral"
    account["tags"] |= {"team": "desk", "cost-centre": "4711"}
    account["properties"] |= {"migrationToken": "TOPSECRETTOKEN", "restrictOutboundNetworkAccess": True}
    azure.store.put("account", account["id"], account, parent=account.get("_group"))
    azure.close()


def test_each_field_of_a_plan_says_why(ftctl, spec, golden):
    calm, said = ftctl("plan"), ftctl("plan", "--why", "--out", "plan.json")
    assert (said.code, "#" in calm.out) == (Exit.DONE, False)
    golden("plan-why", re.sub(r"\d{4}-\d\d-\d\d", "DATE", normal(said.out)))
    assert ftctl("show", "plan.json", "--why").out == said.out
    line = next(n for n, text in enumerate(spec.read_text("utf-8").splitlines(), 1) if "training: train" in text)
    changes = {one["address"]: one for one in json.loads(Path("plan.json").read_text("utf-8"))["plans"][0]["changes"]}
    why = changes["job/tone"]["why"]
    assert why["training"] == {
        "source": "follows",
        "where": {"path": str(spec.relative_to(Path.cwd())), "line": line, "column": 15},
        "upstream": "dataset/train",
    }
    assert {path: one["source"] for path, one in why.items() if one["source"] not in {"declared", "follows"}} == {
        "batch_size": "auto",
        "learning_rate_multiplier": "auto",
        "prompt_loss_weight": "auto",
    }
    assert changes["deployment/tone-prod"]["why"]["model"]["source"] == "unknown"
    assert changes["account/main"]["why"]["publicAccess"] == {"source": "default", "where": None, "upstream": None}


def test_what_is_hidden_is_listed_with_its_rule(ftctl, spec, golden):
    assert ftctl("apply", "--auto-approve").code == Exit.DONE
    none = ftctl("plan").out
    changed_by_hand()
    hint, listed = ftctl("plan", "--detailed-exitcode"), ftctl("plan", "--show-suppressed")
    assert (hint.code, none in hint.out) == (Exit.DONE, True)
    golden("plan-suppressed", normal(f"{hint.out}\n{listed.out}"))
    spec.write_text(spec.read_text("utf-8").replace("localAuth: false", "localAuth: true"), encoding="utf-8")
    ftctl("plan", "--out", "plan.json")
    shown = ftctl("show", "plan.json", "--show-suppressed")
    assert shown.out.endswith(listed.out[listed.out.index("Hidden differences") :])
    plan = Path("plan.json").read_text("utf-8")
    everything = plan + shown.out + ftctl("show", "plan.json", "-o", "html").out
    assert "TOPSECRET" not in everything
    assert "restrictOutboundNetworkAccess" in everything
    (account,) = [one for one in json.loads(plan)["plans"][0]["changes"] if one["address"] == "account/main"]
    assert {"path": "tags.team", "live": "desk", "declared": "support", "rule": "ignoreDrift"} in account["suppressed"]
    assert ftctl("drift").code == Exit.DONE
    assert ftctl("apply", "plan.json").code == Exit.DONE
    (deployment,), (account,) = (Azure(local_folder()).store.all(kind) for kind in ("deployment", "account"))
    assert (deployment["sku"]["capacity"], account["tags"]["team"]) == (80, "desk")


def test_the_page_and_the_comment_say_it_too(ftctl, spec):
    ftctl("plan", "--out", "plan.json")
    page, comment = (ftctl("show", "plan.json", "-o", form).out for form in ("html", "markdown"))
    for told in (page, comment):
        assert re.search(r"from dataset/train, named at specs/[a-z-]+\.yaml:\d+", told)
    text = Path("plan.json").read_text("utf-8")
    older = json.loads(text)
    for change in older["plans"][0]["changes"]:
        del change["why"], change["suppressed"]
    Path("plan.json").write_text(json.dumps(older), encoding="utf-8")
    assert ftctl("show", "plan.json").out == ftctl("plan").out  # a plan that was saved before there were reasons


def test_every_rule_has_words():
    assert set(RULES) == set(Noise)
