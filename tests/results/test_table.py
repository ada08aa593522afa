"""results.csv in every form it is known to come in, and in some that it should not."""

from __future__ import annotations

import base64
import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.core.errors import Exit, FtctlError
from ftctl.results.columns import KNOWN, normal
from ftctl.results.curve import thinned
from ftctl.results.table import as_csv, of_events, read

SUPERVISED = (
    "step,train_loss,train_mean_token_accuracy,valid_loss,valid_mean_token_accuracy,"
    "full_valid_loss,full_valid_mean_token_accuracy\n"
    "1,2.5,0.4,2.6,0.41,,\n2,2.0,0.5,2.2,0.5,2.1,0.52\n"
)
REWARDS = (
    "step,train_mean_reward,full_valid_mean_reward,completion_tokens_mean,reasoning_tokens_mean,"
    "mean_unresponsive_rewards,train_sample_parse_error_count,train_other_error_count\n"
    "1,0.25,,120.5,64.0,0.0,1,0\n2,0.5,0.4,130,70,0,0,0\n"
)


def points(table, name):
    series = table.get(name)
    return list(zip(series.steps, series.values, strict=True))


def refused(content):
    with pytest.raises(FtctlError) as caught:
        read(content)
    (problem,) = caught.value.problems
    return problem, caught.value.exit


def test_supervised_columns_and_blanks():
    table = read(SUPERVISED.encode())
    assert points(table, "train_loss") == [(1, 2.5), (2, 2.0)]
    assert points(table, "full_valid_loss") == [(2, 2.1)]
    assert (table.steps, table.first_step, table.unknown, table.notes) == (2, 1, (), ())


def test_reinforcement_columns():
    table = read(REWARDS.encode())
    assert points(table, "train_mean_reward") == [(1, 0.25), (2, 0.5)]
    assert points(table, "full_valid_mean_reward") == [(2, 0.4)]
    assert table.unknown == ()


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("validation_loss", "valid_loss"),
        ("validation_mean_token_accuracy", "valid_mean_token_accuracy"),
        ("full_validation_loss", "full_valid_loss"),
        ("train_reward_mean", "train_mean_reward"),
        ("valid_reward_mean", "valid_mean_reward"),
        (" Train_Loss ", "train_loss"),
        ("train_accuracy", "train_accuracy"),
        ("Perplexity", "Perplexity"),
    ],
)
def test_spellings_of_a_column(written, known):
    assert normal(written) == known
    assert normal(known) == known


def test_two_spellings_in_one_file_are_both_kept():
    table = read(b"step,valid_loss,validation_loss\n1,2,3\n")
    assert (points(table, "valid_loss"), points(table, "validation_loss")) == ([(1, 2)], [(1, 3)])


def test_unknown_columns_are_kept_words_and_all():
    table = read(b"step,train_loss,grad_norm,phase\n1,2.0,9.5,warm up\n2,1.5,8.5,main\n")
    assert table.unknown == ("grad_norm", "phase")
    assert points(table, "grad_norm") == [(1, 9.5), (2, 8.5)]
    assert table.words["phase"] == {1: "warm up", 2: "main"}
    assert as_csv({"a": table}) == ("step,train_loss,grad_norm,phase\n1,2.0,9.5,warm up\n2,1.5,8.5,main\n")


@pytest.mark.parametrize("wrap", [lambda b: b, lambda b: b'"' + b + b'"', lambda b: b"\n".join([b[:40], b[40:], b""])])
def test_base64_as_old_api_versions_give_it(wrap):
    plain = read(SUPERVISED.encode())
    coded = read(wrap(base64.b64encode(SUPERVISED.encode())))
    assert points(coded, "valid_loss") == points(plain, "valid_loss")


def test_a_mark_at_the_beginning_and_lines_as_windows_ends_them():
    table = read(b"\xef\xbb\xbf" + SUPERVISED.replace("\n", "\r\n").encode())
    assert points(table, "train_loss") == [(1, 2.5), (2, 2.0)]


def test_a_growing_file_may_end_within_a_number():
    cut = SUPERVISED.encode() + b"3,1.7"
    assert read(cut, growing=True).steps == 2
    assert "still being written" in read(cut, growing=True).notes[0]
    assert points(read(cut), "train_loss")[-1] == (3, 1.7)
    assert "shorter than the header" in read(cut).notes[0]


def test_nan_and_infinity_were_measured_and_blanks_were_not():
    table = read(b"step,train_loss\n1,nan\n2,\n3,inf\n4,-Infinity\n5,0.5\n")
    assert list(table.get("train_loss").steps) == [1, 3, 4, 5]
    assert math.isnan(table.get("train_loss").values[0])
    assert points(read(b"step,train_loss\n1,nan\n5,0.5\n"), "train_loss")[1] == (5, 0.5)
    assert list(table.get("train_loss").finite().values) == [0.5]


def test_a_training_that_began_again_replaces_what_it_measures_again():
    table = read(b"step,train_loss\n1,3\n2,2.5\n3,2.2\n4,2.1\n3,2.0\n4,1.8\n5,1.7\n")
    assert points(table, "train_loss") == [(1, 3), (2, 2.5), (3, 2.0), (4, 1.8), (5, 1.7)]
    assert table.notes == ("After step 4 the training began again at step 3; what it had measured is replaced.",)


