"""Templates into pages: one environment for each language, whole pages or the one block an htmx request asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from xinglin.kit.charts import spark_points
from xinglin.kit.i18n import LANGUAGES, Catalogue, Phrase, in_language
from xinglin.kit.times import clock_of, exactly, said

HERE = Path(__file__).parent
KIT = Path(__file__).parents[2] / "kit"


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders in one language. Templates: `kit/…`, `web/…` and `<capability>/…`."""

    environment: Environment
    catalogue: Catalogue

    def page(self, template: str, values: Mapping[str, object], block: str | None = None) -> str:
        """The page, or only a block of it when the template has one of that name."""
        found = self.environment.get_template(template)
        macros = self.environment.get_template("kit/macros.html").make_module(dict(values))
        told = dict(values) | {"ui": macros}
        if block and block in found.blocks:
            return "".join(found.blocks[block](found.new_context(told)))
        return found.render(told)


def renderers(
    catalogues: Mapping[str, Catalogue], folders: Mapping[str, Path], timezone: ZoneInfo, static_prefix: str
) -> Mapping[str, Renderer]:
    """Language -> renderer. `folders`: capability name -> its folder."""
    return {
        language: Renderer(_environment(catalogues[language], folders, timezone, static_prefix), catalogues[language])
        for language in LANGUAGES
    }


def _environment(catalogue: Catalogue, folders: Mapping[str, Path], timezone: ZoneInfo, static_prefix: str) -> Environment:
    environment = Environment(
        loader=_loader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(t=catalogue.say, language=catalogue.language, languages=LANGUAGES, static=partial(_static, static_prefix))
    environment.filters.update(
        name=partial(_name, catalogue),
        when=partial(_when, catalogue, timezone),
        exact=partial(exactly, timezone=timezone),
        clock=partial(clock_of, timezone=timezone),
        spark=spark_points,
    )
    return environment


def _loader(folders: Mapping[str, Path]) -> BaseLoader:
    rooms: dict[str, BaseLoader] = {name: FileSystemLoader(folder / "templates") for name, folder in folders.items()}
    return ChoiceLoader([PrefixLoader(rooms | {"web": FileSystemLoader(HERE / "templates")}), FileSystemLoader(KIT / "templates")])


def locale_folders(folders: Iterable[Path]) -> Sequence[Path]:
    """Every folder that may hold a `locale/`: kit, this door, the capabilities."""
    return (KIT, HERE, *folders)


def _static(prefix: str, path: str) -> str:
    return f"{prefix}/{path}"


def _name(catalogue: Catalogue, names: Sequence[str] | Phrase) -> str:
    if isinstance(names, Phrase):
        return catalogue.say(names)
    return in_language(catalogue.language, names) or catalogue.say("Not named")


def _when(catalogue: Catalogue, timezone: ZoneInfo, text: str | None, now: datetime) -> str:
    told = said(text, now, timezone)
    return catalogue.say(told) if isinstance(told, Phrase) else told
