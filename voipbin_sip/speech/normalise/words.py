"""The words of each language for what is on a telephone, in a phone number, on a clock and on a bill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from voipbin_sip.speech.language import Tag


@dataclass(frozen=True, slots=True)
class Words:
    """One language; what is empty is left to the engine."""

    pound: str = ""  # the # key
    star: str = ""
    plus: str = "+"
    digits: tuple[str, ...] = tuple("0123456789")
    number: str = ""  # of "#1"
    at: str = ""  # of an e-mail address
    dot: str = ""
    conjunction: str = ""  # of "&"
    less: str = ""  # of "<"
    greater: str = ""
    until: str = ""  # between two times
    months: tuple[str, ...] = ()
    ordinals: tuple[str, ...] = ()  # from the first on
    decimal: str = "."
    grouping: str = ","  # characters between groups of three digits
    currencies: Mapping[str, tuple[str, str, str, str]] = field(
        default_factory=dict
    )  # "$": one dollar, dollars, one cent, cents
    codes: str = ""  # pattern of the words before a number that is read digit by digit
    copula: str = ""  # pattern of what may stand between the two


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ENGLISH = Words(
    pound="hash",
    star="star",
    plus="plus",
    digits=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    number="number",
    at="at",
    dot="dot",
    conjunction="and",
    less="less than",
    greater="greater than",
    until="to",
    months=_names("January February March April May June July August September October November December"),
    ordinals=_names("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"),
    currencies={
        "$": ("one dollar", "dollars", "one cent", "cents"),
        "€": ("one euro", "euros", "one cent", "cents"),
        "£": ("one pound", "pounds", "one penny", "pence"),
    },
    codes=r"(?:code|pin|passcode|password|number|extension|ext\.?|account|id|zip|dial)",
    copula=r"is|are",
)
_AMERICAN = replace(_ENGLISH, pound="pound")

_GERMAN = Words(
    pound="Raute",
    star="Stern",
    plus="plus",
    digits=("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"),
    number="Nummer",
    at="ät",
    dot="Punkt",
    conjunction="und",
    less="kleiner als",
    greater="größer als",
    until="bis",
    months=_names("Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
    ordinals=_names("erste zweite dritte vierte fünfte sechste siebte achte neunte zehnte elfte zwölfte"),
    decimal=",",
    grouping=".",
    currencies={
        "$": ("ein Dollar", "Dollar", "ein Cent", "Cent"),
        "€": ("ein Euro", "Euro", "ein Cent", "Cent"),
        "£": ("ein Pfund", "Pfund", "ein Penny", "Pence"),
    },
    codes=r"(?:\w*(?:code|pin|nummer|durchwahl|nebenstelle|kennwort|postleitzahl|plz)|wählen sie)",
    copula=r"ist|lautet|die",
)
_FRENCH = Words(
    pound="dièse",
    star="étoile",
    plus="plus",
    digits=("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"),
    number="numéro",
    at="arobase",
    dot="point",
    conjunction="et",
    less="inférieur à",
    greater="supérieur à",
    until="à",
    months=_names("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
    ordinals=_names(
        "premier deuxième troisième quatrième cinquième sixième "
        "septième huitième neuvième dixième onzième douzième"
    ),
    decimal=",",
    grouping=" ",
    currencies={
        "$": ("un dollar", "dollars", "un cent", "cents"),
        "€": ("un euro", "euros", "un centime", "centimes"),
        "£": ("une livre", "livres", "un penny", "pence"),
    },
    codes=r"(?:code|pin|numéro|poste|compte|référence|composez le)",
    copula=r"est|le",
)
_SPANISH = Words(
    pound="almohadilla",
    star="asterisco",
    plus="más",
    digits=("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"),
    number="número",
    at="arroba",
    dot="punto",
    conjunction="y",
    less="menor que",
    greater="mayor que",
    until="a",
    months=_names("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
    ordinals=_names(
        "primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo"
    ),
    decimal=",",
    grouping=". ",
    currencies={
        "$": ("un dólar", "dólares", "un centavo", "centavos"),
        "€": ("un euro", "euros", "un céntimo", "céntimos"),
        "£": ("una libra", "libras", "un penique", "peniques"),
    },
    codes=r"(?:código|pin|número|extensión|cuenta|referencia|marque(?: el)?)",
    copula=r"es|el",
)
_AMERICAN_SPANISH = replace(_SPANISH, pound="numeral", decimal=".", grouping=",")
_ITALIAN = Words(
    pound="cancelletto",
    star="asterisco",
    plus="più",
    digits=("zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"),
    number="numero",
    at="chiocciola",
    dot="punto",
    conjunction="e",
    less="minore di",
    greater="maggiore di",
    until="alle",
    months=_names(
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"
    ),
    ordinals=_names(
        "primo secondo terzo quarto quinto sesto settimo ottavo nono decimo undicesimo dodicesimo"
    ),
    decimal=",",
    grouping=".",
    currencies={
        "$": ("un dollaro", "dollari", "un centesimo", "centesimi"),
        "€": ("un euro", "euro", "un centesimo", "centesimi"),
        "£": ("una sterlina", "sterline", "un penny", "pence"),
    },
    codes=r"(?:codice|pin|numero|interno|conto|riferimento|componga(?: il)?)",
    copula=r"è|il",
)

_LANGUAGES = {
    "en": _ENGLISH,
    "de": _GERMAN,
    "fr": _FRENCH,
    "es": _SPANISH,
    "it": _ITALIAN,
    "nl": Words(pound="hekje", star="sterretje", plus="plus", decimal=",", grouping="."),
    "pt": Words(pound="cardinal", star="asterisco", plus="mais", decimal=",", grouping="."),
    "ca": Words(pound="coixinet", star="asterisc", plus="més", decimal=",", grouping="."),
    "da": Words(pound="firkant", star="stjerne", plus="plus", decimal=",", grouping="."),
    "nb": Words(pound="firkant", star="stjerne", plus="pluss", decimal=",", grouping=" "),
    "sv": Words(pound="fyrkant", star="stjärna", plus="plus", decimal=",", grouping=" "),
    "fi": Words(pound="ruutu", star="tähti", plus="plus", decimal=",", grouping=" "),
    "pl": Words(pound="krzyżyk", star="gwiazdka", plus="plus", decimal=",", grouping=" "),
    "cs": Words(pound="křížek", star="hvězdička", plus="plus", decimal=",", grouping=" "),
    "sk": Words(pound="mriežka", star="hviezdička", plus="plus", decimal=",", grouping=" "),
    "hu": Words(pound="kettőskereszt", star="csillag", plus="plusz", decimal=",", grouping=" "),
    "ro": Words(pound="diez", star="steluță", plus="plus", decimal=",", grouping="."),
    "tr": Words(pound="kare", star="yıldız", plus="artı", decimal=",", grouping="."),
    "el": Words(pound="δίεση", star="αστερίσκος", plus="συν", decimal=",", grouping="."),
    "ru": Words(pound="решётка", star="звёздочка", plus="плюс", decimal=",", grouping=" "),
    "uk": Words(pound="решітка", star="зірочка", plus="плюс", decimal=",", grouping=" "),
    "cmn": Words(pound="井号", star="星号", plus="加"),
    "yue": Words(pound="井號", star="星號", plus="加"),
    "ja": Words(pound="シャープ", star="こめじるし", plus="プラス"),
    "ko": Words(pound="우물정자", star="별표", plus="플러스"),
}


def words(tag: Tag) -> Words:
    """Return the words for a language and region."""
    found = _LANGUAGES.get(tag.language, Words())
    if tag.language == "en" and tag.region in ("", "us", "ca", "ph"):
        return _AMERICAN
    if tag.language == "es" and tag.region in ("mx", "us"):
        return _AMERICAN_SPANISH
    return found
