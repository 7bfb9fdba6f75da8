# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
"""
# A running mean and its error

A running mean smooths a series: each number is replaced by the mean of the last few. It takes one
line, and the fast way to compute it is wrong after an hour of measurements. You will see how wrong,
why, and what two more additions per number mend. About 40 minutes, 20 points.

## Learning goals

- Compute the means of all windows of a series, and say what a caller can rely on.
- Name the error of one addition, and predict when a sum stops growing.
- Keep that error with an error-free transformation, and update a window without drift.

Before each measurement, write your prediction down.
"""

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
#| default_exp core.running_mean
#| export
import numpy as np

# %% [markdown]
"""
## Step 1: The definition

**4 points.** `window_means` returns the mean of each `window` consecutive numbers of `x`: for n
numbers, n - window + 1 means, the first of `x[0]` to `x[window - 1]`. A window below 1 or above n is a
`ValueError` that names both numbers, window and n. `x` stays as it was.

<details><summary>Hint 1</summary>The mean that begins at i is that of <code>x[i : i + window]</code>.
</details>
<details><summary>Hint 2</summary>The last i is n - window.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "window-means", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def window_means(x: np.ndarray, window: int) -> np.ndarray:
    """Return the means of all windows of x.

    Parameters
    ----------
    x : ndarray of float64, shape (n,)
    window : int
        From 1 to n.

    Returns
    -------
    ndarray of float64, shape (n - window + 1,)

    Raises
    ------
    ValueError
        If no window of this length fits; names window and n.
    """
    # TODO: turn away what does not fit, then take the mean of each window.
    ### BEGIN SOLUTION
    n = len(x)
    if not 1 <= window <= n:
        raise ValueError(f"window is {window}, but must be from 1 to {n}")
    return np.array([x[i : i + window].mean() for i in range(n - window + 1)])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-window-means", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
def test_window_means():
    """Two points for the means, one for the error, one for leaving x as it was."""
    x = np.array([1.0, 2.0, 6.0, 3.0, 8.0])
    means = window_means(x, 2)
    assert isinstance(means, np.ndarray), f"the means are a {type(means).__name__}, not an array"
    assert means.shape == (4,), f"5 numbers have 4 windows of 2, not {means.shape}"
    assert np.allclose(means, [1.5, 4.0, 4.5, 5.5]), f"the means of two numbers each are {means}"
    assert np.allclose(window_means(x, 5), 4.0), "one window holds all five numbers"
    assert np.array_equal(x, [1.0, 2.0, 6.0, 3.0, 8.0]), "x was changed"
    for window in (0, 6):
        said = "nothing"
        try:
            window_means(x, window)
        except ValueError as error:
            said = str(error)
        named = str(window) in said and "5" in said
        assert named, f"a ValueError has to name {window} and 5, but {said} was said"


test_window_means()

# %% [markdown]
"""
## Step 2: One addition after the other

A float32 holds 24 binary digits. The sum of two float32 is rounded to 24 digits again, so each
addition may lose something, and a sum of n numbers has n - 1 additions.

**3 points.** `naive_sum` adds the numbers of `x` one after the other, from the first to the last, in
the dtype of `x`, and returns a number of that dtype; 0 for no numbers. `np.sum` is no way to do it: it
adds in pairs, and so it makes other errors. Here the errors are the subject.
"""


# %% nbgrader={"grade": false, "grade_id": "naive-sum", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def naive_sum(x: np.ndarray) -> np.floating:
    """Add the numbers of x (n,) in their order, each sum rounded to the dtype of x."""
    # TODO: begin with a zero of the dtype of x, and add.
    ### BEGIN SOLUTION
    total = x.dtype.type(0)
    for number in x:
        total = total + number
    return total
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-naive-sum", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def test_naive_sum():
    """Two points for each sum being rounded, one for no numbers and for float64."""
    x = np.array([2.0**24, 1.0, 1.0], dtype=np.float32)
    total = naive_sum(x)
    assert total == 2.0**24, f"2**24 + 1 + 1 is {total}: in float32 each 1 is rounded away"
    assert total.dtype == np.float32, f"the sum is a {total.dtype}, not a float32"
    tenths = naive_sum(np.full(1000, 0.1, dtype=np.float32))
    assert tenths == np.float32(99.99905), f"a thousand times 0.1 is {tenths}, not 99.99905"
    assert naive_sum(x[:0]) == 0, "no numbers have the sum 0"
    assert naive_sum(x.astype(np.float64)) == 2.0**24 + 2, "float64 holds 2**24 + 2"


test_naive_sum()

# %% [markdown]
"""
Predict: the sum of n numbers 0.1 in float32. By how many per cent is it wrong for n = 1000, and for
n = 4,000,000? `np.add.accumulate` adds in the same order as your loop, only faster.
"""

# %%
for n in (1_000, 100_000, 1_000_000, 4_000_000):
    tenths = np.full(n, 0.1, dtype=np.float32)
    loop, pairs = np.add.accumulate(tenths)[-1], tenths.sum()
    wrong = [100 * (float(total) / (0.1 * n) - 1) for total in (loop, pairs)]
    print(f"n = {n:>9,}: one by one {wrong[0]:+9.4f} %, in pairs {wrong[1]:+.4f} %")

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-standstill", "locked": true, "schema_version": 3, "solution": false, "task": false}
"""
**3 points, read by a person.** From some total on, adding 0.1 in float32 changes nothing. Which total
is it, and why that one? Two or three sentences, with the distance between neighbouring numbers.

