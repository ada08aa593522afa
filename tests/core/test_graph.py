"""The graph of a stack: what it says of order, and what its pictures show."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from ftctl.core.graph import graph_of
from ftctl.core.model import Address, Resource
from ftctl.render.graph import dot, mermaid
from ftctl.render.svg_graph import svg


@st.composite
def stacks(draw):
    """Declarations, each naming some of those before it."""
    addresses = [Address("thing", f"n{number}") for number in range(draw(st.integers(1, 9)))]
    return [
        Resource(one, None, tuple(draw(st.lists(st.sampled_from(addresses[:index]), unique=True)) if index else ()))
        for index, one in enumerate(addresses)
    ]


def reached(edges, start):
    found, left = set(), [start]
    while left:
        node = left.pop()
        more = {to for source, to in edges if source == node} - found
        found |= more
        left += more
    return found


@given(stacks())
def test_an_edge_is_left_out_only_where_others_lead_there(resources):
    whole = [(source, one.address) for one in resources for source in one.references]
    graph = graph_of("s", resources, {})
    for one in resources:
        assert reached(graph.edges, one.address) == reached(whole, one.address)
    for edge in graph.edges:
        assert edge[1] not in reached([other for other in graph.edges if other != edge], edge[0])


@given(stacks())
def test_every_arrow_leads_to_the_right(resources):
    graph = graph_of("s", resources, {})
    layer = {node: number for number, layer in enumerate(graph.layers()) for node in layer}
    assert set(layer) == {one.address for one in resources}
    assert all(layer[source] < layer[to] for source, to in graph.edges)


def test_kinds_wait_for_kinds_that_no_declaration_names():
    role, data = Resource(Address("role", "r"), None), Resource(Address("data", "d"), None)
    assert graph_of("s", [data, role], {"data": ("role",)}).edges == ((role.address, data.address),)


def test_names_cannot_break_out_of_what_is_drawn():
    nasty = Resource(Address("job", 'a"]; end <b>&#\x1b[31m'), None)
    graph = graph_of('st"ack', [nasty], {})
    assert mermaid([graph, graph]).count('"') == 2 * 2 + 2 * 2  # around each label, and none inside
    assert "\x1b" not in mermaid([graph]) + dot([graph]) + svg([graph])
    texts = [one.text for one in ET.fromstring(svg([graph])).iter("{http://www.w3.org/2000/svg}text")]
    assert 'st"ack' in texts
    assert any('a"]; end <b>&#' in text for text in texts)


def test_a_thing_is_marked_by_what_happens_to_it():
    one = Resource(Address("deployment", "prod"), None)
    drawn = svg([graph_of("s", [one], {})], {one.address: ("re-point", "change")})
    assert "deployment: re-point" in drawn
    assert 'class="box change"' in drawn


def test_nothing_declared_is_an_empty_picture():
    assert ET.fromstring(svg([graph_of("s", [], {})])) is not None
