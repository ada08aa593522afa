"""The model catalogue of the local Azure: dated facts of what can be trained and deployed where, and how much of it.

Recorded from the service's own model lists: gpt-4o, gpt-4o-mini and gpt-4.1 in 40 regions on 22 June 2026; all others
in eastus2 and swedencentral on 23 April 2026. Assumed: that gpt-4.1-mini and gpt-4.1-nano are offered in the regions of
gpt-4.1 (with regional training in northcentralus and swedencentral), and where base models deploy outside of eastus2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

AS_OF = date(2026, 6, 22)

_GLOBAL_26 = (
    "australiaeast brazilsouth canadacentral canadaeast eastus eastus2 francecentral germanywestcentral italynorth "
    "japaneast koreacentral northcentralus norwayeast polandcentral southafricanorth southcentralus southeastasia "
    "southindia spaincentral swedencentral switzerlandnorth switzerlandwest uksouth westeurope westus westus3"
)
_TUNED_32 = f"{_GLOBAL_26} centralus eastus2euap japanwest uaenorth ukwest westcentralus"
_ZONE_US = "centralus eastus eastus2 northcentralus southcentralus westus westus3"
_STANDARD_41 = (
    "australiaeast canadaeast norwayeast polandcentral swedencentral switzerlandnorth switzerlandwest centralus "
    "eastus2euap uaenorth eastus eastus2 northcentralus westus3 westus2"
)
_RECORDED_2 = "eastus2 swedencentral"
_MORE = "eastasia centralindia koreasouth qatarcentral australiasoutheast northeurope newzealandnorth"
REGIONS = frozenset(f"{_TUNED_32} {_STANDARD_41} {_MORE}".split())

# How a job's trainingType is called among the catalogue's flags.
FLAGS = {
    "standard": "fineTune",
    "globalstandard": "globalFineTune",
    "datazonestandard": "datazoneFineTune",
    "developertier": "devTierFineTune",
}


@dataclass(frozen=True, slots=True)
class Sku:
    """A way to deploy. Capacity is in thousands of tokens a minute; one unit allows one request in `window` seconds."""

    name: str
    usage_name: str
    regions: frozenset[str]
    retires: date
    default: int | None = 10
    maximum: int = 1_000_000
    minimum: int | None = None
    step: int | None = None
    window: int = 60
    requests: int = 1

    @property
    def tuned(self) -> bool:
        """Whether it deploys fine-tuned models; nothing but the usage name says so in the service either."""
        return self.usage_name.lower().endswith("-finetune")

    def rate_limits(self, capacity: int) -> list[dict[str, Any]]:
        """What so many units allow."""
        return [
            {"key": "request", "renewalPeriod": self.window, "count": self.requests * capacity},
            {"key": "token", "renewalPeriod": 60, "count": 1000 * capacity},
        ]

    @property
    def sizes(self) -> dict[str, int]:
        """The capacities that it takes, as lists show them."""
        known = {"minimum": self.minimum, "maximum": self.maximum, "step": self.step, "default": self.default}
        return {name: value for name, value in known.items() if value is not None}


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A model as it comes, with the regions of each kind of training by the service's own flag."""

    format: str
    name: str
    version: str
    training_end: date
    inference_end: date
    max_tokens_per_example: int | None = None
    training: Mapping[str, frozenset[str]] = field(default_factory=dict)
    skus: tuple[Sku, ...] = ()
    capabilities: Mapping[str, str] = field(default_factory=dict)
    lifecycle: str = "GenerallyAvailable"
    default_version: bool = True
    max_capacity: int = 3
    publisher: str = ""

    @property
    def id(self) -> str:
        """What the data plane calls it: with the version where that is a date or a dated build."""
        return f"{self.name}-{self.version}" if self.format == "OpenAI" else self.name

    @property
    def max_tokens_per_job(self) -> int:
        return 2_000_000_000 if self.format == "OpenAI" else 3_000_000_000

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of account that it is listed for."""
        return ("OpenAI", "AIServices") if self.format == "OpenAI" else ("AIServices", "MaaS")

    def flags(self, region: str) -> list[str]:
        return [flag for flag, regions in self.training.items() if region in regions]

    def listed_in(self, region: str) -> bool:
        return bool(self.flags(region)) or any(region in sku.regions for sku in self.skus)

    def sku(self, name: str, region: str, *, tuned: bool) -> Sku | None:
        """The one of that name (in any case) that is offered in `region`."""
        return next((one for one in self.offers(name, tuned=tuned) if region in one.regions), None)

    def offers(self, name: str, *, tuned: bool) -> Iterator[Sku]:
        return (one for one in self.skus if one.tuned is tuned and one.name.lower() == name.lower())


def find(id_: str) -> BaseModel | None:
    """By the data plane's name (`gpt-4.1-mini-2025-04-14`), in any case."""
    return _by_id().get(id_.lower())


