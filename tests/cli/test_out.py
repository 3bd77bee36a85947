"""What is printed: aligned text or documents on standard output, all that is said about it on standard error."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest

from milepost.cli.errors import VerbError
from milepost.cli.importing import bar
from milepost.cli.out import Out, clean, width
from milepost.cli.progress import progress
from milepost_contracts.answers import Problem, Warn

ESCAPE = "\x1b[31mred\x1b[0m"


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def printed(*, as_json: bool = False, stream: type[io.StringIO] = io.StringIO) -> tuple[Out, io.StringIO, io.StringIO]:
    """Return an Out with its two streams."""
    out, err = stream(), stream()
    return Out(as_json=as_json, stdout=out, stderr=err), out, err


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (ESCAPE, "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}[0m"),
        ("a\nb\tc\rd", "a b c d"),
        ("pay \u202e001 EUR", "pay \N{REPLACEMENT CHARACTER}001 EUR"),
        ("lone \ud800", "lone \N{REPLACEMENT CHARACTER}"),
        ("naïve 日本 👩‍🚀", "naïve 日本 👩‍🚀"),
    ],
)
def test_words_do_nothing_to_a_terminal(words: str, shown: str) -> None:
    """Control characters in what others wrote are made visible; scripts and emoji stay."""
    assert clean(words) == shown


def test_wide_characters_are_counted_as_two() -> None:
    """Columns stay aligned where characters take two columns, or none."""
    assert (width("ab"), width("日本"), width("e\u0301")) == (2, 4, 1)


def test_a_table_without_a_terminal() -> None:
    """Elsewhere than on a terminal a table is aligned text without colours; columns with nothing in them go."""
    out, stdout, _ = printed()
    out.table(("name", "empty", "what"), [["日本", "", "one"], ["b", "", ESCAPE]])
    assert (
        stdout.getvalue()
        == "NAME  WHAT\n日本  one\nb     \N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}[0m\n"
    )


def test_a_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a table is drawn in colours; people's words are no markup there."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    out, stdout, _ = printed(stream=Terminal)
    out.table(("title", "health"), [["[red]not markup[/red]", "at_risk"]])
    assert "[red]not markup[/red]" in stdout.getvalue()
    assert "\x1b[" in stdout.getvalue()


def test_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short values stay in one piece, long ones go on below, and what can be spared is left out."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    out, stdout, _ = printed(stream=Terminal)
    columns = ("goal", "title", "deadline", "next")
    out.table(columns, [["a1b2c3d4", "Give a talk at the town hall", "2027-01-31", "2027-01-15"]], spare="next")
    assert "2027-01-31" in stdout.getvalue()
    assert "2027-01-15" not in stdout.getvalue()
    assert max(map(len, stdout.getvalue().splitlines())) <= 40
    assert len(stdout.getvalue().splitlines()) > 2


def test_no_colours_where_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR is respected, by tables, headings and errors."""
    monkeypatch.setenv("NO_COLOR", "1")
    out, stdout, stderr = printed(stream=Terminal)
    out.heading("Heading")
    out.table(("title", "health"), [["x", "at_risk"]])
    out.error(VerbError(1, "refused", [Problem(code="code", message="Message.")]))
    assert "\x1b" not in stdout.getvalue() + stderr.getvalue()


def test_nothing_to_list_is_said_beside_the_data() -> None:
    """An empty list prints no data."""
    out, stdout, stderr = printed()
    out.table(("a",), [], empty="No goals.")
    assert (stdout.getvalue(), stderr.getvalue()) == ("", "No goals.\n")


def test_values_of_many_lines_stay_below_their_name() -> None:
    """Prose keeps its lines, indented; what is empty is left out."""
    out, stdout, _ = printed()
    out.pairs([("about", "one\ntwo"), ("empty", ""), ("id", "7")])
    assert stdout.getvalue() == "about  one\n       two\nid     7\n"


def test_an_error_tells_code_field_and_details() -> None:
    """Errors go to standard error with the code, the field, what to do, and the details that help."""
    out, stdout, stderr = printed()
    problem = Problem(code="quorum_missing", field="revision", message="Ask.", details={"missing": ["ben"], "none": []})
    out.error(VerbError(1, "refused", [problem], hint="Do this."))
    assert stdout.getvalue() == ""
    assert stderr.getvalue() == "refused: quorum_missing (revision): Ask.\n  missing: ben\nDo this.\n"


def test_an_error_as_a_document() -> None:
    """With --json an error is a document too, and standard output stays empty."""
    out, stdout, stderr = printed(as_json=True)
    out.error(VerbError(1, "refused", [Problem(code="code", message="Message.")]))
    assert stdout.getvalue() == ""
    expected = {"status": "refused", "errors": [{"code": "code", "message": "Message."}]}
    assert msgspec.json.decode(stderr.getvalue()) == expected


def test_warnings_are_no_data() -> None:
    """Warnings go to standard error; with --json they are part of the document and not said twice."""
    warning = Warn(code="backdated", message="Long ago.", field="on")
    out, stdout, stderr = printed()
    out.warnings([warning])
    assert (stdout.getvalue(), stderr.getvalue()) == ("", "warning: backdated (on): Long ago.\n")
    quiet, _, silent = printed(as_json=True)
    quiet.warnings([warning])
    assert silent.getvalue() == ""


def test_documents_are_one_line_for_programs() -> None:
    """A document is one line elsewhere than on a terminal, and indented for a person."""
    out, stdout, _ = printed()
    out.document({"b": 1, "a": [2]})
    assert stdout.getvalue() == '{"b":1,"a":[2]}\n'
    shown, terminal, _ = printed(stream=Terminal)
    shown.document({"b": 1})
    assert terminal.getvalue() == '{\n  "b": 1\n}\n'


def test_colours_need_a_terminal() -> None:
    """A pipe gets no escape sequences, whatever the environment says."""
    out, stdout, _ = printed()
    out.heading("Heading")
    assert stdout.getvalue() == "\nHeading\n"


def test_long_work_shows_a_bar_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How far it is: in steps, or in the bytes of a file; elsewhere nothing is shown."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    out, _, stderr = printed(stream=Terminal)
    with progress(out, "Filling") as advance:
        advance(3, 7)
    assert "Filling" in stderr.getvalue()
    assert "3/7" in stderr.getvalue()
    path = tmp_path / "lines"
    path.write_bytes(b"x" * 2048)
    with path.open("rb") as file, bar(out, file) as more:
        more(1024)
    assert "1.0/2.0 kB" in stderr.getvalue()
    silent, _, quiet = printed()
    with progress(silent, "Filling") as advance, path.open("rb") as file, bar(silent, file) as more:
        advance(1, 2)
        more(1)
    assert quiet.getvalue() == ""


def test_text_is_printed_as_it_is() -> None:
    """For a file text comes out byte for byte; on a terminal it does nothing to it and ends its line."""
    out, file, _ = printed()
    out.text("a\r\n\x1b[2Jb")
    assert file.getvalue() == "a\r\n\x1b[2Jb"
    out, terminal, _ = printed(stream=Terminal)
    out.text("a\n\x1b[2Jb")
    assert terminal.getvalue() == "a\n\N{REPLACEMENT CHARACTER}[2Jb\n"
