"""What Entra ID's refusals mean for a person: an AADSTS number in, the sentence that helps out.

Numbers: Microsoft Entra authentication and authorization error codes. What Entra ID itself says may hold names and
addresses, so only its number is told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

AGAIN = "sign in again: syncjob login"
NUMBER = re.compile(r"AADSTS(\d+)")
SAYINGS = {
    "50034": "the user is not known in this tenant; check remote.tenant, then sign in again: syncjob login",
    "50053": "the account is locked; wait or have it unlocked, then sign in again: syncjob login",
    "50055": f"the password has expired; renew it, then {AGAIN}",
    "50057": "the account is disabled; an administrator must enable it, or another user sign in: syncjob login",
    "50074": f"a multi-factor sign-in is asked for; {AGAIN}",
    "50076": f"a multi-factor sign-in is asked for; {AGAIN}",
    "50079": f"the user must register for multi-factor sign-in; {AGAIN} and follow the page",
    "50105": "the user is not assigned to the app; an administrator must assign it in Entra ID",
    "50144": f"the password has expired; renew it, then {AGAIN}",
    "50173": f"the sign-in was revoked or the password changed; {AGAIN}",
    "53000": f"Conditional Access asks for a compliant device; {AGAIN} from one",
    "53001": f"Conditional Access asks for a joined device; {AGAIN} from one",
    "53003": f"Conditional Access blocks this sign-in; ask an administrator, then {AGAIN}",
    "54005": f"the code was used already; {AGAIN}",
    "65001": f"nobody has consented to the app yet; {AGAIN} and accept, or have an administrator consent",
    "70000": f"the sign-in that is kept is no longer good; {AGAIN}",
    "70008": f"the sign-in that is kept has expired; {AGAIN}",
    "70043": f"Conditional Access wants a fresh sign-in from time to time; {AGAIN}",
    "70044": f"Conditional Access wants a fresh sign-in from time to time; {AGAIN}",
    "700003": f"the device that signed in is gone; {AGAIN}",
    "700016": "the app is not known in this tenant; check remote.auth.client_id and remote.tenant",
    "700027": "the app's certificate is not accepted; hold remote.auth.certificate_file against its registration",
    "700082": f"the sign-in was not used for 90 days and has expired; {AGAIN}",
    "700084": f"the sign-in has expired, by the app's kind after a day; {AGAIN}",
    "7000215": "the client secret is wrong; put the app's secret (its value, not its id) where remote.auth says",
    "7000218": "the app asks for a client secret or certificate; name one in remote.auth, or allow public client flows",
    "7000222": "the client secret has expired; make a new one in Entra ID and put it where remote.auth says",
    "90002": "the tenant is not known; check remote.tenant",
    "90072": f"the user does not belong to this tenant; check remote.tenant, then {AGAIN}",
}
WORDS = {
    "access_denied": f"the sign-in was declined; {AGAIN}",
    "authorization_declined": f"the sign-in was declined; {AGAIN}",
    "expired_token": f"nobody entered the code in time; {AGAIN}",
    "interaction_required": f"a person must sign in; {AGAIN}",
    "invalid_grant": f"the sign-in that is kept is no longer good; {AGAIN}",
}
LATER = "try again later; the sign-in that is kept is as good as it was"
TRANSIENT = ("temporarily_unavailable", "server_error", "90033", "90024", "50196")


def number_of(refusal: Mapping[str, Any]) -> str:
    """Give the AADSTS number of a refusal, '' where there is none."""
    codes = refusal.get("error_codes")
    if isinstance(codes, list) and codes:
        return str(codes[0])
    found = NUMBER.search(str(refusal.get("error_description") or ""))
    return found[1] if found else ""


def sentence(refusal: Mapping[str, Any]) -> str:
    """Say what a refusal means and what to do."""
    number, error = number_of(refusal), str(refusal.get("error") or "")[:60]
    known = f"AADSTS{number}" if number else error or "no reason given"
    if transient(refusal):
        return f"{LATER} ({known})"
    said = SAYINGS.get(number) or WORDS.get(error) or f"Entra ID refuses the sign-in; {AGAIN}, or look the number up"
    return f"{said} ({known})"


def transient(refusal: Mapping[str, Any]) -> bool:
    """Tell whether Entra ID is merely out of order."""
    return refusal.get("error") in TRANSIENT or number_of(refusal) in TRANSIENT
