"""FT1300-FT1399: what is wrong with training data."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit


def _code(title: str, why: str, fix: str) -> Code:
    return Code(title, Exit.DATA, why, fix)


def _warning(title: str, why: str, fix: str) -> Code:
    return Code(title, Exit.DONE, why, fix)


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
        "Chat and reinforcement examples are objects with `messages`, preference examples objects with `input`, `preferred_output` and `non_preferred_output`.",
        "Wrap the example in an object, one a line.",
    ),
    "FT1312": _code(
        "An example has the wrong shape",
        "Each format has its own keys, and each key a fixed shape; `format` on the dataset says which format is meant.",
        "Give the field the type that is asked for, or leave it out where it is optional.",
    ),
    "FT1313": _code(
        "A message has an unknown role",
        "A role decides who speaks and what is learned. The outputs of a preference pair come from the assistant and its tools alone.",
        "Use one of the roles that are named.",
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
        "Use a string; only an assistant message that calls tools or refuses may go without.",
    ),
    "FT1321": _code(
        "A tool message answers no call",
        "A tool's result belongs to the call whose id it carries.",
        "Set `tool_call_id` to the id of a tool call earlier in the same example.",
    ),
    "FT1322": _code(
        "The data file changed while it was read",
        "What was checked is then not what would be uploaded.",
        "Let the writer of the file finish, and run ftctl again.",
    ),
    "FT1323": _code(
        "An example has more tokens than the model takes",
        "The service cuts longer examples off, or refuses them.",
        "Shorten the example or divide it, or tune a model that takes longer ones.",
    ),
    "FT1324": _code(
        "An image cannot be trained on",
        "Vision tuning takes JPEG, PNG and WEBP images in RGB or RGBA, of at most 10 MB each, 64 in an example and 50,000 examples with images in a file.",
        "Convert or shrink the image, or leave it out.",
    ),
    "FT1325": _code(
        "The data is for base models",
        "A prompt with its completion trains a base model, and Azure OpenAI offers none for tuning any more.",
        "Write each pair as a chat example: the prompt as a user message, the completion as the assistant's.",
    ),
    "FT1326": _code(
        "An example teaches nothing",
        "An assistant message with the weight 0 is read and not learned, and here all have it.",
        "Give at least one assistant message the weight 1, or leave the example out.",
    ),
    "FT1327": _code(
        "A tool's name is not allowed",
        "The API takes names of functions of 1 to 64 letters, digits, underscores and dashes.",
        "Rename the tool, in `tools` and in every call of it.",
    ),
    "FT1328": _code(
        "A reinforcement example does not end with the user",
        "In reinforcement tuning the model writes the answer itself, and graders judge it.",
        "End with the user's message; put what graders need into keys of their own beside `messages`.",
    ),
    "FT1329": _code(
        "A grader's template has a wrong reference",
        "References are written without blanks and without indexing, as {{item.name}} and {{sample.output_text}}.",
        "Correct the reference.",
    ),
    "FT1330": _code(
        "A grader's template names what is not there",
        "`item` holds the keys of an example beside its messages, `sample` what the model answered.",
        "Correct the name, or add the key to the examples.",
    ),
    "FT1350": _warning(
        "There are few examples",
        "Tuning starts from 10 examples, and mostly shows no clear gain below 50.",
        "Add examples, or go on for a first try.",
    ),
    "FT1351": _warning(
        "Examples stand in the file more than once",
        "Each copy is paid for and learned again, which weighs it above the others.",
        "Take the copies out unless they are meant.",
    ),
    "FT1352": _warning(
        "Training examples stand in the validation file",
        "The validation loss then measures what was learned by heart, and looks better than it is.",
        "Take them out of one of the two files.",
    ),
    "FT1353": _warning(
        "One question has contradicting answers",
        "The model learns a mixture of them.",
        "Keep one of the answers, unless variety is what is wanted.",
    ),
    "FT1354": _warning(
        "There are several system messages",
        "A tuned model behaves best with the system message it was trained with; with several, whoever calls it must know which.",
        "Use one for all examples, unless they teach several tasks on purpose.",
    ),
    "FT1355": _warning(
        "An answer says nothing",
        "The model learns to answer with nothing, or with a bare punctuation mark.",
        "Write the answer, or leave the example out.",
    ),
    "FT1356": _warning(
        "An answer seems to be cut off",
        "Answers that were cut off by a limit teach the model to stop half-way.",
        "Complete the answer, or leave the example out.",
    ),
    "FT1357": _warning(
        "The data holds a secret",
        "What a model was trained on it may repeat to anyone. Whoever has the file has the secret.",
        "Revoke the secret and take it out; if it is none, put the hash that is shown on the dataset's allow-list.",
    ),
    "FT1358": _warning(
        "The data holds personal data",
        "What a model was trained on it may repeat to anyone.",
        "Replace it by something made up; if it may stay, put the hash that is shown on the dataset's allow-list.",
    ),
    "FT1359": _warning(
        "An example has a key that nothing reads",
        "The format has no such key; a misspelt one loses its effect without a word.",
        "Correct the key, or take it out.",
    ),
    "FT1360": _warning(
        "The two outputs of a pair are the same",
        "Preference tuning learns from the difference, so this pair costs tokens and teaches nothing.",
        "Make the outputs differ, or leave the pair out.",
    ),
    "FT1361": _warning(
        "A tool call's arguments are not a JSON object",
        "The model learns to call tools in a way that their programs cannot read.",
        "Write the arguments as a JSON object, inside a string.",
    ),
    "FT1362": _warning(
        "Tokens are guessed, not counted",
        "The tokenizer has no build for this machine (as on musl Linux) or is not installed, so four bytes count as a token.",
        "Run ftctl on a machine of another kind for exact figures, or go on with the guess.",
    ),
    "FT1399": _code(
        "There are more problems",
        "Only the first 20 of a file are shown.",
        "Mend those and check again.",
    ),
}
