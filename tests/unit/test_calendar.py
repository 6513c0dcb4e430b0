"""The calendar against a naive one that looks at every second."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rackless.model.calendar import ALWAYS, Amounts, Span, Stay
from rackless.planning.calendar import Calendar

CAPACITY = Amounts(memory=10, processors=6)
HORIZON = 60


def stays() -> st.SearchStrategy[list[Stay]]:
    amounts = st.builds(Amounts, memory=st.integers(0, 7), processors=st.integers(0, 5))
    span = st.builds(lambda a, n: Span(begins=a, ends=a + n), st.integers(0, 25), st.integers(0, 12) | st.just(ALWAYS))
    return st.lists(st.builds(Stay, sandbox=st.just("lab"), span=span, amounts=amounts), max_size=8)


def naive_fits(booked: list[Stay], wanted: Amounts, second: int) -> bool:
    memory = sum(stay.amounts.memory for stay in booked if stay.span.begins <= second < stay.span.ends)
    processors = sum(stay.amounts.processors for stay in booked if stay.span.begins <= second < stay.span.ends)
    return memory + wanted.memory <= CAPACITY.memory and processors + wanted.processors <= CAPACITY.processors


@given(stays(), st.integers(0, 10), st.integers(0, 6), st.integers(0, 30), st.integers(1, 15))
def test_fits_and_earliest_agree_with_looking_at_every_second(
    booked: list[Stay], memory: int, processors: int, after: int, length: int
) -> None:
    calendar, wanted = Calendar(CAPACITY, booked), Amounts(memory=memory, processors=processors)
    fits = [naive_fits(booked, wanted, second) for second in range(HORIZON + 20)]
    short = [second for second in range(after, after + length) if not fits[second]]
    found = calendar.shortage(wanted, Span(begins=after, ends=after + length))
    assert (found.at if found else None) == (short[0] if short else None)
    first = next((a for a in range(after, HORIZON) if all(fits[a : a + length])), None)
    assert calendar.earliest(wanted, length, after) == first


def test_a_stay_without_an_end_is_never_over() -> None:
    calendar = Calendar(CAPACITY, [Stay(sandbox="lab", span=Span(begins=5), amounts=Amounts(memory=8))])
    assert calendar.shortage(Amounts(memory=3), Span(begins=0, ends=5)) is None
    assert calendar.earliest(Amounts(memory=3), 10, 0) is None
    assert calendar.earliest(Amounts(memory=3), 5, 0) == 0


def test_a_shortage_says_how_much_of_what() -> None:
    calendar = Calendar(CAPACITY, [Stay(sandbox="lab", span=Span(begins=5, ends=9), amounts=Amounts(memory=8))])
    found = calendar.shortage(Amounts(memory=3), Span(begins=0, ends=20))
    assert (str(found), found.at if found else 0) == ("3 MiB of memory are wanted, and 2 are free", 5)


def test_what_is_more_than_there_is_never_fits() -> None:
    assert Calendar(CAPACITY, []).earliest(Amounts(processors=7), 1, 0) is None
