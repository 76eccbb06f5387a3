# SPDX-License-Identifier: BSD-3-Clause
"""Every public name is documented: what it is, in which unit, which errors it raises, and which command of the specification it sends."""
import ast
import inspect
import re
import textwrap

import pytest

import nvme
import nvproof as d

CLASSES = [name for name in d.__all__ if inspect.isclass(getattr(d, name))]

# The command that a method sends, as the specification's section is called
TITLES = {
    "Controller": {
        "abort": "Abort command",
        "aer": "Asynchronous Event Request command",
        "directive_receive": "Directive Receive command",
        "directive_send": "Directive Send command",
        "dst": "Device Self-test command",
        "format": "Format NVM command",
        "fw_commit": "Firmware Commit command",
        "fw_download": "Firmware Image Download command",
        "getfeatures": "Get Features command",
        "getlogpage": "Get Log Page command",
        "identify": "Identify command",
        "mi_receive": "NVMe-MI Receive command",
        "mi_send": "NVMe-MI Send command",
        "ns_attachment": "Namespace Attachment command",
        "ns_management": "Namespace Management command",
        "sanitize": "Sanitize command",
        "security_receive": "Security Receive command",
        "security_send": "Security Send command",
        "setfeatures": "Set Features command",
        "virt_mgmt": "Virtualization Management command",
    },
    "Namespace": {
        "compare": "Compare command",
        "copy": "Copy command",
        "dsm": "Dataset Management command",
        "flush": "Flush command",
        "format": "Format NVM command",
        "read": "Read command",
        "reservation_acquire": "Reservation Acquire command",
        "reservation_register": "Reservation Register command",
        "reservation_release": "Reservation Release command",
        "reservation_report": "Reservation Report command",
        "verify": "Verify command",
        "write": "Write command",
        "write_uncorrectable": "Write Uncorrectable command",
        "write_zeroes": "Write Zeroes command",
        "zns_mgmt_receive": "Zone Management Receive command",
        "zns_mgmt_send": "Zone Management Send command",
    },
    "IOSQ": {
        "flush": "Flush command",
        "read": "Read command",
        "write": "Write command",
        "zns_mgmt_receive": "Zone Management Receive command",
        "zns_mgmt_send": "Zone Management Send command",
    },
}

# Parameters and properties that have a unit, and the words that name it
UNITS = {
    "timeout": r"second|\bs\b|ms|milli",
    "timeout_pynvme": "second",
    "sec": "second",
    "interval": "second",
    "msec": r"millisecond|\bms\b",
    "latest_latency": "microsecond",
    "iostat": "bytes/s",
    "mdts": "bytes",
    "sector_size": "[Bb]ytes",
    "meta_size": "bytes",
    "capacity": "bytes",
}


def members(cls):
    """(name, object, class that has it) of everything public that this package defines."""
    for name in sorted(set(dir(cls))):
        owner = next(c for c in cls.__mro__ if name in vars(c))
        if name.startswith("_") or not owner.__module__.startswith("nvproof"):
            continue
        value = inspect.getattr_static(cls, name)
        value = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
        if callable(value) or inspect.isdatadescriptor(value):
            yield name, value, owner


def problems(cls):
    """What is missing from the documentation of a class."""
    if len(inspect.getdoc(cls) or "") < 15:
        yield f"{cls.__name__}: no docstring"
    titles = TITLES.get(cls.__name__, {})
    for name, value, _ in members(cls):
        doc, full = inspect.getdoc(value) or "", f"{cls.__name__}.{name}"
        if len(doc) < 15:
            yield f"{full}: {doc!r} is no documentation"
        if name in titles and f'"{titles[name]}"' not in doc:
            yield f"{full}: does not name the section {titles[name]!r}"
        for word in {name, *parameters(value)} & set(UNITS):
            if not re.search(UNITS[word], doc + (inspect.getdoc(cls) or "")):
                yield f"{full}: no unit of {word}"
        for error, bases in raised(value).items():
            if not any(base in doc + (inspect.getdoc(cls) or "") for base in bases):
                yield f"{full}: raises {error}, which is not documented"


def parameters(value):
    try:
        return list(inspect.signature(value).parameters)
    except (TypeError, ValueError):
        return []


def raised(value):
    """Exceptions that a function written in Python raises itself: {name: names under which it may be documented}."""
    function = value.fget if isinstance(value, property) else value
    if not inspect.isfunction(function):
        return {}
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc is not None]
    nodes = [call.func if isinstance(call, ast.Call) else call for call in calls]
    names = {node.id for node in nodes if isinstance(node, ast.Name) and node.id[0].isupper()}
    return {name: bases_of(function, name) for name in names - {"AssertionError"}}


def bases_of(function, name):
    cls = function.__globals__.get(name)
    return {name} | (
        {c.__name__ for c in cls.__mro__} - {"object", "Exception", "BaseException"} if cls else set()
    )


@pytest.mark.parametrize("name", CLASSES)
def test_documented(name):
    assert list(problems(getattr(d, name))) == []


def test_the_test_sees_what_is_missing():
    """A class that breaks each of the rules."""

    class Controller:
        __module__ = "nvproof.x"

        def identify(self, timeout=1):
            """Sends an Identify command."""
            raise KeyError("x")

        def nothing(self):
            pass

    found = "\n".join(problems(Controller))
    for text in (
        "no docstring",
        "nothing: ''",
        "'Identify command'",
        "no unit of timeout",
        "raises KeyError",
    ):
        assert text in found


def test_tables_name_what_is_there():
    for cls, methods in TITLES.items():
        assert set(methods) <= {name for name, _, _ in members(getattr(d, cls))}


def test_module_level():
    """Functions have docstrings; nvme and nvproof are the same names."""
    assert nvme.__all__ == d.__all__ and all(getattr(nvme, n) is getattr(d, n) for n in d.__all__)
    assert len(inspect.getdoc(d.srand)) > 30 and len(inspect.getdoc(d)) > 30
