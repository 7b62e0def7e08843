"""Hand-drawn residents with rich records, so that pages, demonstrations and budgets have somebody to show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from xinglin.base.national_ids import make_resident_id
from xinglin.engines.synthesis import places, sensitive
from xinglin.engines.synthesis.acute import fall_ill
from xinglin.engines.synthesis.checkups import body_of, examine, grow_up
from xinglin.engines.synthesis.chronic import Rhythm, follow
from xinglin.engines.synthesis.codes import ICD10, Json, concept
from xinglin.engines.synthesis.households import Household, Person
from xinglin.engines.synthesis.ids import luck, make_id
from xinglin.engines.synthesis.illness import (
    COPD,
    DIABETES,
    DISEASES,
    HEART,
    HYPERTENSION,
    STROKE,
    Care,
    Illness,
    write_allergy,
    write_illness,
)
from xinglin.engines.synthesis.medicines import prescribe
from xinglin.engines.synthesis.pen import Record
from xinglin.engines.synthesis.people import ref_of
from xinglin.engines.synthesis.results import measure, measure_pressure
from xinglin.engines.synthesis.staff import County, Institution
from xinglin.engines.synthesis.stays import REASONS, admit
from xinglin.engines.synthesis.visits import open_visit, write_note

ENCOUNTERS_OF_THE_LONGEST = 500
LONG_AGO_DAYS = 50
"""Whoever treated somebody so long ago treats them no more: access follows a visit for 30 days."""
_PREGNANCY = concept(ICD10, "Z34.9", "正常妊娠监督")
_REHABILITATION = concept(ICD10, "Z50.1", "康复治疗")


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody of a story. `born_days_ago` when it matters to the day, else years of age."""

    name: str
    sex: str
    age: int
    relation: str = "户主"
    marital: str = "20"
    insurance: str = "390"
    born_days_ago: int = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a story happens, and its luck."""

    county: County
    clinic: Institution
    room: Institution
    rng: Random
    today: date

    def record(self, person: Person, days_ago: int = 1) -> Record:
        """A record that ends yesterday, or so many days ago."""
        return Record(self.rng, ref_of(person), person.sex, person.birth, self.today - timedelta(days=days_ago))


@dataclass(frozen=True, slots=True)
class Story:
    """A hand-drawn household. `about` says in one line what there is to see."""

    key: str
    about: str
    town: int
    village: int
    people: tuple[Who, ...]
    write: Callable[[Scene, tuple[Person, ...]], list[Record]]

    def tell(self, home: Household, county: County, rng: Random, today: date) -> list[Json]:
        """All resources of the story beyond the household itself."""
        scene = Scene(county, county.townships[self.town], county.rooms[self.town][self.village], rng, today)
        return [resource for record in self.write(scene, home.members) for resource in record.out]


def households_of(seed: int, residents: int, today: date) -> list[tuple[Household, Story]]:
    """The households of all stories that fit among the residents."""
    rng = luck(seed, "stories")
    found: list[tuple[Household, Story]] = []
    number = 0
    for n, story in enumerate(STORIES):
        members = tuple(_person(who, number + i, rng, today) for i, who in enumerate(story.people))
        number += len(members)
        if number > residents:
            break
        found.append((Household(-1 - n, make_id(rng), story.town, story.village, 12 + n, "01", members), story))
    return found


def _person(who: Who, number: int, rng: Random, today: date) -> Person:
    born = who.born_days_ago or int(who.age * 365.25) + rng.randrange(40, 320)
    birth = today - timedelta(days=born)
    return Person(
        number=number,
        id=make_id(rng),
        relation=who.relation,
        sex=who.sex,
        birth=birth,
        family=who.name[0],
        given=who.name[1:],
        card=make_resident_id(places.AREA, birth, 100 + number * 2 + (who.sex == "male")),
        phone=f"{places.MOBILE_PREFIX}{rng.randrange(10**8):08d}" if who.age >= 14 else None,
        marital=who.marital,
        insurance=who.insurance,
        death=None,
    )


def _ago(record: Record, days: int) -> date:
    return record.until - timedelta(days=days)


def _care(scene: Scene, record: Record, *found: Illness, years: float, notes: float = 0.8) -> list[Care]:
    """Illness, its follow-up over the last years, and a check-up in each of the last three."""
    cares = [write_illness(record, one, scene.clinic, scene.room.workers[0]) for one in found]
    first = _ago(record, int(years * 365))
    follow(record, cares, scene.county, Rhythm(first, scene.room, scene.clinic, notes, notes))
    body = body_of(record, record.age(record.until))
    for year in (2, 1, 0):
        if (day := _ago(record, 40 + year * 365)) > first:
            examine(record, day, scene.clinic, body)
    return cares


def _ill(scene: Scene, record: Record, times: int, days: int) -> None:
    for _ in range(times):
        place = scene.rng.choice((scene.room, scene.room, scene.clinic, scene.county.hospital))
        fall_ill(record, _ago(record, scene.rng.randrange(1, days)), place, notes=1.0)


def _zhang_guilan(scene: Scene, people: tuple[Person, ...]) -> list[Record]:
    record = scene.record(people[0])
    write_allergy(record, scene.county.hospital, scene.county.hospital.of("急诊医学科")[0], _ago(record, 3100), "penicillin")
    cares = _care(
        scene, record,
        Illness(HYPERTENSION, _ago(record, 3000), 0.55, 2), Illness(DIABETES, _ago(record, 1800), 0.7), years=4,
    )  # fmt: skip
    admit(record, _ago(record, 820), scene.county.hospital, REASONS["pneumonia"])
    admit(record, _ago(record, 210), scene.county.hospital, REASONS["angina"])
    _ill(scene, record, 9, 1400)
    _uncontrolled_today(scene, record, cares)
    return [record]


def _uncontrolled_today(scene: Scene, record: Record, cares: list[Care]) -> None:
    """Yesterday at the village room: 162/98, poorly controlled."""
    reason = DISEASES[HYPERTENSION]
    visit = open_visit(
        record, record.until, scene.room, scene.room.workers[0], "follow_up", reason,
        conditions=[c.condition for c in cares], episodes=[c.episode for c in cares],
    )  # fmt: skip
    measure_pressure(visit, 162, 98)
    measure(visit, "pulse", 82)
    measure(visit, "glucose", 8.4)
    number = f"{visit.day:%Y%m%d}0000162"
    for key in ("amlodipine", "valsartan", "metformin"):
        prescribe(visit, key, 28, reason, number, long_term=True)
    write_note(visit, (
        "主诉：头晕3天。\n现病史：高血压8年，近1周漏服降压药，3天来头晕，无恶心呕吐，无视物模糊。\n既往史：2型糖尿病。青霉素过敏。\n"
        "体格检查：血压162/98mmHg，心率82次/分，空腹血糖8.4mmol/L，神志清，四肢肌力正常。\n"
        "诊断：原发性高血压2级，2型糖尿病。\n处理：嘱规律服药，加用缬沙坦，2周内随访；出现剧烈头痛、视物模糊立即转诊。"
    ))  # fmt: skip


def _li_defu(scene: Scene, people: tuple[Person, ...]) -> list[Record]:
    record = scene.record(people[0])
    _care(scene, record, Illness(COPD, _ago(record, 4000), 0.4), Illness(HEART, _ago(record, 2200), 0.6), years=3)
    for days in (1010, 690, 340, 75):
        admit(record, _ago(record, days), scene.county.hospital if days % 2 else scene.clinic, REASONS["copd"])
    admit(record, _ago(record, 480), scene.county.hospital, REASONS["angina"])
    _ill(scene, record, 7, 1000)
    return [record]


def _wang_xiuying(scene: Scene, people: tuple[Person, ...]) -> list[Record]:
    """The longest record: 500 encounters over nine years."""
    record = scene.record(people[0])
    _care(
        scene, record,
        Illness(HYPERTENSION, _ago(record, 5200), 0.5, 2), Illness(DIABETES, _ago(record, 4100), 0.5),
        Illness(STROKE, _ago(record, 3200), 0.7), years=9, notes=0.5,
    )  # fmt: skip
    admit(record, _ago(record, 3230), scene.county.hospital, REASONS["stroke"])
    for n, key in enumerate(("pneumonia", "angina", "cataract", "lumbar", "pneumonia")):
        admit(record, _ago(record, 300 + n * 520), scene.county.hospital, REASONS[key])
    _ill(scene, record, 60, 3200)
    missing = ENCOUNTERS_OF_THE_LONGEST - sum(r["resourceType"] == "Encounter" for r in record.out)
    _rehabilitate(scene, record, missing, 3150)
    return [record]


def _rehabilitate(scene: Scene, record: Record, times: int, since_days: int) -> None:
    """Exercise and needles at the clinic, evenly since then."""
    doctors = scene.clinic.of("中医科")
    for n in range(times):
        day = _ago(record, since_days - n * since_days // times)
        visit = open_visit(record, day, scene.clinic, scene.rng.choice(doctors), "rehabilitation", _REHABILITATION, minutes=60)
        if n % 3 == 0:
            measure_pressure(visit, *record.pressure(day))
        if n % 5 == 0:
            write_note(visit, f"康复治疗第{n + 1}次：针灸、推拿及患侧肢体功能训练60分钟，患者配合良好，肌力{3 + min(1, n // 40)}级。")


def _liu_li(scene: Scene, people: tuple[Person, ...]) -> list[Record]:
    """A pregnancy, a birth, and the child's first three years."""
    mother, child = scene.record(people[0]), scene.record(people[2])
    born = people[2].birth
    hospital = scene.county.maternal
    doctor = hospital.of("产科")[0]
    for week in (12, 17, 22, 26, 30, 34, 37, 39):
        day = born - timedelta(days=(40 - week) * 7 - 3)
        visit = open_visit(mother, day, hospital, doctor, "antenatal", _PREGNANCY, minutes=25)
        measure_pressure(visit, scene.rng.gauss(114, 5), scene.rng.gauss(71, 4))
        measure(visit, "weight", 52 + week * 0.31)
        measure(visit, "haemoglobin", 128 - week * 0.35)
        late = "胎位头位，指导自数胎动" if week >= 30 else "指导营养与口服叶酸" if week < 15 else "指导营养与适量运动"
        write_note(visit, f"孕{week}周产前检查：子宫大小符合孕周，胎心率{140 + week % 9}次/分，无头痛、浮肿，{late}。")
    admit(mother, born - timedelta(days=1), hospital, REASONS["birth"])
    grow_up(child, scene.clinic, notes=True)
    _ill(scene, child, 5, 700)
    return [mother, child]


