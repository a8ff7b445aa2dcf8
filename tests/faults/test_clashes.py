"""Somebody was there first: a person, a program, or we ourselves; nobody's edit is lost, nothing is sent blind."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from desk import guid
from kit import Night, Scene, page, referrals, refusal, rows_of

from syncjob.errors import Exit
from syncjob.sandbox.faults import Rates
from syncjob.sandbox.service import Request

NAMED = {"Deal": "Renamed {}", "Probability": "40"}


def _first_patch(scene: Scene) -> bool:
    return sum(request.method == "PATCH" for _, request in scene.wire.sent) == 1


def test_a_human_edit_of_another_field_is_kept_and_ours_goes(tmp_path: Path) -> None:
    """412, then a new patch under the new eTag: both edits stand."""
    scene = Scene(tmp_path, referrals(1))
    night = scene.night(rows_of(1), between=lambda: scene.edit(1, "/details/notes", "called them"))
    assert (night.code, night.causes) == (Exit.OK, ["confirmed"])
    assert [record.status for record in scene.patches] == [412, 200]
    document = scene.sandbox.store.get(guid(1))
    assert (document["name"], document["details"]["notes"]) == ("Renamed 1", "called them")
    assert not any(write.blind for write in scene.sandbox.store.writes)


def test_a_human_edit_of_the_same_field_is_a_conflict_with_its_values(tmp_path: Path) -> None:
    """Both moved the name: nothing is sent over it, and the report tells base, theirs and ours."""
    scene = Scene(tmp_path, referrals(1))
    night = scene.night(rows_of(1), between=lambda: scene.edit(1, "/name", "Theirs"))
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["both_moved"])
    for word in ("Deal 1", "Theirs", "Renamed 1"):
        assert word in night.reasons
    assert scene.sandbox.store.get(guid(1))["name"] == "Theirs"
    assert scene.writes() == 0


def test_one_field_in_conflict_holds_back_the_whole_row(tmp_path: Path) -> None:
    """The name clashes, the stage would not: nothing of the row is sent."""
    scene = Scene(tmp_path, referrals(1))
    night = scene.night(rows_of(1, **NAMED), between=lambda: scene.edit(1, "/name", "Theirs"))
    assert night.causes == ["both_moved"]
    assert scene.writes() == 0


def test_the_same_edit_by_somebody_else_is_unchanged(tmp_path: Path) -> None:
    """412 and nothing left to patch, while no send of ours is unheard: not ours, and fine."""
    scene = Scene(tmp_path, referrals(1))
    night = scene.night(rows_of(1), between=lambda: scene.edit(1, "/name", "Renamed 1"))
    assert (night.code, night.causes) == (Exit.OK, ["same_edit"])
    assert "somebody made the same edit meanwhile" in night.reasons


def test_half_of_the_edit_by_somebody_else_leaves_the_other_half(tmp_path: Path) -> None:
    """They renamed it as we would have: only the stage is sent, which the plan has shown."""
    scene = Scene(tmp_path, referrals(1))
    night = scene.night(rows_of(1, **NAMED), between=lambda: scene.edit(1, "/name", "Renamed 1"))
    assert night.causes == ["confirmed"]
    assert [one["path"] for one in scene.patches[-1].operations] == ["/salesStage"]


def test_what_the_plan_did_not_show_is_not_sent(tmp_path: Path) -> None:
    """A field that agreed at planning was moved since: to set it back was never shown, so it is not sent."""
    scene = Scene(tmp_path, referrals(1, salesStage="40"), sections={"merge": {"drift": "overwrite"}})
    night = scene.night(rows_of(1, **NAMED), between=lambda: scene.edit(1, "/salesStage", "50"))
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["plan_stale"])
    assert scene.writes() == 0


def test_our_own_late_patch_is_no_conflict(tmp_path: Path) -> None:
    """The first send lands after its answer was given up; the second meets 412: one write, applied, no conflict."""
    scene = Scene(tmp_path, referrals(1))
    kept: list[Request] = []

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.method != "PATCH":
            return None
        if not kept:
            headers = {name.lower(): value for name, value in request.headers.items()}
            kept.append(Request("PATCH", request.url.path, "", headers, request.read()))
            raise httpx.ReadTimeout("no answer")
        if len(kept) == 1:
            scene.sandbox.meet(kept[0])
            kept.append(kept[0])
        return None

    night = scene.night(rows_of(1), between=lambda: setattr(scene.wire, "instead", instead))
    assert (night.code, night.causes) == (Exit.OK, ["read_back"])
    assert [record.status for record in scene.patches] == [200, 412]
    assert scene.writes() == 1


@pytest.mark.parametrize("fault", ["lost", "reset", "silent", "garbled", "late"])
def test_a_certain_fault_on_every_write_loses_and_doubles_nothing(tmp_path: Path, fault: str) -> None:
    """Whatever befalls each PATCH: what the report calls applied is what the store took, once a referral."""
    scene = Scene(tmp_path, referrals(12), limits={"attempts_max": 3, "retries_min": 100})
    team = "Jana,Novakova,,jana{}@contoso.example"
    night = scene.night(
        rows_of(*range(1, 13), Team=team), between=lambda: setattr(scene.sandbox, "rates", Rates(**{fault: 1}))
    )
    assert set(night.outcomes) <= {"applied", "unsettled"}
    assert "failed" not in night.outcomes
    scene.sandbox.rates = Rates()
    again = scene.night(rows_of(*range(1, 13), Team=team))
    assert again.code is Exit.OK
    assert scene.writes() == 12
    assert all(len(document["team"]) == 1 for document in scene.sandbox.store.documents())
    assert all(record.if_match for record in scene.patches)


def test_an_edit_between_a_lost_send_and_its_look_is_merged(tmp_path: Path) -> None:
    """The send was lost unlanded and somebody edited meanwhile: a new patch goes under the new eTag, once."""
    scene = Scene(tmp_path, referrals(1))

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.method == "PATCH" and _first_patch(scene):
            scene.edit(1, "/details/notes", "meanwhile")
            raise httpx.ReadError("reset")
        return None

    night = scene.night(rows_of(1), between=lambda: setattr(scene.wire, "instead", instead))
    assert night.causes == ["confirmed"]
    assert scene.writes() == 1


def test_a_conflict_after_a_lost_send_says_so(tmp_path: Path) -> None:
    """Our send may have landed and been overwritten: a conflict that tells that an answer was lost."""
    scene = Scene(tmp_path, referrals(1))

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.method == "PATCH" and _first_patch(scene):
            scene.edit(1, "/name", "Theirs")
            raise httpx.ReadError("reset")
        return None

    night = scene.night(rows_of(1), between=lambda: setattr(scene.wire, "instead", instead))
    assert night.causes == ["both_moved"]
    assert "an answer to an earlier send was lost" in night.reasons


def _stubborn(tmp_path: Path, rows: int) -> tuple[Scene, Night]:
    scene = Scene(tmp_path, referrals(rows), limits={"concurrency": 1})
    night = scene.night(
        rows_of(*range(1, rows + 1)), between=lambda: setattr(scene.sandbox, "rates", Rates(stubborn=1))
    )
    return scene, night


def test_a_remote_that_refuses_its_own_etag_is_believed_the_second_time(tmp_path: Path) -> None:
    """412 twice while the eTag has not moved: failed, which is no conflict; If-Match is never left out."""
    scene, night = _stubborn(tmp_path, 2)
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["etag_refused"] * 2)
    assert "refuses the eTag that it gives itself" in night.reasons
    assert len(scene.patches) == 4
    assert all(record.if_match == scene.sandbox.store.get(record.path[-36:])["eTag"] for record in scene.patches)


def test_three_referrals_that_refuse_their_own_etag_end_the_run(tmp_path: Path) -> None:
    """Three are no chance: exit 1, and the rows behind them are deferred untouched."""
    scene, night = _stubborn(tmp_path, 6)
    assert night.code is Exit.BROKEN
    assert night.causes == ["etag_refused"] * 3 + ["broken"] * 3
    assert len(scene.patches) == 6


def test_an_etag_refused_after_a_lost_send_stays_open(tmp_path: Path) -> None:
    """412, a lost send, 412 again: that send may still land, so the row is unsettled and the next night looks."""
    scene = Scene(tmp_path, referrals(1))
    patches = 0

    def instead(request: httpx.Request) -> httpx.Response | None:
        nonlocal patches
        patches += request.method == "PATCH"
        if request.method == "PATCH" and patches == 2:
            raise httpx.ReadError("reset")
        return refusal(412, "preconditionFailed") if request.method == "PATCH" else None

    night = scene.night(rows_of(1), between=lambda: setattr(scene.wire, "instead", instead))
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["answer_unknown"])


@pytest.mark.parametrize("status", [400, 409, 412, 422, 503])
def test_resource_modified_is_a_clash_whatever_the_status(tmp_path: Path, status: int) -> None:
    """The code decides: the referral is read, and what is left is sent under its eTag."""
    scene = Scene(tmp_path, referrals(1))
    scene.wire.instead = lambda request: (
        refusal(status, "resourceModified") if request.method == "PATCH" and _first_patch(scene) else None
    )
    night = scene.night(rows_of(1))
    assert night.causes == ["confirmed"]
    assert scene.methods == {"GET": 2, "PATCH": 1}


def test_a_remote_that_ignores_if_match_raises_the_alarm(tmp_path: Path) -> None:
    """Our answer shows a named field moved that nobody asked for: the row is applied, the run ends with exit 1."""
    scene = Scene(tmp_path, referrals(3, salesStage="40"), limits={"concurrency": 1})

    def regress() -> None:
        scene.sandbox.rates = Rates(ignored_if_match=1)
        scene.edit(1, "/salesStage", "90")

    night = scene.night(rows_of(1, 2, 3, **NAMED), between=regress)
    assert night.code is Exit.BROKEN
    assert night.causes == ["confirmed", "broken", "broken"]
    assert "does the remote honour If-Match?" in night.rows[0].warnings[-1]
    assert "salesStage" in night.rows[0].warnings[-1]
    assert scene.writes() == 1


def test_a_status_that_moves_other_fields_raises_no_alarm(tmp_path: Path) -> None:
    """Accepting a referral may rightly move what hangs on it."""
    fields = {"Stage": {"field": "status", "translate": {"Won": "Active/Accepted"}}, "Probability": "salesStage"}
    scene = Scene(
        tmp_path, referrals(1, status="New", substatus="Pending", salesStage="40"), sections={"fields": fields}
    )

    def after(request: httpx.Request, _: httpx.Response) -> httpx.Response | None:
        if request.method != "PATCH":
            return None
        return page(200, {**scene.sandbox.store.get(guid(1)), "salesStage": "50"})

    scene.wire.after = after
    night = scene.night(rows_of(1, Stage="Won", Probability="40"))
    assert (night.code, night.causes) == (Exit.OK, ["confirmed"])
    assert night.rows[0].warnings == ()
