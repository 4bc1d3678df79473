"""What waits to be sent is bounded, whatever comes."""

from __future__ import annotations

from leadsman_serving.outbox.ring import Ring
from leadsman_serving.payloads.event import Exchange, Payload


def exchange(number: int, size: int = 10) -> Exchange:
    """One with bodies of this size together."""
    request = Payload.of(b"x" * size, "", 0.0, size)
    return Exchange(str(number), "", "/predict", 200, request, Payload.of(b"", "", 0.0, 0))


def ids(taken: list[Exchange]) -> list[int]:
    """The numbers of exchanges."""
    return [int(one.request_id) for one in taken]


def test_what_was_put_is_taken_in_its_order() -> None:
    """In one batch, when it came in one."""
    ring: Ring[Exchange] = Ring()
    assert all(ring.put(exchange(number)) for number in range(3))

    assert ids(ring.take()) == [0, 1, 2]
    assert len(ring) == 0


def test_a_full_ring_takes_nothing_more_until_there_is_room() -> None:
    """Whoever puts learns at once that there is none."""
    ring: Ring[Exchange] = Ring(most=2)

    assert [ring.put(exchange(number)) for number in range(3)] == [True, True, False]
    ring.take()
    assert ring.put(exchange(4))


def test_large_bodies_fill_a_ring_too() -> None:
    """A few of them must not take the memory of many small ones."""
    ring: Ring[Exchange] = Ring(most_bytes=100)

    assert [ring.put(exchange(number, size=40)) for number in range(3)] == [True, True, False]
    ring.take()
    assert ring.put(exchange(4, size=100))


def test_batches_are_of_a_size_that_a_sink_can_take() -> None:
    """Many are sent in several posts, in number and in bytes."""
    ring: Ring[Exchange] = Ring()
    for number in range(100):
        ring.put(exchange(number))
    assert [len(ring.take()), len(ring.take())] == [64, 36]

    for number in range(3):
        ring.put(exchange(number, size=600_000))
    assert [ids(ring.take()), ids(ring.take())] == [[0, 1], [2]]


def test_a_closed_ring_gives_the_rest_and_then_nothing() -> None:
    """That is how the thread learns that all was sent."""
    ring: Ring[Exchange] = Ring()
    ring.put(exchange(1))
    ring.close()

    assert not ring.put(exchange(2))
    assert ids(ring.take()) == [1]
    assert ring.take() == []
