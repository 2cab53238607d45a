from __future__ import annotations

import pytest

from voipbin_sip.speech.errors import SpeechError
from voipbin_sip.speech.language import parse_tag
from voipbin_sip.speech.plan import MOST_TEXT, Utterance, check, plan
from voipbin_sip.speech.protocol import Span
from voipbin_sip.speech.sentences import CLAUSE, LONGEST, PARAGRAPH, SENTENCE

US = parse_tag("en-US")


def said(text: str, language: str = "en-US") -> list[tuple[str, float, float]]:
    """Return text, pace and pause of each utterance."""
    return [
        ("".join(span.text for span in found.spans), found.pace, found.pause)
        for found in plan(text, parse_tag(language))
    ]


def test_sentences_are_spoken_one_by_one() -> None:
    assert said("Hello. How are you? Fine!") == [
        ("Hello.", 1, SENTENCE),
        ("How are you?", 1, SENTENCE),
        ("Fine!", 1, 0),
    ]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-US", "Dr. Smith, J. K. Rowling and Mrs. Jones are here."),
        ("en-US", "Version 2.5 costs more."),
        ("en-US", "Wait ... what?"),
        ("de", "Am 5. Januar kommt Hr. Weber, z. B. um vier."),
    ],
)
def test_abbreviations_end_no_sentence(language: str, text: str) -> None:
    assert len(said(text, language)) == 1


def test_sentences_without_blanks() -> None:
    assert [text for text, _, _ in said("你好。请按一！谢谢", "zh-CN")] == ["你好。", "请按一！", "谢谢"]


def test_long_sentences_are_cut_at_clauses_and_then_at_words() -> None:
    clause = "please wait until one of our friendly people is free to take your call"
    pieces = said(f"{clause}, {clause}, {clause}, {clause}.")
    assert len(pieces) == 2
    assert pieces[0][0].endswith(",")
    assert pieces[0][2] == CLAUSE
    words = said("word " * 500)
    assert all(len(text) <= LONGEST for text, _, _ in words)
    assert " ".join(text for text, _, _ in words).split() == ["word"] * 500
    assert all(len(text) <= LONGEST for text, _, _ in said("字" * 1000, "zh"))


def test_a_blank_line_is_a_paragraph() -> None:
    assert said("one\ntwo\n\nthree") == [("one two", 1, PARAGRAPH), ("three", 1, 0)]


@pytest.mark.parametrize(
    "text", ["", "  \n", "...", "?!", "<speak></speak>", "<speak><p> </p></speak>", "\U0001f600"]
)
def test_nothing_to_say_is_an_error(text: str) -> None:
    with pytest.raises(SpeechError, match="nothing to say"):
        plan(text, US)


def test_endless_text_is_an_error() -> None:
    with pytest.raises(SpeechError, match="at most"):
        plan("a" * (MOST_TEXT + 1), US)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("if a < b", "if a less than b"),
        ("Tom & Jerry", "Tom and Jerry"),
        ("<hold> the line", "less than hold greater than the line"),
        ("a <s and b> c </p", "a less than s and b greater than c less than /p"),
    ],
)
def test_what_is_not_ssml_is_text(text: str, words: str) -> None:
    assert said(text)[0][0] == words


def test_breaks_cut_and_add_up_and_outweigh_sentences() -> None:
    assert said(
        '<speak>Press 1<break time="250ms"/><break strength="strong"/> now.<break time="2s"/> Bye.</speak>'
    ) == [
        ("Press 1", 1, pytest.approx(0.95)),
        ("now.", 1, 2),
        ("Bye.", 1, 0),
    ]


def test_breaks_at_the_edges_are_kept() -> None:
    found = plan('<speak><break time="2s"/>Wait.<break time="1s"/></speak>', US)
    assert found == [Utterance((), 1, 2), Utterance((Span("Wait."),), 1, 1)]


def test_a_break_of_none_joins_sentences() -> None:
    assert said('<speak>One. <break strength="none"/>Two.</speak>') == [("One.", 1, 0), ("Two.", 1, 0)]


