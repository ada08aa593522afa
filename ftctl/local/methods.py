"""The method of a fine-tuning job: supervised, preference (DPO) or reinforcement, with its hyperparameters, checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ftctl.local import catalog
from ftctl.local.dataplane import Doc, invalid, not_emulated

AUTOMATIC = -1  # how jobs show a value that the service is yet to choose
MOST_EPOCHS, MOST_BATCH, MOST_RATE = 50, 256, 10.0
_EFFORTS = ("default", "low", "medium", "high")
_DPO_MODELS = ("gpt-4o", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano")
_RFT_MODELS = ("o4-mini", "gpt-5")
_DEFAULTS: dict[str, dict[str, Any]] = {
    "supervised": {},
    "dpo": {"beta": AUTOMATIC, "l2_multiplier": 0.1},
    "reinforcement": {
        "eval_interval": AUTOMATIC,
        "eval_samples": AUTOMATIC,
        "compute_multiplier": AUTOMATIC,
        "reasoning_effort": "default",
    },
}
_PARTS = {"supervised": set[str](), "dpo": set[str](), "reinforcement": {"grader", "response_format"}}
_AGENTIC = ("tools", "max_episode_steps")


@dataclass(frozen=True, slots=True)
class Method:
    """What was asked for. In `asked`, hyperparameters that the service is to choose are -1."""

    kind: str
    sent: bool  # as a method, not by hyperparameters alone
    asked: dict[str, Any]
    parts: Doc = field(default_factory=dict)  # what it has beside its hyperparameters

    def chosen(self, examples: int) -> dict[str, Any]:
        """The hyperparameters with those that the service picked, by the rules of `training`."""
        from ftctl.local import training  # noqa: PLC0415  the fitting is only for those who train
        from ftctl.local.preference import BETA  # noqa: PLC0415  the same

        found = dict(self.asked)

        def settle(name: str, value: Any) -> None:
            if found.get(name) == AUTOMATIC:
                found[name] = value

        settle("batch_size", training.automatic_batch(examples))
        settle("n_epochs", training.automatic_epochs(examples))
        settle("beta", BETA)
        settle("eval_interval", max(1, training.count_steps(examples, found["batch_size"], found["n_epochs"]) // 10))
        settle("eval_samples", 1)
        settle("compute_multiplier", 1.0)
        return found


def read_method(body: Doc, root: catalog.BaseModel, own_rate: float) -> Method:
    """The method in a job's body.

    Rests on both schemas and the recorded jobs: which hyperparameters there are, -1 for what is not chosen yet. That
    preference jobs show `beta` and `l2_multiplier` without being asked, and the bounds of those two, are assumed.
    """
    outside = _object(body.get("hyperparameters", {}), "hyperparameters")
    kind, parts, inside = "supervised", dict[str, Any](), dict[str, Any]()
    if "method" in body:
        kind, parts, inside = _sent(_object(body["method"], "method"))
    if inside and outside and inside != outside:
        raise invalid("The hyperparameters are given twice, and differ.", "hyperparameters")
    _check_model(kind, root)
    return Method(kind, "method" in body, _asked(inside or outside, kind, own_rate), parts)


def _sent(method: Doc) -> tuple[str, Doc, dict[str, Any]]:
    kind = method.get("type")
    if kind not in tuple(_PARTS) or method.keys() - {"type", kind}:
        raise invalid(
            "The method takes a type (supervised, dpo or reinforcement), and what belongs to it under its name.",
            "method",
        )
    where = f"method.{kind}"
    whole = _object(method.get(kind) or {}, where)
    for name in _AGENTIC:
        if name in whole:
            raise not_emulated(f"'{name}' of reinforcement tuning", f"{where}.{name}")
    if strange := sorted(whole.keys() - _PARTS[kind] - {"hyperparameters"}):
        raise invalid(f"The method '{kind}' has no '{strange[0][:40]}'.", where)
    parts = {name: value for name, value in whole.items() if name != "hyperparameters"}
    if kind == "reinforcement":
        _check_parts(parts)
    return kind, parts, _object(whole.get("hyperparameters") or {}, f"{where}.hyperparameters")


def _check_parts(parts: Doc) -> None:
    from ftctl.local import graders, structure  # noqa: PLC0415  only for those who reinforce

    where = "method.reinforcement"
    if "grader" not in parts:
        raise invalid("Reinforcement tuning needs a grader.", f"{where}.grader")
    graders.checked(parts["grader"], f"{where}.grader")
    if "response_format" in parts and structure.fields(parts["response_format"]) is None:
        raise invalid(
            "The response_format must be of the type 'json_schema', with a schema.", f"{where}.response_format"
        )


def _check_model(kind: str, root: catalog.BaseModel) -> None:
    """Which models train by which method: by the documentation of 2026; the text is assumed."""
    known = {"dpo": _DPO_MODELS, "reinforcement": _RFT_MODELS}.get(kind)
    if known is not None and (root.format != "OpenAI" or root.name not in known):
        raise invalid(f"The specified base model does not support fine-tuning with the method '{kind}'.", "method")


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(f"The property '{name}' must be an object.", name)
    return {key: inner for key, inner in value.items() if inner is not None}


def _asked(given: dict[str, Any], kind: str, own_rate: float) -> dict[str, Any]:
    """The hyperparameters as they are shown at first; whatever was not given is there all the same."""
    readers = _READERS | _OWN_READERS[kind]
    if strange := sorted(given.keys() - readers.keys()):
        raise invalid(f"The hyperparameter '{strange[0][:40]}' is not known.", f"hyperparameters.{strange[0][:40]}")
    whole = {"batch_size": AUTOMATIC, "learning_rate_multiplier": AUTOMATIC, "n_epochs": AUTOMATIC}
    whole |= _DEFAULTS[kind] | given
    found = {name: readers[name](value, f"hyperparameters.{name}") for name, value in whole.items()}
    if found["learning_rate_multiplier"] == AUTOMATIC:
        found["learning_rate_multiplier"] = own_rate
    return found


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _whole(most: int) -> Callable[[Any, str], int]:
    def read(value: Any, name: str) -> int:
        if not is_whole(value) or not (value == AUTOMATIC or 1 <= value <= most):
            raise invalid(f"A whole number from 1 to {most} is needed, or -1 for an automatic choice.", name)
        return int(value)

    return read


def _number(least: float, most: float, *, automatic: bool = True) -> Callable[[Any, str], float]:
    """From `least`, which is not one of them where it is 0 and the service may choose, to `most`."""

    def read(value: Any, name: str) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        within = number and least <= value <= most and not (automatic and value == 0)
        if not (within or (automatic and number and value == AUTOMATIC)):
            raise invalid(f"A number {'over' if automatic else 'from'} {least:g}, up to {most:g}, is needed.", name)
        found: float = value
        return found

    return read


def _effort(value: Any, name: str) -> str:
    if value not in _EFFORTS:
        raise invalid(f"One of these is needed: {', '.join(_EFFORTS)}.", name)
    return str(value)


_READERS: dict[str, Callable[[Any, str], Any]] = {
    "batch_size": _whole(MOST_BATCH),
    "learning_rate_multiplier": _number(0, MOST_RATE),
    "n_epochs": _whole(MOST_EPOCHS),
}
_OWN_READERS: dict[str, dict[str, Callable[[Any, str], Any]]] = {
    "supervised": {"prompt_loss_weight": _number(0, 1, automatic=False)},
    "dpo": {"beta": _number(0, 10), "l2_multiplier": _number(0, 10, automatic=False)},
    "reinforcement": {
        "eval_interval": _whole(100_000),
        "eval_samples": _whole(10),
        "compute_multiplier": _number(0.00001, 10),
        "reasoning_effort": _effort,
    },
}
