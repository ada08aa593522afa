"""The columns of results.csv: one name for each whatever its spelling, what it measures, and which way is better."""

from __future__ import annotations

from enum import StrEnum

STEP = "step"
TRAIN_LOSS = "train_loss"
VALID_LOSS = "valid_loss"
FULL_VALID_LOSS = "full_valid_loss"
TRAIN_REWARD = "train_mean_reward"
VALID_REWARD = "valid_mean_reward"
FULL_VALID_REWARD = "full_valid_mean_reward"
FULL_VALID_ACCURACY = "full_valid_mean_token_accuracy"
LOSSES = (TRAIN_LOSS, VALID_LOSS, FULL_VALID_LOSS)
REWARDS = (TRAIN_REWARD, VALID_REWARD, FULL_VALID_REWARD)
_ACCURACIES = ("train_mean_token_accuracy", "valid_mean_token_accuracy", FULL_VALID_ACCURACY)

_TITLES = {
    TRAIN_LOSS: "training loss",
    VALID_LOSS: "validation loss",
    FULL_VALID_LOSS: "full validation loss",
    TRAIN_REWARD: "training reward",
    VALID_REWARD: "validation reward",
    FULL_VALID_REWARD: "full validation reward",
    "train_mean_token_accuracy": "training token accuracy",
    "valid_mean_token_accuracy": "validation token accuracy",
    FULL_VALID_ACCURACY: "full validation token accuracy",
    "completion_tokens_mean": "completion tokens, mean",
    "reasoning_tokens_mean": "reasoning tokens, mean",
    "mean_unresponsive_rewards": "answers without a reward",
    "train_sample_parse_error_count": "answers that did not parse",
    "train_other_error_count": "other errors of the grader",
}
KNOWN = frozenset({STEP, *_TITLES})

# What is drawn together: a title, its columns.
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("loss", LOSSES),
    ("reward", REWARDS),
    ("token accuracy", _ACCURACIES),
    ("tokens of an answer, mean", ("completion_tokens_mean", "reasoning_tokens_mean")),
    ("errors", ("mean_unresponsive_rewards", "train_sample_parse_error_count", "train_other_error_count")),
)


class Better(StrEnum):
    """Which way a measure should go; NEITHER where that is not known."""

    LOWER = "lower"
    HIGHER = "higher"
    NEITHER = ""


def normal(written: str) -> str:
    """The name that ftctl knows a column by.

    Documentation and service disagree on some: `validation_loss` is `valid_loss`, `train_reward_mean` is
    `train_mean_reward`. A column that is not known keeps its name.
    """
    name = written.strip().lower()
    name = name.replace("validation_", "valid_", 1)
    if name.endswith("_reward_mean"):
        name = name.removesuffix("_reward_mean") + "_mean_reward"
    if name.endswith("_token_accuracy") and "_mean_" not in name:
        name = name.removesuffix("_token_accuracy") + "_mean_token_accuracy"
    return name if name in KNOWN else written.strip()


def title(name: str) -> str:
    """What people call a column."""
    return _TITLES.get(name, name)


def better(name: str) -> Better:
    if name.endswith(("loss", "error_count", "unresponsive_rewards")):
        return Better.LOWER
    return Better.HIGHER if name.endswith(("accuracy", "mean_reward")) else Better.NEITHER
