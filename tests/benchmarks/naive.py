"""The script that one writes in an afternoon: pandas reads, one GET a row, jsonpatch finds what differs, one PATCH.

It is what `bench_run` holds the job against, and it is written as well as such a script is: one client, kept alive.
"""

from __future__ import annotations

import copy
import sys

import httpx
import jsonpatch
import pandas as pd

url, file = sys.argv[1:]
rows = pd.read_csv(file, dtype={"Id": str, "Deal": str})
sent = 0
with httpx.Client(base_url=f"{url}/v1.0/engagements/referrals") as client:
    for row in rows.itertuples():
        found = client.get(f"/{row.Id}").raise_for_status().json()
        wanted = copy.deepcopy(found)
        wanted["name"] = row.Deal
        wanted["details"]["dealValue"] = row.Amount
        patch = jsonpatch.make_patch(found, wanted)
        if patch:
            client.patch(f"/{row.Id}", json=patch.patch, headers={"If-Match": found["eTag"]}).raise_for_status()
            sent += 1