### BEGIN MARK SCHEME
Marking: 1 the total 2097152, which is `2**21`, 1 the distance of float32 there, 0.25, 1 half of it, 0.125, is
more than 0.1, so the sum is rounded back.
### END MARK SCHEME
"""

# %% [markdown] nbgrader={"grade": true, "grade_id": "answer-standstill", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
"""
### BEGIN SOLUTION
From `2**21 = 2,097,152` on: there neighbouring float32 lie `2**(21 - 23) = 0.25` apart. 0.1 is less than half
of that, so the nearest float32 to the sum is the total itself.
### END SOLUTION
"""

# %% [markdown]
"""
## Step 3: What an addition loses

The error of a sum of two floats is a float itself, and can be computed with floats (Knuth, The Art of
Computer Programming, volume 2, 4.2.2): with `s = a + b`, the part of b that arrived in s is `s - a`, and
the part of a is `s - (s - a)`. What is missing of each is the error.

**4 points.** `two_sum` returns the array `[s, e]`: s is `a + b` as the machine rounds it, and s + e is
a + b exactly, whichever of the two is larger.

<details><summary>Hint 1</summary>Let <code>part_b = s - a</code> and <code>part_a = s - part_b</code>.
</details>
<details><summary>Hint 2</summary>Of b is missing <code>b - part_b</code>. And of a?</details>
"""


# %% nbgrader={"grade": false, "grade_id": "two-sum", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def two_sum(a: float, b: float) -> np.ndarray:
    """Return [s, e], float64: s is a + b rounded, and s + e is a + b without an error."""
    # TODO: add, then find what is missing of each.
    ### BEGIN SOLUTION
    s = a + b
    part_b = s - a
    part_a = s - part_b
    return np.array([s, (a - part_a) + (b - part_b)])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-two-sum", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
def test_two_sum():
    """One point for the sum, two for the error where a is larger, one where b is."""
    for a, b, expected in [
        (1.0, 2.0, [3.0, 0.0]),
        (2.0**53, 1.0, [2.0**53, 1.0]),
        (0.1, 1e16, [1e16, 0.1]),
        (1e16, -3.14, [1e16 - 3.14, (1e16 - (1e16 - 3.14)) - 3.14]),
    ]:
        found = two_sum(a, b)
        assert isinstance(found, np.ndarray), f"it is a {type(found).__name__}, not an array"
        assert np.array_equal(found, expected), f"two_sum({a}, {b}) is {found}, not {expected}"


test_two_sum()

# %% [markdown]
"""
## Step 4: A window that moves

The next window differs from this one by two numbers: one enters, one leaves. So its sum takes two
additions, however long the window is. But what each of them loses stays in the sum for good: it
*drifts*. With `two_sum` the losses can be added up beside it.

**6 points.** `slide` moves a window on. Its sum is held in two numbers, `total` and `error`, and is
their sum. Add `entering`, take `leaving` off, each with `two_sum`; return the array `[total, error]`.
After any number of steps, whatever has passed through, total + error is as good as a sum of what the
window holds now.

<details><summary>Hint 1</summary>The loss of each step is the second number of <code>two_sum</code>.
</details>
<details><summary>Hint 2</summary>Taking off is adding <code>-leaving</code>.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "slide", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def slide(total: float, error: float, leaving: float, entering: float) -> np.ndarray:
    """Return [total, error], float64, of the window after one number left and one entered."""
    # TODO: two additions to total; what they lose goes into error.
    ### BEGIN SOLUTION
    total, lost = two_sum(total, entering)
    error += lost
    total, lost = two_sum(total, -leaving)
    return np.array([total, error + lost])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-slide", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
def test_slide():
    """Two points for one step, four for a large number that passes through and leaves no trace."""
    moved = slide(6.0, 0.0, 1.0, 4.0)
    assert isinstance(moved, np.ndarray), f"it is a {type(moved).__name__}, not an array"
    total, error = moved
    assert total + error == 9.0, f"1 + 2 + 3 becomes 2 + 3 + 4, which is not {total + error}"
    total, error = slide(6.0, 0.5, 1.0, 4.0)
    assert total + error == 9.5, "what error held before is part of the sum"
    total, error = slide(0.3, 0.0, 0.1, 1e17)
    total, error = slide(total, error, 1e17, 0.1)
    assert abs(total + error - 0.3) < 1e-15, f"1e17 came and went: {total + error}, not 0.3"


test_slide()

# %% [markdown]
"""
Predict: a sensor sends numbers near 20, and once, for a moment, 1e12. How wrong is the running mean
an hour later, without `error` and with it?
"""

# %%
rng = np.random.default_rng(1)
x, window = rng.normal(20, 1, 20_000), 60
x[5_000] = 1e12
plain, total, error = x[:window].sum(), x[:window].sum(), 0.0
for n in range(window, len(x)):
    plain = plain + x[n] - x[n - window]
    total, error = slide(total, error, x[n - window], x[n])
exact = window_means(x[-window:], window)[0]
print(f"mean of the last {window}: {exact:.12f}")
print(f"without error:       {plain / window:.12f}")
print(f"with error:          {(total + error) / window:.12f}")

# %% [markdown]
"""
## All checks

The last code cell runs all graded cells once more.
"""

# %% nbgrader={"grade": false, "grade_id": "all-checks", "locked": true, "schema_version": 3, "solution": false, "task": false}
if __name__ == "__main__":
    from tito.tools.testing import run_module_tests_auto

    success = run_module_tests_auto("running_mean")
