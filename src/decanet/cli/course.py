"""``decanet course``: the chapters, as a site, and the checkers of their exercises."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from decanet.cli._shared import DataDir, console

command = App(name="course")
Language = Annotated[Literal["en", "zh"], Parameter(help="Language of the course.")]


@command.default
def site(
    chapter: Annotated[str | None, Parameter(help="Number or name of a chapter to open.")] = None,
    /,
    *,
    lang: Language = "en",
    run: Annotated[
        bool,
        Parameter(
            negative=(), help="Run the chapter's commands again here, and show what they print and draw."
        ),
    ] = False,
    out: Annotated[Path | None, Parameter(help="Folder of the site (default: in the cache).")] = None,
    open_: Annotated[bool, Parameter(name="--open", help="Open it in the browser.")] = True,
    data_dir: DataDir = None,
) -> None:
    """Build the course as a site that opens from the disk, and open it.

    For example:

    ```
    decanet course
    decanet course 3 --lang zh
    decanet course edges --run
    decanet course --out site --no-open
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.runtime import cache_folder
    from decanet.course.recorded_runs import record
    from decanet.course.site import build
    from decanet.course.source import load_chapter, load_chapters

    wanted = load_chapter(chapter, lang) if chapter else None
    folder = out or cache_folder(data_dir) / "course" / lang
    if run:
        with ConsoleReport() as report:
            record([wanted] if wanted else load_chapters(lang), report)
    first = build(folder, lang)
    page = folder / wanted.file if wanted else first
    console().print_line(f"wrote {page}")
    if open_:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


@command.command(name="list")
def list_(*, lang: Language = "en") -> None:
    """List the chapters and their questions.

    For example:

    ```
    decanet course list
    decanet course list --lang zh
    ```
    """
    from decanet.cli._shared import table
    from decanet.course.source import load_chapters

    rows = [
        {"chapter": f"{c.number}", "name": c.name, "title": c.title, "question": c.question}
        for c in load_chapters(lang)
    ]
    table(rows, right=("chapter",))


@command.command
def notebooks(
    folder: Annotated[Path, Parameter(help="Folder of the notebooks.")] = Path("notebooks"),
    /,
    *,
    lang: Language = "en",
) -> None:
    """Write every chapter as a Jupyter notebook, whose cells run its commands.

    For example:

    ```
    decanet course notebooks
    decanet course notebooks my-notebooks --lang zh
    ```
    """
    from decanet.course.notebooks import write_notebooks

    written = write_notebooks(folder, lang)
    console().print_line(f"wrote {len(written)} notebooks into {folder}")


@command.command
def check(
    exercise: Annotated[str, Parameter(help="Name of an exercise, as the chapter states it.")],
    answer: Annotated[str, Parameter(help="Your answer: a number.", allow_leading_hyphen=True)],
    /,
    *,
    lang: Language = "en",
) -> None:
    """Check the answer to an exercise; a wrong one is told why.

    For example:

    ```
    decanet course check edges 54
    decanet course check echo -0.2 --lang zh
    ```
    """
    from decanet.course.exercises import check as check_answer

    console().print_line(check_answer(exercise, answer, lang).explanation)
