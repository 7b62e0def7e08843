"""Names as people type them, and numbers as screens show them."""

import subprocess
import sys
import time

import pytest

from xinglin.base.text import mask_name, mask_number, mask_phone, pinyin_of_name


@pytest.mark.parametrize(("name", "full", "initials"), [
    ("张桂兰", "zhangguilan", "zgl"),
    ("单田芳", "shantianfang", "stf"),
    ("仇英", "qiuying", "qy"),
    ("曾国藩", "zengguofan", "zgf"),
    ("欧阳修", "ouyangxiu", "oyx"),
    ("尉迟恭", "yuchigong", "ycg"),
    ("吕秀莲", "lvxiulian", "lxl"),
    ("解小曾", "xiexiaoceng", "xxc"),
    ("阿不都·热合曼", "abudureheman", "abdrhm"),
    ("Zhang Guilan", "zhangguilan", "zg"),
    ("王Mary", "wangmary", "wm"),
    ("", "", ""),
])  # fmt: skip
def test_a_name_is_found_by_how_it_is_typed(name: str, full: str, initials: str):
    read = pinyin_of_name(name)
    assert (read.full, read.initials) == (full, initials)


def test_the_dictionary_is_loaded_only_by_the_first_chinese_name():
    check = "import sys, xinglin.base.text as t; t.pinyin_of_name('Smith'); assert 'pypinyin' not in sys.modules"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_a_known_name_costs_microseconds():
    pinyin_of_name("张桂兰")
    started = time.perf_counter()
    for _ in range(1000):
        pinyin_of_name("张桂兰")
    assert (time.perf_counter() - started) / 1000 < 100e-6


@pytest.mark.parametrize(("name", "masked"), [("张桂兰", "张*兰"), ("张三", "张*"), ("欧阳娜娜", "欧阳*娜"), ("张", "张"), ("", "")])
def test_names_are_masked(name: str, masked: str):
    assert mask_name(name) == masked


def test_numbers_are_masked():
    assert mask_number("580123195803021281") == "****1281"
    assert mask_number("1281") == "****"
    assert mask_phone("15412345678") == "154****5678"
    assert mask_phone("3568123") == "****8123"
