"""From a chapter's Markdown to HTML: formulas as MathML, commands with their output, code from the source."""

import ast
import base64
import html
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

from latex2mathml import converter
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from decanet.core.texts import Texts
from decanet.course import recorded_runs
from decanet.course.numbers import number
from decanet.course.source import KINDS, Block, Chapter, parse_block

PACKAGE = "decanet.course"
EXPLORER = "explorer"  # folder of the widgets, beside the chapters


def render(chapter: Chapter) -> str:
    """Return the body of a chapter as HTML."""
    return _Renderer(chapter.language).markdown(chapter.body)


def quoted(name: str) -> str:
    """Return the source of ``MODULE:NAME`` without its docstrings: the chapter explains what they say."""
    module, _, attribute = name.partition(":")
    source = textwrap.dedent(inspect.getsource(getattr(importlib.import_module(module), attribute)))
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            text = node.body[0]
            assert text.end_lineno is not None
            end = text.end_lineno + (text.end_lineno < len(lines) and not lines[text.end_lineno].strip())
            for number in range(text.lineno - 1, end):
                lines[number] = "\0"
    return "\n".join(line for line in lines if line != "\0")


def slug(title: str) -> str:
    """Return the id of a section from its title."""
    return re.sub(r"\W+", "-", title.lower()).strip("-")


class _Renderer:
    def __init__(self, language: str) -> None:
        self.texts = Texts(PACKAGE, language)
        self.language = language
        self.predictions = 0
        self.md = MarkdownIt("commonmark", {"html": False}).enable("table")
        self.md.use(dollarmath_plugin, renderer=_formula)
        self.md.add_render_rule("fence", lambda _, tokens, index, *__: self.fence(tokens[index]))
        self.md.add_render_rule("heading_open", self.heading)
        self.md.add_render_rule("table_open", self.table)
        self.md.add_render_rule("table_close", lambda *_: "</table></div>\n")

    def markdown(self, text: str) -> str:
        """Return Markdown as HTML, its numbers filled in."""
        filled = re.sub(r"\{\{([\w.#-]+)\}\}", lambda match: number(match[1]), text)
        # The page's policy allows no inline styles, by which Markdown aligns columns.
        return str(self.md.render(filled)).replace('style="text-align:right"', 'class="number"')

    def heading(self, tokens: Any, index: int, *_: Any) -> str:
        """A heading with an id, so that search and links reach its section."""
        title = tokens[index + 1].content
        return f'<{tokens[index].tag} id="{html.escape(slug(title))}">'

    def table(self, tokens: Any, index: int, *_: Any) -> str:
        """A table that scrolls where it is too wide; its columns name it for those who cannot see it."""
        end = next(at for at in range(index, len(tokens)) if tokens[at].type == "thead_close")
        label = ", ".join(token.content for token in tokens[index:end] if token.type == "inline")
        return f'<div class="table" role="region" tabindex="0" aria-label="{html.escape(label)}"><table>'

    def fence(self, token: Any) -> str:
        """A block of the chapter, or plain code."""
        kind, _, name = token.info.partition(" ")
        if kind not in KINDS:
            return f'<pre tabindex="0"><code>{html.escape(token.content)}</code></pre>\n'
        kinds: dict[str, Callable[[Block], str]] = {
            "run": self.run, "predict": self.predict, "quote": self.quote, "widget": self.widget,
            "exercise": self.exercise,
        }  # fmt: skip
        return kinds[kind](parse_block(kind, name.strip(), token.content))

    def run(self, block: Block) -> str:
        """The commands, what they print, and the figure."""
        commands = html.escape("\n".join(recorded_runs.command_lines(block)))
        parts = [f'<pre class="command" tabindex="0"><code>{commands}</code></pre>']
        if printed := recorded_runs.output(block):
            parts.append(f'<pre class="output" tabindex="0"><code>{html.escape(printed)}</code></pre>')
        drawn = recorded_runs.figure(block)
        if drawn is not None:
            source = f"data:image/png;base64,{base64.b64encode(drawn).decode()}"
            caption = self.md.renderInline(block.fields["caption"])
            alt = html.escape(block.fields["alt"])
            parts.append(
                f'<figure><img src="{source}" alt="{alt}"><figcaption>{caption}</figcaption></figure>'
            )
        return "\n".join(parts) + "\n"

    def predict(self, block: Block) -> str:
        """A question whose answer appears when the reader has chosen."""
        self.predictions += 1
        above, _, answer = "\n".join(block.lines).partition("\n---\n")
        question = "\n".join(line for line in above.splitlines() if not line.startswith("- "))
        options = [line[2:] for line in above.splitlines() if line.startswith("- ")]
        name = f"predict{self.predictions}"
        choices = "".join(
            f'<label><input type="radio" name="{name}"> {self.md.renderInline(option)}</label>'
            for option in options
        )
        return (
            f'<div class="predict"><fieldset><legend>{html.escape(self.texts("predict.title"))}</legend>'
            f"{self.markdown(question)}{choices}</fieldset>"
            f'<div class="answer">{self.markdown(answer)}</div></div>\n'
        )

    def quote(self, block: Block) -> str:
        """Source code as it runs."""
        where = html.escape(self.texts("quote.title", name=block.name.replace(":", ".")))
        source = html.escape(quoted(block.name))
        return (
            f'<figure class="source"><figcaption>{where}</figcaption>'
            f'<pre tabindex="0"><code>{source}</code></pre></figure>\n'
        )

    def widget(self, block: Block) -> str:
        """A page of the explorer in a frame; it is loaded when the reader comes near."""
        address = f"{EXPLORER}/index.html#lang={self.language}"
        caption = self.md.renderInline(" ".join(block.lines))
        title = html.escape(re.sub(r"<[^>]+>", "", caption))
        whole = html.escape(self.texts("widget.whole"))
        return (
            f'<figure class="widget"><iframe src="{address}&amp;only&amp;/{block.name}" title="{title}" loading="lazy">'
            f'</iframe><figcaption>{caption} <a href="{address}&amp;/{block.name}">{whole}</a></figcaption></figure>\n'
        )

    def exercise(self, block: Block) -> str:
        """A task and the command that checks the answer."""
        task = self.markdown("\n".join(block.lines))
        command = html.escape(f"decanet course check {block.name} ANSWER")
        return (
            f'<aside class="exercise"><p><strong>{html.escape(self.texts("exercise.title"))}</strong></p>{task}'
            f'<pre class="command" tabindex="0"><code>{command}</code></pre></aside>\n'
        )


def _formula(tex: str, options: dict[str, Any]) -> str:
    return str(converter.convert(tex, display="block" if options["display_mode"] else "inline"))
