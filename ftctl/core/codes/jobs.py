"""FT1270-FT1289, FT1410-FT1417 and FT3030: what is wrong with a training, a sweep, and where it is to run."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit

CODES: dict[str, Code] = {
    "FT1270": Code(
        "A hyperparameter of another method",
        Exit.DATA,
        "Each method has hyperparameters of its own beside n_epochs, batch_size and learning_rate_multiplier.",
        "Take it out, or choose the method that has it: docs/spec.md lists them.",
    ),
    "FT1271": Code(
        "Data of another format than the method learns from",
        Exit.DATA,
        "Supervised training learns from chats, dpo from preference pairs, reinforcement from prompts with references.",
        "Name a dataset of the right format, or declare the dataset's `format` as what is in its file.",
    ),
    "FT1272": Code(
        "Reinforcement training without validation data",
        Exit.DATA,
        "Azure refuses such a job: rewards on examples that are not trained on show whether it learns or games.",
        "Declare a second dataset with `format: reinforcement` and name it in `validation`.",
    ),
    "FT1273": Code(
        "A grader is not whole",
        Exit.DATA,
        "A python grader has its program in `source` or in a `file`; a range goes from a lesser to a greater number.",
        "Correct the grader; docs/spec.md says what each type takes.",
    ),
    "FT1274": Code(
        "A grader's file cannot be read",
        Exit.DATA,
        "`file` is looked for beside the spec, and is UTF-8 text. What is in it is part of the recipe.",
        "Correct the path or the file.",
    ),
    "FT1275": Code(
        "A grader's program cannot be used",
        Exit.DATA,
        "The service calls `grade(sample, item)` of a Python program, which has to compile.",
        "Correct the program at the named line.",
    ),
    "FT1276": Code(
        "A grader's program is too long",
        Exit.DATA,
        "Azure takes programs of up to 256 KB.",
        "Leave tables out of the program: what belongs to an example can stand in the data as `item.NAME`.",
    ),
    "FT1277": Code(
        "A formula that is none",
        Exit.DATA,
        "`calculate_output` is arithmetic on the names of the multi grader's own graders.",
        "Use the graders' names as they are declared, numbers, + - * / ^ and the functions that Azure knows.",
    ),
    "FT1278": Code(
        "Images for a model that is not known to take them",
        Exit.DATA,
        "Of the models that can be trained, gpt-4o and gpt-4.1 are documented to learn from images.",
        "Choose one of these, or go on if you know that this one does: it is a warning.",
    ),
    "FT1279": Code(
        "A job goes on from a model of another account",
        Exit.DATA,
        "A fine-tuned model belongs to the account that trained it, and only jobs there can go on from it.",
        "Give both jobs the same `resource`.",
    ),
    "FT1280": Code(
        "A model that is not known to score",
        Exit.DATA,
        "Azure documents two models that score answers: gpt-4o-2024-08-06 and o3-mini-2025-01-31.",
        "Use one of these, or go on if you know that this one does: it is a warning.",
    ),
    "FT1281": Code(
        "A grader of the type endpoint",
        Exit.DATA,
        "Azure offers it in private preview only, and its documentation (Microsoft Learn, reinforcement fine-tuning, 5"
        " October 2026) says that the published configuration need not apply to it: ftctl would have to guess what to"
        " send.",
        "Use a python or score_model grader, or several in a multi grader.",
    ),
    "FT1282": Code(
        "More tokens than one job reads",
        Exit.DATA,
        "A job reads at most two billion tokens in all its epochs, three billion with open weights.",
        "Lower `n_epochs`, or train on fewer or shorter examples.",
    ),
    "FT1283": Code(
        "A response format that is none",
        Exit.DATA,
        "Reinforcement training takes answers as text, or as JSON of a schema.",
        "Write `{type: json_schema, json_schema: {name: NAME, schema: {…}}}`, or leave it out for text.",
    ),
    "FT1284": Code(
        "A grader's template names what some examples lack",
        Exit.DATA,
        "For these examples the grader fails, and the answer gets no reward.",
        "Give every example the key, or use another one in the template.",
    ),
    "FT1410": Code(
        "A sweep of nothing",
        Exit.DATA,
        "A job with a `matrix` is one job for each combination of its values, and there are none.",
        "Give it values, `matrix: {n_epochs: [2, 3]}`, or take it out.",
    ),
    "FT1411": Code(
        "A field stands in the matrix and beside it",
        Exit.DATA,
        "What the matrix varies has its values there; a second place for it would be overruled in silence.",
        "Keep one of the two.",
    ),
    "FT1412": Code(
        "A sweep would train one recipe twice",
        Exit.DATA,
        "Two combinations of the matrix are the same job, and a recipe is trained and paid for once.",
        "Take one of the equal values out. To see how much chance there is in it, vary `seed`.",
    ),
    "FT1413": Code(
        "A sweep is too large",
        Exit.DATA,
        "Every combination is a training that is paid for, and a matrix grows faster than one thinks.",
        "Take values out, or sweep one field after the other: what has been trained is not trained again.",
    ),
    "FT1414": Code(
        "A sweep's key without a matrix",
        Exit.DATA,
        "`pick` and `maxParallel` say something of several jobs; without a `matrix` there is one.",
        "Add a `matrix`, or take the key out.",
    ),
    "FT1415": Code(
        "A sweep that is referred to does not say which of its jobs is meant",
        Exit.DATA,
        "What serves the model of a sweep, or goes on from it, needs one of its jobs.",
        "Add `pick: {metric: full_valid_loss}` to the sweep.",
    ),
    "FT1416": Code(
        "A pick's goal does not fit its metric",
        Exit.DATA,
        "Of losses the lowest is best, of accuracies and rewards the highest; of others only you can know.",
        "Say `goal: min` or `goal: max`, or leave it out where the metric has one.",
    ),
    "FT1417": Code(
        "A pick's metric will not be measured",
        Exit.DATA,
        "Which columns results.csv has follows from the method and from whether there is validation data.",
        "Choose another metric, or give the job `validation`.",
    ),
    "FT3030": Code(
        "It cannot be trained there",
        Exit.BLOCKED,
        "Each region trains its own models, each with its own training types; Azure's refusal would not say so.",
        "Change `trainingType`, the model, or the account's `location`. FTCTL_MODELS names a newer catalogue.",
    ),
    "FT6018": Code(
        "There is nothing to grade",
        Exit.USAGE,
        "Only reinforcement jobs have a grader, and it is tried on examples of a local file with given answers.",
        "Name a reinforcement job, and answers by `--answer TEXT` or `--answers FILE`.",
    ),
    "FT6017": Code(
        "A catalogue of models cannot be used",
        Exit.USAGE,
        "FTCTL_MODELS names a file of the form of ftctl/catalog/training.toml.",
        "Correct the file, or unset the variable.",
    ),
}
