"""What it costs to log a product."""

from tito.tracing.logging_cost import seconds_of_a_product


def test_logging_a_product_takes_time_and_is_measured_once() -> None:
    seconds = seconds_of_a_product()
    assert 0 < seconds < 1
    assert seconds_of_a_product() == seconds
