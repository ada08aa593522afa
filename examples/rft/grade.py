"""The reward of an answer: whole for the right team, and more for the name alone than for a sentence around it."""  # noqa: INP001  a program for the service, and no package

TEAMS = ("billing", "delivery", "returns")


def grade(sample: dict, item: dict) -> float:
    words = sample["output_text"].lower().replace(".", " ").replace(",", " ").split()
    named = [team for team in TEAMS if team in words]
    if named != [item["team"]]:
        return 0.0
    return 1.0 if len(words) == 1 else 0.5
