"""How alike two names are: texts in, their folded words out; words in, a table of likenesses from 0 to 100 out.

Folded away is what people write now so and now so: case, accents (`ü` and `ue` are `u`), punctuation, `&` and `and`,
common abbreviations, and of a company its legal form. What is alike by chance counts nothing: two unrelated names of
one alphabet share some 45 of 100 letters. `letters_apart` is stricter and asks word by word: `East` is no typo of
`West`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

from syncjob.core.values import text

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    Table = NDArray[float32]

Words = tuple[str, ...]

CHANCE = 45.0
CONTAINED = 90.0  # what a name is worth that stands whole in a longer one: the same company, or its subsidiary
TYPO_CHARS_MIN = 5  # a letter more or less makes a short word another one: East, West; May, Mai
BESIDE = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "a", "œ": "o", "\u0131": "i"})
UMLAUT = re.compile(r"(?<=[aou])e(?!$)")
ROMAN = re.compile(r"i{2,3}|iv|vi{0,3}|ix")
FILLING = frozenset({"and", "und", "et", "the"})
ANYWHERE = """
    gmbh mbh ggmbh inc incorporated ltd limited llc llp corp corporation plc pty pte pvt kgaa ohg sarl bvba oyj slu srl
    kft doo sro aktiengesellschaft
"""
AT_THE_END = """
    ag kg sa sas sau spa as asa ab aps oy bv nv kk co company se sl ek ev eg ug lp sp z oo cia ltda lda de cv
"""
LEGAL = frozenset(ANYWHERE.split())
LEGAL_AT_END = LEGAL | frozenset(AT_THE_END.split())
ABBREVIATIONS = {
    "assoc": "associates",
    "bros": "brothers",
    "dept": "department",
    "dev": "development",
    "eng": "engineering",
    "grp": "group",
    "impl": "implementation",
    "intl": "international",
    "license": "licence",
    "licenses": "licences",
    "mfg": "manufacturing",
    "mgmt": "management",
    "natl": "national",
    "ph": "phase",
    "svc": "service",
    "svcs": "services",
    "sys": "systems",
    "tech": "technologies",
    "technology": "technologies",
    "univ": "university",
    "yr": "year",
}


def company(name: str) -> Words:
    """Give the words of a company's name without its legal form, unless nothing else is left."""
    words = _words(name)
    end = len(words)
    while end and words[end - 1] in LEGAL_AT_END:
        end -= 1
    return tuple(word for word in words[:end] if word not in LEGAL) or words


def deal(name: str, customer: Words) -> Words:
    """Give the words of a deal's name without those of its customer, unless nothing else is left."""
    words = _words(name)
    return tuple(word for word in words if word not in customer and word not in LEGAL) or words


def _words(name: str) -> Words:
    apart = unicodedata.normalize("NFKD", (text(name) or "").casefold())
    plain = "".join(char for char in apart if not unicodedata.combining(char)).translate(BESIDE)
    plain = re.sub(r"[.'\u2019\u00b4`]", "", plain)
    plain = re.sub(r"(?<![^\W_])((?:[^\W_] )+[^\W_])(?![^\W_])", lambda run: run[0].replace(" ", ""), _spaced(plain))
    words = (UMLAUT.sub("", word) for word in plain.split() if word not in FILLING)
    return tuple(ABBREVIATIONS.get(word, word) for word in words)


def _spaced(plain: str) -> str:
    return " ".join(re.split(r"[\W_]+", plain)).strip()


def likeness(ones: Sequence[Words], others: Sequence[Words]) -> Table:
    """Give how alike each of the ones is to each of the others; without words nothing is alike.

    Letters count in the order as written and with the words sorted; the better of both is taken. A name that stands
    in the other counts as well, up to `CONTAINED`.
    """
    import numpy as np
    from rapidfuzz import fuzz, process

    best = np.zeros((len(ones), len(others)), dtype=np.float32)
    for order in (list, sorted):
        lines = [[" ".join(order(words)) for words in side] for side in (ones, others)]
        found = process.cdist(*lines, scorer=fuzz.ratio, dtype=np.float32, score_cutoff=CHANCE)
        np.maximum(best, found, out=best)
    np.maximum(best, _contained(ones, others) * np.float32(CONTAINED), out=best)
    spread: Table = np.clip((best - np.float32(CHANCE)) / np.float32(100 - CHANCE), 0, 1) * np.float32(100)
    return spread


def _contained(ones: Sequence[Words], others: Sequence[Words]) -> Table:
    """Give the share of the shorter name's words that stand in the longer one."""
    import numpy as np

    places: dict[str, list[int]] = {}
    for n, words in enumerate(others):
        for word in set(words):
            places.setdefault(word, []).append(n)
    common = np.zeros((len(ones), len(others)), dtype=np.float32)
    for n, words in enumerate(ones):
        for word in set(words) & places.keys():
            common[n, places[word]] += 1
    counts = [np.array([max(1, len(set(words))) for words in side], dtype=np.float32) for side in (ones, others)]
    share: Table = (common / np.minimum.outer(*counts)).astype(np.float32)
    return share


def letters_apart(one: Words, other: Words) -> int | None:
    """Count the letters by which two names differ, 0 or 1; None where they differ in a word or in a number.

    Words may stand in any order, and `North Wind` is `Northwind`. One letter may be wrong, missing, too many or
    swapped with the next, in one long word, and not its first.
    """
    if sorted(one) == sorted(other) or "".join(one) == "".join(other):
        return 0
    first, second = list(one), list(other)
    for word in one:
        if word in second:
            first.remove(word)
            second.remove(word)
    if len(first) != 1 or len(second) != 1:
        return None
    return 1 if _typo(first[0], second[0]) else None


def _typo(word: str, other: str) -> bool:
    from rapidfuzz.distance import OSA

    long = min(len(word), len(other)) >= TYPO_CHARS_MIN
    counted = any(char.isdigit() for char in word + other) or ROMAN.fullmatch(word) or ROMAN.fullmatch(other)
    return bool(long and not counted and word[0] == other[0] and OSA.distance(word, other, score_cutoff=1) <= 1)
