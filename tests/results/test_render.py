"""How results look: at 80 columns, without colour, in ASCII, as Markdown, JSON, SVG and HTML."""

from __future__ import annotations

import json
import re
from array import array
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ftctl.render.curve import curve_lines
from ftctl.render.curve_scale import label, scale_of
from ftctl.render.look import Look, width_of
from ftctl.render.results import compared_text, results_markdown, results_text
from ftctl.render.results_html import main_plot, results_html
from ftctl.render.results_json import results_json
from ftctl.render.svg_curve import svg
from ftctl.results.curve import Span, span
from ftctl.results.job import Checkpoint, job_of
from ftctl.results.run import run_of
from ftctl.results.table import Series, Table, read
from tests.golden import kept
from tests.results.curves import SHAPES, table_of

GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 6, 2, 12, 0, tzinfo=UTC)
SECONDS = NOW.timestamp()
ASCII = Look(unicode=False)
BASE = "gpt-4.1-mini-2025-04-14"


def body(number, status="succeeded", **more):
    ended = {"finished_at": int(SECONDS) - 1000, "trained_tokens": 7_223_000} if status == "succeeded" else {}
    return {
        "id": f"ftjob-{number:032x}",
        "status": status,
        "model": BASE,
        "created_at": int(SECONDS) - 8000,
        "trainingType": "globalStandard",
        "seed": 105,
        "hyperparameters": {"n_epochs": 6, "batch_size": 4, "learning_rate_multiplier": 2.0},
        "fine_tuned_model": f"{BASE}.ft-{number:032x}-tone" if ended else None,
        **ended,
        **more,
    }


def checkpoints(number, table, steps, column):
    values = dict(zip(table.get(column).steps, table.get(column).values, strict=True))
    name = f"{BASE}.ft-{number:032x}-tone"
    return tuple(Checkpoint(step, f"{name}:ckpt-step-{step}", metrics={column: values[step]}) for step in steps)


def overfitting():
    table = table_of(SHAPES["validation along the way rises"], 600, noise=0.03, seed=3)
    table = Table(table.columns, {**table.series, **table_of(SHAPES["evaluations rise"], 600).series | table.series})
    table = Table(table.columns, table.series, {}, 600, 1)
    return run_of("tone", table, job_of(body(1)), checkpoints(1, table, (400, 600), "full_valid_loss"))


def rising():
    table = table_of(SHAPES["a reward still rises"], 120, noise=0.02, seed=1)
    method = {"type": "reinforcement", "reinforcement": {"hyperparameters": {"eval_interval": 5}}}
    return run_of("reason", table, job_of(body(2, "running", method=method, model="o4-mini-2025-04-16")))


def unusual():
    content = "step,train_loss,Perplexity,phase\n" + "".join(
        f"{n},{2 / n:.4f},{8 / n:.3f},{'warm <up>' if n < 9 else 'main'}\n" for n in range(1, 61)
    )
    return run_of("odd <i>&amp;\x1b[31m name", read(content.encode()), source="odd.csv")


RUNS = {"overfitting": overfitting, "rising": rising, "unusual": unusual}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("look", [Look(), ASCII], ids=["unicode", "ascii"])
def test_the_text_of_one_training(name, look):
    text = results_text(RUNS[name](), look, SECONDS)
    kept(GOLDEN / f"{name}{'' if look.unicode else '-ascii'}.txt", text + "\n")
    models = [line for line in text.splitlines() if BASE not in line]
    assert max(map(width_of, models)) <= 80
    assert "\x1b" not in text
    assert look.unicode or text.isascii()


@pytest.mark.parametrize("look", [Look(), ASCII], ids=["unicode", "ascii"])
def test_the_text_of_several(look):
    text = compared_text([overfitting(), rising(), unusual()], look, SECONDS)
    kept(GOLDEN / f"compared{'' if look.unicode else '-ascii'}.txt", text + "\n")
    assert "\x1b" not in text
    assert look.unicode or text.isascii()
    assert max(width_of(line) for line in text.splitlines() if BASE not in line) <= 80


def test_many_trainings_beside_each_other_stay_within_the_width():
    runs = [run_of(f"job-{n}", overfitting().table, job_of(body(n, seed=n))) for n in range(9)]
    lines = compared_text(runs, Look(), SECONDS).splitlines()
    assert max(width_of(line) for line in lines if BASE not in line) <= 80
    assert sum(line.split()[:1] == ["verdict"] for line in lines) >= 2


@pytest.mark.parametrize("width", [40, 60, 120])
def test_the_curve_takes_the_width_there_is(width):
    lines = curve_lines(overfitting(), Look(width=width))
    assert width - 3 <= max(map(width_of, lines)) <= width


def test_training_and_validation_are_told_apart_without_colour():
    lines = curve_lines(overfitting(), Look())
    chart = "".join(lines[:12])
    assert "○" in chart
    assert "●" in chart
    assert re.search("[\u2801-\u28ff]", chart)
    assert {"\x1b[36m", "\x1b[33m"} <= set(
        re.findall(r"\x1b\[\d+m", "".join(curve_lines(overfitting(), Look(colour=True))))
    )


