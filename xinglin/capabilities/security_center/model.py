"""The controls of the multi-level protection scheme, and what the security centre's pages show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from xinglin.access.breakglass import Glass
from xinglin.capabilities.consent import Objection
from xinglin.kit.coding import Names
from xinglin.kit.i18n import Phrase, t
from xinglin.store.inventory import KeySeen, Sealed
from xinglin.store.ledger.looking import State as Ledger

ADMINS = ("system_admin", "security_admin", "audit_admin")


@dataclass(frozen=True, slots=True)
class Control:
    """One control. `clause`: of the standard; `evidence`: what shows it (a key of `rules.EVIDENCE`), "" when it is outside the software."""

    id: str
    source: str
    clause: str
    title: Names
    evidence: str = ""


_MLPS, _CRYPTO, _LAW = "GB/T 22239-2019", "GB/T 39786-2021", "网络安全法"


def _listed(source: str, prefix: str, *rows: tuple[str, str, str, str]) -> tuple[Control, ...]:
    return tuple(Control(f"{prefix}-{clause.replace(' ', '')}", source, clause, (en, zh), evidence) for clause, en, zh, evidence in rows)


CONTROLS: tuple[Control, ...] = (
    *_listed(
        _MLPS, "mlps",
        ("8.1.4.1 a", "Unique identity; passwords are complex and changed", "身份唯一标识，口令有复杂度并定期更换", "passwords"),
        ("8.1.4.1 b", "Failed sign-ins lock; sessions end when unused", "登录失败锁定，空闲会话自动退出", "lockout"),
        ("8.1.4.1 c", "Nobody can listen in on remote administration", "远程管理防窃听", "transport"),
        ("8.1.4.1 d", "Two factors, one of them cryptographic", "两种以上组合鉴别，其中至少一种使用密码技术", "second-factor"),
        ("8.1.4.2 a", "Every signed-in user has an account and rights", "为登录用户分配账户和权限", "accounts"),
        ("8.1.4.2 b", "Default accounts are renamed or removed", "重命名或删除默认账户", "default-accounts"),
        ("8.1.4.2 c", "Surplus and expired accounts are removed in time", "及时删除或停用多余、过期账户", "surplus-accounts"),
        ("8.1.4.2 d", "Least privilege; administrators' rights are separated", "最小权限，管理用户权限分离", "separation"),
        ("8.1.4.2 e", "Policies are laid down by who is authorised to", "由授权主体配置访问控制策略", "policy"),
        ("8.1.4.2 f", "Granularity: user, and record", "访问控制粒度到用户级和记录级", "granularity"),
        ("8.1.4.2 g", "Security labels on important subjects and objects", "对重要主体和客体设置安全标记", "labels"),
        ("8.1.4.3 a", "Audit covers every user", "审计覆盖到每个用户", "audit-on"),
        ("8.1.4.3 b", "Records say when, who, what and whether it succeeded", "审计记录含时间、用户、事件、是否成功", "audit-on"),
        ("8.1.4.3 c", "Records are protected against change and deletion", "审计记录防删改、有保护", "ledger"),
        ("8.1.4.3 d", "The audit process cannot be interrupted", "审计进程防中断", "audit-running"),
        ("8.1.4.4 a", "Only what is needed is installed", "最小安装", ""),
        ("8.1.4.4 b", "Services and ports that are not needed are closed", "关闭不需要的服务和端口", ""),
        ("8.1.4.4 c", "Administration is limited to certain terminals", "限制管理终端接入", ""),
        ("8.1.4.4 d", "Input is checked for validity", "数据输入有效性检验", "input"),
        ("8.1.4.4 e", "Known holes are found and mended", "发现并修补漏洞", ""),
        ("8.1.4.4 f", "Intrusion into important nodes is detected", "重要节点入侵检测与报警", ""),
        ("8.1.4.5", "Protection against malicious code", "恶意代码防范", ""),
        ("8.1.4.6", "Trusted verification at start", "可信验证", ""),
        ("8.1.4.7 a", "Integrity in transit", "数据传输完整性", "transport"),
        ("8.1.4.7 b", "Integrity at rest", "数据存储完整性", "sealed"),
        ("8.1.4.8 a", "Confidentiality in transit", "数据传输保密性", "transport"),
        ("8.1.4.8 b", "Confidentiality at rest", "数据存储保密性", "sealed"),
        ("8.1.4.9 a", "Local backup and restoring", "本地数据备份与恢复", ""),
        ("8.1.4.9 b", "Backup at another place in real time", "异地实时备份", ""),
        ("8.1.4.9 c", "Hot redundancy of important systems", "重要数据处理系统热冗余", ""),
        ("8.1.4.10", "Residual information is cleared", "剩余信息保护", "residual"),
        ("8.1.4.11 a", "Only necessary personal information is collected", "仅采集必需的个人信息", ""),
        ("8.1.4.11 b", "No unauthorised access to personal information", "禁止未授权访问和使用个人信息", "granularity"),
        ("8.1.5.1", "System administration is authenticated and audited", "系统管理", "separation"),
        ("8.1.5.2", "Audit administration is authenticated and audited", "审计管理", "separation"),
        ("8.1.5.3", "Security administration is authenticated and audited", "安全管理", "separation"),
        ("8.1.5.4", "Central control of devices, patches and logs", "集中管控", ""),
    ),
    *_listed(_LAW, "law", ("21", "Logs are kept six months at least", "网络日志留存不少于六个月", "audit-days")),
    *_listed(
        _CRYPTO, "crypto",
        ("8.4 a", "Users are authenticated by cryptography", "登录用户身份鉴别采用密码技术", "second-factor"),
        ("8.4 b", "Integrity of access control information", "访问控制信息完整性", "sealed"),
        ("8.4 c", "Integrity of security labels", "重要信息资源安全标记完整性", "sealed"),
        ("8.4 d", "Important data are confidential in transit", "重要数据传输机密性", "transport"),
        ("8.4 e", "Important data are confidential at rest", "重要数据存储机密性", "national-cipher"),
        ("8.4 f", "Integrity of important data in transit", "重要数据传输完整性", "transport"),
        ("8.4 g", "Integrity of important data at rest", "重要数据存储完整性", "national-cipher"),
        ("8.4 h", "Non-repudiation of important deeds", "不可否认性", "ledger"),
        ("8.1", "Physical environment: entry and video records", "物理和环境安全（门禁、视频记录完整性）", ""),
        ("8.2", "Network and communication: devices and channels", "网络和通信安全（实体鉴别、通道）", ""),
        ("8.3", "Devices: authentication of operators, integrity of programs", "设备和计算安全（运维鉴别、程序完整性）", ""),
        ("9", "Keys are managed from making to destroying", "密钥管理（生成、存储、使用、更新、销毁）", "keys"),
        ("10", "Plan of the use of cryptography, assessed every year", "密码应用方案与每年密评", ""),
    ),
)  # fmt: skip
"""The standards as they concern software, in our words. What is met is for the assessor to say, never for this list."""

Standing = Literal["shown", "missing", "document", "noted", "not-applicable"]
STANDINGS: Mapping[Standing, Phrase] = {
    "shown": t("Evidence shown"),
    "missing": t("Missing"),
    "document": t("Document needed"),
    "noted": t("Document noted"),
    "not-applicable": t("Not applicable"),
}


class Note(msgspec.Struct, frozen=True):
    """What somebody noted about a control: the document and where it is, or why it does not apply. `at`: microseconds since 1970."""

    standing: Literal["noted", "not-applicable"]
    words: str
    by: str
    at: int


class Notes(msgspec.Struct, frozen=True):
    """Every note about one control, the newest last."""

    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the software shows about a control now. `holds`: whether it is as it should be; `href`: where more of it is."""

    holds: bool
    words: tuple[Phrase, ...]
    href: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """One control with its evidence, and the newest note about it."""

    control: Control
    standing: Standing
    evidence: Evidence | None
    note: Note | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything evidence is made of, measured at one moment. Days and counts; `administrators`: role -> accounts that are in use."""

    staff: int = 0
    with_factor: int = 0
    passwords_old: int = 0
    passwords_issued: int = 0
    without_role: int = 0
    disabled: int = 0
    personas: int = 0
    demo: bool = False
    administrators: Mapping[str, int] = field(default_factory=dict[str, int])
    one_person_two: int = 0
    administrators_reading: tuple[str, ...] = ()
    password_days: int = 0
    password_min: int = 0
    lock_after: int = 0
    lock_minutes: int = 0
    lock_works: bool = False
    idle_minutes: int = 0
    https: bool = False
    sealed: Sealed = field(default_factory=lambda: Sealed(0, 0))
    cipher: str = ""
    keys: tuple[KeySeen, ...] = ()
    key_days: int = 0
    restricted: int = 0
    relations: int = 0
    rows: int = 0
    unsealed: int = 0
    ledger_seals: int = 0
    head_minutes: int | None = None
    verified_days: int | None = None
    verified_sound: bool = False
    kept_days: int = 0
    audit_days_min: int = 0
    acts_today: int = 0
    ended_papers: int = 0
    passwords_plain: int = 0
    bad_tried: int = 0
    bad_refused: int = 0


@dataclass(frozen=True, slots=True)
class Person:
    """A resident as an administrator sees one: masked name, sex, age in words; never an id that leads further."""

    name: str
    sex: Phrase | None
    age: Phrase | None


@dataclass(frozen=True, slots=True)
class Emergency:
    """A case of a broken glass. `looked`: (first instant, words, how often); `others`: of the same person (key, instant, state)."""

    key: str
    case: Glass
    whom: Person
    place: str
    began: str
    ends: str
    looked: tuple[tuple[str, Phrase, int], ...] = ()
    others: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Complaint:
    """An objection with the resident masked."""

    key: str
    case: Objection
    whom: Person


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session: public id, who (masked when a resident), role, address, browser, since and last use (instants). `own`: the reader's."""

    id: str
    name: str
    role: str
    place: str
    address: str
    browser: str
    started: str
    seen: str
    own: bool


