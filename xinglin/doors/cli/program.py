"""The commands of `xinglin`, their options and their help."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from xinglin.access.actor import ROLES
from xinglin.access.tokens import issue
from xinglin.base.errors import XinglinError
from xinglin.base.settings import read_settings
from xinglin.doors.cli import accounts, audit, backup, doctor, installation, keys, loading, reference, running
from xinglin.doors.cli.telling import say

DAY_S = 24 * 3600
INTERRUPTED = 130

application = typer.Typer(
    name="xinglin", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Xinglin (杏林): a regional health platform on one FHIR R4 record store.

    Start here:   xinglin up        then open the address it prints.

    Settings come from the environment (XINGLIN_PORT=9000) or a TOML file (XINGLIN_SETTINGS=FILE); options win over both.
    All of them: docs/reference/settings.md.""",
)  # fmt: skip

application.add_typer(accounts.application)

Home = Annotated[
    Path | None, typer.Option("--home", metavar="DIR", help="Folder of this installation: database, keys, exports. Default: var")
]


def program() -> None:
    """Run the command asked for. An error a person can mend is one line on standard error, and exit code 1."""
    try:
        application()
    except XinglinError as problem:
        print(f"xinglin: {problem}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


@application.command()
def up(
    home: Home = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on. Default: 127.0.0.1, this machine only")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="NUMBER", help="Port to listen on; 0 chooses a free one. Default: 8080")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", metavar="NUMBER", min=1, max=16, help="API processes. Default: 2")] = None,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Fill an empty database with a fictional county.")] = True,
) -> None:
    """Start everything: database, schema, demo region, API and worker. Ctrl-C ends it all and keeps the data.

    The embedded PostgreSQL is made at the first start, in the home folder; with XINGLIN_DATABASE_URL another PostgreSQL >= 15 is used.
    A process that dies is started again.
    """
    settings = read_settings(home=home, host=host, port=port, workers=workers)
    running.run(settings, with_demo=demo)


@application.command()
def load(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE|DIR…", exists=True, help="JSON, NDJSON, either with .gz, .tar.gz, or folders of them.")
    ],
    home: Home = None,
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=64, help="Requests at once.")] = 4,
) -> None:
    """Load FHIR data through the API: Bundles as they are, other resources under their own ids.

    Uses the running platform of this home, or starts one for the time it takes. A file that names records of another file
    (Practitioner?identifier=…) waits until the others are in. What is refused is listed with the reason; the exit code is then 1.
    """
    settings = read_settings(home=home)
    refused = loading.load(settings, paths, parallel)
    raise typer.Exit(1 if refused else 0)


@application.command()
def token(
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="One of: " + ", ".join(ROLES) + ". system may do everything.")],
    home: Home = None,
    subject: Annotated[
        str, typer.Option("--subject", metavar="ID", help="Whom the token stands for, as the audit shows it. Default: the role")
    ] = "",
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The name people are shown. Default: the subject")] = "",
    days: Annotated[float, typer.Option("--days", min=0.001, max=3650, help="How long it is valid.")] = 30,
) -> None:
    """Print a bearer token and nothing else.

    For example:  curl -H "Authorization: Bearer $(xinglin token --role reader)" http://127.0.0.1:8080/fhir/Patient
    """
    held = installation.keys_of(read_settings(home=home))
    print(issue(held, role, subject or role, int(days * DAY_S), name=name))


@application.command("keys")
def look_after_keys(
    action: Annotated[str, typer.Argument(metavar="[" + "|".join(keys.ACTIONS) + "]", help="What to do.")] = "status",
    number: Annotated[int | None, typer.Argument(metavar="[NUMBER]", help="The data key to retire or destroy.")] = None,
    home: Home = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before destroying.")] = False,
) -> None:
    """Show the keys and their ages, or look after them. No key is ever printed.

    status: which there are, and how far the re-sealing is. rotate: make a new data key; the worker then seals everything anew with it,
    while the platform serves. reseal: begin that again. retire N: once nothing is sealed with a key, keep it for older backups only.
    destroy N: delete a retired key for good. master: wrap all keys under a new master key, or under that of the environment.
    """
    keys.look_after(read_settings(home=home), action, number, yes=yes)


