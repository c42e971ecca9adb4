"""The toy in Hindi: correct sentences, gold links, the same English as in French, and lossless tokenisation."""

import json
import os
import re
import subprocess
import sys
import unicodedata
from dataclasses import asdict
from random import Random

import pytest

from xattn.data.tokenizer import Tokenizer
from xattn.data.toy.grammar import Sizes, digest, generate, parse, sample

FEW = Sizes(train=211, validation=29, test=23, unseen_pairs=19, long=17)

# Checked by hand, by phenomenon.
TRANSLATIONS = {
    # the founding sentences
    "the quick brown fox": "तेज़ भूरी लोमड़ी",
    "the cat sits": "बिल्ली बैठी है",
    "i like eating ice cream": "मुझे आइसक्रीम खाना पसंद है",
    "we are friends": "हम दोस्त हैं",
    # the verb agrees with its subject
    "the king sleeps": "राजा सोता है",
    "the women sleep": "औरतें सोती हैं",
    "she sleeps": "वह सोती है",
    "you work": "तुम काम करते हो",
    "i arrived yesterday": "मैं कल पहुँचा",
    "the girls came from the garden": "लड़कियाँ बगीचे से आईं",
    "this man and these women obey us": "यह आदमी और ये औरतें हमारी आज्ञा मानते हैं",
    # ne, and the verb that agrees with its object, if that is unmarked
    "the boy ate two apples": "लड़के ने दो सेब खाए",
    "the boy ate the pears": "लड़के ने नाशपातियाँ खाईं",
    "the girl drank the milk": "लड़की ने दूध पिया",
    "we saw the white horses": "हमने सफ़ेद घोड़ों को देखा",
    "the queen ate": "रानी ने खाया",
    "the queen ate an egg and a carrot": "रानी ने एक अंडा और एक गाजर खाई",
    "she helped the king": "उसने राजा की मदद की",
    "i followed the owl": "मैंने उल्लू का पीछा किया",
    "he talked to me": "उसने मुझसे बात की",
    "they brought the gift to paul": "वे पॉल के पास उपहार लाए",
    "i gave a key to her": "मैंने उसे एक चाबी दी",
    # oblique forms and postpositions
    "the door of the old school is green": "पुराने स्कूल का दरवाज़ा हरा है",
    "the door of the old school": None,  # as in French, a bare noun phrase takes no modifier
    "many birds sit in front of the castle": "कई चिड़ियाँ क़िले के सामने बैठी हैं",
    "some mice are under the big table": "कुछ चूहे बड़ी मेज़ के नीचे हैं",
    "we go to the market": "हम बाज़ार जाते हैं",
    "we go to the markets": "हम बाज़ारों को जाते हैं",
    "the train arrived at the station": "रेलगाड़ी स्टेशन पर पहुँची",
    "he enters our house": "वह हमारे घर में प्रवेश करता है",
    "she danced well with me this morning": "वह आज सुबह मेरे साथ अच्छी तरह नाची",
    # one's own
    "i see my cat": "मैं अपनी बिल्ली को देखता हूँ",
    "he sees his cat": "वह उसकी बिल्ली को देखता है",
    "the boys see my cat": "लड़के मेरी बिल्ली को देखते हैं",
    # who likes, loves, has, must
    "i have a car": "मेरे पास एक कार है",
    "i do not have a car": "मेरे पास कार नहीं है",
    "i like them": "मुझे वे पसंद हैं",
    "he likes me": "उसे मैं पसंद हूँ",
    "we love emma": "हमें एमा बहुत पसंद है",
    "she hates the beer": "वह बियर से नफ़रत करती है",
    "every child likes the story": "हर बच्चे को कहानी पसंद है",
    "you must read the story": "तुम्हें कहानी पढ़नी चाहिए",
    "the boy must help her": "लड़के को उसकी मदद करनी चाहिए",
    "she wants to buy a hat": "वह एक टोपी ख़रीदना चाहती है",
    "emma hates waiting for him": "एमा उसका इंतज़ार करने से नफ़रत करती है",
    # negation
    "he can not come": "वह नहीं आ सकता है",
    "they never drink hot coffee": "वे कभी गरम कॉफ़ी नहीं पीते हैं",
    "he did not help us": "उसने हमारी मदद नहीं की",
    "he never helps us": "वह कभी हमारी मदद नहीं करता है",
    # questions
    "when must we obey the women": "हमें औरतों की आज्ञा कब माननी चाहिए",
    "does he follow the fox slowly": "क्या वह धीरे लोमड़ी का पीछा करता है",
    "why are you sad": "तुम उदास क्यों हो",
    "did he call the doctor": "क्या उसने डॉक्टर को बुलाया",
    "is she a singer": "क्या वह गायिका है",
    # relative clauses
    "the dog that sleeps is old": "वह कुत्ता जो सोता है बूढ़ा है",
    "the man that i saw left": "वह आदमी जिसे मैंने देखा रवाना हुआ",
    "the apples that i ate are delicious": "वे सेब जो मैंने खाए स्वादिष्ट हैं",
    "i know a man that emma likes": "मैं एक आदमी को जानता हूँ जो एमा को पसंद है",
    "the boy who has a dog slept": "वह लड़का जिसके पास एक कुत्ता है सोया",
    "the boy in the garden sleeps": "वह लड़का जो बगीचे में है सोता है",
    "the cats that chased the mice fell": "वे बिल्लियाँ जिन्होंने चूहों को दौड़ाया गिरीं",
    # coordination: a pronoun repeats a subject that changes its case
    "paul comes and opens the door": "पॉल आता है और दरवाज़ा खोलता है",
    "paul came and opened the door": "पॉल आया और उसने दरवाज़ा खोला",
    "you left and ate bread": "तुम रवाना हुए और तुमने रोटी खाई",
    # not in the language
    "she and the boy": None,
    "the cat sit": None,
}