@dataclass(frozen=True, slots=True)
class Risky:
    """An account with what is the matter with it."""

    id: str
    login: str
    name: str
    role: str
    why: tuple[Phrase, ...]


DEEDS: Mapping[str, Phrase] = {
    "page-get": t("opened a page"),
    "page-post": t("sent a form"),
    "read": t("read"),
    "vread": t("read an earlier version"),
    "search": t("searched"),
    "search-type": t("searched"),
    "history-instance": t("read the history"),
    "create": t("created"),
    "update": t("changed"),
    "patch": t("changed"),
    "delete": t("deleted"),
    "export": t("exported"),
    "print": t("printed"),
    "reveal": t("saw a whole ID number"),
    "sign-in": t("signed in"),
    "sign-out": t("signed out"),
    "step-up": t("confirmed who they are"),
    "hat-switch": t("changed role"),
    "act-for": t("acted for somebody"),
    "password-change": t("changed the password"),
    "identity-proof": t("proved their identity"),
    "session-ended": t("ended a session"),
    "emergency-lookup": t("looked up for an emergency"),
    "break-glass": t("opened a record in an emergency"),
    "judge-justified": t("judged: justified"),
    "judge-unjustified": t("judged: not justified"),
    "objection": t("objected to a look"),
    "ledger-verified": t("verified the ledger"),
    "control-noted": t("noted a control"),
}
"""What was done, in words; a deed without any stands as it is in the ledger."""


@dataclass(frozen=True, slots=True)
class ActLine:
    """An act of the ledger without anything medical: numbers of a query are left out."""

    n: int
    at: str
    account: str
    name: str
    role: str
    interaction: str
    type: str
    about: str
    asked: str
    status: int
    address: str
    ground: str
    people: int


@dataclass(frozen=True, slots=True)
class Attention:
    """What stands on the centre's first page."""

    emergencies: int
    objections: int
    failed: int
    locked: int
    sessions: int
    risky: int
    ledger: Ledger
    key_days: int
