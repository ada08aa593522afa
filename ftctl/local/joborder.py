"""What a job's creation asks for, checked against the catalogue, the files and the limits before anything is made."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from ftctl.local import catalog, files, models
from ftctl.local.dataplane import Doc, account_of, invalid, is_v1, region_of
from ftctl.local.methods import Method, is_whole, read_method
from ftctl.local.wire import Refusal, Request

if TYPE_CHECKING:
    from ftctl.local.azure import Azure

EXAMPLES_NEEDED = 10
_KNOWN = {"model", "training_file", "validation_file", "hyperparameters", "method", "suffix", "seed", "trainingType"}
_KNOWN |= {"integrations"}
_KNOWN_V1 = {"metadata"}  # which the dated schema does not have
_SUFFIX = re.compile(r"[A-Za-z0-9_-]{1,40}")
_PAIRS, _LONGEST_KEY, _LONGEST_VALUE = 16, 64, 512  # of metadata
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
    """A creation that may go ahead."""

    model: str
    root: catalog.BaseModel
    base: Doc | None  # the fine-tuned model to go on from
    training: Doc
    validation: Doc | None
    method: Method
    suffix: str | None
    seed: int
    training_type: str | None
    warning: str
    echoed: Doc  # what is shown as it was sent

    @property
    def own_rate(self) -> float:
        return own_rate(self.root)

    @property
    def chosen(self) -> dict[str, Any]:
        return self.method.chosen(self.training["_examples"])


def read_order(request: Request) -> Order:
    """The order in a request's body; refuses what the service would refuse, and aloud what is not emulated."""
    body = request.json()
    body = {name: value for name, value in body.items() if value is not None}
    if strange := sorted(body.keys() - _KNOWN - (_KNOWN_V1 if is_v1(request) else set())):
        raise invalid(f"The property '{strange[0][:40]}' is not known.", strange[0][:40])
    training_type = _training_type(body.get("trainingType"))
    root, base, warning = _model(request, _text(body, "model"), training_type)
    method = read_method(body, root, own_rate(root))
    suffix, seed = body.get("suffix"), body.get("seed")
    if suffix is not None and not (isinstance(suffix, str) and _SUFFIX.fullmatch(suffix)):
        raise invalid("The suffix may have up to 40 of the characters a-z, A-Z, 0-9, - and _.", "suffix")
    if seed is not None and not (is_whole(seed) and 0 <= seed <= _MOST_SEED):
        raise invalid(f"The seed must be a whole number from 0 to {_MOST_SEED}.", "seed")
    if method.kind == "reinforcement" and "validation_file" not in body:
        raise invalid("Reinforcement tuning needs a validation file.", "validation_file")
    return Order(
        model=base["id"] if base else root.id,
        root=root,
        base=base,
        training=_training(request, body),
        validation=_file(request, body, "validation_file") if "validation_file" in body else None,
        method=method,
        suffix=suffix,
        seed=secrets.randbelow(_MOST_SEED) if seed is None else seed,
        training_type=training_type,
        warning=warning,
        echoed=_metadata(body) | _integrations(body),
    )


def _text(body: Doc, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f"The property '{name}' is required and must be a string.", name)
    return value


def _metadata(body: Doc) -> Doc:
    """Up to 16 short texts, shown as they were sent. Rests on the v1 schema; the dated one has no such thing."""
    given = body.get("metadata")
    if not given:
        return {}
    if not isinstance(given, dict) or len(given) > _PAIRS:
        raise invalid(f"The property 'metadata' must be an object of up to {_PAIRS} texts.", "metadata")
    for name, value in given.items():
        if len(name) > _LONGEST_KEY or not isinstance(value, str) or len(value) > _LONGEST_VALUE:
            raise invalid(
                f"A key of metadata has up to {_LONGEST_KEY} characters, a value is text of up to {_LONGEST_VALUE}.",
                "metadata",
            )
    return {"metadata": given}


def _integrations(body: Doc) -> Doc:
    """One of Weights & Biases, shown as it was sent and without any effect. Rests on both schemas.

    They have no place for a key: one that is sent all the same is refused, and not repeated.
    """
    given = body.get("integrations")
    if not given:
        return {}
    one = given[0] if isinstance(given, list) and len(given) == 1 else None
    wandb = one.get("wandb") if isinstance(one, dict) and one.keys() == {"type", "wandb"} else None
    if not isinstance(one, dict) or one.get("type") != "wandb" or not isinstance(wandb, dict):
        raise invalid("The property 'integrations' takes one integration of the type 'wandb'.", "integrations")
    wandb = {name: value for name, value in wandb.items() if value is not None}
    texts, tags = {"project", "name", "entity"}, wandb.get("tags", [])
    sound = all(isinstance(value, str) for name, value in wandb.items() if name in texts) and isinstance(tags, list)
    if not sound or not wandb.get("project") or not all(isinstance(tag, str) for tag in tags):
        raise invalid("The integration needs a project; it may have a name, an entity and tags.", "integrations")
    if wandb.keys() - texts - {"tags"}:
        raise invalid("The integration has a property that is not known. Keys have no place here.", "integrations")
    return {"integrations": [{"type": "wandb", "wandb": wandb}]}


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
