import pickle
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xattn.alignment.maps import unknown_words
from xattn.data.tokenizer import Tokenizer, normalize, normalized, sample_lines
from xattn.errors import UserError

LINES = [
    "the quick brown fox",
    "i like eating ice cream",
    "le renard brun rapide",
    "j' aime manger de la glace",
    "nous sommes amis depuis 1987 .",
    "l' été , à l' école , où naît la forêt",
] * 29
TOKENIZER = Tokenizer.train(LINES, vocabulary=331)
WORDS = Tokenizer.train(LINES, vocabulary=331, kind="word")
BOTH = st.sampled_from([TOKENIZER, WORDS])
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))  # lone surrogates are no text


@given(BOTH, ANY_TEXT)
@example(TOKENIZER, "j' aime 東京 \N{SLIGHTLY SMILING FACE} ½ … 007")
@example(WORDS, "the brown zebra fox s' est assis où ?")
@example(WORDS, " \t a\N{NO-BREAK SPACE}b \N{LOWER ONE EIGHTH BLOCK} \0 <s> </s> <unk> <0x41>")
@settings(deadline=None)
def test_any_text_comes_back(tokenizer, text):
    ids = tokenizer.encode(text)
    assert not {tokenizer.pad, tokenizer.bos, tokenizer.eos, tokenizer.unk} & set(ids)
    assert tokenizer.decode(ids) == normalize(text)


@given(BOTH, ANY_TEXT)
@settings(deadline=None)
def test_every_piece_of_a_text_belongs_to_its_word(tokenizer, text):
    words, numbers = tokenizer.words(tokenizer.encode(text))
    assert words == normalize(text).split(" ") if words else not normalize(text)
    assert sorted(set(numbers)) == list(range(len(words)))
    assert numbers == sorted(numbers)


@given(BOTH, st.lists(st.integers(0, min(TOKENIZER.size, WORDS.size) - 1)))
@settings(deadline=None)
def test_any_ids_decode_to_one_line_of_words(tokenizer, ids):
    words, numbers = tokenizer.words(ids)
    assert len(numbers) == len(ids)
    assert " ".join(words) == tokenizer.decode(ids)
    assert tokenizer.decode(ids).split() == words
    assert set(numbers) - {-1} == set(range(len(words)))


def test_toy_text_is_unchanged_by_hand():
    for line in LINES:
        assert normalize(line) == line
    ids = [TOKENIZER.bos, *TOKENIZER.encode("j' aime 1987 fox"), TOKENIZER.eos, TOKENIZER.pad]
    assert TOKENIZER.words(ids)[0] == ["j'", "aime", "1987", "fox"]
    pieces, numbers = TOKENIZER.pieces(ids), TOKENIZER.words(ids)[1]
    assert pieces[0] == "<s>"
    assert pieces[-2:] == ["</s>", "<pad>"]
    assert numbers[0] == numbers[-2] == numbers[-1] == -1


def test_every_digit_is_a_separate_piece():
    tokenizer = Tokenizer.train(["the year 1987 , the year 1987"] * 7, vocabulary=300, kind="bpe")
    assert tokenizer.pieces(tokenizer.encode("year 1987")) == ["▁year", "▁", "1", "9", "8", "7"]


def test_a_word_vocabulary_has_one_piece_for_each_frequent_word():
    ids = WORDS.encode("the quick zebra runs")
    assert WORDS.pieces(ids)[:2] == ["▁the", "▁quick"]
    assert WORDS.words(ids) == (["the", "quick", "zebra", "runs"], [0, 1, *[2] * 8, *[3] * 7])


def test_words_with_bytes_are_unknown_whatever_the_kind():
    assert WORDS.unknown(WORDS.encode("the zebra quick runs zebra")) == ["zebra", "runs", "zebra"]
    assert WORDS.unknown(WORDS.encode("the quick")) == []
    ids = [*TOKENIZER.encode("the 中x 東 fox"), TOKENIZER.eos]
    assert TOKENIZER.unknown(ids) == ["中x", "東"]
    words, numbers = TOKENIZER.words(ids)
    assert [words[number] for number in sorted(unknown_words(TOKENIZER.pieces(ids), numbers))] == ["中x", "東"]


def test_a_space_without_a_word_belongs_to_no_word():
    space, piece = TOKENIZER.encode("7")
    assert TOKENIZER.words([space, space, piece, space, TOKENIZER.eos]) == (["7"], [-1, 0, 0, -1, -1])


@pytest.mark.parametrize("kind", ["unigram", "bpe", "word"])
def test_the_same_lines_give_the_same_bytes_and_nothing_is_printed(kind, tmp_path, capfd):
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path, lines in zip(paths, (LINES, iter(LINES), LINES[::-1]), strict=True):
        Tokenizer.train(lines, vocabulary=331, kind=kind, sample=53).save(path)
    assert paths[0].read_bytes() == paths[1].read_bytes() != paths[2].read_bytes()
    assert capfd.readouterr() == ("", "")


def test_a_sample_is_uniform_and_reproducible():
    lines = [str(i) for i in range(1009)]
    drawn = sample_lines(iter(lines), 211)
    assert drawn == sample_lines(lines, 211)
    assert len(set(drawn)) == 211
    # Uniform over 0..1008: the mean of 211 has a standard deviation of 18.
    assert abs(sum(map(int, drawn)) / 211 - 504) < 4 * 18
    assert sample_lines(lines[:5], 211) == lines[:5]


def test_saved_and_loaded_and_pickled_it_is_the_same(tmp_path):
    TOKENIZER.save(tmp_path / "tokenizer.model")
    for other in (Tokenizer.load(tmp_path / "tokenizer.model"), pickle.loads(pickle.dumps(TOKENIZER))):
        assert other.size == TOKENIZER.size
        assert other.encode("le brown été") == TOKENIZER.encode("le brown été")


