"""B-trees of the lab: the bytes, the heights, and what amcheck says of them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.lab.planner import files
from backend_expert.lab.planner.btree import BLOCK, KeyColumn, NotABtree, chain_page, fanout, height_of, metapage, size_of
from backend_expert.lab.planner.server import ADMINISTRATOR, Server

INTEGER = KeyColumn(4, 4)


def test_the_fanout_of_a_narrow_key() -> None:
    assert fanout(4) == 285
    assert fanout(4, wide=True) == 203


@pytest.mark.parametrize(("pages", "height"), [(1, 0), (2, 0), (3, 1), (280, 1), (400, 2), (50_000, 2), (100_000, 3)])
def test_the_height_follows_from_the_pages(pages: int, height: int) -> None:
    assert height_of(pages, 4) == height


@given(st.integers(1, 10_000_000), st.integers(1, 300))
def test_a_larger_index_is_never_lower(pages: int, width: int) -> None:
    assert height_of(pages, width) <= height_of(pages * 2, width)


@given(st.integers(0, 10**9), st.integers(1, 100), st.floats(1, 1e9))
def test_a_new_index_has_a_size_whatever_the_statistics(rows: int, width: int, distinct: float) -> None:
    size = size_of(rows, (KeyColumn(width, 4),), distinct=distinct)
    assert size.pages >= 1
    assert size.height >= 0


def test_deduplication_shrinks_an_index_of_few_values_and_not_one_of_numerics() -> None:
    plain = size_of(1_000_000, (INTEGER,))
    few = size_of(1_000_000, (INTEGER,), distinct=100)
    numeric = size_of(1_000_000, (KeyColumn(4, 4, deduplicates=False),), distinct=100)
    included = size_of(1_000_000, (INTEGER,), (INTEGER,), distinct=100)
    assert few.pages < plain.pages / 2
    assert numeric.pages == plain.pages
    assert included.pages >= plain.pages


def test_a_metapage_of_another_kind_is_refused() -> None:
    with pytest.raises(NotABtree):
        metapage(bytes(BLOCK), 1)
    with pytest.raises(NotABtree):
        metapage(b"", 1)


@given(st.integers(0, 8).flatmap(lambda height: st.tuples(st.integers(0, height), st.just(height))))
def test_the_pages_of_the_chain_point_downwards(case: tuple[int, int]) -> None:
    level, height = case
    page = chain_page(level, height)
    assert len(page) == BLOCK
    assert struct.unpack_from("<I", page, 8184)[0] == level
    flags = struct.unpack_from("<H", page, 8188)[0]
    assert bool(flags & 1) == (level == 0)
    assert bool(flags & 2) == (level == height)
    if level:
        assert struct.unpack_from("<HH", page, 8168) == (0, level)


def test_a_tree_of_our_making_passes_the_checks_of_the_server(server: Server) -> None:
    database = server.create_database()
    with server.connect(database) as owner:
        owner.execute("CREATE TABLE t (a integer, b text); CREATE INDEX i ON t (a, b)")
        row = owner.execute("SELECT pg_relation_filepath('i'), pg_relation_filepath('t')").fetchone()
    assert row is not None
    with server.connect(database, ADMINISTRATOR) as administrator:
        administrator.execute("CREATE EXTENSION pg_buffercache; CREATE EXTENSION amcheck; CREATE EXTENSION pageinspect")
        administrator.execute("SELECT pg_buffercache_evict_relation('i')")
    files.write_tree(server.data / row[0], 300_000, 3)
    files.set_length(server.data / row[1], 200_000)
    with server.connect(database, ADMINISTRATOR) as administrator:
        administrator.execute("SELECT bt_index_check('i')")
        administrator.execute("SELECT bt_index_parent_check('i')")
        assert administrator.execute("SELECT level, fastlevel FROM bt_metap('i')").fetchone() == (3, 3)
        assert administrator.execute("SELECT pg_relation_size('i') / 8192").fetchone() == (300_000,)
    with server.connect(database) as owner:
        owner.execute("SET enable_seqscan = off")
        assert owner.execute("SELECT * FROM t WHERE a = 1 AND b > 'x'").fetchall() == []


def test_segments_are_full_but_the_last_and_cost_no_disk(tmp_path: Path) -> None:
    first = tmp_path / "16384"
    first.write_bytes(b"")
    blocks = 4 * files.SEGMENT_BLOCKS + 7
    files.set_length(first, blocks)
    assert files.length(first) == blocks
    assert [(tmp_path / f"16384.{number}").stat().st_size for number in (1, 2, 3)] == [1 << 30] * 3
    assert (tmp_path / "16384.4").stat().st_size == 7 * BLOCK
    assert sum(each.stat().st_blocks for each in tmp_path.iterdir()) * 512 < 1 << 20
    files.set_length(first, 1)
    assert [each.name for each in tmp_path.iterdir()] == ["16384"]


def test_hiding_a_table_is_undone(tmp_path: Path) -> None:
    first = tmp_path / "16384"
    first.write_bytes(b"")
    files.set_length(first, 2 * files.SEGMENT_BLOCKS)
    size = files.hide(first)
    assert first.stat().st_size == 0
    files.show(first, size)
    assert files.length(first) == 2 * files.SEGMENT_BLOCKS


@pytest.mark.parametrize("blocks", [-1, files.MOST_BLOCKS + 1])
def test_impossible_sizes_are_refused(tmp_path: Path, blocks: int) -> None:
    first = tmp_path / "1"
    first.write_bytes(b"")
    with pytest.raises(ValueError, match="a relation has"):
        files.set_length(first, blocks)
