"""A legacy call wherever Python lets an expression stand: rewritten or noted, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from onehttp_compat.migration.rewrite.rewriting import FileRewrite, rewrite
from onehttp_compat.migration.scanning import scan

CALL = "KSR.http_client.query(URL, '$var(x)')"
IN = 'KSR.http_client.query("http://h/" + str(<>), "$var(y)")'
NESTED = (IN.replace("<>", f"<> + {IN}"), f"x = {IN}", f"if {IN} == 200: pass", f"f({IN}, <>)")
HEAD = "import KSR\n\nURL = 'http://h/'\n"
PLACES = (
    "if <>: pass", "if 1: <>\nelif <>: pass\nelse: <>", "while <>: pass", "while 1: <>\nelse: <>",
    "for i in f(<>): pass", "for i in (): <>\nelse: <>", "with f(<>) as g: pass",
    "with f() as h, f(<>): <>", "with (f() as h, f(<>)): pass", "match <>:\n    case 1: pass",
    "match 1:\n    case 1 if <>: pass", "match 1:\n    case 1: <>",
    "match 1:\n    case 1:\n        <>\n    case 2: pass", "try: <>\nexcept ValueError: pass",
    "try: pass\nexcept f(<>): pass", "try: pass\nexcept A: pass\nelse: <>\nfinally: <>",
    "try: pass\nexcept* f(<>): pass", "try: <>\nexcept* A: <>", "class A(f(<>)): pass",
    "class A: x = <>", "@f(<>)\ndef g(): pass", "@f(<>)\nclass B: pass", "def g(a=<>): pass",
    "def g(a: <>) -> <>: pass", "def g(): return <>", "async def g(): await f(<>)",
    "async def g():\n    async with f(<>): pass\n    async for i in f(<>): pass",
    "async def g(): return [i async for i in f(<>)]", "def g(): yield <>",
    "def g(): x = yield from f(<>)", "type X = <>", "def g[T: <>](): pass", "x = lambda a=<>: <>",
    "assert <>, <>", "raise f(<>) from <>", "del f(<>).x", "x = y = <>", "x, y = <>, 1",
    "x: int = <>", "x += <>", "x[<>] = <>", "global q; q = <>", 'x = f"{<>}"',
    "x = [<> for i in f(<>) if <>]", "x = {<>: <> for i in f()}", "x = {1: <>, **f(<>)}",
    "x = (<> if <> else <>)", "x = <> and <>", "x = not <>", "x = 1 < <> < 3", "x = <> in (1, 2)",
    "print(<>, <>)", "<>; <>", "x = <>; y = 1", "import a; <>", "x = (y := <>)",
    "if (x := <>) and <>: pass", "f(*<>, **<>)", "x = <>.real[<>]", "<>  # why", "(<>)",
    "x = (\n    <>  # why\n)", "x = -<>", "x = f(<>)(1)", "f(a)(<>)", "x = [*f(<>)]",
)  # fmt: skip


@pytest.mark.parametrize("is_inside", [False, True], ids=["module", "function"])
@pytest.mark.parametrize("place", [*PLACES, *NESTED])
def test_a_call_is_rewritten_or_noted_once(tmp_path: Path, place: str, is_inside: bool) -> None:
    text = place.replace("<>", CALL)
    if is_inside:
        text = "def route(msg):\n" + "\n".join(f"    {line}" for line in text.split("\n"))
    source = f"{HEAD}# before\n{text}\n"
    try:
        compile(source, "script.py", "exec")
    except SyntaxError as error:
        pytest.skip(f"this Python: {error.msg}")
    script = tmp_path / "script.py"
    script.write_text(source)
    (first,) = rewrite([script])
    assert isinstance(first, FileRewrite), first
    sites = place.count("<>") + place.count("KSR.")
    assert len(first.done) + len(first.left) == len(scan([script]).sites) == sites
    compile(first.after, "script.py", "exec")
    assert first.after.count("# before\n") == 1
    script.write_text(first.after)
    (second,) = rewrite([script])
    assert isinstance(second, FileRewrite), second
    assert second.after == first.after
    assert second.done == []


def test_a_call_among_the_arguments_of_another_goes_with_it(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"{HEAD}# why\n{IN.replace('<>', IN.replace('<>', CALL))}\n")
    (made,) = rewrite([script])
    assert isinstance(made, FileRewrite)
    assert (len(made.done), made.left) == (3, [])
    assert "# onehttp:" not in made.after
    assert made.after.count("onehttp.request(") == 3
