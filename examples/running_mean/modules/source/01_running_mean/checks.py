"""What each graded cell asks, with inputs that only the judge tries; never released.

Sums are compared with those of fractions, which have no error.
"""

from fractions import Fraction

import numpy as np

from tinytorch.utils.checking import CheckFailure
from tito.conditions import Check, Share
from tito.conditions.expect import expect_returned, found

__all__ = ["CHECKS"]

CLOSE = 1e-12  # relative to the largest number; a mean of some hundred is a hundred times closer


def averages(call, rng, cases=((5, 2), (5, 5), (4, 1))):
    """Each mean is that of its window."""
    for n, window in cases:
        x = rng.normal(3, 2, n)
        text = f"{call.__name__}(x, window={window}) for {n} numbers"
        means = numbers(call(x, window=window), call, text, (n - window + 1,))
        exact = [float(sum(map(Fraction, x[i : i + window])) / window) for i in range(len(means))]
        wrong = np.flatnonzero(~(np.abs(means - exact) <= CLOSE * np.abs(x).max()))
        if wrong.size:
            at = wrong[0]
            fact = f"{text}: mean {at} is {means[at]:.6g}, expected {exact[at]:.6g}"
            raise CheckFailure(fact, "Mean i is that of x[i : i + window].")


def refuses(call, rng, cases=((5, 0), (5, 6))):
    """A window that does not fit is a ValueError that names window and n."""
    averages(call, rng, ((3, 2),))
    for n, window in cases:
        text = f"{call.__name__}(x, window={window}) for {n} numbers"
        raised = call(rng.normal(size=n), window=window).raised
        if raised is None or "ValueError" not in raised.kinds:
            came = f"raised {raised.kinds[0]}" if raised else "raised nothing"
            raise CheckFailure(f"{text} {came}", "Look at window and n first; raise a ValueError.")
        if not (str(window) in raised.message and str(n) in raised.message):
            raise CheckFailure(f"{text} said {raised.message!r}", "Name both numbers.")


def leaves_x(call, rng, cases=((5, 2),)):
    """x is left as it was."""
    averages(call, rng, cases)
    for n, window in cases:
        if not call(rng.normal(size=n), window=window).unchanged:
            raise CheckFailure(f"{call.__name__} changed x", "Compute with new arrays.")


def rounds_each_sum(call, rng, lengths=(3, 1000)):
    """Each sum is rounded to float32, in the order of the numbers."""
    for n in lengths:
        x = rng.uniform(0.01, 0.06, n).astype(np.float32)
        x[0] = 2**20  # its neighbours are 1/8 apart: added one by one, the others are lost
        expect_sum(call, x)


def sums_of_all_types(call, rng, lengths=(0, 1, 5)):
    """No numbers have the sum 0, and float64 is added in float64."""
    for n in lengths:
        for dtype in (np.float32, np.float64):
            expect_sum(call, rng.integers(-99, 99, size=n).astype(dtype))


def adds(call, rng, count=3):
    """The first number is the sum as the machine rounds it."""
    for a, b in rng.normal(size=(count, 2)):
        pair = expect_pair(call, a=float(a), b=float(b))
        if pair[0] != a + b:
            raise CheckFailure(f"two_sum({a}, {b}): s is {pair[0]}", "s is a + b, nothing else.")


def keeps_loss(call, rng, count=3):
    """The second number is what the sum has lost, where a is the larger one."""
    for b in rng.normal(size=count):
        expect_exact(call, float(rng.uniform(1e10, 1e16)), float(b))


def keeps_loss_either_way(call, rng, count=3):
    """So it is where b is the larger one, and where one of them is negative."""
    keeps_loss(call, rng, 1)
    for a in rng.normal(size=count):
        expect_exact(call, float(a), float(rng.choice([-1, 1]) * rng.uniform(1e10, 1e16)))


def slides(call, rng, count=3):
    """One step adds what enters, takes off what leaves, and keeps what error held."""
    for total, error, leaving, entering in rng.integers(-99, 99, size=(count, 4)) / 4:
        pair = expect_pair(call, total=total, error=error, leaving=leaving, entering=entering)
        exact = total + error - leaving + entering
        if pair.sum() != exact:
            text = f"slide(total={total}, error={error}, leaving={leaving}, entering={entering})"
            fact = f"{text}: total + error is {pair.sum()}, expected {exact}"
            raise CheckFailure(fact, "entering is added to total, leaving is taken off.")


