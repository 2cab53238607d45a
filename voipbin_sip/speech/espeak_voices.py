"""The languages that eSpeak NG 1.52 speaks, and what it calls their voices.

Living and classical languages only; constructed ones but Esperanto and Interlingua are left out, and so are
spellings in a foreign script. A test compares this with what the library lists.
"""

from __future__ import annotations

# A voice is named after its family and language: "gmw/de".
_FAMILIES = {
    "aav": "vi",
    "art": "eo ia",
    "azc": "nci",
    "bat": "lt ltg lv",
    "bnt": "sw tn",
    "ccs": "ka",
    "cel": "cy ga gd",
    "cus": "om",
    "dra": "kn ml ta te",
    "esx": "kl",
    "gmq": "da fo is nb sv",
    "gmw": "af de en en-us lb nl",
    "grk": "el grc",
    "inc": "as bn bpy gu hi kok mr ne or pa sd si ur",
    "ine": "hy hyw sq",
    "ira": "fa ku",
    "itc": "la",
    "jpx": "ja",
    "map": "haw",
    "miz": "mto",
    "myn": "quc",
    "poz": "id mi ms",
    "roa": "an ca es es-419 fr fr-be fr-ch ht it pap pt pt-br ro",
    "sai": "gn",
    "sem": "am ar he mt ti",
    "sit": "cmn hak my yue",
    "tai": "shn th",
    "trk": "az ba cv kaa kk ky nog tk tr tt ug uz",
    "urj": "et fi hu smj",
    "zle": "be ru uk",
    "zls": "bg bs hr mk sl sr",
    "zlw": "cs pl sk",
}
_WITHOUT_FAMILY = "eu ko qu"

# Regions that speak like another one.
_REGIONS = {
    "en-ca": "gmw/en-us",
    "en-ph": "gmw/en-us",
    "es-ar": "roa/es-419",
    "es-cl": "roa/es-419",
    "es-co": "roa/es-419",
    "es-mx": "roa/es-419",
    "es-pe": "roa/es-419",
    "es-us": "roa/es-419",
    "es-ve": "roa/es-419",
}

ESPEAK_VOICES: dict[str, str] = {
    **{name: f"{family}/{name}" for family, names in _FAMILIES.items() for name in names.split()},
    **{name: name for name in _WITHOUT_FAMILY.split()},
    **_REGIONS,
}
