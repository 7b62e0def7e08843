"""Text of people: pinyin of Chinese names for search, and masking for display.

Pinyin comes from `pypinyin`, loaded at the first Chinese name and asked once per character; surnames have their own readings.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_SURNAMES_OF_TWO = {
    "欧阳": "ou yang", "太史": "tai shi", "端木": "duan mu", "上官": "shang guan", "司马": "si ma", "东方": "dong fang",
    "独孤": "du gu", "南宫": "nan gong", "万俟": "mo qi", "闻人": "wen ren", "夏侯": "xia hou", "诸葛": "zhu ge",
    "尉迟": "yu chi", "公羊": "gong yang", "赫连": "he lian", "澹台": "tan tai", "皇甫": "huang fu", "宗政": "zong zheng",
    "濮阳": "pu yang", "公冶": "gong ye", "太叔": "tai shu", "申屠": "shen tu", "公孙": "gong sun", "慕容": "mu rong",
    "仲孙": "zhong sun", "钟离": "zhong li", "长孙": "zhang sun", "宇文": "yu wen", "司徒": "si tu", "鲜于": "xian yu",
    "司空": "si kong", "闾丘": "lv qiu", "子车": "zi ju", "亓官": "qi guan", "司寇": "si kou", "令狐": "ling hu",
    "呼延": "hu yan", "单于": "chan yu", "第五": "di wu", "轩辕": "xuan yuan", "百里": "bai li", "东郭": "dong guo",
}  # fmt: skip
_SURNAMES_OF_ONE = {
    "单": "shan", "仇": "qiu", "曾": "zeng", "解": "xie", "查": "zha", "任": "ren", "华": "hua", "盖": "ge", "区": "ou",
    "朴": "piao", "翟": "zhai", "乐": "yue", "员": "yun", "繁": "po", "种": "chong", "冼": "xian", "洗": "xian", "缪": "miao",
    "秘": "bi", "黑": "he", "折": "she", "覃": "qin", "召": "shao", "应": "ying", "宁": "ning", "祭": "zhai", "牟": "mu",
    "纪": "ji", "尉": "wei", "谌": "chen", "葛": "ge", "郇": "xun", "那": "na", "哈": "ha", "佴": "nai", "相": "xiang",
    "訾": "zi", "幺": "yao", "阚": "kan", "隗": "wei", "曲": "qu", "宓": "mi", "逄": "pang", "晁": "chao", "燕": "yan",
    "褚": "chu", "佟": "tong", "郗": "xi", "车": "che", "柏": "bai", "都": "du", "令": "ling", "过": "guo", "俞": "yu",
    "余": "yu", "干": "gan", "强": "qiang", "沈": "shen", "贾": "jia", "石": "shi", "重": "chong", "撒": "sa", "仝": "tong",
    "乜": "nie", "么": "yao", "兴": "xing", "教": "jiao", "占": "zhan", "会": "gui", "不": "fou", "卜": "bu", "瞿": "qu",
}  # fmt: skip

_SEPARATORS = re.compile(r"[\s·•‧.・,，'’\-]+")
_SYLLABLES = {"都": "du"}  # in names, never dou; the rest is learned


@dataclass(frozen=True, slots=True)
class Pinyin:
    """A name as it is typed: `("zhang", "gui", "lan")`, without tones; ü is v."""

    syllables: tuple[str, ...]

    @property
    def full(self) -> str:
        """All syllables joined: `zhangguilan`."""
        return "".join(self.syllables)

    @property
    def initials(self) -> str:
        """First letters: `zgl`."""
        return "".join([s[0] for s in self.syllables])


def pinyin_of_name(name: str) -> Pinyin:
    """Pinyin of a person's name, surname first. Words in other scripts are kept whole, in lower case."""
    return Pinyin(tuple(_read(unicodedata.normalize("NFKC", name).strip())))


def _read(name: str) -> list[str]:
    if two := _SURNAMES_OF_TWO.get(name[:2]):
        return [*two.split(), *_read_characters(name[2:])]
    if one := _SURNAMES_OF_ONE.get(name[:1]):
        return [one, *_read_characters(name[1:])]
    return _read_characters(name)


def _read_characters(text: str) -> list[str]:
    found: list[str] = []
    for word in _SEPARATORS.split(text):
        latin = ""
        for character in word:
            if character.isascii():
                latin += character.lower()
                continue
            if latin:
                found.append(latin)
                latin = ""
            found.append(_SYLLABLES.get(character) or _learn(character))
        if latin:
            found.append(latin)
    return found


def _learn(character: str) -> str:
    if not unicodedata.category(character).startswith("L"):
        return character
    from pypinyin import lazy_pinyin  # 70 ms and 30 MB: paid by the first Chinese name, never by start-up

    syllable = (lazy_pinyin(character) or [character])[0].lower()
    if len(_SYLLABLES) < 50_000:
        _SYLLABLES[character] = syllable
    return syllable


@lru_cache(maxsize=4096)
def mask_name(name: str) -> str:
    """A name for screens that others can see: `张*兰`, `张*`, `欧阳*娜`."""
    name = name.strip()
    if len(name) <= 1:
        return name
    if len(name) == 2:
        return name[0] + "*"
    kept = 2 if name[:2] in _SURNAMES_OF_TWO and len(name) > 3 else 1
    return name[:kept] + "*" * (len(name) - kept - 1) + name[-1]


def mask_number(number: str, shown: int = 4) -> str:
    """The tail of an identity number or card: `****1234`. A number no longer than the tail is hidden whole."""
    return "****" + (number[-shown:] if len(number) > shown else "")


def mask_phone(number: str) -> str:
    """A telephone number with its middle hidden: `154****1234`."""
    return f"{number[:3]}****{number[-4:]}" if len(number) >= 11 else mask_number(number)
