"""Standard streams as processes have them: closed, full, broken, and of another encoding than UTF-8."""

import importlib.metadata
import os
import subprocess
import sys

import pytest

MAIN = "import sys; from xattn.cli import main; sys.exit(main())"
# A command that prints an accent and a name of a file that is not UTF-8, and needs no JAX.
ECHO = """
import sys
from xattn import cli
def echo() -> int:
    sys.stdout.write("\\xe9 \\udce9\\n" * int(sys.argv.pop()))
    print("a note", file=sys.stderr)
    return 0
cli.COMMANDS["echo"] = echo
sys.exit(cli.main(["echo"]))
"""


def shell(command, code=ECHO, **environment):
    """Runs a command line in which $X is a run of the code."""
    environment = {**os.environ, **environment, "X": sys.executable, "CODE": code}
    command = command.replace("$X", '"$X" -c "$CODE"')
    return subprocess.run(["bash", "-c", command], capture_output=True, env=environment, check=False)


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {}])
def test_output_is_utf8_whatever_the_environment_says(environment):
    done = shell("$X 1", **environment)
    assert done.stdout == "é \\udce9\n".encode()
    assert (done.stderr, done.returncode) == (b"a note\n", 0)


@pytest.mark.parametrize("size", [1, 100_000])
def test_what_cannot_be_written_is_one_line(size):
    done = shell(f"$X {size} > /dev/full")
    assert done.stderr.splitlines()[-1] == b"xattn: Cannot write standard output: No space left on device."
    assert done.stderr.count(b"\n") == (2 if size == 1 else 1)
    assert done.returncode == 2


@pytest.mark.parametrize("arguments", ["--help", "--version", "configs", "translate --help"])
def test_full_output_of_every_command(arguments):
    done = shell(f"$X {arguments} > /dev/full", MAIN)
    assert done.stderr == b"xattn: Cannot write standard output: No space left on device.\n"
    assert done.returncode == 2


def test_closed_streams():
    done = shell("$X 1 >&-")
    assert done.stderr == b"xattn: Standard output is closed: write to a file, or to /dev/null.\n"
    assert done.returncode == 2
    done = shell("$X 1 <&- 2>&-")
    assert (done.stdout, done.returncode) == ("é \\udce9\n".encode(), 0)
    done = shell("$X 1 2> /dev/full")
    assert (done.stdout, done.returncode) == ("é \\udce9\n".encode(), 0)
    assert shell("$X 1 <&- >&- 2>&-").returncode == 2


@pytest.mark.parametrize("size", [1, 100_000])
def test_a_reader_that_leaves_is_no_error(size):
    done = shell(f"$X {size} | true; exit ${{PIPESTATUS[0]}}")
    assert done.stderr in (b"a note\n", b"")
    assert done.returncode in ((0, 141) if size == 1 else (141,))


def test_a_file_does_not_get_the_number_of_a_closed_stream(tmp_path):
    code = """
import os, sys
from xattn import cli
def use() -> int:
    print(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT))
    return 0
cli.COMMANDS["use"] = use
sys.exit(cli.main(["use"]))
"""
    done = shell(f"$X {tmp_path / 'file'} <&- 2>&-", code)
    assert int(done.stdout) > 2


@pytest.mark.parametrize("command", ["translate", "evaluate {toy} --score"])
def test_standard_input_that_cannot_be_read_is_one_line(tmp_path, command):
    from xattn.runs.folder import TOY

    command = command.format(toy=TOY)
    done = shell(f"$X {command} <&-", MAIN)
    assert done.stderr == b"xattn: Standard input is closed: give it a file with `< FILE`.\n"
    assert (done.stdout, done.returncode) == (b"", 2)
    done = shell(f"$X {command} 0> {tmp_path / 'output'}", MAIN)
    assert done.stderr == b"xattn: Cannot read standard input: Bad file descriptor.\n"
    assert (done.stdout, done.returncode) == (b"", 2)


def test_the_version():
    done = shell("$X --version", MAIN)
    assert done.stdout.decode() == f"xattn {importlib.metadata.version('xattn')}\n"
