"""Evaluations between training and serving: their declaration, and what goes wrong while they are made."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit

CODES = {
    "FT1420": Code(
        "Held-out examples are none",
        Exit.DATA,
        "An evaluation on the examples that a model was trained on, or chosen by, says nothing of others.",
        "Name a dataset that is neither the training nor the validation data.",
    ),
    "FT1421": Code(
        "Data that cannot be asked",
        Exit.DATA,
        "An evaluation asks the questions of a local file, of chat examples or of reinforcement tasks.",
        "Name a dataset with `path` and `format: chat` or `format: reinforcement`.",
    ),
    "FT1422": Code(
        "More evaluations than are remembered",
        Exit.DATA,
        "What an evaluation found is kept in a tag of the deployment, which has room for six.",
        "Put several graders into one multi grader.",
    ),
    "FT1423": Code(
        "Held-out examples stand in the training data",
        Exit.DATA,
        "What a model has seen in training it may answer by heart: the score will be too good.",
        "Take them out of one of the two.",
    ),
    "FT3260": Code(
        "An evaluation could not be made",
        Exit.ERROR,
        "The temporary deployment or the grader refused a question or an answer. Nothing was changed that serves.",
        "Correct what was refused and apply again. Look the correlation id up with Azure's support, if need be.",
    ),
    "FT3261": Code(
        "A temporary deployment does not answer",
        Exit.ERROR,
        "The model that is to be evaluated was deployed, and then gave no answer for a long time.",
        "Apply again later. Large models can take 15 minutes.",
    ),
    "FT3262": Code(
        "A grader failed in an evaluation",
        Exit.ERROR,
        "It gave no reward for some answers, so that the mean would say nothing of the model.",
        "Correct the grader: its references to the data, its program, or the form of answers that it expects.",
    ),
    "FT3263": Code(
        "Held-out data is not what was planned with",
        Exit.STALE,
        "The file was changed after it had been read for the plan.",
        "Plan again and review.",
    ),
}