LINKS = {
    # हम दोस्त हैं
    "we are friends": ("0-0 1-2 2-1", ""),
    # तेज़ भूरी लोमड़ी
    "the quick brown fox": ("1-0 2-1 3-2", "0-2"),
    # मुझे आइसक्रीम खाना पसंद है
    "i like eating ice cream": ("0-0 1-3 1-4 2-2 3-1 4-1", ""),
    # लड़के ने दो सेब खाए
    "the boy ate two apples": ("1-0 2-4 3-2 4-3", "0-0 1-1"),
    # उसने राजा की मदद की
    "she helped the king": ("0-0 1-3 1-4 3-1", "1-2 2-1"),
    # मैंने उसे एक चाबी दी
    "i gave a key to her": ("0-0 1-4 2-2 3-3 5-1", "4-1"),
    # वह एमा के लिए रोटी ख़रीदता है
    "he buys bread for emma": ("0-0 1-5 1-6 2-4 3-3 4-1", "3-2"),
    # मेरे पास कार नहीं है
    "i do not have a car": ("0-0 2-3 3-4 5-2", "1-3 1-4 3-0 3-1 4-2"),
    # वह बोतलें नहीं ढूँढ़ता है
    "he does not look for bottles": ("0-0 1-4 2-2 3-3 5-1", "1-2 1-3 3-4 4-3 4-4"),
    # क्या तुम राजा से बात करते हो
    "do you talk to the king": ("0-6 1-1 2-4 2-5 3-3 5-2", "0-0 0-4 0-5 2-6 4-2"),
    # वे कभी गरम कॉफ़ी नहीं पीते हैं
    "they never drink hot coffee": ("0-0 1-1 1-4 2-5 2-6 3-2 4-3", ""),
    # स्कूल का दरवाज़ा हरा है
    "the door of the school is green": ("1-2 2-1 4-0 5-4 6-3", "0-2 3-0"),
    # वह आदमी जिसे मैंने देखा रवाना हुआ
    "the man that i saw left": ("0-0 1-1 2-2 3-3 4-4 5-5 5-6", "2-2"),
    # वह लड़का जो बगीचे में है सोता है
    "the boy in the garden sleeps": ("0-0 1-1 2-4 4-3 5-6 5-7", "2-2 2-5 3-3"),
    # पॉल आया और उसने दरवाज़ा खोला
    "paul came and opened the door": ("0-0 1-1 2-2 3-5 5-4", "0-3 4-4"),
    # वह क़िले के सामने है
    "he is in front of the castle": ("0-0 1-4 3-3 6-1", "2-3 4-2 4-3 5-1"),
}


def facts():
    """Measurements for the tests below, see the fixture `measured`."""
    french, hindi = generate(FEW), generate(FEW, language="hi")
    random = Random(11).random
    drawn = [sample(random, language="hi") for _ in range(400)]
    return {
        "translations": {english: [e.target for e in parse(english, "hi")] for english in TRANSLATIONS},
        "links": {english: [[e.sure, e.possible] for e in parse(english, "hi")] for english in LINKS},
        "same English": all(
            [e.english for e in french[split]] == [e.english for e in hindi[split]] for split in asdict(FEW)
        ),
        "digest": digest(e for examples in hindi.values() for e in examples),
        "drawn": [e._asdict() for e in drawn],
        "ambiguous": [e.english for e in drawn[::8] if e.english.count(" ") < 16 and parse(e.english, "hi") != [e]],
    }


