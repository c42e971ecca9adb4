"""The documentation can be followed: links lead somewhere, commands parse, and Python blocks run."""

import contextlib
import io
import re
import shlex
from functools import cache
from pathlib import Path

import pytest
import tyro

import xattn.config.tasks
from xattn import cli, tasks
from xattn.config import SETTINGS, files
from xattn.config.packaged import find
from xattn.errors import ConfigError
from xattn.runs.folder import open_run

ROOT = Path(__file__).parents[1]
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DOCS = sorted(ROOT.glob("docs/*.md"))
EXPERIMENTS = sorted(ROOT.glob("experiments/*/README.md"))
PAGES = [*TOP, *DOCS, *EXPERIMENTS]

MAX_WIDTH, MAX_README = 120, 130
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
INDENTED = re.compile(r"(?:^    .*\n)+", re.MULTILINE)


def name(path):
    return str(path.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=name)


def prose(page):
    """The text of a page without its fenced blocks."""
    return FENCE.sub("", page.read_text())


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def python_blocks(page):
    return [block for language, block in FENCE.findall(page.read_text()) if language == "python"]


def commands(page):
    """The xattn commands of the shell blocks and of the indented blocks of a page, each as a list of words."""
    text = page.read_text()
    blocks = [block for language, block in FENCE.findall(text) if language in ("sh", "bash")]
    blocks += INDENTED.findall(prose(page))
    found = []
    for line in "\n".join(blocks).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        words = words[next((n for n, word in enumerate(words) if "=" not in word), len(words)) :]  # VARIABLE=value
        if words[:1] == ["xattn"] and not {"COMMAND", "CONFIG"} & set(words):
            redirect = next((n for n, word in enumerate(words) if word in ("<", ">", "|")), len(words))
            found.append(words[1:redirect])
    return found


@cache
def options(command):
    """The options of a command, from its help."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), pytest.raises(SystemExit):
        tyro.cli(cli.COMMANDS[command], args=["--help"])
    return set(re.findall(r"--[a-z][a-z-]*", shown.getvalue()))


@each_page
def test_links_lead_to_files_and_headings(page):
    broken = []
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@each_page
def test_lines_are_short(page):
    """Tables and lines that are one link may be longer."""
    long = [line for line in prose(page).splitlines() if len(line) > MAX_WIDTH and not line.startswith("|")]
    assert [line for line in long if not re.fullmatch(r"[*\s]*!?\[[^\]]*\]\([^)]*\)[.,:;]?", line)] == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= MAX_README


@pytest.mark.parametrize("page", DOCS, ids=name)
def test_the_index_has_every_page(page):
    assert page.name == "README.md" or f"({page.name})" in (ROOT / "docs/README.md").read_text()


def test_commands_are_found():
    assert len(commands(ROOT / "README.md")) >= 7
    assert ["train", "my_config.py"] in commands(ROOT / "docs/train-on-your-own-text.md")


@pytest.mark.parametrize("page", [*TOP, *DOCS], ids=name)
def test_commands_exist_with_their_options(page):
    for command, *words in commands(page):
        given = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
        if command == "train":
            _check_overrides(words)
        else:
            assert command in cli.COMMANDS, f"xattn {command}"
            assert given <= options(command), f"xattn {command} {given - options(command)}"


def _check_overrides(words):
    config, *overrides = words
    if "--run" in overrides:
        at = overrides.index("--run")
        del overrides[at : at + 2]
    overrides = [word for word in overrides if word not in ("--help", "-h")]
    try:
        path = find(ROOT / config if config.startswith("configs/") else config)
    except ConfigError:  # the reader's own config
        path = find("toy_en_fr")
    files.load(path, overrides)


def test_settings_in_prose_exist():
    """A setting in backticks, such as `--training.ema 0.999`, is a field of some task's config."""
    known = {f"task.{field}" for kind in SETTINGS.values() for field in kind.__dataclass_fields__}
    known |= set(files.flatten(files.load("toy_en_fr")))
    for page in [ROOT / "README.md", *DOCS]:
        assert set(re.findall(r"`--([a-z_]+\.[a-z_.]+)", prose(page))) <= known, name(page)


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs/functions.md", ROOT / "docs/view.md"], ids=name)
def test_python_blocks_run_and_print_what_they_say(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks, names, printed = python_blocks(page), {}, io.StringIO()
    assert blocks
    with contextlib.redirect_stdout(printed):
        for block in blocks:
            exec(compile(block, name(page), "exec"), names)
    said = re.findall(r"^print\(.*\)  # (.*)$", "\n".join(blocks), re.MULTILINE)
    assert [line for line in printed.getvalue().splitlines() if line in said] == said


def test_the_config_of_your_own_text_is_a_config(tmp_path):
    (block,) = python_blocks(ROOT / "docs/train-on-your-own-text.md")
    (tmp_path / "my_config.py").write_text(block)
    assert files.load(tmp_path / "my_config.py").task.kind == "translation"


def test_the_added_task_trains_and_is_scored(tmp_path, monkeypatch):
    """The blocks of the page are put where the page says: settings, table, task, table, config."""
    settings, _, task, _, config = python_blocks(ROOT / "docs/add-a-task.md")
    names = dict(vars(xattn.config.tasks))
    exec(settings, names)
    monkeypatch.setattr(xattn.config.tasks, "Sort", names["Sort"], raising=False)
    monkeypatch.setitem(SETTINGS, "sort", names["Sort"])
    names = {"__name__": "xattn.tasks.sort"}
    exec(task, names)
    monkeypatch.setitem(tasks.TASKS, xattn.config.tasks.Sort, names["SortTask"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sort.py").write_text(config)
    short = ["--training.steps", "20", "--training.validate_every", "20", "--optimizer.warmup", "5"]
    small = ["--task.train_examples", "64", "--task.held_out_examples", "16", "--model.layers", "1"]
    assert cli.main(["train", "sort.py", *short, *small]) == 0
    assert cli.main(["evaluate", "runs/sort"]) == 0
    (found,) = open_run("runs/sort").read_results()["splits"].values()
    assert {"accuracy", "baselines", "pointing", "knock_out"} <= found.keys()
    with pytest.raises(ConfigError, match=r"task\.length \(40\) must be at most task\.numbers \(32\)"):
        files.load(tmp_path / "sort.py", ["--task.length", "40"])
