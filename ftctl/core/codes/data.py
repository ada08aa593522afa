"""FT1300-FT1399: what is wrong with training data."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit


def _code(title: str, why: str, fix: str) -> Code:
    return Code(title, Exit.DATA, why, fix)


CODES: dict[str, Code] = {
    "FT1300": _code(
        "The data file does not exist",
        "A dataset's path is read from the folder of the spec that names it.",
        "Correct the path, or add the file.",
    ),
    "FT1301": _code(
        "The data path is a directory",
        "A dataset is one JSON Lines file.",
        "Name the file inside it.",
    ),
    "FT1302": _code(
        "The data path is not an ordinary file",
        "A pipe, socket or device gives its bytes once or never, so they cannot be checked first and uploaded later.",
        "Write the data to an ordinary file and name that one.",
    ),
    "FT1303": _code(
        "The data file cannot be read",
        "The operating system refused.",
        "Check the file's permissions and the disk it is on.",
    ),
    "FT1304": _code(
        "The data file is a git-LFS pointer",
        "The repository was cloned without its large files, so only a note of their hash is here.",
        "Run `git lfs pull`; in CI, check out with LFS switched on.",
    ),
    "FT1305": _code(
        "The data file is empty",
        "Azure accepts a training or validation file from 10 examples on.",
        "Write one example a line.",
    ),
    "FT1306": _code(
        "The data file is too large",
        "Azure OpenAI takes training files of at most 512,000,000 bytes.",
        "Leave examples out, or split the data over jobs that continue one another.",
    ),
    "FT1307": _code(
        "There are too few examples",
        "Azure OpenAI refuses files of fewer than 10 examples.",
        "Add examples; good results rather begin at 50.",
    ),
    "FT1308": _code(
        "The data is not UTF-8",
        "JSON Lines is UTF-8; with or without a byte order mark.",
        "Save the file as UTF-8.",
    ),
    "FT1309": _code(
        "A line is too long",
        "An example is one line, and none that a model can learn from comes near 64 MB.",
        "Check that examples stand on lines of their own.",
    ),
    "FT1310": _code(
        "A line is not JSON",
        "Each line is read on its own, so a JSON array or pretty-printed JSON over several lines does not fit.",
        "Write each example as one JSON object on one line.",
    ),
    "FT1311": _code(
        "An example is not a JSON object",
        'A chat example is an object: {"messages": [...]}.',
        "Wrap the messages in an object, one a line.",
    ),
    "FT1312": _code(
        "An example has the wrong shape",
        'A chat example holds "messages", and may hold "tools" and "parallel_tool_calls", each of a fixed shape.',
        "Give the field the type that is asked for, or leave it out where it is optional.",
    ),
    "FT1313": _code(
        "A message has an unknown role",
        "A role decides who speaks and what is learned.",
        "Use system, developer, user, assistant or tool.",
    ),
    "FT1314": _code(
        "An example has no user message",
        "Without a question there is nothing to answer.",
        "Add a message with the role user.",
    ),
    "FT1315": _code(
        "An example has no assistant message",
        "The assistant's messages are what the model learns.",
        "Add the answer as a message with the role assistant.",
    ),
    "FT1316": _code(
        "An example does not end with the assistant",
        "What comes after the last answer would teach nothing, so Azure refuses it.",
        "End with the assistant's message, or drop what follows it.",
    ),
    "FT1317": _code(
        "A weight is neither 0 nor 1",
        "A weight says whether an assistant message is learned (1) or only read (0); nothing in between.",
        "Use 0 or 1 without quotes, or leave it out for 1.",
    ),
    "FT1318": _code(
        "An example uses functions",
        "`functions` and `function_call` are deprecated.",
        "Use `tools` and `tool_calls` instead.",
    ),
    "FT1319": _code(
        "A tool is called that the example does not offer",
        "The model would learn to call tools that it was not given.",
        "Add the tool to the example's `tools`, or correct the name.",
    ),
    "FT1320": _code(
        "A message's content has the wrong type",
        "Content is a string, or a list of parts: text anywhere, images in user messages.",
        "Use a string; only an assistant message that calls tools may go without.",
    ),
    "FT1321": _code(
        "A tool message answers no call",
        "A tool's result belongs to the call whose id it carries.",
        "Set `tool_call_id` to the id of a tool call earlier in the same example.",
    ),
    "FT1399": _code(
        "There are more problems",
        "Only the first 20 of a file are shown.",
        "Mend those and check again.",
    ),
}