@application.command("audit")
def look_after_audit(
    action: Annotated[str, typer.Argument(metavar="[" + "|".join(audit.ACTIONS) + "]", help="What to do.")] = "verify",
    words: Annotated[list[str] | None, typer.Argument(metavar="[FILE|DIR…]", help="Heads, archives, the file to write, a row.")] = None,
    home: Home = None,
    since: Annotated[str, typer.Option("--since", metavar="FILE|SEALS|DAY", help="verify, head: an earlier head. export: a day.")] = "",
    before: Annotated[str, typer.Option("--before", metavar="DAY", help="export, archive: acts before this day.")] = "",
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="witness: who we are.")] = "",
    new_key: Annotated[bool, typer.Option("--new-key", help="witness: the ledger's owner has told us of a new signing key.")] = False,
) -> None:
    """Verify the audit ledger, or look after it. Exit code 1 when anything was changed, removed, put in or reordered.

    verify [HEADS, ARCHIVES]: compute everything again; heads and archives kept elsewhere are further evidence. head [FILE]: the signed
    head, for others to keep. witness FILE: check another ledger's head and sign it. prove ROW: that one row is in the ledger.
    export FILE: acts as FHIR AuditEvents. archive DIR --before DAY: move old rows into verified files. See docs/how-to/audit.md.
    """
    asked = audit.Asked(tuple(words or ()), since, before, name, new_key)
    raise typer.Exit(0 if audit.look_after(read_settings(home=home), action, asked) else 1)


@application.command()
def reset(home: Home = None, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete this installation's database, keys and exports for good. The next `up` starts from nothing."""
    settings = read_settings(home=home)
    if settings.database_url:
        raise typer.BadParameter("The database is not the embedded one: drop it with its own tools.", param_hint="XINGLIN_DATABASE_URL")
    if not yes:
        typer.confirm(f"Delete every record in {settings.home_path}?", abort=True)
    installation.remove(settings)
    say(f"{settings.home_path} is empty.")


@application.command("backup")
def back_up(
    words: Annotated[list[Path], typer.Argument(metavar="[verify] FILE|DIR", help="A new file, or a folder for one named by the time.")],
    home: Home = None,
) -> None:
    """Write a sealed backup while the system serves; `backup verify FILE` reads one to its end and restores nothing.

    It holds the database as it was at one moment and the files of exports and imports, and opens only with the key file, which is
    not in it: keep that in another place. Changed, cut or mixed backups are refused. See docs/how-to/back-up.md.
    """
    settings = read_settings(home=home)
    match words:
        case [one]:
            backup.back_up(settings, one)
        case [Path(name="verify"), file]:
            backup.verify(settings, file)
        case _:
            raise typer.BadParameter("Name one file or folder, or: verify FILE.", param_hint="FILE|DIR")


@application.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup made by `xinglin backup`.")],
    home: Home = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="FILE", help="The key file of the backup. Default: the one in the home folder")
    ] = None,
) -> None:
    """Bring a backup back into an empty home (or an empty database of XINGLIN_DATABASE_URL).

    The backup is read to its end first: a wrong key, a broken file or a home that is not empty is refused before anything is touched.
    Afterwards every table is counted against the backup, and the next `xinglin up` serves it.
    """
    backup.bring_back(read_settings(home=home), file, keys)


@application.command()
def check(home: Home = None) -> None:
    """Look over this installation: versions, database, keys, disk, memory, clock. Exit code 1 when something needs mending."""
    settings = read_settings(home=home)
    raise typer.Exit(0 if doctor.examine(settings) else 1)


@application.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def postgres(
    words: Annotated[list[str], typer.Argument(metavar="PROGRAM ARGUMENTS…", help="psql, pg_dump, pg_restore, pg_basebackup …")],
    home: Home = None,
) -> None:
    """Run one of PostgreSQL's own programs on the embedded database, started for it when it is not running.

    For example:  xinglin postgres pg_dump --format custom --file region.dump
    """
    settings = read_settings(home=home)
    if settings.database_url:
        raise typer.BadParameter("The database is not the embedded one: use its own tools.", param_hint="XINGLIN_DATABASE_URL")
    raise typer.Exit(installation.run_program(settings, words))


@application.command("reference", hidden=True)
def write_reference(folder: Path) -> None:
    """Write the reference pages that are made from the program: settings, commands, roles."""
    for page in reference.write(folder, application):
        say(str(page))
