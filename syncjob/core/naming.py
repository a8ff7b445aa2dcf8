"""What columns and stages are called in English, German and French: a header's or a CRM's word in, its meaning out.

Words are compared folded: without case, accents and punctuation, so that `Close Date`, `closedate` and `CLOSE_DATE` are
one. A word that is not in these tables means nothing here, and its column feeds no field until a person maps it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from itertools import pairwise


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# Sellers at Microsoft may read what these hold, and people did not write it for them: no tool proposes to send it.
PRIVATE = _words("""
    note notes notiz notizen bemerkung bemerkungen anmerkung anmerkungen kommentar kommentare comment comments
    commentaire commentaires remarque remarques remark remarks description beschreibung memo
    contact contacts kontakt kontakte ansprechpartner ansprechpartnerin interlocuteur
    phone phones telephone telefon telefonnummer tel mobile mobil handy fax portable
    mail mails email emails courriel firstname lastname vorname nachname prenom
    """)
# Of other days and amounts than those that a referral knows, however much their names look alike.
OTHERS = _words("""
    created creation createdon modified updated update changed actual closed last erstellt angelegt geandert letzte
    letzter letztes tatsachlich cree creation modifie weighted gewichtet pondere owner besitzer parent account campaign
    previous forecast age duration annual monthly recurring unit net tax discount cost margin list jahrlich monatlich
    """)
CUSTOMERS = _words("""
    customer customername customercompany client clientname account accountname company companyname associatedcompany
    kunde kundenname firma firmenname unternehmen organisation organization organizationname nomduclient nomducompte
    compte entreprise societe
    """)
FIELDS: Mapping[str, frozenset[str]] = {
    name: _words(words)
    for name, words in {
        "name": """
            name deal dealname dealtitle opportunity opportunityname project projectname referralname title topic
            subject projekt projektname vorhaben bezeichnung titel thema verkaufschance nameverkaufschance
            nom nomdelopportunite nomdudeal opportunite affaire projet intitule libelle
        """,
        "dealValue": """
            amount value dealvalue dealamount estimateddealvalue estimatedvalue estvalue estimatedrevenue estrevenue
            opportunityamount opportunityvalue totalvalue totalamount contractvalue totalcontractvalue tcv revenue
            wert betrag dealwert auftragswert auftragsvolumen volumen umsatz summe geschatzterumsatz erwarteterumsatz
            geschatzterwert projektwert angebotswert vertragswert montant montantestime valeur valeurestimee
            chiffredaffaires revenuestime
        """,
        "currency": """
            currency currencycode currencyisocode currencyiso isocode isocurrency dealcurrency dealcurrencycode
            transactioncurrency opportunitycurrency wahrung waehrung wahrungscode waehrungscode isowahrung devise
            monnaie codedevise
        """,
        "closingDateTime": """
            closedate closingdate closing closingdatetime expectedclose expectedclosedate expectedclosingdate
            estimatedclose estimatedclosedate estimatedclosingdate estclosedate targetclosedate plannedclosedate
            abschluss abschlussdatum abschlusstermin erwarteterabschluss erwartetesabschlussdatum geplanterabschluss
            geplantesabschlussdatum voraussichtlicherabschluss voraussichtlichesabschlussdatum geschatztesabschlussdatum
            schliessdatum schlussdatum zieldatum
            cloture datedecloture datecloture dateclotureprevue datedeclotureprevue datedeclotureestimee
            dateclotureestimee datedesignature
        """,
        "status": """
            status stage dealstage stagename salesstage opportunitystage pipelinestage opportunitystatus dealstatus
            referralstatus partnerreferralstatus phase vertriebsphase verkaufsphase projektphase stufe projektstatus
            statut etape etapedevente phasedevente stade
        """,
        "substatus": "substatus partnerreferralsubstatus referralsubstatus unterstatus substatut sousstatut",
        "salesStage": """
            salesstage probability probabilitypercent probabilitypct closeprobability winprobability prob
            wahrscheinlichkeit abschlusswahrscheinlichkeit erfolgswahrscheinlichkeit probabilite
            stage phase dealstage opportunitystage vertriebsphase verkaufsphase stufe etape
        """,
        "team": "team teammembers teammember salesteam dealteam vertriebsteam projektteam equipe equipecommerciale",
        "externalReferenceId": """
            externalreferenceid crmid crmopportunityid crmdealid crmnumber crmno crmnr crmnummer crmreferenz
            crmreference idcrm referencecrm
        """,
        "campaignId": """
            campaignid marketingcampaignid campaigncode kampagnenid kampagnennummer idcampagne codecampagne
        """,
    }.items()
}
# The columns that name a referral, those that say it most clearly first.
KEYS = tuple(
    _words(words)
    for words in (
        "referralid partnerreferralid microsoftreferralid idreferral empfehlungsid idderempfehlung",
        """
        externalreferenceid crmid crmopportunityid crmdealid crmnumber crmno crmnr crmnummer idcrm referencecrm
        crmreferenz
        """,
        """
        opportunityid opportunitynumber opportunityno opportunityref opportunitykey dealid dealnumber dealno recordid
        recordnumber vorgangsnummer vorgangsnr vorgangsid verkaufschancenid verkaufschancennummer chancennummer
        opportunitynummer projektnummer projektnr projektid projectid projectnumber auftragsnummer angebotsnummer
        idopportunite numerodopportunite numeroopportunite numerodaffaire numeroaffaire iddelopportunite
        opportunityid18 casesafeid
        """,
        """
        id key number no nr nummer ref reference referenz referencenumber referenznummer externalid kennung identifier
        identifiant numero externeid hsobjectid
        """,
    )
)
REFERRALS = 0  # the place of referral ids in KEYS
ID_WORDS = _words("id key number no nr nummer numero ref reference referenz kennung identifiant")
NOT_THE_DEALS = _words("""
    engagement owner account campaign customer kunden kunde contact kontakt user benutzer duns mpn tenant subscription
    product produkt partner company firma client compte parent lead team stage pipeline besitzer kampagne
    """)

CONVERSIONS: Mapping[str, frozenset[str]] = {
    meaning: _words(words)
    for meaning, words in {
        "Closed/Won": """
            won closedwon closewon dealwon gewonnen abgeschlossengewonnen geschlossengewonnen abschlussgewonnen
            gagne gagnee fermegagne fermeegagnee fermeegagne conclu clotureegagnee cloturegagne
        """,
        "Closed/Lost": """
            lost closedlost closelost deallost verloren abgeschlossenverloren geschlossenverloren abschlussverloren
            perdu perdue fermeperdu fermeeperdue fermeperdue clotureeperdue clotureperdu
        """,
        "Closed/Declined": "declined abgelehnt decline refusee",
        "Closed/Expired": "expired abgelaufen expire expiree",
        "Active/Accepted": """
            active aktiv accepted angenommen working workinprogress inprogress inarbeit inbearbeitung open offen
            negotiation negotiating negotiationreview verhandlung proposal proposalpricequote proposalsent angebot
            angeboterstellt angebotabgegeben qualified qualifiziert qualify qualification qualifizierung
            needsanalysis valueproposition iddecisionmakers perceptionanalysis develop propose appointmentscheduled
            qualifiedtobuy presentationscheduled decisionmakerboughtin contractsent encours ouvert ouverte
            negociation proposition qualifie qualifiee actif active
        """,
        "New/Received": """
            new neu prospect prospecting interessent lead received eingegangen erhalten nouveau nouvelle prospection
            recu
        """,
        "New/Pending": "pending ausstehend",
    }.items()
}


def folded(header: str) -> tuple[str, ...]:
    """Give a header's words without case, accents and punctuation; `CloseDate` is two words."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    plain = "".join(char for char in unicodedata.normalize("NFKD", parted) if not unicodedata.combining(char))
    return tuple(re.findall(r"[^\W_]+", plain.casefold()))


