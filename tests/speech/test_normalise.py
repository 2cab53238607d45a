from __future__ import annotations

import pytest

from voipbin_sip.speech.language import parse_tag
from voipbin_sip.speech.normalise import normalise, read_as

SPOKEN = [
    # keys
    ("en-US", "Press # to end, * for more.", "Press pound to end, star for more."),
    ("en-GB", "Press the # key.", "Press the hash key."),
    ("en-AU", "Press #.", "Press hash."),
    ("en-US", "Dial *67 or #31#.", "Dial star six seven or pound three one pound."),
    ("en-US", "Enter 50#", "Enter five zero pound"),
    ("en-US", "You are #1", "You are number 1"),
    ("de", "Drücken Sie # oder *.", "Drücken Sie Raute oder Stern."),
    ("de", "die #-Taste", "die Raute-Taste"),
    ("fr", "tapez #", "tapez dièse"),
    ("es", "pulse *", "pulse asterisco"),
    ("es-MX", "marque #", "marque numeral"),
    ("it", "prema #", "prema cancelletto"),
    ("ko", "#, *", "우물정자, 별표"),
    ("nl", "toets #", "toets hekje"),
    # phone numbers
    ("en-US", "Call +1 555 0100 now.", "Call plus one, five five five, zero one zero zero now."),
    ("en-US", "+15550100", "plus one, five five five, zero one zero zero"),
    ("en-US", "+1 (555) 010-0199", "plus one, five five five, zero one zero, zero one nine nine"),
    ("en-GB", "+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight"),
    ("en-US", "+49 (0) 30 123456", "plus four nine, three zero, one two three, four five six"),
    ("en-US", "+35312345678", "plus three five three, one two three, four five six, seven eight"),
    ("en-US", "(555) 010-0199", "five five five, zero one zero, zero one nine nine"),
    ("en-US", "1-800-555-0199", "one, eight zero zero, five five five, zero one nine nine"),
    ("en-US", "call 555-0100", "call five five five, zero one zero zero"),
    ("de", "030/1234567", "null drei null, eins zwei drei, vier fünf sechs sieben"),
    ("de", "+49 30 12", "plus vier neun, drei null, eins zwei"),
    ("fr", "01 23 45 67 89", "zéro un, deux trois, quatre cinq, six sept, huit neuf"),
    ("es", "912 345 678", "nueve uno dos, tres cuatro cinco, seis siete ocho"),
    ("it", "02 1234567", "zero due, uno due tre, quattro cinque sei sette"),
    ("sv", "070-123 45 67", "0 7 0, 1 2 3, 4 5, 6 7"),
    ("ko", "+82 2 1234 5678", "플러스 8 2, 2, 1 2 3 4, 5 6 7 8"),
    # digit strings
    ("en-US", "12345678", "one two three, four five six, seven eight"),
    ("en-US", "4111111111111111", "four one one one, one one one one, one one one one, one one one one"),
    ("en-US", "Agent 007", "Agent zero zero seven"),
    ("en-US", "Your code is 482913.", "Your code is four eight two nine one three."),
    ("en-US", "extension 1000", "extension one zero zero zero"),
    ("de", "Ihre Kundennummer lautet 4711", "Ihre Kundennummer lautet vier sieben eins eins"),
    ("fr", "code 1234", "code un deux trois quatre"),
    # times
    ("en-US", "At 14:30 or 9:05 pm.", "At 14 30 or 9 oh 5 P.M."),
    ("en-US", "9:00 a.m. sharp", "9 A.M. sharp"),
    ("en-US", "from 9:00-17:00", "from 9 o'clock to 17 hundred"),
    ("en-US", "00:00 and 0:15", "midnight and zero 15"),
    ("de", "um 14:30 Uhr, um 9:30 am Montag", "um 14 Uhr 30, um 9 Uhr 30 am Montag"),
    ("de", "9.30 Uhr, 1:00 Uhr", "9 Uhr 30, ein Uhr"),
    ("de", "9:00-17:00 Uhr", "9 Uhr bis 17 Uhr"),
    ("fr", "à 14h30 et 1:00", "à 14 heures 30 et une heure"),
    ("es", "a las 14:30", "a las 14 y 30"),
    ("it", "alle 14:30", "alle 14 e 30"),
    ("ja", "14:30", "14 30"),
    # dates
    ("en-US", "2024-01-15, 01/15/2024", "January 15, 2024, January 15, 2024"),
    ("en-GB", "15/01/2024", "January 15, 2024"),
    ("de", "am 15.01.2024", "am 15. Januar 2024"),
    ("fr", "le 01/02/2024", "le premier février 2024"),
    ("es", "15/01/2024", "15 de enero de 2024"),
    # money and amounts
    ("en-US", "$12.50, $1 or $1,234", "12 dollars and 50 cents, one dollar or 1234 dollars"),
    ("en-GB", "£0.50", "50 pence"),
    ("de", "12,50 € und 1.234,00 €", "12 Euro und 50 Cent und 1234 Euro"),
    ("fr", "1 234,50 €", "1234 euros et 50 centimes"),
    ("it", "1,01 €", "un euro e un centesimo"),
    ("en-US", "12,500 callers", "12500 callers"),
    ("de", "1.234.567 Anrufe", "1234567 Anrufe"),
    # addresses, marks
    ("en-US", "mail bob@example.com now", "mail bob at example dot com now"),
    ("de", "www.example.com", "W W W Punkt example Punkt com"),
    ("en-US", "192.168.1.1", "192 dot 168 dot 1 dot 1"),
    ("en-US", "A & B < C", "A and B less than C"),
    ("en-US", "open 24/7", "open 24 7"),
    ("en-US", "**really** *important*", "really important"),
    ("en-US", "line\none\x07 😀 end", "line one end"),
]

