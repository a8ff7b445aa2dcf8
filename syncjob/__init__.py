"""Keep Partner Center referrals in step with a file of desired states: plan, guard, apply, report.

The way of a row: `sources` -> `core.mapping` -> `core.matching` -> `core.merge` and `core.diff` ->
`core.guard` -> `planfile` -> `apply` -> `ledger` -> `reports`. `job` tells that story; `cli` starts it.
"""

__version__ = "0.1.0"
