"""`ftctl graph` as people and tools read it."""

from pathlib import Path
from xml.etree import ElementTree as ET

GATES = str(Path(__file__).parents[2] / "examples" / "gates")
STACKS = str(Path(__file__).parents[2] / "examples" / "two-stacks")


def test_mermaid_and_dot(ftctl, golden):
    said = [ftctl("graph", GATES), ftctl("graph", STACKS), ftctl("graph", STACKS, "-o", "dot")]
    assert [one.code for one in said] == [0, 0, 0]
    golden("graph", "\n".join(one.out for one in said))


def test_svg_draws_every_declaration(ftctl):
    said = ftctl("graph", STACKS, "-o", "svg")
    titles = {one.text for one in ET.fromstring(said.out).iter("{http://www.w3.org/2000/svg}title")}
    assert titles >= {"job/returns", "deployment/returns", "roleAssignment/engineers-train"}


def test_a_broken_spec_is_told_as_everywhere(ftctl, project):
    (project / "bad.yaml").write_text("stack: []\n", encoding="utf-8")
    said = ftctl("graph", "bad.yaml")
    assert (said.code, said.out) == (65, "")
    assert "bad.yaml:1:" in said.err