def test_what_is_not_measured_again_is_gone_too():
    table = read(b"step,train_loss,full_valid_loss\n1,3,\n2,2,1.5\n3,1,\n2,2.1,\n")
    assert (points(table, "train_loss"), points(table, "full_valid_loss")) == ([(1, 3), (2, 2.1)], [])


def test_of_two_values_of_one_step_the_later_counts():
    assert points(read(b"step,train_loss\n1,3\n1,2\n"), "train_loss") == [(1, 2)]


def test_two_lines_of_one_step_complete_each_other():
    table = read(b"step,train_loss,full_valid_loss\n1,3,\n1,,2.5\n")
    assert (points(table, "train_loss"), points(table, "full_valid_loss")) == ([(1, 3)], [(1, 2.5)])


def test_lines_that_are_no_measures():
    table = read(b'step,train_loss\n\nx,2\n-4,2\n1e99,1\n1,"a, b"\n2,1.5\n')
    assert points(table, "train_loss") == [(2, 1.5)]
    assert table.notes == (
        "3 lines have no step and were left out.",
        "1 values of train_loss are no numbers and were left out.",
    )


def test_only_a_header():
    table = read(SUPERVISED.splitlines()[0].encode())
    assert (table.steps, table.has("train_loss")) == (0, False)


def test_without_a_column_of_steps_they_are_counted():
    assert points(read(b"train_loss,valid_loss\n2,3\n1,2\n"), "valid_loss") == [(1, 3), (2, 2)]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", 'Its first line is "".'),
        (b'{"error": {"code": "404"}}', "Its first line is"),
        (b"<html>\n", "Its first line is"),
        (b"name,age\nx,1\n", 'Its first line is "name,age".'),
        (b"step,train_loss\n\xff\xfe\n", "It is no UTF-8 text."),
        (b'step,train_loss\n1,"\r\x00', None),
    ],
)
def test_what_is_no_results_file(content, why):
    if why is None:
        assert read(content).steps <= 1  # odd, and yet its first line is right
        return
    problem, code = refused(content)
    assert (problem.code, code) == ("FT6103", Exit.DATA)
    assert problem.why.startswith(why)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content):
    for one in (content, b"step,train_loss\n" + content):
        with suppress(FtctlError):  # anything else would be a bug
            assert read(one).steps >= 0


cells = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))


@given(st.lists(st.tuples(cells, cells), max_size=40), st.booleans())
def test_what_is_written_is_read_again(rows, whole):
    names = ["train_loss", "full_valid_loss"]
    lines = [f"{n},{','.join('' if c is None else repr(c) for c in row)}" for n, row in enumerate(rows, 1)]
    table = read("\n".join([f"step,{','.join(names)}", *lines, *([""] if whole else [])]).encode())
    again = read(as_csv({"one": table}).encode())
    for place, name in enumerate(names):
        assert points(table, name) == [(n, row[place]) for n, row in enumerate(rows, 1) if row[place] is not None]
        assert points(again, name) == points(table, name)


def test_many_rows_are_read_the_same_by_columns_and_by_rows():
    rows = [f"{step},{step / 7},{step / 3 if step % 50 == 0 else ''}" for step in range(1, 20_001)]
    table = read("\n".join(["step,train_loss,full_valid_loss", *rows]).encode())
    odd = read("\n".join(["step,train_loss,full_valid_loss", *(row + ",more" for row in rows)]).encode())
    assert table.steps == odd.steps == 20_000
    for name, count in (("train_loss", 20_000), ("full_valid_loss", 400)):
        assert points(table, name) == points(odd, name)
        assert len(table.get(name)) == count


def test_thinning_keeps_every_spike():
    values = ["0.5"] * 100_000
    values[77_777], values[33_333] = "99", "-7"
    table = read("\n".join(["step,train_loss", *(f"{n},{v}" for n, v in enumerate(values, 1))]).encode())
    kept = thinned(table.get("train_loss"), 500)
    assert len(kept) <= 500
    assert (77_778, 99.0) in kept
    assert (33_334, -7.0) in kept
    assert kept == sorted(kept)


def test_events_stand_in_for_a_file():
    told = [
        {"type": "message", "message": "Training started."},
        {"type": "metrics", "data": {"step": 1, "train_loss": 2.0}},
        {"type": "metrics", "data": {"step": 10, "train_loss": 1.0, "full_valid_loss": 1.5}},
    ]
    table = of_events(told)
    assert points(table, "train_loss") == [(1, 2.0), (10, 1.0)]
    assert points(table, "full_valid_loss") == [(10, 1.5)]
    assert "there is no results.csv" in table.notes[0]
    assert of_events([]).steps == 0


def test_the_known_columns_are_those_of_the_service():
    header = f"{SUPERVISED.splitlines()[0]},{REWARDS.splitlines()[0]}".split(",")
    assert set(header) <= KNOWN
