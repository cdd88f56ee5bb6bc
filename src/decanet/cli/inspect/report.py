"""``decanet inspect report``: every view on one page."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from decanet.cli._shared import Arch, DataDir, Device, Source, console
from decanet.cli.inspect._options import Data, Photograph, Reference, load, load_images, read


def command(
    reference: Reference,
    image: Photograph = None,
    /,
    *,
    out: Annotated[Path | None, Parameter(help="Folder of the page (default: report-NETWORK).")] = None,
    lang: Annotated[Literal["en", "zh"], Parameter(help="Language of headings and explanations.")] = "en",
    data: Data = None,
    arch: Arch = None,
    device: Device = "auto",
    source: Source = "auto",
    data_dir: DataDir = None,
) -> None:
    """Write every view of a network as one HTML page without outside references, to read, send or print.

    Views over a test set take some minutes the first time and are kept. They are left out where the network has no
    test set of its own, and --data gives none.

    For example:

    ```
    decanet inspect report decanet_m
    decanet inspect report decanet_m cat.jpg --lang zh --out report-zh
    decanet inspect report efficientnet_lite0@pypi
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.files import write_text
    from decanet.core.plotting import NO_CHINESE_FONT, figure_language
    from decanet.core.runtime import cache_folder
    from decanet.insight.report import Subject, build
    from decanet.insight.subject import is_untrained

    with ConsoleReport() as report:
        trained = load(reference, arch, device, report)
        seen = read(trained, [image] if image else [])
        where = cache_folder(data_dir)
        own = trained.recipe is not None and not is_untrained(trained)
        images = load_images(trained, data, where, report, source) if own or data is not None else None
        page = build(Subject(trained, reference, seen, images, where, report), lang)
    if figure_language(lang) != lang:
        console(as_json=True).print_line(NO_CHINESE_FONT)
    folder = out or Path(f"report-{Path(reference).name.replace('@', '-')}")
    write_text(folder / "index.html", page)
    console().print_line(f"wrote {folder / 'index.html'}")
