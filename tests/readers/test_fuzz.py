"""A few hundred damaged files for every reader: the slice of `benchmarks/readers/fuzz.py` that every run of the suite affords."""

from __future__ import annotations

import random
from types import ModuleType

import pytest

from backend_expert import readers
from backend_expert.readers import formats


@pytest.fixture(scope="module")
def fuzz(script) -> ModuleType:
    return script("fuzz")


@pytest.mark.parametrize("name", sorted(formats()))
def test_damaged_files_are_read_or_left_out(fuzz, name):
    assert [failure.problem for failure in fuzz.trials(name, 60, 20261124, {}) if "it took" not in failure.problem] == []


@pytest.mark.parametrize("name", sorted(formats()))
def test_the_seeds_hold_what_their_reader_looks_for(fuzz, name):
    fragments = list(readers.formats()[name](readers.Repository.open(fuzz.SEEDS / name)))
    assert any(each.components or each.facts or each.addresses or each.images or each.code or each.tables for each in fragments)


def test_a_failure_is_reported_with_what_makes_it_again(fuzz, monkeypatch):
    def broken(repository):
        raise IndexError(repository.files[0])
        yield

    monkeypatch.setattr(fuzz, "formats", lambda: formats() | {"nginx": broken})
    failures = list(fuzz.trials("nginx", 2, 1, {}))
    assert [(failure.format, failure.number) for failure in failures] == [("nginx", 0), ("nginx", 1)]
    assert "IndexError" in failures[0].problem


def test_damage_depends_on_the_seed_alone(fuzz):
    one, other = (fuzz.mutated(b"a" * 100, b"b" * 100, random.Random("1")) for _ in range(2))
    assert one == other != b"a" * 100
