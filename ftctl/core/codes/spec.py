"""FT1000-FT1299: what is wrong with a spec."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit


def _code(title: str, why: str, fix: str) -> Code:
    return Code(title, Exit.DATA, why, fix)


CODES: dict[str, Code] = {
    # --- the file and its YAML
    "FT1000": _code(
        "A spec cannot be read",
        "The path does not exist, is no regular file, or may not be read by you.",
        "Check the path that was given and the file's permissions.",
    ),
    "FT1001": _code(
        "No spec was found",
        "A folder of specs holds one stack a file, with the ending .yaml or .yml, directly in it.",
        "Name the folder that holds the specs, or write one with `ftctl init`.",
    ),
    "FT1002": _code(
        "A spec is too large",
        "A spec is read by people in a review; more than 1 MB of YAML is data that got there by mistake.",
        "Keep training data in files of their own and name them under `datasets`.",
    ),
    "FT1003": _code(
        "A spec is not UTF-8",
        "YAML in another encoding is read differently by every tool, so it is not guessed.",
        "Save the file as UTF-8 in your editor.",
    ),
    "FT1004": _code(
        "A control character stands in a spec",
        "YAML allows no NUL and no control characters; they mostly come with copied or damaged text.",
        'Delete the character, or write it as an escape ("\\u0007") in double quotes.',
    ),
    "FT1005": _code(
        "A spec is not valid YAML",
        "The parser could not go on at this place; what follows in the file was not looked at.",
        "Look at this line and the one above it: indentation, a missing colon, an open quote or bracket.",
    ),
    "FT1006": _code(
        "A tab is used as indentation",
        "YAML indents by spaces alone, since a tab has no width that everybody agrees on.",
        "Replace the tab by spaces.",
    ),
    "FT1007": _code(
        "A spec is nested too deep",
        "No stack needs more than a few levels; 64 is the limit.",
        "Take out the extra brackets or levels.",
    ),
    "FT1008": _code(
        "An alias names no anchor",
        "`*name` repeats what an earlier `&name` marked.",
        "Mark the value with `&name` above, or put the text in quotes if it only begins with a star.",
    ),
    "FT1009": _code(
        "An alias stands inside its own anchor",
        "A value that holds itself has no end.",
        "Write the inner value out.",
    ),
    "FT1010": _code(
        "Aliases blow the spec up",
        "Aliases of aliases multiply: a few lines can stand for billions of values.",
        "Write the values out; a stack needs few of them.",
    ),
    "FT1011": _code(
        "A file holds several documents",
        "One file declares one stack, so that its name and its review are one thing.",
        "Put each document into a file of its own; a folder of files is many stacks.",
    ),
    "FT1012": _code(
        "A tag or directive stands in a spec",
        "Tags (`!name`) and directives (`%YAML`) change how a value is read; here the schema alone says that.",
        "Take it out; put a value in quotes if it is meant as text.",
    ),
    "FT1013": _code(
        "A merge key stands in a spec",
        "`<<` is no part of YAML 1.2, tools disagree on which value wins, and a review cannot see what it brings in.",
        "Write the keys out, repeat a whole value with an alias, or say what differs under `environments`.",
    ),
    "FT1014": _code(
        "A key is not text",
        "Keys are plain names; a list, a map, an alias or nothing cannot be one.",
        "Write the key as text.",
    ),
    "FT1015": _code(
        "A key stands twice",
        "Only one of the two can count, and which one depends on the tool that reads it.",
        "Keep one of them.",
    ),
    "FT1016": _code(
        "A spec is empty",
        "The file holds nothing, or comments alone.",
        "Begin with `apiVersion: ftctl/v1`, or write a stack to start from with `ftctl init`.",
    ),
    "FT1017": _code(
        "A spec is not a map",
        "A stack is a map: `apiVersion`, `stack`, `azure` and the sections below them.",
        "Begin the file with `apiVersion: ftctl/v1`.",
    ),
    # --- variables and environments
    "FT1040": _code(
        "A variable has no value",
        "`${name}` is looked up in --var, FTCTL_VAR_name, the chosen environment's variables and `variables`; a name in"
        " capitals also in the process environment.",
        "Declare it under `variables`, or give it with --var or FTCTL_VAR_.",
    ),
    "FT1041": _code(
        "Variables go in a circle",
        "Each needs the other's value first.",
        "Give one of them a value of its own.",
    ),
    "FT1042": _code(
        "A variable is not written as ${name}",
        "A name is made of letters, digits and `_`, and begins with no digit; there are no expressions.",
        "Write `${name}`, or `$${` for the two characters themselves.",
    ),
    "FT1043": _code(
        "A variable stands in a key",
        "Variables are for values; names of declared things are fixed, so that references can be checked.",
        "Write the key out, or `$${` … in a value if the two characters are meant.",
    ),
    "FT1044": _code(
        "A variable was given that no stack uses",
        "A --var that changes nothing is most likely a slip of the pen.",
        "Check its name, or take it out.",
    ),
    "FT1045": _code(
        "An environment is not there",
        "The environment that was asked for must be declared by every stack that is loaded.",
        "Choose one of the declared environments, or declare it under `environments`.",
    ),
    "FT1046": _code(
        "Variables make too much text",
        "Variables that hold each other several times grow with every step.",
        "Write the text out, or use fewer variables inside it.",
    ),
    # --- the shape of a spec
    "FT1100": _code(
        "A key is unknown",
        "Nothing is accepted and dropped: a key that ftctl does not know is an error.",
        "Correct the key, or take it out.",
    ),
    "FT1101": _code(
        "A key is missing",
        "The declaration has no meaning, or no safe default, without it.",
        "Add the key.",
    ),
    "FT1102": _code(
        "A value has the wrong type",
        "Values are not converted in silence: text is text and a number a number.",
        "Write the value in the form that is asked for.",
    ),
    "FT1103": _code(
        "A value is none of the allowed ones",
        "Only the listed values have a meaning here.",
        "Use one of the allowed values.",
    ),
    "FT1104": _code(
        "A text has the wrong form",
        "The text must match a pattern, mostly since Azure accepts no other.",
        "Write it in the form that is asked for.",
    ),
    "FT1105": _code(
        "A value is out of range",
        "It is too small, too large, too short or too long.",
        "Use a value inside the limits.",
    ),
    "FT1106": _code(
        "A declared name has the wrong form",
        "Names of declared things stand in addresses (`job/tone`) and in marks on what Azure stores.",
        "Use up to 63 letters, digits, `-` and `_`, and begin with a letter or digit.",
    ),
    "FT1107": _code(
        "A value does not fit the schema",
        "The published schema refuses it.",
        "Compare the declaration with the schema: `ftctl schema` prints it.",
    ),
    # --- what the declarations say of each other
    "FT1201": _code(
        "A name is not declared",
        "A reference names another declaration of the same stack.",
        "Correct the name, or declare it.",
    ),
    "FT1202": _code(
        "Declarations go in a circle",
        "Each would have to be made before the other.",
        "Take one of the references out.",
    ),
    "FT1203": _code(
        "The account is not named",
        "A stack with several accounts cannot guess in which of them a thing lives.",
        "Say it with `resource:`.",
    ),
    "FT1204": _code(
        "There is no account",
        "What lives in an account needs one in its stack; one of somebody else's is declared with `manage: reference`.",
        "Declare the account under `resources`.",
    ),
    "FT1205": _code(
        "Two stacks have one name",
        "The stack's name is the mark of ownership on everything it makes: with one name each would delete the other's.",
        "Rename one of them.",
    ),
    "FT1206": _code(
        "An account is declared twice",
        "Two owners would undo each other's changes.",
        "Let one of them own it and set `manage: reference` in the others.",
    ),
}