UNTOUCHED = [
    ("en-US", "In 2024 we had 12500 callers."),
    ("en-US", "Press 1, 2 or 3."),
    ("en-US", "Press 0 12 times"),
    ("en-US", "a 5-10 minute wait, 500-1000 people"),
    ("en-US", "3.14159 and 50% and 1/2 hour"),
    ("en-US", "$3.2 million"),
    ("en-US", "C# and B2B and A4 and 3rd"),
    ("en-US", "number 12 in the queue"),
    ("en-US", "Score 3:2, list 1,2,3"),
    ("en-US", "Dr. Smith's office"),
    ("de", "zu 3,5 % im 2. Stock"),
    ("hi", "नमस्ते"),
    ("cmn", "你好，请按一。"),
]


@pytest.mark.parametrize(("language", "text", "spoken"), SPOKEN)
def test_telephone_text_becomes_words(language: str, text: str, spoken: str) -> None:
    assert normalise(text, parse_tag(language)) == spoken


@pytest.mark.parametrize(("language", "text"), UNTOUCHED)
def test_ordinary_text_stays(language: str, text: str) -> None:
    assert normalise(text, parse_tag(language)) == text


@pytest.mark.parametrize(
    ("reading", "form", "language", "text", "spoken"),
    [
        ("digits", "", "en-US", "2024", "two zero two four"),
        ("characters", "", "en-US", "VoIP1", "V, O, I, P, one"),
        ("characters", "", "de", "ß4", "ß, vier"),
        ("telephone", "", "en-US", "5550100", "five five five, zero one zero zero"),
        ("telephone", "", "en-US", "*67", "star six seven"),
        ("time", "", "en-US", "9:05pm", "9 oh 5 P.M."),
        ("date", "dmy", "en-US", "1/2/2024", "February 1, 2024"),
        ("date", "", "en-US", "2024-02-30", "2024-02-30"),
        ("cardinal", "", "en-US", "12,345,678", "12345678"),
        ("ordinal", "", "en-US", "3", "third"),
        ("ordinal", "", "en-US", "22", "22nd"),
        ("ordinal", "", "de", "3.", "dritte"),
        ("date", "", "en-US", "tomorrow", "tomorrow"),
    ],
)
def test_say_as(reading: str, form: str, language: str, text: str, spoken: str) -> None:
    assert read_as(text, reading, form, parse_tag(language)) == spoken


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["1", "1.", "+1 ", "a@", "*#", "1:1:", "9:00-", "0 1 ", "1,234", "*a"])
def test_long_hostile_text_ends(piece: str) -> None:
    text = (piece * 20_000)[:20_000]
    assert normalise(text, parse_tag("en-US"))
