"""The command line, `xinglin`: starts and supervises a whole installation, loads data into it, and looks after it."""


def main() -> None:
    """The program's entry."""
    from xinglin.doors.cli.program import program  # late: a started child needs none of it

    program()
