"""The fictional county: 东岭省 云屏市 杏溪县, its towns and villages.

GB/T 2260 gives no province the number 58, so no living person's resident id number can begin as ours do.
"""

from __future__ import annotations

from dataclasses import dataclass

PROVINCE = "东岭省"
CITY = "云屏市"
COUNTY = "杏溪县"
AREA = "580123"
NEIGHBOUR_AREAS = ("580121", "580122", "580124", "580201")
POSTCODE = "000580"
PHONE_AREA = "0620"
"""An area code no place has."""
MOBILE_PREFIX = "154"
"""A mobile prefix no operator serves the public with."""


@dataclass(frozen=True, slots=True)
class Village:
    """A village; `code` is its three digits within the town."""

    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Town:
    """A town; `code` is its three digits within the county, `weight` its share of households."""

    name: str
    code: str
    weight: int
    villages: tuple[Village, ...]


_TOWNS = (
    ("城关镇", 26, "东关村 西关村 南关村 北关村 文昌村 和平村 新华村 五里村 七里铺村 桥头村"),
    ("大王镇", 10, "王庄村 大王村 小王村 前王村 后王村 王家桥村 刘庄村 东庄村 西庄村 田家村"),
    ("柳林镇", 9, "柳林村 柳树湾村 上柳村 下柳村 杨家沟村 榆树村 白杨村 孟家村 河东村 河西村"),
    ("石桥镇", 9, "石桥村 石门村 石板沟村 赵家湾村 石佛村 石井村 南石村 北石村 高家村 蔡家村"),
    ("白云镇", 8, "白云村 云台村 云岭村 云谷村 罗家村 鹿鸣村 松坪村 竹园村 茶园村 云溪村"),
    ("龙泉镇", 8, "龙泉村 龙王庙村 龙湾村 上泉村 下泉村 冷泉村 黄家村 马家泉村 清泉村 温泉村"),
    ("河口镇", 7, "河口村 渡口村 沙滩村 芦苇村 渔湾村 船厂村 江家村 堤上村 圩里村 水磨村"),
    ("双河镇", 7, "双河村 双桥村 东河村 西河村 河湾村 许家村 三岔村 麻柳村 何家坝村 双井村"),
    ("马营镇", 6, "马营村 营盘村 校场村 马场村 石马村 郭家村 旗杆村 烽火村 下营村 上营村"),
    ("青山乡", 4, "青山村 松树村 核桃村 板栗村 药王村 山阳村 山阴村 岭头村 石屋村 青峰村"),
    ("松岭乡", 3, "松岭村 黄松村 红松村 老林村 木场村 林场村 蘑菇村 野杏村 鹰嘴村 雪岭村"),
    ("南湖乡", 3, "南湖村 荷花村 莲塘村 菱角村 鸭池村 湖心村 柳堤村 稻香村 鱼塘村 湖滨村"),
)
TOWNS = tuple(
    Town(name, f"{100 + n}", weight, tuple(Village(v, f"{200 + i}") for i, v in enumerate(villages.split())))
    for n, (name, weight, villages) in enumerate(_TOWNS)
)
