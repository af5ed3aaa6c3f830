"""The index of the recipes: every line of it does what it says."""

import ast
import re
import shlex
import sys
from importlib import metadata

import pytest
import recipes
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from programs import python, run
from servers import replace_ports, servers, shell
from werkzeug.security import generate_password_hash

every_recipe = pytest.mark.parametrize("title", recipes.titles())


def run_block(block, directory):
    """Run commands in a shell; fail if they print anything but their output."""
    assert run(shell(block.code), directory) == block.output


def with_ports(block, ports):
    return block._replace(code=replace_ports(block.code, ports))


def test_to_try_them(tmp_path):
    install, block = recipes.blocks("To try them")
    venv, pip = install.code.splitlines()
    assert venv == "python3 -m venv .venv && . .venv/bin/activate"
    assert pip == "pip install ."
    run_block(block, tmp_path)


def test_every_folder_has_a_section():
    folders = {path for path in recipes.FOLDERS.iterdir() if any(path.glob("*.py"))}
    assert {recipes.folder(title) for title in recipes.titles()} == folders


def test_modules_of_one_name_are_one_module():
    """Or a project that copies two recipes has one of them twice, and loses one.

    Except for what stands for an application of the reader's own.
    """
    modules = {}
    for path in recipes.FOLDERS.glob("*/*.py"):
        modules.setdefault(path.name, set()).add(path.read_text(encoding="utf-8"))
    several = {name for name, texts in modules.items() if len(texts) > 1}
    told = recipes.section("What holds for all of them")
    told = told.partition("for something else.")[2].partition("stand for your own")[0]
    assert several == set(re.findall(r"\w+\.py", told))


def test_kill():
    """The command that the index gives ends the servers of any recipe."""
    command = re.search(r"`kill( %\d)+`", recipes.section("To try them"))[0]
    titles = recipes.titles()
    scripts = [block.code for title in titles for block in recipes.blocks(title)]
    assert command.count("%") == max(script.count(" &\n") for script in scripts)


@pytest.fixture
def readme(tmp_path):
    """Return a directory with the application of the README."""
    (program,) = recipes.blocks("In a server", recipes.README, "python")
    (tmp_path / "app.py").write_text(program.code, encoding="utf-8")
    return tmp_path


def test_server_of_the_readme(readme):
    """With its own commands."""
    start, block = recipes.blocks("In a server", recipes.README)
    with servers(readme) as serve:
        ports = serve(start.code, readme).ports
        run_block(with_ports(block, ports), readme)


def test_tests_of_the_readme(readme):
    """Those of its application, where nothing else sets a salt."""
    (program,) = recipes.blocks("Testing your application", recipes.README, "python")
    (readme / "test_app.py").write_text(program.code, encoding="utf-8")
    pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
    assert "\n2 passed" in python(readme, *pytest, JOAT_SALT="")


@every_recipe
def test_run_and_try(title, tmp_path):
    """In a copy of the folder, with nothing else."""
    directory = recipes.copy(title, tmp_path / "recipe")
    ports = {}
    with servers(tmp_path) as serve:
        for block in recipes.blocks(title):
            if block.code.startswith("pip install "):
                continue
            if " &\n" in block.code:
                assert not block.output
                ports = serve(block.code, directory).ports
            else:
                run_block(with_ports(block, ports), directory)


@every_recipe
def test_install(title):
    """What is named is here, and all that the files import comes with it."""
    command = recipes.blocks(title)[0].code
    named = shlex.split(command)[2:] if command.startswith("pip install ") else []
    installed = set().union(*map(with_requirements, named))
    for module in imported_modules(recipes.folder(title)):
        providers = metadata.packages_distributions()[module]
        assert installed & set(map(canonicalize_name, providers)), module


@pytest.mark.parametrize("title", ["Flask", "oauthlib"])
def test_memory_of_a_hash(title):
    """It is what werkzeug takes by default, and the recipe has werkzeug do that."""
    recipe = (recipes.folder(title) / "auth.py").read_text(encoding="utf-8")
    assert 'generate_password_hash("app\'s secret")' in recipe
    method, n, r, _ = re.split("[:$]", generate_password_hash(""), maxsplit=3)
    assert method == "scrypt"
    memory = f"{128 * int(n) * int(r) // 2**20} MiB"  # RFC 7914 section 5
    assert memory in recipe
    assert memory in recipes.section("Flask")


def with_requirements(name):
    """Return the names of a distribution and of what it needs itself."""
    needed = map(Requirement, metadata.requires(name) or [])
    names = [each.name for each in needed if not each.marker or each.marker.evaluate()]
    return {canonicalize_name(each) for each in [name, *names]}


def imported_modules(folder):
    """Return the modules that a recipe imports from other distributions."""
    modules, own = set(), {"joat"}
    for path in folder.glob("*.py"):
        own.add(path.stem)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add(node.module.split(".")[0])
    return modules - own - sys.stdlib_module_names
