"""Signals: the first asks, the second stops, and nothing cuts a checkpoint short."""

import signal
import threading

import pytest

from xattn.training.interrupt import SIGNALS, Interruption


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_asks_and_the_second_stops(number, capfd):
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert not interruption.asked
        signal.raise_signal(number)
        assert interruption.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) == before
    assert capfd.readouterr().err.count("stopping after this step") == 1


def test_nothing_stops_what_is_held():
    with Interruption() as interruption:
        with interruption.held():
            for _ in range(3):
                signal.raise_signal(signal.SIGINT)
        assert interruption.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_thread_changes_no_handlers():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def enter():
        with Interruption():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [before]