def find_root(fine_tuned: str) -> BaseModel | None:
    """The base model that a fine-tuned one goes back to, by the name `{base}.ft-…`."""
    return find(fine_tuned.partition(".ft-")[0])


def find_base(format_: str, name: str, version: str) -> BaseModel | None:
    """By the three that a deployment gives, format and name as they are written; without a version the default one."""
    same = [one for one in MODELS if one.format == format_ and one.name == name]
    return next((one for one in same if one.version == version or (not version and one.default_version)), None)


def availability(model: BaseModel, region: str, training_type: str) -> bool:
    """Whether `model` trains in `region` with that trainingType (in any case)."""
    flag = FLAGS.get(training_type.lower())
    return flag is not None and normal(region) in model.training.get(flag, frozenset())


def normal(location: str) -> str:
    """A location as it compares: clients write `East US 2` or `EASTUS2`, and the service echoes that."""
    return location.replace(" ", "").lower()


@cache
def _by_id() -> dict[str, BaseModel]:
    return {one.id.lower(): one for one in MODELS}


def _set(regions: str) -> frozenset[str]:
    return frozenset(regions.split())


def _training(standard: str = "", world: str = "", zone: str = "", developer: str = "") -> dict[str, frozenset[str]]:
    named = {"fineTune": standard, "globalFineTune": world, "datazoneFineTune": zone, "devTierFineTune": developer}
    return {flag: _set(regions) for flag, regions in named.items() if regions}


def _base_skus(
    usage: str,
    retires: date,
    *,
    rates: Mapping[str, tuple[int, int]] | None = None,
    regional_until: date | None = None,
    regional: str = _STANDARD_41,
) -> tuple[Sku, ...]:
    """The ways to deploy a model as it comes; `rates` are window and requests where they are not one a minute."""
    where = {"GlobalStandard": _TUNED_32, "DataZoneStandard": _ZONE_US, "Standard": regional}
    return tuple(
        Sku(
            name,
            f"OpenAI.{name}.{usage}",
            _set(regions),
            regional_until or retires if name == "Standard" else retires,
            window=(rates or {}).get(name, (60, 1))[0],
            requests=(rates or {}).get(name, (60, 1))[1],
        )
        for name, regions in where.items()
        if regions
    )


def _capabilities(*words: str, context: int = 0, output: int = 0) -> dict[str, str]:
    limits = {"maxContextToken": str(context), "maxOutputToken": str(output)} if context else {}
    flags = ("chatCompletion", "assistants", "responses", "agentsV2", *words)
    return {"area": "US", **dict.fromkeys(flags, "true"), **limits}


def _in_westus2(name: str, usage_name: str) -> Sku:
    """Recorded in that one region: sold in steps of 50, twenty requests in ten seconds each."""
    only, end = _set("westus2"), date(2027, 10, 1)
    return Sku(name, usage_name, only, end, None, minimum=50, step=50, window=10, requests=20)


