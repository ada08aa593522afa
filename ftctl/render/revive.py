"""A plan from its JSON: `ftctl.render.json` writes it, this reads it back, and every format shows the same of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.diff import FieldChange
from ftctl.core.errors import Problem, Severity, Where
from ftctl.core.estimate import Estimate, Span
from ftctl.core.model import Address, ChangeClass, Finding, Home, Live, Mode, Standing, Unknown
from ftctl.render.why import hidden_of, why_of

Json = Mapping[str, Any]
_JUDGES = {"gate", "pick"}


def revived(content: Json) -> Plan:
    """The plan that `plan_json` wrote, without what only an apply needs. Raises KeyError and the like for others."""
    findings: dict[str | None, list[Finding]] = {}
    for one in content["preflight"]:
        found = Finding(one["check"], Standing(one["standing"]), one["what"], one["basis"], one.get("scope") or "")
        findings.setdefault(one["address"], []).append(found)
    told = {gate["address"]: tuple(gate["told"]) for gate in content["gates"]}
    return Plan(
        Home(content["stack"], content["subscription"], content["resource_group"]),
        Mode(content["mode"]),
        tuple(_change(one, findings.get(one["address"], []), told) for one in content["changes"]),
        tuple(map(_problem, content["diagnostics"])),
        preflight=tuple(findings.get(None, ())),
    )


def _change(one: Json, findings: list[Finding], told: Mapping[str, tuple[str, ...]]) -> Change:
    before, after = one["before"] or {}, _whole(one["after"] or {}, one["after_unknown"])
    address = Address.parse(one["address"])
    return Change(
        address,
        Action(one["action"]),
        Reason(one["reason"]),
        ChangeClass(one["class"]),
        name=one["name"],
        key=one["key"] or "",
        fields=tuple(map(_field, one["fields"])),
        before={name: value for name, value in before.items() if name in one["changed"]},
        after={name: value for name, value in after.items() if name in one["changed"]},
        because=tuple(one["because"]),
        affects=tuple(map(Address.parse, one["affects"])),
        needs=tuple(map(Address.parse, one["needs"])),
        problem=_problem(one["problem"]) if one["problem"] else None,
        estimate=_estimate(one["estimate"]) if one["estimate"] else None,
        findings=tuple(findings),
        why=why_of(one.get("why", {})),  # a plan of an older version has none
        suppressed=hidden_of(one.get("suppressed", [])),
        live=_live(one, address, before, told.get(one["address"], ())) if one["id"] else None,
    )


def _live(one: Json, address: Address, before: Json, told: tuple[str, ...]) -> Live:
    fields = before or (one["after"] if address.kind in _JUDGES else {}) or {}  # what they ask for is all they are
    key, name = one["key"] or "", one["name"]
    return Live(address.kind, key, one["id"], name, fields, outputs={"told": told} if told else {})


def _field(one: Json) -> FieldChange:
    after = _whole(one["after"], one["after_unknown"])
    return FieldChange(one["path"], one["before"], after, forces=one["forces_replacement"])


def _whole(known: Any, unknown: Any) -> Any:
    """A value with what is not known in its places."""
    match unknown:
        case str():
            source, _, output = unknown.rpartition(".")
            return Unknown(Address.parse(source), output)
        case Mapping():
            return {key: _whole(inner, unknown.get(key)) for key, inner in known.items()}
        case list():
            return [_whole(one, inner) for one, inner in zip(known, unknown, strict=True)]
        case _:
            return known


def _estimate(one: Json) -> Estimate:
    return Estimate(
        cost=_span(one["cost"]),
        currency=one["currency"],
        once=_span(one["tokens_once"]),
        epochs=_span(one["epochs"]),
        tokens=_span(one["tokens"]),
        hours=_span(one["hours"]),
        price=one["price"] or "",
        notes=tuple(one["notes"]),
        seconds=_span(one["seconds"]),
        earlier=one["earlier_trainings"],
        unknown=one["unknown"] or "",
    )


def _span(one: Json | None) -> Span | None:
    return Span(one["low"], one["high"]) if one else None


def _problem(one: Json) -> Problem:
    where = one["where"]
    return Problem(
        one["code"],
        one["what"],
        Where(where["path"], where["line"] or 0, where["column"] or 0) if where else None,
        why=one["why"],
        fix=one["fix"],
        subject=one["subject"] or "",
        correlation=one["correlation"] or "",
        severity=Severity(one["severity"]),
    )
