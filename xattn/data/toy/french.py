"""French word forms, and the spelling that depends on the next word.

Forms are plurals, agreement, the present tense and the past participle: regular by rule, irregular by table. `join`
spells a sentence: it decides elision (l' ami), forms before a vowel (bel oiseau, cet homme, mon amie) and contraction
(au, aux, du, des) from the final order of words, so that all other code writes plain "de" and "le".

Two marks are never printed: ``le/l'`` is a word and its form before a vowel; the ``*`` of ``*hibou`` is an
aspirated h, which counts as a consonant.
"""

from collections.abc import Sequence
from functools import cache

from xattn.data.pairs import WordLinks
from xattn.data.toy.words import Word, spell

VOWELS = frozenset("aeiouhàâéèêëîïôûœ")
CONTRACTIONS = {"à": {"le": "au", "les": "aux"}, "de": {"le": "du", "les": "des"}}

# je, tu, il, nous, ils, past participle
IRREGULAR = {
    verb: tuple(forms.split())
    for verb, forms in {
        "aller": "vais vas va allons vont allé",
        "attendre": "attends attends attend attendons attendent attendu",
        "avoir": "ai as a avons ont eu",
        "boire": "bois bois boit buvons boivent bu",
        "connaître": "connais connais connaît connaissons connaissent connu",
        "construire": "construis construis construit construisons construisent construit",
        "courir": "cours cours court courons courent couru",
        "devoir": "dois dois doit devons doivent dû",
        "dormir": "dors dors dort dormons dorment dormi",
        "entendre": "entends entends entend entendons entendent entendu",
        "être": "suis es est sommes sont été",
        "lire": "lis lis lit lisons lisent lu",
        "ouvrir": "ouvre ouvres ouvre ouvrons ouvrent ouvert",
        "partir": "pars pars part partons partent parti",
        "perdre": "perds perds perd perdons perdent perdu",
        "poursuivre": "poursuis poursuis poursuit poursuivons poursuivent poursuivi",
        "pouvoir": "peux peux peut pouvons peuvent pu",
        "prendre": "prends prends prend prenons prennent pris",
        "revenir": "reviens reviens revient revenons reviennent revenu",
        "rire": "ris ris rit rions rient ri",
        "sortir": "sors sors sort sortons sortent sorti",
        "sourire": "souris souris sourit sourions sourient souri",
        "suivre": "suis suis suit suivons suivent suivi",
        "vendre": "vends vends vend vendons vendent vendu",
        "venir": "viens viens vient venons viennent venu",
        "voir": "vois vois voit voyons voient vu",
        "vouloir": "veux veux veut voulons veulent voulu",
        "écrire": "écris écris écrit écrivons écrivent écrit",
    }.items()
}

# Stems of -er verbs whose vowel changes before a silent ending.
SILENT_STEMS = {"acheter": "achèt", "appeler": "appell", "nettoyer": "nettoi", "protéger": "protèg"}


@cache
def conjugate(verb: str) -> tuple[str, ...]:
    """Returns the present tense of je, tu, il, nous, ils, then the past participle.

    Raises `ValueError` for a verb that is neither in `IRREGULAR` nor ends in -er or -ir.

    >>> conjugate("manger")
    ('mange', 'manges', 'mange', 'mangeons', 'mangent', 'mangé')
    >>> conjugate("finir")
    ('finis', 'finis', 'finit', 'finissons', 'finissent', 'fini')
    """
    if verb in IRREGULAR:
        return IRREGULAR[verb]
    stem, ending = verb[:-2], verb[-2:]
    if ending == "er":
        silent = {verb: stem, **SILENT_STEMS}[verb]
        soft = "e" if stem.endswith("g") else ""  # nous mangeons keeps the sound of the g
        return (silent + "e", silent + "es", silent + "e", f"{stem}{soft}ons", silent + "ent", stem + "é")
    if ending == "ir":
        return (stem + "is", stem + "is", stem + "it", stem + "issons", stem + "issent", stem + "i")
    raise ValueError(f"{verb!r} is neither in IRREGULAR nor a regular -er or -ir verb.")


@cache
def plural(word: str) -> str:
    """Returns the plural of a noun or adjective.

    >>> [plural(word) for word in ("chat", "souris", "gâteau", "cheval", "*hibou")]
    ['chats', 'souris', 'gâteaux', 'chevaux', '*hiboux']
    """
    if word.endswith(("s", "x", "z")):
        return word
    if word.endswith("al"):
        return word[:-2] + "aux"
    if word.endswith("eau") or word == "*hibou":
        return word + "x"
    return word + "s"


def agree(participle: str, gender: str, is_plural: bool) -> str:
    """Returns a past participle (or "assis") in agreement; "debout" is an adverb and does not change.

    >>> agree("vu", "f", True), agree("pris", "m", True), agree("assis", "f", False)
    ('vues', 'pris', 'assise')
    """
    if participle == "debout":
        return participle
    word = participle + ("e" if gender == "f" else "")
    return plural(word) if is_plural else word


def join(words: Sequence[Word]) -> tuple[str, WordLinks, WordLinks]:
    """Spells a sequence of words; returns the text, and its sure and possible links as sorted (English, French) pairs.

    >>> join([Word("de/d'", (0,)), Word("le/l'", (1,)), Word("garçon", (2,))])
    ('du garçon', ((0, 0), (1, 0), (2, 1)), ((0, 0), (1, 0), (2, 1)))
    >>> join([Word("de/d'", (0,)), Word("le/l'", (1,)), Word("ami", (2,))])[0]
    "de l' ami"
    """
    spelled: list[Word] = []  # last first: a form depends on what follows
    vowel = False
    for text, sure, possible in reversed(words):
        if "/" in text:
            text = text.split("/")[vowel]
        if text in CONTRACTIONS and spelled and spelled[-1][0] in CONTRACTIONS[text]:
            article, more_sure, more_possible = spelled.pop()
            text, sure, possible = CONTRACTIONS[text][article], sure + more_sure, possible + more_possible
        spelled.append(Word(text, sure, possible))
        vowel = text[0] in VOWELS
    spelled.reverse()
    text, all_sure, all_possible = spell(spelled)
    return text.replace("*", ""), all_sure, all_possible
