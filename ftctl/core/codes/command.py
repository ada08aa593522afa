"""FT6000-FT6999: what is wrong with a command line, and what goes wrong around it."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit

CODES: dict[str, Code] = {
    "FT6001": Code(
        "There is no such command",
        Exit.USAGE,
        "The first word after `ftctl` is a command.",
        "Run `ftctl --help` for all of them.",
    ),
    "FT6002": Code(
        "The command line cannot be understood",
        Exit.USAGE,
        "An option or argument is unknown, missing, or has a value that it does not take.",
        "Run the command with `--help` to see what it takes.",
    ),
    "FT6003": Code(
        "A file is in the way",
        Exit.ERROR,
        "`ftctl init` writes new files and never over existing ones.",
        "Give another folder or name, or move the file away first.",
    ),
    "FT6004": Code(
        "No stack declares this",
        Exit.USAGE,
        "The name is looked up among what the loaded stacks declare.",
        "Check the name and the PATH of the stacks; `ftctl status` lists what there is.",
    ),
    "FT6005": Code(
        "It is declared, but not in Azure",
        Exit.ERROR,
        "There is nothing to show or to talk to before it has been created.",
        "Create it with `ftctl apply`.",
    ),
    "FT6006": Code(
        "There is no such code",
        Exit.USAGE,
        "Codes are FT and four digits.",
        "Run `ftctl explain` for all of them.",
    ),
    "FT6007": Code(
        "Several stacks declare this",
        Exit.USAGE,
        "One of them is meant, and guessing could be wrong.",
        "Name the stack's file with `--file`.",
    ),
    "FT6008": Code(
        "Not approved",
        Exit.ERROR,
        "Only what was asked for approves a plan: `yes`, or the stack's name where there is no way back. Nothing was changed.",
        "Run the command again and answer that, or apply a reviewed plan file.",
    ),
    "FT6009": Code(
        "A file cannot be written",
        Exit.ERROR,
        "The operating system refused.",
        "Check that the folder exists, its permissions and the disk it is on.",
    ),
    "FT6010": Code(
        "A plan file stands alone",
        Exit.USAGE,
        "A saved plan already says which stacks, environment and variables it is for.",
        "Apply it by itself: `ftctl apply PLAN`.",
    ),
    "FT6011": Code(
        "A price book cannot be used",
        Exit.USAGE,
        "FTCTL_PRICES names a TOML file of prices in the form of ftctl/catalog/prices.toml, or is `retail`.",
        "Correct the file, or unset FTCTL_PRICES to go by the prices that ftctl brings along.",
    ),
    "FT6012": Code(
        "The former data cannot be read from git",
        Exit.ERROR,
        "`git:REV` is the file as it was committed in REV, read with git itself.",
        "Check the revision and that the file was committed then; `git log -- FILE` lists when it changed.",
    ),
    "FT6013": Code(
        "A downloaded file is not what its name says",
        Exit.ERROR,
        "The name of a file that ftctl uploaded holds the hash of its content; what came back has another.",
        "Try again. If it stays so, the file was not uploaded by ftctl: compare with `--against FILE`.",
    ),
    "FT6020": Code(
        "The training that was followed is gone",
        Exit.ERROR,
        "Somebody deleted the job while its events were being followed.",
        "Run `ftctl plan` to see what there is now.",
    ),
    "FT6014": Code(
        "There is no data to look at",
        Exit.ERROR,
        "Statistics and differences need a JSON Lines file; a dataset that is imported or adopted has none here.",
        "Name a dataset with a `path`, or a file.",
    ),
    "FT6050": Code(
        "The account takes no keys",
        Exit.ERROR,
        "With `localAuth: false` an account has no keys that anybody could use: callers sign in with Entra ID.",
        "Sign in (`az login`, a managed identity, OIDC), or declare `localAuth: true` in a reviewed change.",
    ),
    "FT6051": Code(
        "A key of another's account",
        Exit.ERROR,
        "A new key locks out everybody who uses the former one. ftctl does that only to what its own stack owns.",
        "Ask the account's owner, or use the stack that owns it.",
    ),
    "FT6040": Code(
        "What has changed cannot be asked of git",
        Exit.ERROR,
        "`--changed-since` compares files with a revision of the git repository that they are in.",
        "Run it in a clone of the repository, with git installed, or leave `--changed-since` out: all is planned then.",
    ),
    "FT6041": Code(
        "There is no such revision",
        Exit.ERROR,
        "`--changed-since` takes what git takes: a branch, a tag, a commit.",
        "Fetch the branch, or check its name. A pipeline clones little: with `fetch-depth: 0` it has all branches.",
    ),
    "FT6042": Code(
        "The clone is too shallow",
        Exit.ERROR,
        "What a branch changes is told from the commit where it left the other one, and the clone does not have that.",
        "Clone all of the history: `fetch-depth: 0` in a checkout action, `git fetch --unshallow` anywhere.",
    ),
    "FT6043": Code(
        "Two histories have nothing in common",
        Exit.ERROR,
        "What a branch changes is told from the commit where it left the other one, and there is none.",
        "Name the branch that this one began at.",
    ),
    "FT6044": Code(
        "Git cannot compare",
        Exit.ERROR,
        "Git knows the revision and could not say what differs from it.",
        "Mend what git says, or leave `--changed-since` out: all is planned then.",
    ),
    "FT6045": Code(
        "A stack is no longer declared",
        Exit.ERROR,
        "A stack whose file is gone is not planned: nobody would say what to delete. Azure keeps what it owns.",
        "Destroy it from a revision that has it, or declare it again.",
    ),
    "FT6046": Code(
        "Two stacks cannot be told apart",
        Exit.ERROR,
        "A job says by four digits, made of the stack's name, whose it is. Who has the same ones in the same account"
        " would take a running training of the other for its own, and cancel it.",
        "Give one of the two another name before it trains anything, or train it in another account.",
    ),
    "FT6052": Code(
        "There is no terminal to ask for approval",
        Exit.USAGE,
        "Making a key anew locks out whoever uses it, so it is asked for first.",
        "Add `--auto-approve` where nobody can answer.",
    ),
    "FT6053": Code(
        "Which account is meant",
        Exit.USAGE,
        "Where the stacks declare several accounts, or none, one has to be named.",
        "Name the account as the stack does: `ftctl env main`.",
    ),
    "FT6900": Code(
        "ftctl has a bug",
        Exit.ERROR,
        "Something happened that was not thought of. What was done in Azure so far stays, and the next run finds it.",
        "Run it again with FTCTL_DEBUG=1 and report what it prints, without secrets.",
    ),
}
