"""Plans in every form: no name breaks a comment or a page, what is cut says so, and all say the same first."""

from __future__ import annotations

import json
import re
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ftctl.core.changes import Action, Reason
from ftctl.core.drift import Drift
from ftctl.core.errors import Exit, Problem
from ftctl.core.model import Mode
from ftctl.render.drift_markdown import drifts_markdown
from ftctl.render.formats import FORMATS, formatted
from ftctl.render.headline import headline
from ftctl.render.look import Look
from ftctl.render.markdown import MOST, plans_markdown
from ftctl.render.outputs import step_outputs
from ftctl.render.plan_html import plans_html
from ftctl.render.terraform import plans_terraform
from ftctl.render.text import plan_text
from ftctl.render.verbs import summary
from tests.held import hold
from tests.plans import HOME, many

PLAN = many(20)
MARKS = "`*_~|<>[]()!#@:&\\\n\r\t-+=.1 a\"'$%{}/\u2028\u202e\x1b"
PIECES = [
    "</details>", "</code>", "<!-- -->", "\n# heading", "| a |", "@octocat", "#123", "GH-7", "https://evil.example",
    "www.evil.example", "a@b.example", "```", "~~~\n", "$x$", "&lt;", "![a](b)", "<script>", "]]>", "1. a", "word",
]  # fmt: skip
nasty = st.one_of(st.text(MARKS, max_size=20), st.lists(st.sampled_from(PIECES), max_size=4).map("".join))
_TAGS = {"<code>", "</code>", "<br>"}


def tokens(text):
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def outline(text):
    """The blocks of a page; of HTML blocks the text too, as that is where a page could be broken out of."""
    return [(token.type, token.tag, token.content if token.type == "html_block" else "") for token in tokens(text)]


@given(nasty)
def test_no_name_or_value_breaks_a_comment(word):
    text = plans_markdown([many(10, word + "!")])
    assert outline(text) == outline(plans_markdown([many(10, "quiet")]))
    for inline in (one for token in tokens(text) for one in token.children or ()):
        assert inline.type in {"text", "html_inline", "softbreak", "strong_open", "strong_close", "text_special"}
        assert inline.type != "html_inline" or inline.content in _TAGS


@given(nasty)
def test_a_comment_calls_nobody_and_links_nowhere(word):
    rendered = MarkdownIt("commonmark").enable("table").render(plans_markdown([many(5, word + "!")]))
    seen = unescape(re.sub(r"(?s)<code.*?</code>|<[^>]*>", "", rendered))
    assert not re.search(r"@\w|#\d|\bGH-\d|https?://|www\.\w", seen, re.ASCII | re.IGNORECASE)


@given(st.text("abc|`*_<>&@#1.-", min_size=1, max_size=12))
def test_a_value_arrives_letter_by_letter(word):
    rendered = MarkdownIt("commonmark").enable("table").render(plans_markdown([many(2, word)]))
    assert f"dataset/{word}0" in {unescape(found) for found in re.findall(r"<code>(.*?)</code>", rendered)}


def test_a_comment_leads_with_its_mark_the_sentence_and_what_is_destroyed():
    text = plans_markdown([PLAN])
    mark, first, *_ = text.split("\n")
    assert (mark, first) == ("<!-- ftctl:plan:support-tone -->", f"### {headline(PLAN, Look())}")
    order = ["[!CAUTION]", "#### Changes", "#### Data", "#### Cost", "#### Gates", "#### Preflight", "<details>"]
    places = [text.index(one) for one in [*order, f"--expect {PLAN.digest()}"]]
    assert places == sorted(places)


@pytest.mark.parametrize("most", [1500, 3000, 9000, 40_000, MOST])
def test_what_does_not_fit_is_cut_and_cannot_be_approved(most):
    plan = many(300)
    text = plans_markdown([plan], most=most)
    assert len(text.encode()) <= most
    assert "more lines cut here" in text or most < 2000
    assert "Too long to approve here" in text
    assert plan.digest() not in text
    assert text.count("<details>") == text.count("</details>")
    assert headline(plan, Look()) in text


