from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from syncjob.errors import StorageRefused
from syncjob.ledger import Ledger
from syncjob.ledger.archive import CHUNK_BYTES

FILES = {
    "nothing": b"",
    "a line": b"Key,Name\r\n1,\xff\xfe\n",
    "exactly a chunk": bytes(CHUNK_BYTES),
    "noise of several chunks": random.Random(1).randbytes(2 * CHUNK_BYTES + 17),
    "much of the same": b"CRM-00001,Pilot\n" * 500_000,
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_comes_back_to_the_letter(tmp_path: Path, name: str) -> None:
    """Whatever its size and whatever stands in it, also after the ledger was closed."""
    content = FILES[name]
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    (tmp_path / "rows.csv").write_bytes(content)
    with Ledger(tmp_path / "job.ledger") as ledger:
        assert ledger.input(digest) is None
        ledger.archive(digest, "rows.csv", tmp_path / "rows.csv")
    (tmp_path / "rows.csv").unlink()
    with Ledger(tmp_path / "job.ledger") as ledger:
        found = ledger.input(digest)
        assert found is not None
        assert b"".join(found) == content


def test_a_file_that_many_nights_have_read_is_kept_once(tmp_path: Path) -> None:
    """The same digest is the same file: it need not even be there any more."""
    (tmp_path / "rows.csv").write_bytes(b"x" * 10_000)
    with Ledger(tmp_path / "job.ledger") as ledger:
        ledger.archive("sha256:x", "rows.csv", tmp_path / "rows.csv")
        (tmp_path / "rows.csv").unlink()
        ledger.archive("sha256:x", "rows.csv", tmp_path / "rows.csv")
        assert b"".join(ledger.input("sha256:x") or ()) == b"x" * 10_000


def test_a_copy_that_cannot_be_read_leaves_nothing_half(tmp_path: Path) -> None:
    """The archive has the whole file or nothing of it."""
    with Ledger(tmp_path / "job.ledger") as ledger:
        with pytest.raises(StorageRefused, match=r"rows\.csv|No such file"):
            ledger.archive("sha256:x", "rows.csv", tmp_path / "gone")
        assert ledger.input("sha256:x") is None