def _gpt_4o(
    name: str,
    version: str,
    training: dict[str, frozenset[str]],
    standard: str,
    lifecycle: str,
    odd_usages: dict[str, str],
) -> BaseModel:
    end, usage, small = date(2026, 10, 1), f"{name}-finetune", name == "gpt-4o-mini"
    slow = (60, 10) if small else (10, 1)
    rates = {"Standard": slow, "GlobalStandard": (60, 10), "DataZoneStandard": slow}
    tuned = (
        Sku(
            "GlobalStandard",
            f"OpenAI.GlobalStandard.{usage}",
            _set(f"{_GLOBAL_26} uaenorth"),
            date(2027, 10, 1),
            50,
            window=10,
        ),
        Sku("DataZoneStandard", f"OpenAI.DataZoneStandard.{usage}", _set(_ZONE_US), date(2027, 10, 14), 10, 10_000_000),
        Sku("Standard", f"OpenAI.Standard.{usage}", _set(standard), date(2027, 3, 31), 50, window=10),
        *(_in_westus2(sku, f"OpenAI.{sku}.{odd}") for sku, odd in odd_usages.items()),
    )
    return BaseModel(
        "OpenAI",
        name,
        version,
        end,
        end,
        131_072,
        training,
        (*_base_skus(name, end, rates=rates, regional_until=date(2026, 3, 31)), *tuned),
        _capabilities(
            "allowProvisionedManagedCommitment",
            "jsonObjectResponse" if small else "jsonSchemaResponse",
            context=128_000,
            output=16_384,
        ),
        lifecycle,
        small,
    )


def _gpt_41(size: str, example: int, training: dict[str, frozenset[str]], extra: tuple[Sku, ...] = ()) -> BaseModel:
    end, retires = date(2026, 10, 14), date(2027, 10, 14)
    usage, most = f"gpt4.1{size}-finetune", 1_000_000 if size == "-nano" else 10_000_000
    tuned = (
        Sku("GlobalStandard", f"OpenAI.GlobalStandard.{usage}", _set(_TUNED_32), retires, 10, most),
        Sku("DeveloperTier", f"OpenAI.DeveloperTier.{usage}", _set(_TUNED_32), retires, 50, 250),
        Sku("Standard", f"OpenAI.Standard.{usage}", _set("northcentralus swedencentral"), retires, 10, most),
    )
    regional = "" if size == "-nano" else _STANDARD_41
    skus = (*_base_skus(f"gpt4.1{size}", end, regional=regional), *tuned, *extra)
    return BaseModel("OpenAI", f"gpt-4.1{size}", "2025-04-14", end, end, example, training, skus, _capabilities())


def _gpt_35(version: str, *, default: bool) -> BaseModel:
    end = date(2025, 11, 14)
    base = Sku("Standard", "OpenAI.Standard.gpt-35-turbo", _set(f"{_STANDARD_41} japaneast"), end, 100, window=10)
    tuned = f"OpenAI.Standard.gpt-35-turbo-{version}-finetune"
    skus = (*([base] if default else []), Sku("Standard", tuned, _set(_RECORDED_2), end, 50, window=10))
    limits = {"maxContextToken": "16385", "maxOutputToken": "4096", "chatCompletion": "true", "assistants": "true"}
    return BaseModel(
        "OpenAI",
        "gpt-35-turbo",
        version,
        date(2025, 10, 28),
        end,
        16_385,
        _training(_RECORDED_2),
        skus,
        limits | {"allowProvisionedManagedCommitment": "true"},
        "Deprecated",
        default,
        max_capacity=9,
    )


def _open(
    format_: str, name: str, version: str, usage: str, base: tuple[Sku, ...] = (), *, publisher: str = "", **more: str
) -> BaseModel:
    """A model with open weights: supervised, and on the global SKU alone."""
    sku = Sku("GlobalStandard", f"AIServices.GlobalStandard.{usage}", _set(_RECORDED_2), _NEVER, 50, 1000)
    return BaseModel(
        format_,
        name,
        version,
        _NEVER,
        _NEVER,
        None,
        _training(world=_RECORDED_2),
        (*base, sku),
        {**more, "chatCompletion": "true"},
        "Stable",
        name == "Llama-3.3-70B-Instruct",
        publisher=publisher or format_,
    )


def _open_base(usage: str, default: int, maximum: int, *, requests: int = 1) -> tuple[Sku, ...]:
    usage_name = f"AIServices.GlobalStandard.{usage}"
    return (Sku("GlobalStandard", usage_name, _set(_RECORDED_2), _NEVER, default, maximum, requests=requests),)