def test_a_spike_reaches_the_top_and_its_height_is_told():
    values = [0.5 + 0.01 * (n % 7) for n in range(5000)]
    values[3000] = 40.0
    series = {"train_loss": Series("train_loss", array("q", range(1, 5001)), array("d", values))}
    run = run_of("x", Table(("train_loss",), series, {}, 5000, 1))
    lines = curve_lines(run, Look())
    place = lines[0].find(next(char for char in lines[0] if "\u2801" <= char <= "\u28ff"))
    assert 40 < place < 55  # at three fifths of the steps
    assert "↑ up to 40.0" in lines[-1]


def test_only_a_header_has_no_curve_and_yet_a_text():
    run = run_of("x", read(b"step,train_loss\n"))
    assert curve_lines(run, Look()) == []
    assert "too short to tell" in results_text(run, Look(), SECONDS)
    assert "Nothing was measured." in svg(main_plot(run))


def test_markdown_is_as_it_was():
    kept(GOLDEN / "overfitting.md", results_markdown([overfitting()], SECONDS) + "\n")
    kept(GOLDEN / "compared.md", results_markdown([overfitting(), unusual()], SECONDS) + "\n")


def test_json_says_everything_and_is_valid():
    told = json.loads(json.dumps(results_json([overfitting(), rising()], SECONDS), allow_nan=False))
    first, second = told["runs"]
    assert (first["verdict"]["outcome"], first["verdict"]["since_step"]) == ("overfitting", 200)
    assert (first["serve"]["step"], second["partial"], first["partial"]) == (400, True, False)
    assert len(first["curves"]["train_loss"]["points"]) == 500
    assert first["curves"]["train_loss"]["measured"] == 600
    assert {one["field"] for one in told["differing"]} == {"model", "method", "eval_interval"}
    assert first["job"]["seconds"] == 7000.0
    broken = read(b"step,train_loss\n" + b"".join(b"%d,nan\n" % n for n in range(1, 40)))
    json.dumps(results_json([run_of("x", broken)], SECONDS), allow_nan=False)


@pytest.mark.parametrize("name", RUNS)
def test_an_svg_is_well_formed_and_told_to_those_who_cannot_see_it(name):
    run = RUNS[name]()
    root = ET.fromstring(svg(main_plot(run)))
    assert root.get("role") == "img"
    ids = {one.get("id") for one in root.iter() if one.get("id")}
    assert set(root.get("aria-labelledby").split()) == ids
    told = root.find("{*}desc").text
    assert run.verdict.title in told
    assert "step" in told
    forms = {one.get("class") for one in root.iter("{*}path")}
    assert len({form.split()[1] if len(form.split()) > 2 else "" for form in forms}) >= min(2, len(forms))
    for one in root.iter("{*}path"):
        assert re.fullmatch(r"M[-0-9. h]+", one.get("d"))


PAGES = [["overfitting"], ["unusual"], ["overfitting", "overfitting"], ["overfitting", "rising", "unusual"]]


class _Page(HTMLParser):
    VOID = frozenset({"meta", "br", "rect", "line", "path", "circle"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.ids = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("runs", PAGES, ids="-".join)
def test_a_page_is_whole_by_itself(runs):
    text = results_html([RUNS[name]() for name in runs], NOW)
    page = _Page(text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert not {"script", "link", "iframe", "img", "object"} & set(page.tags)
    assert not {name for name, _ in page.attributes} & {"src", "href", "onclick", "onload"}
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text) == []
    assert "url(" not in text
    assert "@import" not in text
    for needed in ("prefers-color-scheme: dark", "@media print", '<html lang="en">', 'name="viewport"'):
        assert needed in text
    assert "\x1b" not in text
    assert "<i>" not in text
    assert "<up>" not in text


def test_a_page_shows_columns_that_ftctl_does_not_know():
    text = results_html([unusual()], NOW)
    assert text.count("Perplexity") >= 3  # its own small curve, and the table of measures


@pytest.mark.parametrize(
    ("values", "needed", "expected"),
    [
        ([1.0, 2.0, 3.0], [], Span(1.0, 3.0)),
        ([10.0, *[0.5] * 99], [], Span(0.5, 0.625, cut=10.0)),
        ([10.0, *[0.5] * 99], [9.0], Span(0.5, 10.0)),
        ([10.0, *[0.5] * 9], [], Span(0.5, 10.0)),
        ([*[1e-6] * 60, *[1.0] * 40], [], Span(1e-6, 1.0, log=True)),
        ([-1.0, 1.0], [], Span(-1.0, 1.0)),
        ([], [], Span(0.0, 1.0)),
    ],
)
def test_what_an_axis_has_to_show(values, needed, expected):
    assert span(values, needed) == expected


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.1, 1.2, ["0.00", "0.25", "0.50", "0.75", "1.00", "1.25"]),
        (0.9, 1.0, ["0.90", "0.92", "0.94", "0.96", "0.98", "1.00"]),
        (-0.4, 0.4, ["-0.4", "-0.2", "0.0", "0.2", "0.4"]),
        (0, 1e9, ["0", "2e8", "4e8", "6e8", "8e8", "1e9"]),
        (3, 3, ["0", "2", "4", "6"]),
        (0, 0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-2, -2, ["-4", "-3", "-2", "-1", "0"]),
        (0, 0.00003, ["0", "1e-5", "2e-5", "3e-5"]),
    ],
)
def test_the_numbers_beside_an_axis(low, high, labels):
    ticks = scale_of(Span(low, high)).ticks(5)
    assert [label(tick, ticks) for tick in ticks] == labels
