"""The table of commands. Heavy imports happen inside the commands, so that `xattn --help` is immediate."""

import os
import re
import sys
from collections.abc import Sequence

import tyro

from xattn import streams
from xattn.commands import train
from xattn.commands.align import align
from xattn.commands.configs import configs
from xattn.commands.evaluate import evaluate
from xattn.commands.export import export
from xattn.commands.results import results
from xattn.commands.score import score
from xattn.commands.symmetrize import symmetrize
from xattn.commands.translate import translate
from xattn.commands.view import view
from xattn.errors import ConfigError, UserError
from xattn.version import version

HELP = """usage: xattn COMMAND ...

A laboratory for cross-attention in JAX.

  train CONFIG [--run FOLDER] [OVERRIDES]   train an experiment; the same command resumes it
  evaluate RUN [--splits NAME ...]          score a run; write results.json and figures
  evaluate RUN --tune                       choose beam and length penalty on the validation split
  evaluate RUN --score [--source F --target F]   print the log-probability of given translations
  translate [RUN] [TEXT ...]                translate the texts, or standard input line by line
  view [RUN] TEXT [--output FILE]           show attention as a picture; a file .html is a page to explore
  view --maps FILE [NUMBER]                 the same of attention maps in a file
  align RUN --source F [--target F]         word alignments from cross-attention; --grid scores every layer and head
  score --gold G LINKS ...                  alignment error rate of link files
  symmetrize FORWARD REVERSE                join the alignments of two directions
  export RUN FOLDER                         copy only the files that using a run needs
  configs                                   the configs that come with the package, for train
  results [FOLDER] [--write README.md]      the table of all experiments, from experiments/*/results.json

Without RUN, translate and view use an English-French model that comes with the package; --model toy is a tiny one.
`xattn COMMAND --help` says more."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit status; a user's mistake is one line on standard error, and status 2."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    columns = os.environ.get("COLUMNS")
    if columns is not None and not re.fullmatch("0*[1-9][0-9]{1,4}", columns):
        del os.environ["COLUMNS"]  # rich would print into 0 columns: nothing
    try:
        streams.prepare()
        try:
            return _run(words)
        finally:
            sys.stdout.flush()  # an error of writing belongs to the command
    except streams.OutputError as error:
        print(f"xattn: {error}", file=sys.stderr)
        streams.discard_output()
        return 2
    except UserError as error:
        print(f"xattn: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of the output has closed it
        streams.discard_output()
        return 141


def _run(words: Sequence[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(HELP)
        return 0
    name, *rest = words
    if name == "--version":
        print(f"xattn {version()}")
        return 0
    if name == "train":
        return train.main(rest)
    if name not in COMMANDS:
        raise ConfigError(f"There is no command {name!r}; there are: train, {', '.join(COMMANDS)}.")
    return tyro.cli(COMMANDS[name], args=rest, prog=f"xattn {name}")


COMMANDS = {
    "evaluate": evaluate,
    "translate": translate,
    "view": view,
    "align": align,
    "score": score,
    "symmetrize": symmetrize,
    "export": export,
    "configs": configs,
    "results": results,
}
