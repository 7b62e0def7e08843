"""All settings, in one frozen value. From the environment (`XINGLIN_PORT`) or a TOML file (`port = 8080`); the environment wins.

`docs/reference/settings.md` is generated from the fields and their metadata.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from xinglin.base.errors import Malformed

PREFIX = "XINGLIN_"


def _says(default: Any, what: str) -> Any:
    return field(default=default, metadata={"says": what})


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation's settings. Units stand last in the name; empty text means "not set"."""

    home: str = _says("var", "Folder of everything this installation owns: database, keys, logs, exports.")
    host: str = _says("127.0.0.1", "Address the server listens on.")
    port: int = _says(8080, "Port the server listens on.")
    workers: int = _says(2, "API processes.")
    public_url: str = _says("", "Address clients see, for links in answers; the request's own host when empty.")
    database_url: str = _says("", "PostgreSQL >= 15 to use instead of the embedded one.")
    database_connections: int = _says(8, "Database connections of one API process.")
    statement_timeout_s: int = _says(20, "Longest a single database statement may run.")
    key_file: str = _says("", "File of the keys; `keys.json` in the home folder when empty.")
    cipher: str = _says("sm4", "How content is sealed: sm4 or aes.")
    identity_providers: str = _says("", "Other OpenID providers people may sign in through, as a JSON list (see connect-an-app.md).")
    trusted_origins: str = _says("", "Origins inside our own network that may be asked for keys and sign-ins, separated by spaces.")
    language: str = _says("zh-CN", "Language of pages for who has not chosen: zh-CN or en.")
    timezone: str = _says("Asia/Shanghai", "Time zone of pages, and of dates that carry none.")
    body_bytes_max: int = _says(64 * 1024 * 1024, "Largest request body.")
    resource_bytes_max: int = _says(8 * 1024 * 1024, "Largest body that is one resource; not of a Binary, a Bundle or a terminology.")
    upload_bytes_max: int = _says(8 * 1024 * 1024, "Largest form with its files that a page takes.")
    bundle_entries_max: int = _says(10_000, "Most entries of one batch or transaction.")
    page_size: int = _says(20, "Entries of a search page when the client names no _count.")
    page_size_max: int = _says(1000, "Most entries of a search page.")
    scan_rows_max: int = _says(100_000, "Most rows one search may open when no index answers it exactly.")
    writes_at_once_max: int = _says(256, "Writes one process holds at once; beyond them 429.")
    requests_at_once_max: int = _says(1024, "Requests one process serves at once; beyond them 503.")
    requests_per_minute_account: int = _says(1200, "Requests a minute of one person (not a machine), in each process. 0: no limit.")
    requests_per_minute_address: int = _says(600, "Requests a minute of nobody known from one address, in each process. 0: no limit.")
    demo: int = _says(0, "1 opens the demo's page of persona accounts with one-click sign-in; `xinglin up` sets it for its demo region.")
    idle_minutes: int = _says(20, "A session of staff ends after so long without use.")
    resident_idle_minutes: int = _says(120, "A session of a resident ends after so long without use.")
    session_hours_max: int = _says(12, "A session ends after so long whatever happens.")
    password_days: int = _says(90, "Staff choose a new password after so many days; 0 for never.")
    proxies: str = _says("", "Addresses of reverse proxies whose X-Forwarded-For and -Proto are believed, separated by commas.")
    sms_url: str = _says("", "Where the SMS gateway takes messages (JSON by POST, https); kept in the simulator when empty.")
    sms_key: str = _says("", "Bearer key for the SMS gateway.")
    identity_url: str = _says("", "Where the population base compares ID number and name (https); the simulator when empty.")
    identity_key: str = _says("", "Bearer key for the population base.")
    ca_url: str = _says("", "Where the certification authority issues certificates and signs (https); the simulator when empty.")
    ca_key: str = _says("", "Bearer key for the certification authority.")
    ca_trusted: str = _says("", "PEM file of the certification authorities whose signatures are accepted; wanted with `ca_url`.")
    audit_days_min: int = _says(180, "Days the audit trail stays in the database before it may be archived; the law asks for six months.")
    log_level: str = _says("info", "debug, info, warning or error.")

    @property
    def home_path(self) -> Path:
        """The home folder, absolute."""
        return Path(self.home).expanduser().absolute()

    @property
    def key_path(self) -> Path:
        """The key file, absolute."""
        return Path(self.key_file).expanduser().absolute() if self.key_file else self.home_path / "keys.json"


def read_settings(environment: Mapping[str, str] = os.environ, file: Path | None = None, **given: object) -> Settings:
    """Settings from a TOML file, then the environment, then `given` (None = not given). Raises `Malformed` naming the setting."""
    if file is None and environment.get(PREFIX + "SETTINGS"):
        file = Path(environment[PREFIX + "SETTINGS"])
    values: dict[str, Any] = _from_file(file) if file else {}
    known = {f.name: f.type for f in fields(Settings)}
    for name in known:
        if (text := environment.get(PREFIX + name.upper())) is not None:
            values[name] = text
    values |= {name: value for name, value in given.items() if value is not None}
    for name in values:
        if name not in known:
            raise Malformed("There is no setting {name}.", name=name)
    typed: dict[str, Any] = {name: _typed(name, value, str(known[name])) for name, value in values.items()}
    return Settings(**typed)


def _from_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as missing:
        raise Malformed("The settings file {file} cannot be read.", file=str(file)) from missing
    except tomllib.TOMLDecodeError as broken:
        raise Malformed("The settings file {file} is not TOML: {why}.", file=str(file), why=str(broken)) from broken


def _typed(name: str, value: object, kind: str) -> object:
    if kind == "int":
        try:
            return int(str(value))
        except ValueError:
            raise Malformed("The setting {name} wants a whole number, not {value}.", name=name, value=repr(value)) from None
    return str(value)
