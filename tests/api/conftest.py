# SPDX-License-Identifier: BSD-3-Clause
"""What several of the contract tests need."""
import warnings

import pytest


@pytest.fixture
def caught():
    """The texts of all warnings while the test runs."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield _Texts(seen)


class _Texts:
    def __init__(self, seen):
        self._seen = seen

    def __iter__(self):
        return (str(w.message) for w in self._seen)

    def __eq__(self, other):
        return list(self) == other

    def __repr__(self):
        return repr(list(self))