def compact(header: str) -> str:
    """Give a header as the tables hold it: its folded words in one."""
    return "".join(folded(header))


def spellings(header: str) -> tuple[str, ...]:
    """Give the ways to look a header up: whole, and without what stands in brackets behind it (`Amount (EUR)`)."""
    bare = re.sub(r"[(\[][^)\]]*[)\]]?\s*$", "", header)
    return tuple(dict.fromkeys(one for one in (compact(header), compact(bare)) if one))


def is_private(header: str) -> bool:
    """Tell whether a header speaks of people or of what was written about them."""
    words = folded(header)
    pairs = (first + second for first, second in pairwise(words))
    return not PRIVATE.isdisjoint((*words, *pairs))


def is_customer(header: str) -> bool:
    """Tell whether a column names the customer."""
    return not CUSTOMERS.isdisjoint(spellings(header))


def is_team(header: str) -> bool:
    """Tell whether a column names the people of the deal, on our side."""
    return not FIELDS["team"].isdisjoint(spellings(header))


def names_field(header: str, field: str) -> int | None:
    """Say how clearly a header names a field: 0 exactly, 1 by what it ends in; None not at all."""
    ways = spellings(header)
    if not FIELDS[field].isdisjoint(ways):
        return 0
    words = folded(header)
    if not OTHERS.isdisjoint(words) or field in ("name", "substatus", "externalReferenceId", "team"):
        return None
    ends = ("".join(words[at:]) for at in range(1, len(words)))
    return 1 if not FIELDS[field].isdisjoint(ends) else None


def names_key(header: str) -> int | None:
    """Say how clearly a header names the key: the place in KEYS, one more for `… ID`; None not at all."""
    ways = spellings(header)
    for rank, names in enumerate(KEYS):
        if not names.isdisjoint(ways):
            return rank
    words = folded(header)
    if words and words[-1] in ID_WORDS and NOT_THE_DEALS.isdisjoint(words):
        return len(KEYS)
    return None


def status_of(word: str) -> str:
    """Give status and substatus that a CRM's word for a stage means; nothing where the tables do not know it."""
    looked_up = compact(word)
    return next((meaning for meaning, words in CONVERSIONS.items() if looked_up in words), "")
