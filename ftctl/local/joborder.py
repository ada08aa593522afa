"""What a job's creation asks for, checked against the catalogue, the files and the limits before anything is made."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from ftctl.local import catalog, files, models
from ftctl.local.dataplane import Doc, account_of, invalid, not_emulated, region_of
from ftctl.local.wire import Refusal, Request

if TYPE_CHECKING:
    from ftctl.local.azure import Azure

EXAMPLES_NEEDED = 10
_AUTOMATIC = -1
_KNOWN = {"model", "training_file", "validation_file", "hyperparameters", "method", "suffix", "seed", "trainingType"}
_UNEMULATED = {"integrations", "metadata"}
_SUFFIX = re.compile(r"[A-Za-z0-9_-]{1,40}")
_MOST_EPOCHS, _MOST_BATCH, _MOST_RATE = 50, 256, 10.0
_MOST_SEED = 2**31 - 1
# As jobs echo them; a number is the service's own enumeration of the first three.
_TRAINING_TYPES = {
    "standard": "standard",
    "globalstandard": "globalStandard",
    "developertier": "developerTier",
    "datazonestandard": "datazoneStandard",
}
_NUMBERED = ("standard", "globalStandard", "developerTier")


@dataclass(frozen=True, slots=True)
class Order:
    """A creation that may go ahead. In `asked`, hyperparameters that the service is to choose are -1."""

    model: str
    root: catalog.BaseModel
    base: Doc | None  # the fine-tuned model to go on from
    training: Doc
    validation: Doc | None
    asked: dict[str, Any]
    by_method: bool
    suffix: str | None
    seed: int
    training_type: str | None
    warning: str

    @property
    def own_rate(self) -> float:
        return own_rate(self.root)

    @property
    def chosen(self) -> dict[str, Any]:
        """The hyperparameters with those that the service picked, by the rules of `training`."""
        from ftctl.local import training  # noqa: PLC0415  the fitting is only for those who train

        examples = self.training["_examples"]
        automatic = {"batch_size": training.automatic_batch(examples), "n_epochs": training.automatic_epochs(examples)}
        return {name: automatic[name] if value == _AUTOMATIC else value for name, value in self.asked.items()}


def read_order(request: Request) -> Order:
    """The order in a request's body; refuses what the service would refuse, and aloud what is not emulated."""
    body = request.json()
    if unemulated := sorted(_UNEMULATED & {name for name, value in body.items() if value not in (None, [], {})}):
        raise not_emulated(f"'{unemulated[0]}' of fine-tuning jobs", unemulated[0])
    body = {name: value for name, value in body.items() if value is not None and name not in _UNEMULATED}
    if strange := sorted(body.keys() - _KNOWN):
        raise invalid(f"The property '{strange[0][:40]}' is not known.", strange[0][:40])
    training_type = _training_type(body.get("trainingType"))
    root, base, warning = _model(request, _text(body, "model"), training_type)
    by_method, hyperparameters = _hyperparameters(body)
    suffix, seed = body.get("suffix"), body.get("seed")
    if suffix is not None and not (isinstance(suffix, str) and _SUFFIX.fullmatch(suffix)):
        raise invalid("The suffix may have up to 40 of the characters a-z, A-Z, 0-9, - and _.", "suffix")
    if seed is not None and not (_is_whole(seed) and 0 <= seed <= _MOST_SEED):
        raise invalid(f"The seed must be a whole number from 0 to {_MOST_SEED}.", "seed")
    return Order(
        model=base["id"] if base else root.id,
        root=root,
        base=base,
        training=_training(request, body),
        validation=_file(request, body, "validation_file") if "validation_file" in body else None,
        asked=_asked(hyperparameters, root),
        by_method=by_method,
        suffix=suffix,
        seed=secrets.randbelow(_MOST_SEED) if seed is None else seed,
        training_type=training_type,
        warning=warning,
    )


def _text(body: Doc, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f"The property '{name}' is required and must be a string.", name)
    return value


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# -- model -------------------------------------------------------------------------------------------------------------


def own_rate(root: catalog.BaseModel) -> float:
    """The learning-rate multiplier that a model is trained with when none is given."""
    if "nano" in root.name:
        return 0.1
    return 2.0 if root.format == "OpenAI" else 1.0


