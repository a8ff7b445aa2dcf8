from __future__ import annotations

from desk import Desk, renamed


def test_smoke(desk: Desk) -> None:
    desk.rows(*renamed(1, 2))
    said = desk.run("plan", "--json")
    assert said.code == 0, said
    print(said.out)
    said = desk.run("apply", "--yes")
    assert said.code == 0, said
    print(said.out, said.err)
    assert 0