_DEVELOPER_4O = f"{_GLOBAL_26} eastus2euap uaenorth"
_ZONE_4O = "eastus southcentralus westus eastus2 northcentralus westus3"
_NEVER = date(2099, 12, 31)
_SWEDEN_CHICAGO = "northcentralus swedencentral"
_DEVELOPER_41 = f"{_GLOBAL_26} centralus eastus2euap uaenorth"
_END_41, _END_O4 = date(2027, 10, 14), date(2027, 10, 16)

MODELS: tuple[BaseModel, ...] = (
    _gpt_4o(
        "gpt-4o",
        "2024-08-06",
        _training(
            "australiaeast canadaeast swedencentral switzerlandnorth switzerlandwest eastus2 northcentralus westus3 "
            "uaenorth",
            _GLOBAL_26,
            _ZONE_4O,
            _DEVELOPER_4O,
        ),
        "eastus2 northcentralus swedencentral switzerlandwest",
        "Deprecating",
        dict.fromkeys(("Standard", "GlobalStandard"), "gpt-4o-2024-08-06-finetune"),
    ),
    _gpt_4o(
        "gpt-4o-mini",
        "2024-07-18",
        _training(
            "australiaeast canadaeast swedencentral switzerlandnorth eastus2 northcentralus westus3 eastus2euap "
            "uaenorth westus2",
            _GLOBAL_26,
            _ZONE_4O,
            _DEVELOPER_4O,
        ),
        "centralus eastus eastus2 francecentral northcentralus norwayeast southeastasia southindia spaincentral "
        "swedencentral switzerlandnorth switzerlandwest uksouth ukwest westus3",
        "GenerallyAvailable",
        {"GlobalStandard": "gpt-4o-mini-finetune"},
    ),
    _gpt_41(
        "",
        65_536,
        _training(_STANDARD_41, _GLOBAL_26, f"{_ZONE_4O} westus2", _DEVELOPER_41),
        (
            Sku("DataZoneStandard", "OpenAI.DataZoneStandard.gpt4.1-finetune", _set(_ZONE_US), _END_41, 10, 10_000_000),
            Sku("Standard", "OpenAI.Standard.gpt4.1-finetune", _set("westus2"), _END_41, None, minimum=50, step=50),
            Sku(
                "DeveloperTier",
                "OpenAI.DeveloperTier.gpt4.1-finetune",
                _set("westus2"),
                _END_41,
                None,
                250,
                minimum=0,
                step=10,
            ),
        ),
    ),
    _gpt_41("-mini", 65_536, _training(_SWEDEN_CHICAGO, _GLOBAL_26, "", _DEVELOPER_41)),
    _gpt_41("-nano", 32_768, _training(_SWEDEN_CHICAGO, _GLOBAL_26, "", _DEVELOPER_41)),
    BaseModel(
        "OpenAI",
        "o4-mini",
        "2025-04-16",
        date(2026, 10, 16),
        date(2026, 10, 16),
        131_072,
        _training(_RECORDED_2, _RECORDED_2),
        (
            *_base_skus("o4-mini", date(2026, 10, 16), rates={"DataZoneStandard": (10, 1)}),
            *(
                Sku(name, f"OpenAI.{name}.o4-mini-finetune", _set(_RECORDED_2), _END_O4)
                for name in ("GlobalStandard", "DeveloperTier", "Standard")
            ),
        ),
        _capabilities("reasoningSummary") | {"assistants": "false"},
    ),
    _gpt_35("1106", default=False),
    _gpt_35("0125", default=True),
    _open("Alibaba", "qwen3-32b", "1", "Qwen3-32B-finetune"),
    _open(
        "Meta",
        "Llama-3.3-70B-Instruct",
        "9",
        "Llama-3.3-70B-Instruct-Finetune",
        _open_base("Llama-3.3-70B-Instruct", 10, 10_000),
        area="US",
    ),
    _open("Mistral AI", "Ministral-3B", "1", "Ministral-3B-finetune", _open_base("MaaS", 1, 1, requests=0)),
    _open("OpenAI-OSS", "gpt-oss-20b", "11", "GPT-OSS-20B-Finetune", publisher="OpenAI"),
)