def _training_type(value: object) -> str | None:
    """As it is echoed. None, when it was left out, is the same as standard but is not echoed."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(_NUMBERED):
        return _NUMBERED[value]
    known = _TRAINING_TYPES.get(value.lower()) if isinstance(value, str) else None
    if known is None:
        raise invalid(f"The trainingType must be one of: {', '.join(_TRAINING_TYPES.values())}.", "trainingType")
    return known


def _model(request: Request, name: str, training_type: str | None) -> tuple[catalog.BaseModel, Doc | None, str]:
    """The base model, the fine-tuned one in between if there is one, and a warning."""
    azure = request.azure
    base = models.find_model(azure, account_of(request), name) if ".ft-" in name else None
    root = catalog.find(base["_root"] if base else name)
    if root is None:
        raise invalid(f"The specified base model '{name[:80]}' does not exist.", "model")
    if not catalog.availability(root, region_of(request), training_type or "standard"):
        raise invalid("The specified base model does not support fine-tuning.", "model")
    return root, base, _retirement(azure, root)


def _retirement(azure: Azure, root: catalog.BaseModel) -> str:
    today: date = azure.clock.now().date()
    if today < root.training_end:
        return ""
    ended = f"Training of the model '{root.id}' ended on {root.training_end}"
    if azure.settings.retirements == "enforce":
        raise Refusal(400, "invalidPayload", f"{ended}.", param="model")
    return f"{ended}; the local Azure trains it all the same, as its setting 'retirements' is 'warn'."


# -- files -------------------------------------------------------------------------------------------------------------


def _file(request: Request, body: Doc, name: str) -> Doc:
    file_id = _text(body, name)
    doc = files.find(request.azure, account_of(request), file_id)
    if doc is None:
        raise invalid(f"The file '{file_id[:80]}' of '{name}' does not exist in this resource.", name)
    if doc["purpose"] != "fine-tune":
        raise invalid(f"The file of '{name}' has the purpose '{doc['purpose']}' where 'fine-tune' is needed.", name)
    status = files.status(request.azure, doc)
    if status != "processed":
        raise invalid(f"The file of '{name}' is not processed: its status is '{status}'.", name)
    return doc


def _training(request: Request, body: Doc) -> Doc:
    doc = _file(request, body, "training_file")
    if doc["_examples"] < EXAMPLES_NEEDED:
        raise invalid(
            f"The training file has {doc['_examples']} example(s); at least {EXAMPLES_NEEDED} are needed.",
            "training_file",
        )
    return doc


# -- hyperparameters ---------------------------------------------------------------------------------------------------


def _hyperparameters(body: Doc) -> tuple[bool, dict[str, Any]]:
    """Whether they came within a method, and what they are."""
    outside = _object(body.get("hyperparameters", {}), "hyperparameters")
    if "method" not in body:
        return False, outside
    method = _object(body["method"], "method")
    kind = method.get("type")
    if kind in ("dpo", "reinforcement"):
        raise not_emulated(f"the training method '{kind}'", "method")
    if kind != "supervised" or method.keys() - {"type", "supervised"}:
        raise invalid("The method takes the type 'supervised', and hyperparameters under 'supervised'.", "method")
    supervised = _object(method.get("supervised") or {}, "method.supervised")
    if supervised.keys() - {"hyperparameters"}:
        raise invalid("The supervised method takes hyperparameters and nothing else.", "method.supervised")
    inside = _object(supervised.get("hyperparameters") or {}, "method.supervised.hyperparameters")
    if inside and outside and inside != outside:
        raise invalid("The hyperparameters are given twice, and differ.", "hyperparameters")
    return True, inside or outside


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(f"The property '{name}' must be an object.", name)
    return {key: inner for key, inner in value.items() if inner is not None}


def _asked(given: dict[str, Any], root: catalog.BaseModel) -> dict[str, Any]:
    """The three hyperparameters, -1 for those that the service is to choose."""
    if "prompt_loss_weight" in given:
        raise not_emulated("the hyperparameter 'prompt_loss_weight'", "hyperparameters.prompt_loss_weight")
    if strange := sorted(given.keys() - {"batch_size", "learning_rate_multiplier", "n_epochs"}):
        raise invalid(f"The hyperparameter '{strange[0][:40]}' is not known.", f"hyperparameters.{strange[0][:40]}")
    rate = given.get("learning_rate_multiplier", _AUTOMATIC)
    if (
        isinstance(rate, bool)
        or not isinstance(rate, int | float)
        or not (rate == _AUTOMATIC or 0 < rate <= _MOST_RATE)
    ):
        raise invalid(f"A number over 0, up to {_MOST_RATE}, is needed.", "hyperparameters.learning_rate_multiplier")
    return {
        "batch_size": _whole(given, "batch_size", _MOST_BATCH),
        "learning_rate_multiplier": own_rate(root) if rate == _AUTOMATIC else rate,
        "n_epochs": _whole(given, "n_epochs", _MOST_EPOCHS),
    }


def _whole(given: dict[str, Any], name: str, most: int) -> int:
    value = given.get(name, _AUTOMATIC)
    if not _is_whole(value) or not (value == _AUTOMATIC or 1 <= value <= most):
        raise invalid(
            f"A whole number from 1 to {most} is needed, or -1 for an automatic choice.", f"hyperparameters.{name}"
        )
    return int(value)
