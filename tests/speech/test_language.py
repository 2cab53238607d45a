from __future__ import annotations

import pytest

from voipbin_sip.speech.catalogue import ENGINES, ESPEAK, HIBARI, NANOTTS
from voipbin_sip.speech.language import Tag, parse_tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("en-US", Tag("en", "us")),
        ("EN_us", Tag("en", "us")),
        ("de", Tag("de")),
        ("", Tag("en", "us")),
        ("zh-Hans-CN", Tag("cmn", "cn")),
        ("zh-HK", Tag("yue", "hk")),
        ("cmn-TW", Tag("cmn", "tw")),
        ("es-419", Tag("es", "419")),
        ("no", Tag("nb")),
    ],
)
def test_tags(text: str, tag: Tag) -> None:
    assert parse_tag(text) == tag


@pytest.mark.parametrize("text", ["english please", "e", "en-", "12", "en US"])
def test_what_is_no_tag(text: str) -> None:
    with pytest.raises(ValueError, match="language tag"):
        parse_tag(text)


@pytest.mark.parametrize(
    ("language", "hibari", "nanotts", "espeak"),
    [
        ("en-US", "heart", "en-US", "gmw/en-us"),
        ("en-AU", "heart", "en-GB", "gmw/en"),
        ("de-AT", None, "de-DE", "gmw/de"),
        ("fr-CA", None, "fr-FR", "roa/fr"),
        ("es-MX", None, "es-ES", "roa/es-419"),
        ("pt-BR", None, None, "roa/pt-br"),
        ("pt-AO", None, None, "roa/pt"),
        ("ko-KR", None, None, "ko"),
        ("zh-CN", None, None, "sit/cmn"),
        ("ja", None, None, "jpx/ja"),
        ("xx", None, None, None),
    ],
)
def test_the_closest_voice_of_each_engine(
    language: str, hibari: str | None, nanotts: str | None, espeak: str | None
) -> None:
    tag = parse_tag(language)
    assert (HIBARI.voice(tag), NANOTTS.voice(tag), ESPEAK.voice(tag)) == (hibari, nanotts, espeak)


def test_a_voice_may_be_named() -> None:
    assert NANOTTS.voice(parse_tag("en-US"), "en-GB") == "en-GB"
    assert NANOTTS.voice(parse_tag("en-US"), "Joanna") == "en-US"


def test_all_engines_are_installed() -> None:
    assert [name for name, spec in ENGINES.items() if spec.version() is None] == []