def test_a_small_corpus_has_a_small_vocabulary():
    assert 256 + 4 < Tokenizer.train(["a b", "c d e"], vocabulary=5000).size < 280


@pytest.mark.parametrize(
    ("lines", "vocabulary", "message"),
    [
        ([], 331, "The corpus has no words"),
        (["", " \t"], 331, "The corpus has no words"),
        (["\N{LOWER FIVE EIGHTHS BLOCK}"], None, "The corpus has no words"),
        *(
            (["abc"], size, rf"^task\.vocabulary\.size must be at least 264 .*, not {size}: ")
            for size in (101, 1, 0, -5)
        ),
    ],
)
def test_a_corpus_that_gives_no_vocabulary_is_refused(lines, vocabulary, message):
    with pytest.raises(ValueError, match=message):
        Tokenizer.train(lines, vocabulary=vocabulary)


CHINESE = [" ".join(chr(0x4E00 + (7 * line + place) % 701) for place in range(20)) for line in range(701)]


@pytest.mark.parametrize("kind", ["unigram", "bpe", "word"])
@pytest.mark.parametrize("lines", [LINES, CHINESE, ["the fox"], ["a"], ["東京都" * 9]], ids=len)
def test_the_least_size_that_an_error_names_is_the_least_that_works(lines, kind):
    with pytest.raises(UserError) as error:
        Tokenizer.train(lines, vocabulary=7, kind=kind)
    least = int(str(error.value).split()[5].replace(",", ""))
    characters = len(set("".join(lines)) - {" "}) + 1  # and the symbol for a space
    assert least == 256 + 4 + (1 if kind == "word" else characters)
    assert Tokenizer.train(lines, vocabulary=least, kind=kind).size <= least
    with pytest.raises(UserError, match=f"must be at least {least:,} for this corpus, not {least - 1:,}"):
        Tokenizer.train(lines, vocabulary=least - 1, kind=kind)


@pytest.mark.parametrize("kind", ["unigram", "bpe", "word"])
@pytest.mark.parametrize("lines", [LINES, CHINESE, ["the fox"], ["a"], ["ab " * 3000], ["ab" * 4000]], ids=len)
def test_every_text_has_a_size_that_fits(lines, kind):
    tokenizer = Tokenizer.train(lines, kind=kind)
    assert 256 + 4 < tokenizer.size <= 8000
    assert tokenizer.decode(tokenizer.encode(lines[0])) == normalize(lines[0])


def test_the_size_that_fits_grows_with_the_text():
    """A piece for every 500 characters besides the characters, by hand; unigram may find a few pieces fewer."""
    text = " ".join(f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiouy" for c in "prstvz")
    few, many = Tokenizer.train([text], kind="bpe"), Tokenizer.train([text] * 50, kind="bpe")
    characters = len(set(text))  # the space among them
    assert few.size == 256 + 4 + 1 + characters + len(text) // 500
    assert many.size == 256 + 4 + 1 + characters + 50 * len(text) // 500


@pytest.mark.parametrize("kind", ["unigram", "bpe", "word"])
def test_long_lines_take_part(kind):
    """SentencePiece passes over lines above 4,192 bytes; pieces do not cross the spaces at which lines are cut."""
    lines = sorted(LINES) * 3
    long = [" ".join(lines)]
    assert len(long[0].encode()) > 2 * 4192
    cut, whole = (Tokenizer.train(each, vocabulary=331, kind=kind) for each in (long, lines))
    # The choice of unigrams depends on lines a little.
    assert cut.model == whole.model or (kind == "unigram" and abs(cut.size - whole.size) < 10)
    assert Tokenizer.train(["東" * 4000, "the"], kind=kind).size > 260


def test_rare_characters_are_spelt_in_bytes_if_fewer_need_be_covered():
    lines = ["the fox"] * 997 + ["東京"]
    all_of_them, common = (Tokenizer.train(lines, character_coverage=each) for each in (1.0, 0.999))
    assert "東" in all_of_them.pieces(all_of_them.encode("東"))
    assert common.pieces(common.encode("東"))[-3:] == ["<0xE6>", "<0x9D>", "<0xB1>"]
    assert common.decode(common.encode("東京 the")) == "東京 the"


@pytest.mark.parametrize("rule", ["nfkc", "nfkc_cf", "nmt_nfkc", "nmt_nfkc_cf"])
@given(text=ANY_TEXT)
@example(text="a \u200b l´été ﷺ \x01 ½ İ ¨ \u00ad")
@settings(deadline=None)
def test_normalisation_keeps_the_number_of_words(rule, text):
    """Word links count words: a rule that makes two of one, or none, must not shift the others."""
    words = text.split()
    found = normalized(text, rule).split()
    assert len(found) == len(words)
    for word, other in zip(words, found, strict=True):
        # Against Python's own tables, for words that they leave whole.
        folded = unicodedata.normalize("NFKC", word)
        if rule == "nfkc" and folded.split() == [folded] and unicodedata.is_normalized("NFC", folded):
            assert unicodedata.normalize("NFKC", other) == folded
    assert normalized(text, "identity") == text


@pytest.mark.parametrize("content", [b"", b"no model", TOKENIZER.model[:101]])
def test_a_file_that_is_no_tokenizer_is_refused_by_name(content, tmp_path):
    path = tmp_path / "tokenizer.model"
    with pytest.raises(ValueError, match=r"There is no tokenizer .*tokenizer\.model"):
        Tokenizer.load(path)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"tokenizer\.model is not a tokenizer, or is damaged"):
        Tokenizer.load(path)
