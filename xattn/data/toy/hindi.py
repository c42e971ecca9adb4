"""Hindi word forms, regular by rule and irregular by table, in Unicode's composed form (NFC: a nukta stands alone).

Nouns and adjectives are direct or, before a postposition, oblique. A ``*`` before a noun is never printed; it marks a
final आ that changes in the oblique plural only.
"""

from functools import cache

# The present of "to be": मैं, तुम, वह, हम, वे.
BE = ("हूँ", "हो", "है", "हैं", "हैं")
AA, II, E, NASAL = "ा", "ी", "े", "ं"

# Perfective participles: masculine singular and plural, feminine singular and plural.
IRREGULAR = {
    verb: tuple(forms.split())
    for verb, forms in {
        "कर": "किया किए की कीं",
        "ले": "लिया लिए ली लीं",
        "दे": "दिया दिए दी दीं",
        "पी": "पिया पिए पी पीं",
        "जा": "गया गए गई गईं",
        "हो": "हुआ हुए हुई हुईं",
    }.items()
}


@cache
def noun(word: str, gender: str, many: bool, oblique: bool) -> str:
    """Declines a noun; only its last word changes.

    >>> [noun("लड़का", "m", many, oblique) for many in (False, True) for oblique in (False, True)]
    ['लड़का', 'लड़के', 'लड़के', 'लड़कों']
    >>> [noun("लड़की", "f", many, oblique) for many in (False, True) for oblique in (False, True)]
    ['लड़की', 'लड़की', 'लड़कियाँ', 'लड़कियों']
    >>> noun("किताब", "f", True, False), noun("चिड़िया", "f", True, False), noun("*राजा", "m", True, False)
    ('किताबें', 'चिड़ियाँ', 'राजा')
    >>> noun("उल्लू", "m", True, True), noun("भाई", "m", True, True), noun("*राजा", "m", True, True)
    ('उल्लुओं', 'भाइयों', 'राजाओं')
    """
    fixed, word = word.startswith("*"), word.removeprefix("*")
    if gender == "m" and word.endswith(AA) and not fixed:
        stem = word[:-1]
        return stem + "ों" if many and oblique else stem + E if many or oblique else word
    if not many:
        return word
    if word.endswith((II, "ई")):
        stem = word[:-1] + ("ि" if word.endswith(II) else "इ")
        return stem + "यों" if oblique else stem + "याँ" if gender == "f" else word
    if gender == "f" and word.endswith("िया"):
        return word[:-1] + ("ों" if oblique else "ाँ")
    if gender == "m" and not oblique:
        return word
    if word.endswith("ू"):
        return word[:-1] + "ुओं"
    if word.endswith(AA):
        return word + ("ओं" if oblique else "एँ")
    return word + ("ों" if oblique else "ें")


@cache
def agree(word: str, gender: str, many: bool, oblique: bool = False) -> str:
    """Returns an adjective, a possessive or a participle in agreement; only words in आ change.

    >>> agree("छोटा", "m", False), agree("छोटा", "m", False, oblique=True), agree("छोटा", "f", True)
    ('छोटा', 'छोटे', 'छोटी')
    >>> agree("लाल", "f", True), agree("नया", "m", True), agree("नया", "f", False)
    ('लाल', 'नए', 'नई')
    """
    if not word.endswith(AA):
        return word
    after_y = word.endswith("या")
    stem = word[:-2] if after_y else word[:-1]
    if gender == "f":
        return stem + ("ई" if after_y else II)
    return stem + ("ए" if after_y else E) if many or oblique else word


@cache
def perfective(stem: str, gender: str, many: bool) -> str:
    """Returns the perfective participle.

    >>> [perfective("देख", gender, many) for gender in "mf" for many in (False, True)]
    ['देखा', 'देखे', 'देखी', 'देखीं']
    >>> [perfective("खा", gender, many) for gender in "mf" for many in (False, True)]
    ['खाया', 'खाए', 'खाई', 'खाईं']
    >>> perfective("आ", "m", True), perfective("कर", "f", False), perfective("सो", "f", True)
    ('आए', 'की', 'सोईं')
    """
    if stem in IRREGULAR:
        return IRREGULAR[stem][2 * (gender == "f") + many]
    vowel = stem.endswith((AA, "आ", "ो"))
    ending = agree("या" if vowel else AA, gender, many)
    return stem + ending + (NASAL if gender == "f" and many else "")


def habitual(stem: str, gender: str, many: bool) -> str:
    """Returns the habitual participle.

    >>> habitual("खा", "f", True), habitual("सो", "m", True)
    ('खाती', 'सोते')
    """
    return agree(stem + "ता", gender, many)


def infinitive(stem: str, gender: str = "m", many: bool = False, oblique: bool = False) -> str:
    """Returns the infinitive, which may agree with its object.

    >>> infinitive("धो"), infinitive("पढ़", "f"), infinitive("तैर", oblique=True)
    ('धोना', 'पढ़नी', 'तैरने')
    """
    return agree(stem + "ना", gender, many, oblique)
