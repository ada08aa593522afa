"""Plans that no stack has: with hundreds of changes of every sort, and with names and values meant to do harm."""

from __future__ import annotations

from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.diff import FieldChange
from ftctl.core.errors import Problem, Where
from ftctl.core.estimate import Estimate, Span
from ftctl.core.model import Address, ChangeClass, Finding, Home, Live, Mode, Standing, Unknown
from ftctl.core.noise import Noise, Suppressed
from ftctl.core.why import Source, Why

HOME = Home("support-tone", "00000000-0000-4000-8000-000000000001", "rg-finetune")
ACCOUNT = Address("account", "main")
_SHA = "90f2b01a5c77fc244d0be747ec7eda76932ebb3f71c2a89c0046eed1a171a2ea"


def many(count: int, word: str = "word") -> Plan:
    """`count` changes in groups of five: data, job, gate, deployment, and one that goes. `word` is wherever text is."""
    account = Change(ACCOUNT, Action.NOOP, Reason.AS_DECLARED, live=_live(ACCOUNT, {"sku": "S0", "tags": {"a": word}}))
    changes = [account, *(_one(number, word) for number in range(count))]
    problem = Problem("FT3030", f"{word} cannot be done", Where("specs/a.yaml", 3, 5), why=word, fix=word, subject=word)
    return Plan(HOME, Mode.NORMAL, tuple(changes), (problem,) if word != "word" else ())


def _one(number: int, word: str) -> Change:
    group, role = divmod(number, 5)
    data, job, gate, serving, gone = (
        Address(kind, f"{word}{group}") for kind in ("dataset", "job", "gate", "deployment", "deployment")
    )
    match role:
        case 0:
            return Change(
                data,
                Action.CREATE,
                Reason.MISSING,
                ChangeClass.NEW,
                name=f"ftctl--{word}--{_SHA}.jsonl",
                key=f"main/{number}",
                after={"sha256": _SHA, "bytes": 31_417 + number, "examples": 60, "note": word},
                because=(f"+12 -3 ~5 examples; `ftctl data diff {word}` shows more",),
                needs=(ACCOUNT,),
                affects=(job, serving),
            )
        case 1:
            return Change(
                job,
                Action.CREATE,
                Reason.NEW_RECIPE,
                ChangeClass.TRAIN,
                name=f"{word}-f94b",
                key=f"main/{number}",
                fields=(FieldChange("training", _SHA, _SHA[::-1]), FieldChange(f"tags.{word}", None, word)),
                why={
                    "training": Why(Source.FOLLOWS, Where(f"specs/{word}.yaml", 31, 15), str(data)),
                    f"tags.{word}": Why(Source.DECLARED, Where(f"specs/{word}.yaml", 40, 9)),
                    "batch_size": Why(Source.AUTO),
                },
                after={"model": "gpt-4.1-mini-2025-04-14", "n_epochs": 3, "training": _SHA[::-1]},
                needs=(ACCOUNT, data),
                affects=(serving,),
                estimate=Estimate(Span(41.2, 55), price=f"0.6 USD per 1M tokens ({word})", seconds=Span(7200, 14400)),
                findings=(
                    Finding("availability", Standing.PASS, f"{word} trains there", word),
                    Finding("retirement", Standing.WARN, f"{word} ends soon", word),
                ),
            )
        case 2:
            asks = (f"checkpoint: {word}", f"gate: {word} at most 1.2")
            fields = {"checkpoint": "best", "conditions": [word]}
            return Change(
                gate, Action.JUDGE, Reason.UNJUDGED, key=f"g{number}", after=fields, because=asks, needs=(job,)
            )
        case 3:
            old, new = f"gpt.ft-{number}-{word}", Unknown(job, "model")
            return Change(
                serving,
                Action.UPDATE,
                Reason.DRIFTED if group % 2 else Reason.FOLLOWS,
                ChangeClass.REPOINT,
                name=serving.name,
                key=f"d{number}",
                fields=(FieldChange("model", old, new),),
                before={"model": old},
                after={"model": new},
                needs=(gate,),
                why={"model": Why(Source.UNKNOWN, Where(f"specs/{word}.yaml", 50), str(job))},
                suppressed=(
                    Suppressed("capacity", 50, 30, Noise.IGNORED),
                    Suppressed(f"tags.{word}", word, None, Noise.AZURE),
                ),
                live=_live(serving, {"model": old, "capacity": 50, "tags": {"team": word}}, key=f"d{number}"),
            )
        case _:
            gone = Address("deployment", f"{word}-gone-{group}")
            found = _live(gone, {"model": "gpt", "sku": word}, key=f"x{number}")
            worst = ChangeClass.INTERRUPTS if group % 2 else ChangeClass.IRREVERSIBLE
            told = {"key": found.key, "before": found.fields, "live": found, "name": found.name}
            return Change(gone, Action.DELETE, Reason.UNDECLARED, worst, **told)


def _live(address: Address, fields: dict, key: str = "") -> Live:
    return Live(address.kind, key or str(address), f"/subscriptions/x/{address}", f"azure-{address.name}", fields)
