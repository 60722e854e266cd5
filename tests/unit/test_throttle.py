"""How many failures an address has, as time goes by."""

from ipaddress import ip_address

from webhookd.web.clients import BURST, MOST_ADDRESSES, PER_FAILURE, Throttle

ALICE, BOB = ip_address("192.0.2.1"), ip_address("192.0.2.2")


def test_a_burst_of_failures_is_borne_and_the_next_one_is_too_many() -> None:
    throttle = Throttle()
    assert [throttle.fail(ALICE, now=0.0) for _ in range(BURST)] == [0] * BURST
    assert throttle.fail(ALICE, now=0.0) == PER_FAILURE


def test_an_address_that_waits_as_long_as_it_is_told_may_fail_again() -> None:
    throttle = Throttle()
    for _ in range(BURST + 5):
        seconds = throttle.fail(ALICE, now=0.0)
    assert throttle.fail(ALICE, now=seconds - 0.5) > 0
    assert throttle.fail(ALICE, now=2 * seconds) == 0


def test_failures_are_forgotten_one_by_one() -> None:
    throttle = Throttle()
    for _ in range(BURST):
        throttle.fail(ALICE, now=0.0)
    assert [throttle.fail(ALICE, now=2 * PER_FAILURE) > 0 for _ in range(3)] == [False, False, True]


def test_a_steady_sender_of_few_failures_never_has_too_many() -> None:
    throttle = Throttle()
    assert not any(throttle.fail(ALICE, now=number * PER_FAILURE) for number in range(1000))


def test_a_long_flood_is_not_held_against_an_address_for_longer_than_a_short_one() -> None:
    throttle = Throttle()
    for _ in range(100_000):
        throttle.fail(ALICE, now=0.0)
    assert throttle.fail(ALICE, now=2 * PER_FAILURE) == 0


def test_addresses_are_counted_each_by_itself() -> None:
    throttle = Throttle()
    for _ in range(BURST + 1):
        throttle.fail(ALICE, now=0.0)
    assert throttle.fail(BOB, now=0.0) == 0


def test_a_network_of_ipv6_is_one_address() -> None:
    throttle = Throttle()
    for host in range(BURST):
        throttle.fail(ip_address(f"2001:db8::{host:x}"), now=0.0)
    assert throttle.fail(ip_address("2001:db8::ffff:1"), now=0.0) > 0
    assert throttle.fail(ip_address("2001:db8:0:1::1"), now=0.0) == 0


def test_an_address_of_ipv4_is_not_taken_for_one_of_ipv6() -> None:
    throttle = Throttle()
    for _ in range(BURST + 1):
        throttle.fail(ip_address("0.0.0.1"), now=0.0)
    assert throttle.fail(ip_address("0:0:0:1::"), now=0.0) == 0


def test_memory_is_bounded_and_those_who_failed_last_are_remembered() -> None:
    throttle = Throttle()
    for _ in range(BURST + 1):
        throttle.fail(ALICE, now=0.0)
    for number in range(MOST_ADDRESSES - 1):
        throttle.fail(ip_address(0x0A000000 + number), now=0.0)
    assert len(throttle) == MOST_ADDRESSES
    assert throttle.fail(ALICE, now=0.0) > 0
    for number in range(MOST_ADDRESSES):
        throttle.fail(ip_address(0x0B000000 + number), now=0.0)
    assert len(throttle) == MOST_ADDRESSES
    assert throttle.fail(ALICE, now=0.0) == 0
