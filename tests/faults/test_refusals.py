"""The remote says no: to a row, to the account, or to us; each no has its outcome, and none is asked twice in vain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from desk import guid
from kit import HTML, Night, Scene, page, patches_only, referrals, refusal, rows_of

from syncjob.errors import Exit, UsageRefused
from syncjob.sandbox.faults import Rates


def _refused(tmp_path: Path, answer: Any, rows: int = 1, **limits: Any) -> tuple[Scene, Night]:
    """A night in which every PATCH is answered so."""
    scene = Scene(tmp_path, referrals(rows), limits={"concurrency": 1} | limits)

    def begin() -> None:
        scene.wire.instead = patches_only(answer)

    return scene, scene.night(rows_of(*range(1, rows + 1)), between=begin)


@pytest.mark.parametrize("status", [400, 405, 406, 409, 411, 413, 415, 416, 422])
def test_a_no_is_told_in_the_servers_words_and_not_repeated(tmp_path: Path, status: int) -> None:
    """Rejected with status, code, sentence and request id; one PATCH, no look."""
    scene, night = _refused(
        tmp_path, lambda: refusal(status, "invalidRequest", "The deal is too big.", request_id="R-7")
    )
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["remote_refused"])
    assert night.rows[0].reason == f"the remote said no: status {status}, invalidRequest, The deal is too big."
    assert night.rows[0].request_ids == ("R-7",)
    assert night.requests == {"GET": 1, "PATCH": 1}
    assert scene.writes() == 0


def test_a_rule_of_the_sandbox_itself_is_such_a_no(tmp_path: Path) -> None:
    """A team holds fifty people, and the API says so itself."""
    scene = Scene(tmp_path, referrals(1, team=[{"email": f"n{n}@contoso.example"} for n in range(50)]))
    night = scene.night(rows_of(1, Team="One,More,,more@contoso.example"))
    assert night.causes == ["remote_refused"]
    assert "status 400, invalidRequest" in night.reasons
    assert scene.writes() == 0


@pytest.mark.parametrize("status", [404, 410])
def test_a_referral_that_went_away_is_unmatched(tmp_path: Path, status: int) -> None:
    """Gone between plan and apply: unmatched, with the id."""
    _, night = _refused(tmp_path, lambda: refusal(status, "itemNotFound"))
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["not_found"])
    assert guid(1) in night.reasons


def test_a_referral_that_was_never_there_is_unmatched(tmp_path: Path) -> None:
    """Read by id or sought in the listing: the row is unmatched either way."""
    scene = Scene(tmp_path, referrals(2))
    assert scene.night(rows_of(1, 9)).causes == ["confirmed", "not_found"]
    scene.limits["reads_max"] = 0
    assert scene.night(rows_of(1, 9)).causes == ["in_step", "not_found"]


def test_a_locked_referral_is_tried_three_times_and_deferred(tmp_path: Path) -> None:
    """423: twice more, then another night; exit 3 and nothing is called failed."""
    scene = Scene(tmp_path, referrals(1))
    night = scene.night(rows_of(1), between=lambda: setattr(scene.sandbox, "rates", Rates(locked=1)))
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["locked"])
    assert len(scene.patches) == 3
    assert "has locked the referral" in night.reasons


def test_a_lock_that_opens_lets_the_row_go(tmp_path: Path) -> None:
    """423 once: the second try is confirmed."""
    answers = [refusal(423, "generalException")]
    scene = Scene(tmp_path, referrals(1))
    scene.wire.instead = lambda request: answers.pop() if request.method == "PATCH" and answers else None
    night = scene.night(rows_of(1))
    assert (night.causes, night.rows[0].attempts) == (["confirmed"], 2)


@pytest.mark.parametrize("status", [507, 509])
def test_a_full_remote_ends_the_run(tmp_path: Path, status: int) -> None:
    """No room, or no bandwidth: exit 7, the rest deferred unsent."""
    scene, night = _refused(tmp_path, lambda: refusal(status, "generalException"), rows=4)
    assert (night.code, night.causes) == (Exit.REMOTE, ["remote_unavailable"] * 4)
    assert len(scene.wire.times("PATCH")) == 1


SIGN_IN = {
    "401": (401, {"error": {"code": "unauthenticated", "message": "no"}}),
    "900421": (401, {"error": {"code": "unauthenticated", "innerError": {"code": "900421"}}}),
    "claims": (403, {"error": {"code": "accessDenied", "innererror": {"code": "insufficent_claims"}}}),
    "html": (401, HTML),
    "empty": (401, b""),
}


@pytest.mark.parametrize("shape", SIGN_IN)
@pytest.mark.parametrize("during", ["plan", "apply"])
def test_a_token_that_is_not_accepted_is_not_tried_again(tmp_path: Path, shape: str, during: str) -> None:
    """Exit 5, every row deferred, one request and no retry: a person must sign in."""
    scene = Scene(tmp_path, referrals(5), limits={"concurrency": 1})

    def begin() -> None:
        scene.wire.instead = lambda _: page(*SIGN_IN[shape])
        scene.wire.sent.clear()

    if during == "plan":
        begin()
        night = scene.night(rows_of(*range(1, 6)))
    else:
        night = scene.night(rows_of(*range(1, 6)), between=begin)
    assert (night.code, night.causes) == (Exit.SIGN_IN, ["sign_in"] * 5)
    assert len(scene.wire.sent) == 1
    assert scene.writes() == 0
    assert ("multi-factor" in night.reasons) == (shape == "900421")


def test_a_listing_that_wants_another_token_defers_every_row(tmp_path: Path) -> None:
    """401 on the listing: exit 5 as well."""
    scene = Scene(tmp_path, referrals(2), limits={"reads_max": 0})
    scene.wire.instead = lambda _: refusal(401, "unauthenticated")
    night = scene.night(rows_of(1, 2))
    assert (night.code, night.causes) == (Exit.SIGN_IN, ["sign_in"] * 2)


def test_a_filter_that_the_remote_does_not_take_is_the_configurations(tmp_path: Path) -> None:
    """Running again would never help: exit 2, with the remote's words."""
    scene = Scene(tmp_path, referrals(2), limits={"reads_max": 0}, remote={"filter": "nonsense"})
    with pytest.raises(UsageRefused, match=r"refuses to list .* is remote\.filter right"):
        scene.night(rows_of(1, 2))