def _zhao_jianguo(scene: Scene, people: tuple[Person, ...]) -> list[Record]:
    """A stroke five months ago, sent back to the clinic for rehabilitation."""
    record = scene.record(people[0])
    admit(record, _ago(record, 152), scene.county.hospital, REASONS["stroke"])
    _care(scene, record, Illness(HYPERTENSION, _ago(record, 1500), 0.75, 3), Illness(STROKE, _ago(record, 152), 0.8), years=1.5)
    _rehabilitate(scene, record, 24, 130)
    return [record]


def _sun_yumei(scene: Scene, people: tuple[Person, ...]) -> list[Record]:
    record = scene.record(people[0])
    _care(scene, record, Illness(DIABETES, _ago(record, 3900), 0.15), years=4)
    _ill(scene, record, 6, 1200)
    return [record]


def _zhou_min(scene: Scene, people: tuple[Person, ...]) -> list[Record]:
    record = scene.record(people[0])
    write_allergy(record, scene.county.hospital, scene.county.hospital.of("普通外科")[0], _ago(record, 400), "sulfonamide")
    admit(record, _ago(record, 396), scene.county.hospital, REASONS["appendix"])
    _ill(scene, record, 6, 900)
    return [record]


def _wu_changgen(scene: Scene, people: tuple[Person, ...]) -> list[Record]:
    record = scene.record(people[0])
    _care(scene, record, Illness(HYPERTENSION, _ago(record, 6900), 1.0, 1), years=3)
    admit(record, _ago(record, 620), scene.county.hospital, REASONS["cataract"])
    admit(record, _ago(record, 260), scene.county.hospital, REASONS["hip"])
    _ill(scene, record, 5, 900)
    return [record]