def test_many_stacks_share_the_room():
    plans = [many(50)] * 200
    text = plans_markdown(plans)
    assert len(text.encode()) <= MOST
    assert text.startswith("<!-- ftctl:plan -->\n")
    assert "more stacks not shown here" in text
    assert "Digest" not in text


def test_a_plan_that_fits_is_not_cut():
    assert "cut" not in plans_markdown([PLAN])


@given(nasty)
def test_no_name_or_value_breaks_the_page(word):
    assert Page.of(plans_html([many(10, word + "!")])) == Page.of(plans_html([many(10, "quiet")]))


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing():
    page = plans_html([PLAN])
    assert not re.search(r"<script|<link|<img|src=|@import|url\((?!#tip\))|https?://(?!www\.w3\.org/2000/svg)", page)
    assert 'svg class="graph"' in page
    assert "prefers-color-scheme: dark" in page


@pytest.mark.parametrize("output", [one for one in FORMATS if one not in {"text", "terraform-json", "sarif", "github"}])
def test_all_say_the_same_first(output):
    said = headline(PLAN, Look())
    assert said.startswith("Plan: 4 to train (≈ 165–220 USD, 2–16 h)")
    assert said in unescape(formatted(output, [PLAN]))
    assert plan_text(PLAN, Look()).split("\n")[0] == said


def test_the_sentence_is_a_contract():
    kinds = {change.action: change for change in PLAN.changes}
    train, point = many(2).changes[2], kinds[Action.UPDATE]
    cost = "≈ 41–55 USD, 2–4 h"
    contract = f"Plan: 1 to train ({cost}), 1 to re-point, 0 interrupt serving, 0 to delete."
    assert summary([train, point], cost) == contract
    assert summary([kinds[Action.NOOP]]) == "Plan: 0 to train, 0 to re-point, 0 interrupt serving, 0 to delete."
    everything = summary(PLAN.changes)
    assert everything.endswith(
        "4 to re-point, 2 interrupt serving, 4 to delete, 2 irreversible, 4 to create, 4 to judge."
    )