def test_a_listing_at_no_address_is_the_configurations(tmp_path: Path) -> None:
    """404 on the listing is no row's misfortune."""
    scene = Scene(tmp_path, referrals(2), limits={"reads_max": 0})
    scene.wire.instead = lambda _: refusal(404, "itemNotFound")
    with pytest.raises(UsageRefused, match=r"remote\.url: no referrals are listed there"):
        scene.night(rows_of(1, 2))


def test_a_listing_that_is_forbidden_wants_the_role(tmp_path: Path) -> None:
    """403 on the listing itself: exit 5, every row deferred."""
    scene = Scene(tmp_path, referrals(2), limits={"reads_max": 0})
    scene.wire.instead = lambda _: refusal(403, "accessDenied")
    night = scene.night(rows_of(1, 2))
    assert (night.code, night.outcomes) == (Exit.SIGN_IN, ["deferred"] * 2)
    assert "Referral Admin or Referral User" in night.reasons


@pytest.mark.parametrize("rows", [3, 8])
@pytest.mark.parametrize("during", ["plan", "apply"])
def test_an_account_without_the_role_is_told_after_three(tmp_path: Path, rows: int, during: str) -> None:
    """403 on three referrals and never a welcome: it is the account; exit 5 names the role, the rest is not asked."""
    scene = Scene(tmp_path, referrals(rows), limits={"concurrency": 1})

    def begin() -> None:
        scene.wire.instead = lambda _: refusal(403, "accessDenied")
        scene.wire.sent.clear()

    if during == "plan":
        begin()
        night = scene.night(rows_of(*range(1, rows + 1)))
    else:
        night = scene.night(rows_of(*range(1, rows + 1)), between=begin)
    assert night.code is Exit.SIGN_IN
    assert night.causes == ["forbidden"] * 2 + ["sign_in"] * (rows - 2)
    assert "Referral Admin or Referral User" in night.reasons
    assert len(scene.wire.sent) == 3


def test_a_referral_that_is_forbidden_among_others_is_its_own_matter(tmp_path: Path) -> None:
    """Four are refused, others are not: the role is there, so each is rejected for itself and the run goes on."""
    scene = Scene(tmp_path, referrals(8), limits={"concurrency": 1})
    closed = tuple(guid(n) for n in (2, 4, 6, 7))
    scene.wire.instead = lambda request: refusal(403, "accessDenied") if request.url.path.endswith(closed) else None
    night = scene.night(rows_of(*range(1, 9)))
    assert night.code is Exit.NEEDS_PERSON
    assert (night.causes.count("forbidden"), night.causes.count("confirmed")) == (4, 4)


def test_a_428_cannot_be_and_ends_the_run(tmp_path: Path) -> None:
    """We always send If-Match: a remote that misses it is not the one we know; exit 1, nothing more is sent."""
    scene, night = _refused(tmp_path, lambda: refusal(428, "preconditionRequired"), rows=3)
    assert (night.code, night.causes) == (Exit.BROKEN, ["broken"] * 3)
    assert "an answer that cannot be: status 428" in night.reasons
    assert len(scene.wire.times("PATCH")) == 1


def test_a_no_after_an_unheard_send_leaves_the_row_open(tmp_path: Path) -> None:
    """The first send may still land: the row is unsettled, whatever the second was told."""
    answers = [refusal(400), page(502, HTML)]
    _, night = _refused(tmp_path, answers.pop)
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["answer_unknown"])
    assert "a send went unheard; the remote said no" in night.reasons


def test_a_row_sent_as_often_as_allowed_is_failed_when_the_last_look_shows_nothing(tmp_path: Path) -> None:
    """Somebody edits before each of our sends: three are enough, and no send of ours can land any more."""
    scene = Scene(tmp_path, referrals(1), limits={"attempts_max": 3})
    edits = 0

    def instead(request: Any) -> None:
        nonlocal edits
        if request.method == "PATCH":
            edits += 1
            scene.edit(1, "/details/notes", f"edit {edits}")

    night = scene.night(rows_of(1), between=lambda: setattr(scene.wire, "instead", instead))
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["attempts_spent"])
    assert len(scene.patches) == 3
    assert "tried 3 times" in night.reasons