def _he_zhiqiang(scene: Scene, people: tuple[Person, ...]) -> list[Record]:
    """High pressure, followed in his village (not lately), which does not know what the hospital treats him for."""
    open_, closed = scene.record(people[0], LONG_AGO_DAYS), scene.record(people[0])
    _care(scene, open_, Illness(HYPERTENSION, _ago(open_, 900), 0.8, 1), years=1)
    hospital = scene.county.hospital
    sensitive.treat_hiv(closed, hospital, hospital.of("全科医学科")[0], 610)
    return [open_, closed]


def _ma_chunmei(scene: Scene, people: tuple[Person, ...]) -> list[Record]:
    """Schizophrenia, stable; a cold now and then in the village, not lately."""
    open_, closed = scene.record(people[0], LONG_AGO_DAYS), scene.record(people[0])
    _ill(scene, open_, 4, 700)
    hospital = scene.county.hospital
    sensitive.treat_schizophrenia(closed, hospital, hospital.of("神经内科")[0], 700)
    return [open_, closed]


STORIES = (
    Story("zhang_guilan", "高血压2级未达标，2型糖尿病，青霉素过敏", 1, 0, (Who("张桂兰", "female", 67),), _zhang_guilan),
    Story("wang_xiuying", "约500次就诊的长病史", 2, 0, (Who("王秀英", "female", 72, marital="30"),), _wang_xiuying),
    Story("li_defu", "慢阻肺反复加重住院，冠心病", 3, 1, (Who("李德福", "male", 76),), _li_defu),
    Story("zhao_jianguo", "脑梗死后由县医院下转，乡镇康复", 5, 2, (Who("赵建国", "male", 58, insurance="310"),), _zhao_jianguo),
    Story("sun_yumei", "2型糖尿病控制差，使用胰岛素", 4, 3, (Who("孙玉梅", "female", 63),), _sun_yumei),
    Story("liu_li", "孕产记录，三岁孩子的接种与体检", 0, 4, (
        Who("刘丽", "female", 29, "配偶"), Who("陈浩", "male", 31), Who("陈小宝", "male", 3, "子", "10", born_days_ago=1210),
    ), _liu_li),
    Story("zhou_min", "阑尾炎手术，磺胺类过敏", 0, 1, (Who("周敏", "female", 41, insurance="310"),), _zhou_min),
    Story("wu_changgen", "高血压控制良好，白内障与髋部骨折手术", 6, 5, (Who("吴长根", "male", 81),), _wu_changgen),
    Story("he_zhiqiang", "王庄村居民，在县医院接受抗病毒治疗：村医看不到", 1, 0, (Who("何志强", "male", 38, marital="10"),), _he_zhiqiang),
    Story("ma_chunmei", "王庄村居民，精神分裂症稳定期：只有经治医师看得到", 1, 0, (Who("马春梅", "female", 45),), _ma_chunmei),
)  # fmt: skip