@pytest.mark.parametrize("count", [0, 1, 20, 61])
def test_a_plan_comes_back_whole_from_its_json(count):
    one = hold(many(count, "a.b/c"))
    assert len(one["changes"]) == count + 1
    unknown = {change["address"]: change["after_unknown"] for change in one["changes"] if change["after_unknown"]}
    pointed = range(count // 5 + (count % 5 > 3))
    assert unknown == {f"deployment/a.b/c{n}": {"model": f"job/a.b/c{n}.model"} for n in pointed}


def test_drift_stands_apart():
    one = hold(PLAN)
    assert [drift["address"] for drift in one["resource_drift"]] == ["deployment/word1", "deployment/word3"]
    assert one["resource_drift"][0]["fields"][0]["live"] == "gpt.ft-8-word"


def test_the_shape_of_terraform():
    plan = many(10)
    content = json.loads(plans_terraform([plan]))
    assert content["format_version"] == "1.2"
    changes = {change["address"]: change for change in content["resource_changes"]}
    new, gone, kept = changes["ftctl_job.word0"], changes["ftctl_deployment.word-gone-0"], changes["ftctl_account.main"]
    assert (new["change"]["actions"], new["change"]["before"]) == (["create"], None)
    assert (gone["change"]["actions"], gone["change"]["after"]) == (["delete"], None)
    assert kept["change"]["before"] == kept["change"]["after"] == {"sku": "S0", "tags": {"a": "word"}}
    pointed = changes["ftctl_deployment.word0"]["change"]
    assert pointed["after"] == {"capacity": 50, "tags": {"team": "word"}}
    assert pointed["after_unknown"] == {"model": True}
    assert changes["data.ftctl_gate.word0"]["mode"] == "data"
    assert {one["type"] for one in changes.values()} == {
        "ftctl_account", "ftctl_dataset", "ftctl_deployment", "ftctl_gate", "ftctl_job",
    }  # fmt: skip
    planned = {one["address"] for one in content["planned_values"]["root_module"]["resources"]}
    prior = {one["address"] for one in content["prior_state"]["values"]["root_module"]["resources"]}
    assert ("ftctl_deployment.word-gone-0" in planned, "ftctl_deployment.word-gone-0" in prior) == (False, True)
    assert content["relevant_attributes"] == [
        {"resource": "ftctl_job.word0", "attribute": ["model"]},
        {"resource": "ftctl_job.word1", "attribute": ["model"]},
    ]
    assert [drift["address"] for drift in content["resource_drift"]] == ["ftctl_deployment.word1"]
    several = json.loads(plans_terraform([plan, many(2)]))
    assert {one["module_address"] for one in several["resource_changes"]} == {"module.support-tone"}


def test_outputs_for_steps_are_lines_of_plain_words():
    told = dict(line.split("=", 1) for line in step_outputs([PLAN], Exit.CHANGES).splitlines())
    assert told == {
        "has_changes": "true",
        "applyable": "true",
        "class": "irreversible",
        "digest": PLAN.digest(),
        "cost": "220.000000",
        "labels": "ftctl:irreversible,ftctl:interrupts-serving,ftctl:train,ftctl:re-point,ftctl:new",
        "exit_code": "2",
    }
    empty = many(0)
    told = dict(line.split("=", 1) for line in step_outputs([empty], Exit.DONE).splitlines())
    assert (told["has_changes"], told["class"], told["digest"], told["cost"]) == ("false", "no-change", "", "0.000000")
    assert told["labels"] == "ftctl:no-change"
    assert step_outputs([], Exit.DATA).endswith("labels=\nexit_code=65\n")


def test_a_comment_that_was_cut_gives_no_digest_to_approve():
    whole, cut = plans_markdown([PLAN]), plans_markdown([PLAN], most=3000)
    assert f"digest={PLAN.digest()}\n" in step_outputs([PLAN], Exit.DONE, whole)
    assert "digest=\n" in step_outputs([PLAN], Exit.DONE, cut)
    assert "digest=\n" in step_outputs([PLAN, many(5)], Exit.DONE, whole)  # it says nothing of the other


@given(nasty)
def test_nothing_breaks_an_issue_on_drift(word):
    """Neither a name nor a cause: one heading, and all the rest behind a fence that nothing closes."""
    found = Drift(tuple(change for change in many(20, word).changes if change.reason is Reason.DRIFTED), (), ())
    text = drifts_markdown([(PLAN, found, {change.address: word for change in found.found})], [])
    calm = [kind for kind, *_ in outline(text)]
    assert calm == ["html_block", "heading_open", "inline", "heading_close", "fence"]
    assert len(drifts_markdown([(PLAN, found, {})] * 200, []).encode()) <= MOST


def test_problems_without_a_plan_are_told_in_every_form():
    problem = Problem("FT1100", "nothing <works>")
    for output in FORMATS[1:]:
        said = unescape(formatted(output, [], [problem]))
        assert ("nothing <works>" in said) != (output == "terraform-json"), output


def test_an_empty_plan_is_one_sentence():
    plan = many(0)
    assert plans_markdown([plan]).split("\n") == [
        "<!-- ftctl:plan:support-tone -->",
        "### support-tone: nothing to do. 1 thing in Azure is as declared.",
    ]
    assert plan.mode is Mode.NORMAL
    assert HOME.group in plans_html([plan])


class Page(HTMLParser):
    """The tags of a page, in order; those that are left open are a mistake."""

    def __init__(self):
        super().__init__()
        self.tags, self.open = [], []

    @classmethod
    def of(cls, text):
        page = cls()
        page.feed(text)
        page.close()
        assert page.open == []
        return page.tags

    def handle_starttag(self, tag, attrs):
        if tag != "code":  # the one thing that a text may bring with it
            self.tags.append((tag, tuple(name for name, _ in attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