def test_fragments_need_no_speak_element() -> None:
    assert said('Fish & chips <break time="1s"/> now') == [("Fish and chips", 1, 1), ("now", 1, 0)]


def test_paragraphs_and_sentences() -> None:
    assert said("<speak><p><s>One</s><s>two</s></p><p>Three</p></speak>") == [
        ("One", 1, SENTENCE),
        ("two", 1, PARAGRAPH),
        ("Three", 1, 0),
    ]


@pytest.mark.parametrize(
    ("rate", "pace"),
    [
        ("x-slow", 0.5),
        ("slow", 0.75),
        ("medium", 1),
        ("fast", 1.25),
        ("x-fast", 1.6),
        ("80%", 0.8),
        ("1.2", 1.2),
        ("+20%", 1.2),
        ("-20%", 0.8),
        ("1%", 0.5),
        ("900%", 2),
    ],
)
def test_prosody_rate(rate: str, pace: float) -> None:
    found = said(f'<speak>Hi <prosody rate="{rate}">you</prosody></speak>')
    assert found[-1][1] == pytest.approx(pace)


def test_prosody_rates_multiply_inside_each_other() -> None:
    text = '<speak><prosody rate="50%">a1 <prosody rate="150%">b2</prosody></prosody> c3</speak>'
    assert [pace for _, pace, _ in said(text)] == [0.5, 0.75, 1]


def test_say_as_sub_and_emphasis() -> None:
    text = (
        '<speak>Code <say-as interpret-as="characters">A1</say-as>, <sub alias="World Wide Web">WWW</sub>, '
        '<emphasis level="strong">call</emphasis> <say-as interpret-as="telephone">5550100</say-as>.</speak>'
    )
    assert said(text)[0][0] == "Code A, one, World Wide Web, call five five five, zero one zero zero."


def test_phonemes_are_handed_on_with_their_text() -> None:
    (found,) = plan('<speak>a <phoneme alphabet="ipa" ph="təˈmɑːtəʊ">tomato</phoneme> now</speak>', US)
    assert found.spans == (Span("a "), Span("tomato", "təˈmɑːtəʊ"), Span(" now"))


def test_other_alphabets_and_elements_are_spoken_as_text() -> None:
    text = '<speak><mood>Good</mood> <phoneme alphabet="x-foo" ph="?">day</phoneme><metadata>no</metadata></speak>'
    assert said(text) == [("Good day", 1, 0)]


def test_checking_tells_what_is_not_followed() -> None:
    assert check('<speak><mood>Good</mood> <prosody pitch="low">day</prosody></speak>', "en") == (
        "line 1, column 8: <mood> is not supported; its text is spoken",
        "line 1, column 26: <prosody pitch> is not supported",
    )
    assert check("Good day", "en") == ()
    with pytest.raises(SpeechError):
        check("<speak>", "en")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("<speak>Hi", "line 1, column 10"),
        ("<speak>\n a & b</speak>", "line 2, column 5"),
        ("<speak>&nbsp;</speak>", "line 1, column 8"),
        ("<speak>\n\n  <break time='soon'/></speak>", "line 3, column 3"),
        ("<speak><break time='11s'/></speak>", "line 1, column 8"),
        ("Hi <break time='soon'/>", "line 1, column 4"),
        ("<speak><prosody rate='+3'>a</prosody></speak>", "line 1, column 8"),
        ("<speak><say-as>a</say-as></speak>", "line 1, column 8"),
        ("<speak><phoneme>a</phoneme></speak>", "line 1, column 8"),
        ("<?xml version='1.0'?><say>a</say>", "line 1, column 22"),
        ("<?xml version='1.0'?><!DOCTYPE speak><speak>a</speak>", "document type"),
        ("<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><speak>&b;</speak>", "document type"),
        ("<speak>" + "<p>" * 40 + "a" + "</p>" * 40 + "</speak>", "column 101"),
        ("<speak>" + "<break time='10s'/>" * 7 + "a</speak>", "line 1, column 122"),
    ],
)
def test_wrong_ssml_is_an_error_with_its_place(text: str, place: str) -> None:
    with pytest.raises(SpeechError, match=place) as caught:
        plan(text, US)
    assert caught.value.remedy
