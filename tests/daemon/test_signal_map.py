"""signal_map of a DaemonContext: what cannot be is said before anything forks, while somebody hears it."""

import pytest

from nbmon import DaemonContext
from nbmon.daemon import DaemonError


@pytest.mark.parametrize("number", [9, 19, 0, 99, -1, "SIGTERM", None, 1.5])
def test_what_is_no_signal_that_can_be_handled_is_refused(number):
    with pytest.raises(DaemonError, match="signals that can be handled"):
        DaemonContext(signal_map={number: "terminate"}).open()


@pytest.mark.parametrize("handler", [3, 1.5, [], object()])
def test_what_is_no_handler_is_refused(handler):
    with pytest.raises(DaemonError, match="for signal 15; accepted are None"):
        DaemonContext(signal_map={15: handler}).open()
