"""The quotas of a subscription: how many of what, as one had them in eastus2 on 23 April 2026, and their titles."""

from __future__ import annotations

import re

TUNED_DEPLOYMENTS = "OpenAI.FineTuned.Deployments"
_OTHERS = 250
_OPEN_WEIGHTS = 1000
_UNTUNED = {
    "AIServices.GlobalStandard.MaaS": (600, "Default Quota for Model-as-a-Service Models"),
    "AIServices.GlobalStandard.Llama-3.3-70B-Instruct": (
        250,
        "Tokens Per Minute (thousands) - Llama-3.3-70B-Instruct",
    ),
}
_GENERAL = {
    TUNED_DEPLOYMENTS: (10, "Standard Fine-Tuned Deployments"),
    "OpenAI.S0.AccountCount": (30, "Maximum resources for OpenAI S0 sku."),
    "AIServices.S0.AccountCount": (100, "Maximum resources for AIServices S0 sku."),
    "AccountCount": (200, "Maximum Resources per Region"),
    **_UNTUNED,
}
# Thousands of tokens a minute by model and SKU; those of fine-tuned models that are not here have `_OTHERS`.
_MODELS = {
    "gpt-35-turbo": {"Standard": 300},
    "gpt-35-turbo-1106-finetune": {"Standard": 500},
    "gpt-35-turbo-0125-finetune": {"Standard": 500},
    "gpt-4o": {"Standard": 149, "GlobalStandard": 450, "DataZoneStandard": 300},
    "gpt-4o-mini": {"Standard": 450, "GlobalStandard": 2000, "DataZoneStandard": 1000},
    "gpt-4o-mini-finetune": {"Standard": 500, "GlobalStandard": 500, "DataZoneStandard": 500},
    "gpt4.1": {"Standard": 1000, "GlobalStandard": 1000, "DataZoneStandard": 300},
    "gpt4.1-mini": {"Standard": 5000, "GlobalStandard": 5000, "DataZoneStandard": 2000},
    "gpt4.1-nano": {"GlobalStandard": 5000, "DataZoneStandard": 2000},
    "gpt4.1-mini-finetune": {"Standard": 500, "GlobalStandard": 500, "DeveloperTier": 500},
    "gpt4.1-nano-finetune": {"Standard": 500, "GlobalStandard": 500, "DeveloperTier": 500},
    "o4-mini": {"Standard": 1000, "GlobalStandard": 1000, "DataZoneStandard": 300},
    "o4-mini-finetune": {"Standard": 500, "GlobalStandard": 500},
}
_NAMES = {
    "gpt-4o-mini": "GPT-4o-mini",
    "gpt-35-turbo": "GPT-35-Turbo",
    "gpt-35-turbo-1106": "GPT-35-Turbo-1106",
    "gpt-35-turbo-0125": "GPT-35-Turbo-0125",
}


def limit(usage_name: str) -> int:
    """How much of a quota there is in a region."""
    if usage_name in _GENERAL:
        return _GENERAL[usage_name][0]
    kind, sku, model = [*usage_name.split(".", 2), "", ""][:3]
    return _MODELS.get(model, {}).get(sku, _OPEN_WEIGHTS if kind == "AIServices" else _OTHERS)


def title(usage_name: str) -> str:
    """How messages and lists call a quota; the service's own spelling differs from family to family."""
    if usage_name in _GENERAL:
        return _GENERAL[usage_name][1]
    kind, sku, model = [*usage_name.split(".", 2), "", ""][:3]
    if kind == "AIServices":
        return "Default Quota for Model-as-a-Service Finetuned Models"
    name, tuned = re.subn(r"-finetune$", "", model, flags=re.IGNORECASE)
    if name.startswith("gpt4.1"):
        parts = ["Tokens Per Minute (thousands)", name.removeprefix("gpt"), sku, *["FineTune"] * tuned]
    elif name.startswith("o"):
        parts = ["Thousand Tokens Per Minute", name, sku, *["Finetune"] * tuned]
    else:
        named = "GPT-4o" if name == "gpt-4o" and tuned else name
        named = _NAMES.get(name, named) if tuned or sku == "Standard" else named
        parts = ["Tokens Per Minute (thousands)", named, *["finetune"] * tuned, *([] if sku == "Standard" else [sku])]
    return " - ".join(parts)
