"""What a file shows and a person has stated goes in; a `Proposal` comes out, each part of it with its reason.

Nothing is guessed in silence: what two readings would fit, and what no file can show (a currency, a time zone), is a
question. The answers come in as `stated`, and the same sample is looked at again, until no question is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from syncjob.core import claiming, guessing, keying
from syncjob.core.claiming import Cells
from syncjob.core.feeds import NUMBERED
from syncjob.core.fields import did_you_mean
from syncjob.core.guessing import PLAIN, told
from syncjob.errors import UsageRefused
from syncjob.model.proposal import Column, Finding, Key, Part, Proposal, Question, Sample, Stated
from syncjob.settings import Settings

REMOTE = "https://api.partner.microsoft.com"
PRESET_SHARE_MIN = 0.5
JOB_CHARS_MAX = 64


def propose(
    sample: Sample, file: str, stated: Stated, *, presets: Mapping[str, Settings], machine_zone: str = ""
) -> Proposal:
    """Propose a configuration for the file; UsageRefused when what was stated contradicts it.

    `presets` are the settings that each preset alone stands for, `machine_zone` is the time zone in which this runs.
    """
    cells: Cells = {
        name: guessing.spoken([row.columns.get(name, "") for row in sample.rows if not row.fault])
        for name in sample.columns
    }
    questions = list(sample.asked)
    preset = _preset(sample, stated, presets)
    ready = presets[preset.value] if preset else None
    key = _key(sample, stated, cells, ready, questions)
    columns = claiming.claims(cells, key, _ready_fields(ready, cells), _left_out(ready))
    verify = None if preset else claiming.second_look(cells, columns)
    if verify:
        columns = tuple(verify if one.name == verify.name else one for one in columns)
    defaults = _defaults(sample, columns, cells, stated, ready, questions)
    dates = [one for one in columns if one.field == "closingDateTime" and not _is_zoned(one, ready)]
    if dates or Part.TIME_ZONE in stated:
        defaults |= _time_zone(stated, machine_zone, questions)
    if key and not key.by_preset and not any(one.field for one in columns if one is not verify) and not preset:
        raise UsageRefused(
            f"{sample.source}: no column could be mapped: none is named like a field of a referral and holds what that "
            f"field does; the columns: {', '.join(map(told, sample.columns))}. Write the configuration by hand"
        )
    return Proposal(
        job=_job(sample.source),
        file=file,
        looked_at=len(sample.rows),
        whole=sample.whole,
        key=key,
        columns=columns,
        defaults=defaults,
        reading=sample.reading,
        remote=_remote(stated),
        tenant=stated.get(Part.TENANT, ""),
        preset=preset,
        verify=verify,
        questions=tuple(questions),
    )


def _preset(sample: Sample, stated: Stated, presets: Mapping[str, Settings]) -> Finding | None:
    """Find the preset whose key the header shows, with half of its fields, and which knows half of the columns."""
    if Part.PRESET in stated:
        name = stated[Part.PRESET]
        if name and name not in presets:
            raise UsageRefused(f"--preset: there is none called {name!r}; known: {', '.join(presets) or 'none'}")
        return Finding(name, "stated") if name else None
    found: list[tuple[int, str, int, int]] = []
    for name, ready in presets.items():
        keys = ready.match.column if ready.match else ()
        cells = dict.fromkeys(sample.columns, ())
        fed = _ready_fields(ready, cells)
        known = len({*fed, *_left_out(ready), *keys} & {*cells})
        fields = {target.field for targets in ready.fields.values() for target in targets}
        shown = {one for many in fed.values() for one in many}
        if {*keys}.isdisjoint(cells) or len(shown) < PRESET_SHARE_MIN * len(fields):
            continue
        if known >= PRESET_SHARE_MIN * len(cells):
            found.append((known, name, len(shown), len(fields)))
    if not found:
        return None
    knows, name, shows, of = max(found, key=lambda one: (one[0], one[2]))
    said = f"it knows {knows} of the {len(sample.columns)} columns, the key too; they feed {shows} of its {of} fields"
    return Finding(name, said)


def _ready_fields(ready: Settings | None, cells: Cells) -> dict[str, tuple[str, ...]]:
    """Give the fields of each column of the file that the preset maps."""
    if ready is None:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for name, targets in ready.fields.items():
        pattern = re.compile(re.escape(name).replace(re.escape(NUMBERED), r"\d+"))
        fed = tuple(target.field for target in targets)
        found |= {column: fed for column in cells if pattern.fullmatch(column)}
    return found


def _left_out(ready: Settings | None) -> dict[str, str]:
    """Give the columns that the preset knows and maps to nothing."""
    if ready is None or ready.match is None:
        return {}
    return dict.fromkeys(ready.match.like, "for `syncjob link` to compare") | ready.ignore


def _key(sample: Sample, stated: Stated, cells: Cells, ready: Settings | None, questions: list[Question]) -> Key | None:
    """Find what names the referral of a row, by what was stated, by the preset, or by name and cells."""
    by = stated.get(Part.BY, "")
    if name := stated.get(Part.KEY, ""):
        if name not in cells:
            hint = did_you_mean(name, list(cells))
            raise UsageRefused(f"{Part.KEY.option}: {sample.source} has no column {name!r}{hint}")
        return keying.stated(name, by, cells[name])
    if ready is not None and ready.match is not None:
        shown = next((one for one in ready.match.column if one in cells), "")
        if shown and (not by or by == ready.match.by):
            return Key(shown, ready.match.by, "by the preset", by_preset=True)
    found, open_ones = keying.find(cells, by, len(sample.rows))
    if found is None:
        default, choices = (open_ones or [""])[0], tuple(open_ones or cells)
        words = "Which column names the referral of a row: the CRM's id of the deal, or the referral's own id?"
        questions.append(Question(Part.KEY, words, default, choices, needed=True))
    return found


def _defaults(
    sample: Sample,
    columns: Sequence[Column],
    cells: Cells,
    stated: Stated,
    ready: Settings | None,
    questions: list[Question],
) -> dict[str, Finding]:
    """Find how amounts and dates are to be read, and the currency of amounts that name none."""
    by_field = {one.field: one for one in columns}
    found: dict[str, Finding] = {}
    date, amount = by_field.get("closingDateTime"), by_field.get("dealValue")
    for part, name in ((Part.DATE_FORMAT, "date_format"), (Part.LOCALE, "locale")):
        if stated.get(part):  # a column that is mapped by hand later is read so
            found[name] = Finding(stated[part], "stated")
    if date is not None:
        found |= _date_format(date, cells[date.name], stated, ready, questions)
    if amount is not None:
        found |= _locale(amount, cells[amount.name], stated, ready, questions)
        found |= _currency(amount, by_field.get("currency"), sample, cells, stated, ready, questions)
    return found


def _date_format(
    date: Column, column: Sequence[str], stated: Stated, ready: Settings | None, questions: list[Question]
) -> dict[str, Finding]:
    if Part.DATE_FORMAT in stated:
        form = guessing.dates(column, stated[Part.DATE_FORMAT])
        said = f"stated; {form.fits} of {form.of} cells of {date.name!r} are written so"
        return {"date_format": Finding(stated[Part.DATE_FORMAT], said)} if stated[Part.DATE_FORMAT] else {}
    held = _held(date, ready)
    if held and guessing.dates(column, held).forms:
        return {}
    form = guessing.dates(column)
    if len(form.forms) > 1:
        words = (
            f"The dates of {date.name!r} can be read in {len(form.forms)} ways ({form.shown or told(column[0])}); how?"
        )
        default = form.forms[0]
        questions.append(Question(Part.DATE_FORMAT, words, default, form.forms, needed=True))
        return {}
    if form.forms in ((), (PLAIN,)):
        return {}
    strays = f"; {form.of - form.fits} of {form.of} cells are not" if form.fits < form.of else ""
    only = f"only this fits {form.shown}" if form.shown else "only this fits every cell"
    return {"date_format": Finding(form.forms[0], f"{only} in {date.name!r}{strays}")}


def _held(date: Column, ready: Settings | None) -> str | None:
    """Give the format in which the preset itself expects this date."""
    if ready is None or not date.by_preset:
        return None
    stated = [target.date_format for target in ready.fields.get(date.name, ()) if target.date_format]
    return stated[0] if stated else ready.defaults.date_format


def _is_zoned(date: Column, ready: Settings | None) -> bool:
    """Tell whether the preset itself says in which time zone this date begins."""
    if ready is None:
        return False
    targets = ready.fields.get(date.name, ()) if date.by_preset else ()
    return bool(ready.defaults.time_zone or any(target.time_zone for target in targets))


def _locale(
    amount: Column, column: Sequence[str], stated: Stated, ready: Settings | None, questions: list[Question]
) -> dict[str, Finding]:
    if Part.LOCALE in stated:
        form = guessing.numbers(column, stated[Part.LOCALE])
        said = f"stated; {form.fits} of {form.of} cells of {amount.name!r} are written so"
        return {"locale": Finding(stated[Part.LOCALE], said)} if stated[Part.LOCALE] else {}
    if ready is not None and amount.by_preset and ready.defaults.locale:
        return {}
    form = guessing.numbers(column)
    if len(form.forms) > 1:
        words = (
            f"The amounts of {amount.name!r} can be read in {len(form.forms)} ways ({form.shown}); as who writes them?"
        )
        questions.append(Question(Part.LOCALE, words, form.forms[0], form.forms, needed=True))
        return {}
    if form.forms in ((), (PLAIN,)):
        return {}
    strays = f"; {form.of - form.fits} of {form.of} cells are not" if form.fits < form.of else ""
    return {"locale": Finding(form.forms[0], f"{amount.name!r} writes {form.shown}{strays}")}


def _currency(
    amount: Column,
    coded: Column | None,
    sample: Sample,
    cells: Cells,
    stated: Stated,
    ready: Settings | None,
    questions: list[Question],
) -> dict[str, Finding]:
    """Find the currency of amounts that name none: stated, or the one code that every other cell has, or asked for."""
    if Part.CURRENCY in stated:
        said = "stated" + (f"; for amounts without a cell in {coded.name!r}" if coded else "")
        return {"currency": Finding(stated[Part.CURRENCY], said)} if stated[Part.CURRENCY] else {}
    if ready is not None and ready.defaults.currency:
        return {}
    if coded is None:
        words = f"In which currency are the amounts of {amount.name!r}? (an ISO 4217 code such as EUR)"
        questions.append(Question(Part.CURRENCY, words, needed=True))
        return {}
    bare = [
        row
        for row in sample.rows
        if guessing.spoken([row.columns.get(amount.name, "")]) and not row.columns.get(coded.name, "").strip()
    ]
    codes = list(dict.fromkeys(cells[coded.name]))
    if not bare or len(codes) != 1 or not guessing.CURRENCY_CODE.fullmatch(codes[0]):
        return {}
    said = f"some amounts have no currency; every other cell of {coded.name!r} says {codes[0]}"
    questions.append(Question(Part.CURRENCY, f"{said}. Of which currency are they?", codes[0]))
    return {"currency": Finding(codes[0], said)}


def _time_zone(stated: Stated, machine_zone: str, questions: list[Question]) -> dict[str, Finding]:
    if Part.TIME_ZONE in stated:
        return {"time_zone": Finding(stated[Part.TIME_ZONE], "stated; in which a date begins")}
    found = machine_zone or "UTC"
    whose = "that of this machine" if machine_zone else "this machine does not tell its own"
    questions.append(Question(Part.TIME_ZONE, f"In which time zone does a date begin? ({found} is {whose})", found))
    said = f"{whose}: in which a date begins; correct it where the CRM's users are elsewhere"
    return {"time_zone": Finding(found, said)}


def _remote(stated: Stated) -> Finding:
    url = stated.get(Part.REMOTE, "")
    return Finding(url, "stated") if url else Finding(REMOTE, "Microsoft's own; a sandbox is named by --remote")


def _job(source: str) -> str:
    """Make a job's name of the file's."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", source.rpartition(".")[0] or source).strip("._-")
    return plain[:JOB_CHARS_MAX] or "job"
