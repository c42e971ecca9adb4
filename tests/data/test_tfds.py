"""Small data sets of TFDS, built here: the pairs, and the errors."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from xattn.data.corpora import BadLines, DataError, Pair, identity, load

CLEAN = [("the cat", "le chat"), ("a dog", "un chien"), ("où ?", "where ?"), ("yes", "oui"), ("no", "non")]


class TinyTranslate(tfds.core.GeneratorBasedBuilder):
    """Sentences in two languages, like WMT: a Translation feature, and a config for each pair of languages."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name) for name in ("fr-en", "de-en")]  # noqa: RUF012

    def _info(self):
        languages = self.builder_config.name.split("-")
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.Translation(languages), disable_shuffling=True
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(CLEAN), "test": self._generate_examples([("hello", " "), *CLEAN[:2]])}

    def _generate_examples(self, pairs):
        other = self.builder_config.name[:2]
        for number, (english, translation) in enumerate(pairs):
            yield number, {"en": english, other: translation}


class TinyMulti(tfds.core.GeneratorBasedBuilder):
    """Talks in varying languages, like TED: a TranslationVariableLanguages feature among others."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "talk": tfds.features.Text(),
                    "minutes": np.int32,
                    "translations": tfds.features.TranslationVariableLanguages(),
                    "summary": {"short": tfds.features.Text(), "long": tfds.features.Text()},
                    "title": {"short": tfds.features.Text()},
                }
            ),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(), "validation": self._generate_examples()}

    def _generate_examples(self):
        talks = [
            {"fr": ["le chat", "la chatte"], "en": "the cat", "de": "die Katze"},
            {"de": "der Hund", "en": "a dog"},
            {"zh": "是", "fr": "oui", "en": "yes"},
        ]
        for number, talk in enumerate(talks):
            texts = {"short": f"s{number}", "long": f"l{number}"}
            yield (
                number,
                {
                    "talk": f"t{number}",
                    "minutes": 7,
                    "translations": talk,
                    "summary": texts,
                    "title": {"short": "t"},
                },
            )


class TinyDeclared(tfds.core.GeneratorBasedBuilder):
    """A TranslationVariableLanguages feature that declares its languages."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        talks = tfds.features.TranslationVariableLanguages(languages=["en", "fr", "pt-br", *map(str, range(11))])
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({"talks": talks}))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        yield 0, {"talks": {"en": "yes", "fr": "oui"}}


class TinyBroken(tfds.core.GeneratorBasedBuilder):
    """A data set whose source no longer exists."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.Translation(["en", "fr"]))

    def _split_generators(self, dl_manager):
        raise ConnectionError("the host is unknown")

    def _generate_examples(self):
        yield from ()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def test_a_translation_feature(cache):
    corpus = "tfds:tiny_translate/fr-en"
    assert load(corpus, "train", cache=cache) == [Pair(*pair) for pair in CLEAN]
    assert load(corpus, "train", cache=cache, source="fr", target="en")[3] == Pair("oui", "yes")
    assert load(corpus, "train[:2]+train[4:]", cache=cache) == [Pair(*CLEAN[i]) for i in (0, 1, 4)]
    # The library's decoder reads the same.
    home = cache / "tensorflow_datasets" / "tiny_translate" / "fr-en" / "1.0.0"
    records = tfds.builder_from_directory(home).as_data_source("train")
    assert [(record["en"].decode(), record["fr"].decode()) for record in records] == CLEAN


def test_an_empty_side_of_a_record(cache):
    with pytest.raises(DataError, match="tiny_translate/fr-en, test, record 1: there is no text"):
        load("tfds:tiny_translate/fr-en", "test", cache=cache)
    bad = BadLines("skip")
    assert load("tfds:tiny_translate/fr-en", "test", cache=cache, bad=bad) == [Pair(*pair) for pair in CLEAN[:2]]
    assert bad.counts == {"there is no text": 1}


def test_a_feature_with_varying_languages(cache):
    bad = BadLines()
    pairs = load("tfds:tiny_multi", "validation", cache=cache, bad=bad)
    assert pairs == [Pair("the cat", "la chatte"), Pair("yes", "oui")]  # TFDS sorts several sentences of a language
    assert bad.report() == [
        "1 pair left out: there is no sentence in fr (the first: tfds:tiny_multi, validation, record 2)."
    ]
    assert load("tfds:tiny_multi", "train", cache=cache, source="zh", target="en") == [Pair("是", "yes")]
    assert load("tfds:tiny_multi", "train", cache=cache, source="talk", target="summary/long")[2] == Pair("t2", "l2")


@pytest.mark.parametrize(
    ("corpus", "split", "sides", "message"),
    [
        ("tiny_translates/fr-en", "train", {}, r"has no data set 'tiny_translates'\. Did you mean tiny_translate"),
        ("xyzzyx", "train", {}, r"no data set 'xyzzyx'\. See tensorflow\.org/datasets/catalog\."),
        ("tiny_translate/en-fr", "train", {}, r"tiny_translate has no config 'en-fr'\. There are: fr-en, de-en"),
        (
            "tiny_translate",
            "train",
            {},
            r"several configs: .* such as tiny_translate/fr-en\. There are: fr-en, ",
        ),
        ("tiny_multi/fr-en", "train", {}, r"tiny_multi has no config 'fr-en'\."),
        ("tiny_translate/fr-en:7.0.0", "train", {}, r"cannot be downloaded and prepared in .*7\.0\.0"),
        ("tiny_broken", "train", {}, r"tiny_broken cannot be .* in .*: ConnectionError: .*the host is unknown"),
        ("tiny_translate/fr-en", "validation", {}, r"no split 'validation'; it has train, test\. .*task\.validation"),
        ("tiny_translate/fr-en", "train[x:]", {}, r"cannot be split by 'train\[x:\]'"),
        ("tiny_translate/fr-en", "train", {"target": "de"}, r"no text feature 'de'\. There are: en, fr\."),
        ("tiny_multi", "train", {"target": "short"}, r"several .* write summary/short or title/short\."),
        ("tiny_declared", "train", {"target": "pt"}, r"no text feature 'pt'\. Did you mean pt-br"),
        ("tiny_multi", "train", {"target": "xx"}, r"no sentence pairs\. 3 pairs left out: there is no sentence in xx"),
    ],
)
def test_missing_data_sets_configs_splits_and_languages_are_refused(cache, corpus, split, sides, message):
    with pytest.raises(DataError, match=message):
        load(f"tfds:{corpus}", split, cache=cache, **sides)


def test_the_configs_of_wmt_are_known(tmp_path):
    """Nothing is downloaded: the config is refused before."""
    with pytest.raises(DataError, match=r"wmt14_translate has no config 'en-fr'\. There are: .*fr-en"):
        load("tfds:wmt14_translate/en-fr", "train", cache=tmp_path)


def test_the_identity_of_a_split_is_its_data_set_and_its_records(cache):
    def of(split="train", corpus="tfds:tiny_translate/fr-en", **sides):
        (fact,) = identity(corpus, split, cache=cache, **sides).values()
        return fact

    assert "tiny_translate/fr-en/1.0.0" in of()
    assert "split train of 5 records" in of()
    assert of() == of()
    assert len({of(), of("train[:2]"), of("test"), of(source="fr", target="en")}) == 4
    with pytest.raises(DataError, match="no split 'tset'"):
        of("tset")
    with pytest.raises(DataError, match="no text feature 'de'"):
        of(target="de")
