from __future__ import annotations

from batchocr.coordinator.sharding import in_shard

NAMES = [f"folder/{number}.pdf" for number in range(2000)] + ["\udc80.pdf"]


def test_every_document_belongs_to_exactly_one_shard_and_shards_are_about_equal() -> None:
    shards = [[name for name in NAMES if in_shard(name, f"{number}/8")] for number in range(1, 9)]
    assert sorted(name for shard in shards for name in shard) == sorted(NAMES)
    assert all(200 < len(shard) < 300 for shard in shards)


def test_without_a_shard_everything_is_taken() -> None:
    assert all(in_shard(name, None) for name in NAMES)


def test_shard_of_a_name_stays_the_same() -> None:
    assert [name for name in ("a.pdf", "b/c.pdf", "d.png") if in_shard(name, "1/2")] == ["a.pdf", "d.png"]
