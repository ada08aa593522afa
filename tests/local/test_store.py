"""What is kept of the documents between writes: never older than the last one, whoever made it."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from ftctl.local import store as module
from ftctl.local.store import Store


@pytest.fixture(params=["memory", "file", "file without a mapped index"])
def store(request, tmp_path, monkeypatch):
    if request.param.endswith("index"):
        monkeypatch.setattr(module, "_wal_index", lambda _: None)
    store = Store(None if request.param == "memory" else tmp_path / "s.sqlite")
    yield store
    store.close()


def total(store):
    return store.derived("total", lambda: sum(one["n"] for one in store.all("k")))


def test_what_is_derived_follows_every_write(store):
    assert total(store) == 0
    store.put("k", "a", {"n": 1}, parent="p")
    assert (total(store), store.count("k"), store.read("k", "A")) == (1, 1, {"n": 1})
    store.put("k", "a", {"n": 5}, parent="p")
    assert (total(store), store.get("k", "a"), store.read("k", "a")) == (5, {"n": 5}, {"n": 5})
    store.delete_children("k", "p")
    assert (total(store), store.get("k", "a"), store.count("k", "p")) == (0, None, 0)


def test_it_is_computed_once_between_writes(store):
    calls = []
    for _ in range(3):
        store.derived("x", lambda: calls.append(1))
    store.put("k", "a", {})
    store.derived("x", lambda: calls.append(1))
    assert len(calls) == 2


def test_documents_that_were_got_are_ones_own(store):
    store.put("k", "a", {"list": []})
    store.get("k", "a")["list"].append(1)
    assert store.get("k", "a") == {"list": []}


def test_a_rollback_takes_what_was_derived_along(store):
    store.put("k", "a", {"n": 1})

    def broken():
        with store.transaction():
            store.put("k", "a", {"n": 100})
            assert (total(store), store.get("k", "a")) == (100, {"n": 100})
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    assert (total(store), store.get("k", "a")) == (1, {"n": 1})


@pytest.mark.parametrize("mapped", [True, False])
def test_writes_of_others_are_seen_at_once(tmp_path, monkeypatch, mapped):
    if not mapped:
        monkeypatch.setattr(module, "_wal_index", lambda _: None)
    one, other = Store(tmp_path / "s.sqlite"), Store(tmp_path / "s.sqlite")
    assert bool(one._index) is mapped
    for n in range(1, 200):
        other.put("k", "a", {"n": n})
        assert (total(one), one.get("k", "a"), one.read("k", "a")) == (n, {"n": n}, {"n": n})
        if n % 50 == 0:
            other._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            assert one.get("k", "a") == {"n": n}
    one.close()
    other.close()


def test_while_looking_others_are_asked_for_once_and_in_a_transaction_again(tmp_path):
    one, other = Store(tmp_path / "s.sqlite"), Store(tmp_path / "s.sqlite")
    with one.looking():
        assert one.get("k", "a") is None
        other.put("k", "a", {"n": 1})
        assert one.get("k", "a") is None
        with one.transaction():
            assert one.get("k", "a") == {"n": 1}
            other._db.execute("PRAGMA busy_timeout=1")
            with pytest.raises(sqlite3.OperationalError):  # nobody else writes meanwhile
                other.put("k", "a", {"n": 2})
    assert one.get("k", "a") == {"n": 1}
    one.close()
    other.close()


def test_threads_that_count_together_lose_nothing(tmp_path):
    stores = [Store(tmp_path / "s.sqlite") for _ in range(2)]
    stores[0].put("k", "a", {"n": 0})

    def count(store):
        for _ in range(50):
            with store.looking(), store.transaction():
                store.put("k", "a", {"n": store.get("k", "a")["n"] + 1})

    threads = [threading.Thread(target=count, args=(store,)) for store in stores for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stores[0].get("k", "a") == {"n": 200}
    for store in stores:
        store.close()