def does_not_drift(call, rng, peaks=(1e12,)):
    """A large number that came and went leaves no trace in total + error."""
    for peak in peaks:
        x = rng.normal(20, 1, 16)
        x[6] = peak
        total, error = float(x[:4].sum()), 0.0
        for n in range(4, len(x)):
            step = {"leaving": float(x[n - 4]), "entering": float(x[n])}
            total, error = map(float, expect_pair(call, total=total, error=error, **step))
        exact = float(sum(map(Fraction, x[-4:])))
        if not abs(total + error - exact) <= CLOSE * abs(exact):
            fact = f"{peak:g} came and went: the sum is {total + error:.12g}, expected {exact:.12g}"
            raise CheckFailure(fact, "What each addition loses goes into error: use two_sum twice.")


def numbers(result, call, text, shape):
    """Return the array of floats of that shape that a call returned."""
    expect_returned(call, result, text, "Try it on three numbers.")
    value = result.value
    if value is None or value.dtype.kind not in "fiu" or value.shape != shape:
        fact = f"{text} returned {found(result)}, expected an array {shape}"
        raise CheckFailure(fact, "Look at what the function says it returns.")
    return value


def expect_sum(call, x):
    """Require the sum that comes of adding in order, in the dtype of x."""
    text = f"{call.__name__}(x) for {len(x)} numbers of {x.dtype}"
    value = numbers(call(x), call, text, ())
    exact = np.add.accumulate(x)[-1] if len(x) else x.dtype.type(0)
    if len(x) and value.dtype != x.dtype:
        fact = f"{text} is a {value.dtype}, expected a {x.dtype}"
        raise CheckFailure(fact, "Begin with a zero of the dtype of x: x.dtype.type(0).")
    if value != exact:
        paired = len(x) > 8 and value == x.sum()
        hint = "np.sum adds in pairs: add in a loop." if paired else "Add from first to last."
        raise CheckFailure(f"{text} is {value}, expected {exact}", hint)


def expect_pair(call, **given):
    """Return the two numbers of a call."""
    given = {name: float(value) for name, value in given.items()}
    words = ", ".join(f"{name}={value}" for name, value in given.items())
    return numbers(call(**given), call, f"{call.__name__}({words})", (2,))


def expect_exact(call, a, b):
    """Require that s + e is a + b without an error."""
    s, e = map(float, expect_pair(call, a=a, b=b))
    lost = float(Fraction(a) + Fraction(b) - Fraction(a + b))
    if (s, e) != (a + b, lost):
        fact = f"two_sum({a}, {b}) is [{s}, {e}], expected [{a + b}, {lost}]"
        raise CheckFailure(fact, "What is missing of a, and what of b? Add both.")


CHECKS = {
    "test-window-means": Check(
        function="window_means",
        solution="window-means",
        shares=(
            Share(averages, 2, {"cases": ((9, 3), (300, 7), (6, 6), (4, 1))}),
            Share(refuses, 1, {"cases": ((7, 0), (7, 8), (3, -1))}),
            Share(leaves_x, 1, {"cases": ((8, 3),)}),
        ),
    ),
    "test-naive-sum": Check(
        function="naive_sum",
        solution="naive-sum",
        shares=(
            Share(rounds_each_sum, 2, {"lengths": (7, 3000)}),
            Share(sums_of_all_types, 1, {"lengths": (0, 1, 40)}),
        ),
    ),
    "test-two-sum": Check(
        function="two_sum",
        solution="two-sum",
        shares=(
            Share(adds, 1, {"count": 8}),
            Share(keeps_loss, 2, {"count": 8}),
            Share(keeps_loss_either_way, 1, {"count": 8}),
        ),
    ),
    "test-slide": Check(
        function="slide",
        solution="slide",
        shares=(
            Share(slides, 2, {"count": 5}),
            Share(does_not_drift, 4, {"peaks": (1e10, 1e13, -1e15)}),
        ),
    ),
}
