"""What the remote accepted is what it shows afterwards; and nothing is written under an eTag that protects nothing."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from desk import guid
from kit import Scene, page, referrals, rows_of

from syncjob.errors import Exit
from syncjob.ledger import Ledger
from syncjob.sandbox.faults import Rates


def test_what_is_accepted_and_altered_is_failed_once_and_not_sent_again(tmp_path: Path) -> None:
    """The remote trims what it took: failed, to be looked at; the second night knows its form and sends nothing."""
    scene = Scene(tmp_path, referrals(2))
    rows = rows_of(1, 2, Notes="A long note {} about the warehouse")
    night = scene.night(rows, between=lambda: setattr(scene.sandbox, "rates", Rates(altered=1)))
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["accepted_altered"] * 2)
    assert "holds something else in notes" in night.reasons
    assert "warehouse" not in night.reasons
    scene.sandbox.rates = Rates()
    before = len(scene.patches)
    again = scene.night(rows)
    assert (again.code, again.outcomes) == (Exit.OK, ["unchanged", "unchanged"])
    assert "a form of its own" in again.rows[0].warnings[0]
    assert len(scene.patches) == before


def test_an_altered_value_is_sent_again_once_the_row_asks_for_something_else(tmp_path: Path) -> None:
    """The form that is remembered belongs to one wish: another wish is another change."""
    scene = Scene(tmp_path, referrals(1))
    rows = rows_of(1, Notes="A long note about the warehouse")
    scene.night(rows, between=lambda: setattr(scene.sandbox, "rates", Rates(altered=1)))
    scene.sandbox.rates = Rates()
    assert scene.night(rows_of(1, Notes="Another note")).causes == ["confirmed"]


def test_silence_after_acceptance_is_verified_by_reading(tmp_path: Path) -> None:
    """204 where the referral was asked for: applied only once a GET shows it, altered when it shows something else."""
    scene = Scene(tmp_path, referrals(2))

    def quiet() -> None:
        scene.sandbox.rates = Rates(silent=1)

    night = scene.night(rows_of(1), between=quiet)
    assert night.causes == ["confirmed"]
    assert scene.methods == {"GET": 2, "PATCH": 1}
    scene.sandbox.rates = Rates(silent=1, altered=1)
    assert scene.night(rows_of(2, Notes="A long note about it")).causes == ["accepted_altered"]


def test_acceptance_that_cannot_be_verified_is_unsettled(tmp_path: Path) -> None:
    """204, and then nobody answers: neither applied nor failed; the next night looks and mends the report."""
    scene = Scene(tmp_path, referrals(1))

    def quiet() -> None:
        scene.sandbox.rates = Rates(silent=1)
        scene.wire.instead = lambda request: page(502, b"") if request.method == "GET" else None

    night = scene.night(rows_of(1), between=quiet)
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["answer_unknown"])
    assert "accepted, but it could not be verified" in night.reasons
    scene.sandbox.rates = Rates()
    scene.wire.instead = None
    assert scene.night(rows_of(1)).causes == ["in_step"]
    assert scene.events.of("intent.settled")[0]["cause"] == "read_back"


def test_items_without_etags_are_read_before_they_are_written(tmp_path: Path) -> None:
    """The listing finds ids, and decides what is unchanged; before each write one GET brings the eTag."""
    scene = Scene(tmp_path, referrals(6), list_etags=False, limits={"reads_max": 0})
    rows = rows_of(1, 2) + rows_of(3, 4, 5, 6, Deal="Deal {}")
    night = scene.night(rows)
    assert night.outcomes == ["applied"] * 2 + ["unchanged"] * 4
    assert scene.methods == {"GET": 1 + 2, "PATCH": 2}
    assert all(record.if_match for record in scene.patches)


@pytest.mark.parametrize("etag", [None, "", 'W/"1"', "2500ec5a", '"', '""', '"a"b"', '"é"', '"a\nb"', 5, '"a b"'])
def test_an_etag_that_protects_nothing_is_never_written_under(tmp_path: Path, etag: object) -> None:
    """Absent, weak, unquoted or damaged: the row fails with the reason, and no PATCH leaves."""
    scene = Scene(tmp_path, referrals(1))
    document = {**scene.sandbox.store.get(guid(1)), "eTag": etag}
    scene.wire.instead = lambda _: page(200, {name: value for name, value in document.items() if value is not None})
    night = scene.night(rows_of(1))
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["no_etag"])
    assert scene.wire.times("PATCH") == []


def test_unknown_fields_and_words_are_kept(tmp_path: Path) -> None:
    """What the remote holds beyond our table is neither dropped nor sent back."""
    scene = Scene(tmp_path, referrals(1, salesStage="Dreaming", novelty={"a": [1, None, {"b": 1.5}]}))
    assert scene.night(rows_of(1)).causes == ["confirmed"]
    document = scene.sandbox.store.get(guid(1))
    assert (document["salesStage"], document["novelty"]) == ("Dreaming", {"a": [1, None, {"b": 1.5}]})
    assert [one["path"] for one in scene.patches[0].operations] == ["/name"]


def _keeping(scene: Scene, status: int) -> None:
    """Let the remote accept every PATCH and keep what it has."""

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.method != "PATCH":
            return None
        return page(status, scene.sandbox.store.get(request.url.path[-36:]) if status == 200 else b"")

    scene.wire.instead = instead


@pytest.mark.parametrize("status", [200, 204])
def test_an_old_value_that_stays_is_told_every_night(tmp_path: Path, status: int) -> None:
    """Accepted and not done, for ever: failed each night, never taken for the remote's own form of what was asked."""
    scene = Scene(tmp_path, referrals(1))
    _keeping(scene, status)
    rows = rows_of(1, Deal="Renamed", Notes="A note")
    for night in (scene.night(rows) for _ in range(4)):
        assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["accepted_altered"])
    with Ledger(tmp_path / "scene.ledger") as ledger:
        assert ledger.normal_forms(scene.jobs[-1].address, guid(1)) == {}


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        ({"Stage": "Won"}, {"status": "Closed", "substatus": "Lost"}),
        ({"Notes": "yes"}, {"consent": {"consentToShareReferralWithMicrosoftSellers": None}}),
    ],
)
def test_a_word_of_a_table_is_never_a_form_of_the_remote(
    tmp_path: Path, asked: dict[str, str], made: dict[str, object]
) -> None:
    """Won that became Lost, a yes that became nothing: each night says so, none believes it."""
    fields = {
        "Stage": {"field": "status", "translate": {"Won": "Closed/Won"}},
        "Notes": "consent.consentToShareReferralWithMicrosoftSellers",
    }
    guards = {"closes": None, "consent": None, "changes": None, "first_run": None}
    scene = Scene(tmp_path, referrals(1), sections={"fields": fields, "guards": guards})
    scene.wire.instead = lambda request: (
        page(200, scene.sandbox.store.get(guid(1)) | made) if request.method == "PATCH" else None
    )
    for night in (scene.night(rows_of(1, **asked)) for _ in range(3)):
        assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["accepted_altered"])
    with Ledger(tmp_path / "scene.ledger") as ledger:
        assert ledger.normal_forms(scene.jobs[-1].address, guid(1)) == {}


def test_a_form_seen_only_by_reading_is_believed_the_second_time(tmp_path: Path) -> None:
    """204, and the text is cut: once it may be somebody else's; after the second night nothing is sent."""
    scene = Scene(tmp_path, referrals(1))
    scene.sandbox.rates = Rates(silent=1, altered=1)
    rows = rows_of(1, Notes="A long note about the warehouse")
    assert scene.night(rows).causes == ["accepted_altered"]
    assert scene.night(rows).causes == ["accepted_altered"]
    sent = len(scene.patches)
    third = scene.night(rows)
    assert (third.code, third.causes) == (Exit.OK, ["in_step"])
    assert len(scene.patches) == sent == 2
