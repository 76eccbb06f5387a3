# SPDX-License-Identifier: BSD-3-Clause
"""contract.txt is true: names, signatures and defaults are as it says, nothing public is left out, and each test that it names is there."""
import ast
import inspect
import pathlib
import re

import pytest
from _pytest.config.argparsing import Parser

import nvme as d
from nvproof import pytest_plugin
from nvproof.cli.main import COMMANDS

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FILE = HERE / "contract.txt"

# Public for the parts of the package and not for scripts: what is native has them without an underscore.
INTERNAL = {
    "Pcie": "bar_read bar_write cfg_read cfg_write reset_device sim_fault_add sim_fault_clear sim_faults sim_power "
    "use_msi",
    "Controller": "adminq cmdlog_text get_opcode_timeout init_begin init_end init_fail init_identify set_opcode_timeout "
    "sqids stop_workers sync_cmd totals use_vector",
}


def read(text):
    """[(section, line, {(file, test), ...}), ...]"""
    rows, section = [], ""
    for n, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[]")
        elif line.startswith(" "):
            for part in line.split(";"):
                file, _, tests = part.strip().partition(": ")
                assert tests, f"line {n}: {part!r}"
                rows[-1][2].update((file, test) for test in tests.split())
        else:
            rows.append((section, line, set()))
    return rows


ROWS = read(FILE.read_text())
OTHER = {"warnings", "fixtures", "options", "environment", "commands", "rpc", "semantics"}
API = [row for row in ROWS if row[0] not in OTHER]


def section(name):
    return [line for where, line, _ in ROWS if where == name]


def signature(function):
    """As help() shows it, without annotations and self."""
    try:
        found = inspect.signature(function)
    except ValueError as e:
        return f"no signature: {e}"
    parameters = [p.replace(annotation=p.empty) for p in found.parameters.values() if p.name != "self"]
    return str(inspect.Signature(parameters))


def shown(name):
    """The line that a public name has to have: `a.b(c=1)`, `a.b ro`."""
    cls, _, member = name.partition(".")
    value = getattr(d, cls)
    if member:
        value = inspect.getattr_static(value, member)
        value = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
    if inspect.isclass(value) and issubclass(value, BaseException):
        return name
    if callable(value):
        return name + signature(value)
    if not member:
        return name
    if isinstance(value, property):
        return f"{name} {'rw' if value.fset else 'ro'}"
    return f"{name} {'rw' if writable(value) else 'ro'}"


def writable(native):
    """Whether an attribute of the extension can be set: one that cannot says so before it looks at the object."""
    try:
        native.__set__(native.__objclass__.__new__(native.__objclass__), None)
    except AttributeError as e:
        return "not writable" not in str(e)
    except (TypeError, ValueError, OverflowError, AssertionError, SystemError):
        pass
    return True


def public():
    """Each public name of the package that is no internal one, in the most basic public class that has it."""
    seen = set()
    for name in (n for n in d.__all__ if n not in ("__version__", "__author__")):
        yield name
        cls = getattr(d, name)
        if not inspect.isclass(cls) or issubclass(cls, BaseException):
            continue
        for member in sorted(dir(cls)):
            owner = next(c for c in cls.__mro__ if member in vars(c))
            home = next(c.__name__ for c in reversed(cls.__mro__) if is_public(c) and hasattr(c, member))
            ours = owner.__module__.startswith("nvproof") and not member.startswith("_")
            if ours and (home, member) not in seen and member not in INTERNAL.get(home, "").split():
                seen.add((home, member))
                yield f"{home}.{member}"


def is_public(cls):
    return getattr(d, cls.__name__, None) is cls


@pytest.mark.parametrize("where", sorted({where for where, _, _ in API}))
def test_is_as_the_list_says(where):
    """All of it but attributes of objects, which only their tests can show."""
    lines = [line for line in section(where) if not line.endswith(" attribute")]
    assert [shown(re.split(r"[( ]", line)[0]) for line in lines] == lines


def test_nothing_public_is_left_out():
    listed = {re.split(r"[( ]", line)[0] for _, line, _ in API}
    assert sorted(set(public()) - listed) == []


def names_in(file):
    path = HERE / f"test_{file}.py"
    if not path.exists():
        return set()
    return {n.name[5:] for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)}


@pytest.mark.parametrize("file", sorted({file for row in ROWS for file, _ in row[2]}))
def test_the_tests_are_there(file):
    named = {test for row in ROWS for name, test in row[2] if name == file}
    assert sorted(named - names_in(file)) == []


def test_each_line_has_a_test():
    assert [line for _, line, tests in ROWS if not tests] == []


# --- what is no Python name ---


def test_warnings():
    """The words of each are in the sources, and in those of its tests."""
    sources = all_sources()
    for where, line, tests in ROWS:
        if where != "warnings":
            continue
        words = re.split(r"[%-]|text", line)[0].rstrip()
        assert words in sources or words.rsplit(":", 1)[0] in sources, line
        of_tests = "".join((HERE / f"test_{file}.py").read_text() for file, _ in tests)
        assert words.split(":")[0] in of_tests, f"no test has {words!r}"


def test_fixtures():
    """Names and scopes."""
    found = {}
    for name, value in vars(pytest_plugin).items():
        marker = getattr(value, "_pytestfixturefunction", None) or getattr(
            value, "_fixture_function_marker", None
        )
        if marker is not None:
            found[marker.name or name] = marker.scope
    assert sorted(f"{name} {scope}" for name, scope in found.items()) == sorted(section("fixtures"))


def test_options():
    """On the command line, and of those that have one, as a line of the ini file."""
    parser = Parser(_ispytest=True)
    pytest_plugin.pytest_addoption(parser)
    options = [name for option in parser.getgroup("nvproof").options for name in option.names()]
    lines = section("options")
    assert sorted(line.split()[0] for line in lines) == sorted(options)
    assert sorted(word for line in lines for word in line.split()[1:]) == sorted(parser._inidict)


def all_sources():
    return "".join(p.read_text() for p in [*(ROOT / "src").rglob("*.c"), *(ROOT / "python").rglob("*.py")])


def test_environment():
    """Each variable that is listed is looked at; which others there are is for the project itself."""
    sources = all_sources()
    assert [line for line in section("environment") if f'"{line}"' not in sources] == []
    own = {"NVPROOF_BUILD", "NVPROOF_TEST_ROOT", "NVPROOF_DEBUG", "NVPROOF_NOIOMMU", "NVPROOF_QEMU"}
    assert set(re.findall(r'"(NVPROOF_[A-Z_]+)"', sources)) - own == set(section("environment"))


def test_commands_of_the_shell():
    assert sorted(COMMANDS) == sorted(section("commands"))


def test_the_list_is_not_empty():
    """And one that says something else is seen."""
    assert len(API) > 250
    assert shown("Buffer.dump") == "Buffer.dump(size=None)" != "Buffer.dump(size=16)"
    assert shown("Buffer.size") == "Buffer.size rw" and shown("Buffer.length") == "Buffer.length ro"
    assert shown("IOSQ.tail") == "IOSQ.tail rw" and shown("Zone.state") == "Zone.state ro"
