"""The languages Whisper names in words, by their ISO 639-1 codes (after openai/whisper, tokenizer.py)."""

from __future__ import annotations

import re

_CODES = (
    "en english zh chinese de german es spanish ru russian ko korean fr french ja japanese pt portuguese "
    "tr turkish pl polish ca catalan nl dutch ar arabic sv swedish it italian id indonesian hi hindi "
    "fi finnish vi vietnamese he hebrew uk ukrainian el greek ms malay cs czech ro romanian da danish "
    "hu hungarian ta tamil no norwegian th thai ur urdu hr croatian bg bulgarian lt lithuanian la latin "
    "mi maori ml malayalam cy welsh sk slovak te telugu fa persian lv latvian bn bengali sr serbian "
    "az azerbaijani sl slovenian kn kannada et estonian mk macedonian br breton eu basque is icelandic "
    "hy armenian ne nepali mn mongolian bs bosnian kk kazakh sq albanian sw swahili gl galician mr marathi "
    "pa punjabi si sinhala km khmer sn shona yo yoruba so somali af afrikaans oc occitan ka georgian "
    "be belarusian tg tajik sd sindhi gu gujarati am amharic yi yiddish lo lao uz uzbek fo faroese "
    "ps pashto tk turkmen nn nynorsk mt maltese sa sanskrit lb luxembourgish my myanmar bo tibetan "
    "tl tagalog mg malagasy as assamese tt tatar ln lingala ha hausa ba bashkir jv javanese su sundanese"
)
_BY_NAME: dict[str, str] = {name: code for code, name in re.findall(r"(\w+) (\w+)", _CODES)}

UNDETERMINED = "und"
"""ISO 639-2's code for a language that isn't known."""


def code_of(name: str) -> str:
    """Give the code of a language named in English, or of one given as a code already; `und` if unknown."""
    word = name.strip().lower()
    if word in _BY_NAME:
        return _BY_NAME[word]
    return word if word in _BY_NAME.values() else UNDETERMINED