@pytest.fixture(scope="module")
def measured():
    """`facts`, computed in a separate process: faster without type checks, and with another hash seed."""
    environment = {**os.environ, "PYTHONHASHSEED": "5"}
    run = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


@pytest.mark.parametrize("english", TRANSLATIONS)
def test_translation(measured, english):
    expected = TRANSLATIONS[english]
    assert measured["translations"][english] == ([] if expected is None else [expected])


@pytest.mark.parametrize("english", LINKS)
def test_gold_links(measured, english):
    ((sure, possible),) = measured["links"][english]
    expected, more = ({tuple(map(int, link.split("-"))) for link in text.split()} for text in LINKS[english])
    assert set(map(tuple, sure)) == expected
    assert set(map(tuple, possible)) == expected | more


def test_the_english_half_is_that_of_french(measured):
    assert measured["same English"]


def test_every_word_is_linked(measured):
    for example in measured["drawn"]:
        english, target = example["english"].split(), example["target"].split()
        assert {i for i, _ in example["possible"]} == set(range(len(english))), example
        assert {j for _, j in example["possible"]} == set(range(len(target))), example
        assert {*map(tuple, example["sure"])} <= {*map(tuple, example["possible"])}, example


def test_one_translation(measured):
    assert measured["ambiguous"] == []


def test_agreement_and_case(measured):
    """By lists written by hand: forms that must not stand before a postposition, or next to a noun of that gender."""
    adjective = "छोट|बड़|काल|नील|हर|पील|अच्छ|पुरान|बूढ़|मेर|हमार|उसक|उनक|अपन|तुम्हार"
    feminine = "लड़की|बिल्ली|किताब|कार|मेज़|घड़ी|टोपी|रानी|औरत|गाय|लोमड़ी|रोटी|चाबी|खिड़की|बोतल|नाव|कहानी"
    masculine = "लड़का|लड़के|कुत्ता|कुत्ते|घर|सेब|राजा|घोड़ा|घोड़े|पेड़|होटल|शहर|दरवाज़ा|डिब्बा|आदमी|दोस्त|केक"
    direct = "लड़का|बच्चा|कुत्ता|घोड़ा|चूहा|गधा|दरवाज़ा|क़िला|बगीचा|डिब्बा|थैला|मैं|वह|वे|लड़कियाँ|बिल्लियाँ|औरतें|मेज़ें"
    wrong = re.compile(
        rf" (?:{direct}) (?:ने|को|में|से|पर|का|के|की) "
        rf"| (?:{adjective})(?:ा|े) (?:{feminine}) "
        rf"| (?:{adjective})ी (?:{masculine}) "
        rf"| (?:{adjective})ा (?:लड़के|कुत्ते|घोड़े) "
        r"| (?:हूँ|हो|है|हैं) (?:हूँ|हो|है|हैं) "
    )
    for example in measured["drawn"]:
        assert wrong.search(f" {example['target']} ") is None, example["target"]


def test_spelling(measured):
    for example in measured["drawn"]:
        text = example["target"]
        assert unicodedata.is_normalized("NFC", text)
        assert re.fullmatch(r"[\u0900-\u0963-]+( [\u0900-\u0963-]+)*", text), text
        # A vowel sign or a nukta follows a consonant, never a vowel.
        assert re.search(r"(^|[ \u0904-\u0914\u093e-\u094c])[\u093c\u093e-\u094c]", text) is None, text


@pytest.mark.parametrize(("kind", "size"), [("word", 1500), ("bpe", 700), ("unigram", 700)])
def test_a_tokenizer_keeps_devanagari(measured, kind, size):
    texts = [example["target"] for example in measured["drawn"]]
    tokenizer = Tokenizer.train(texts[:307], vocabulary=size, kind=kind)
    for text in texts:
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert tokenizer.words(ids)[0] == text.split()


def test_digest(measured):
    """If it changes on purpose, raise `grammar.VERSION`, which names the folder of the cached data."""
    assert measured["digest"] == "73db1e242f5afbb9cbca565366d35ef3fa7045dae28d8d851acfa23f1a1bef82"


if __name__ == "__main__":
    print(json.dumps(facts()))
