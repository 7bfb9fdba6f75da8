"""Similar solutions: what is copied is found, what everybody writes is not."""

from tito.course import Course
from tito.grading.gradebook.similar import similar_pairs, similar_solutions
from tito.lesson import find_lesson

COMMON = (
    "def kernel(A, B):\n    C = np.zeros((m, p))\n    for i in range(m):\n        C[i] = A[i] @ B\n"
)
OWN = """
    rows = [slice(start, start + 7) for start in range(0, len(A), 7)]
    for where in reversed(rows):
        while not done and where.start >= 3:
            C[where] -= 2 * (B[where] ** 2).sum(axis=0) + A[where].max(axis=1)[:, None]
    return C
"""


def solution(number: int) -> str:
    return COMMON + "\n".join(f"    C[{n}:] += {number} * A[{n * number}]" for n in range(9))


def test_a_copy_with_other_names_is_found_and_what_all_write_is_not() -> None:
    sources = {f"s{n}": solution(n) for n in range(40)}
    sources["ada"] = COMMON + OWN
    sources["eve"] = "# mine\n" + (COMMON + OWN).replace("where", "w").replace("rows", "r")
    (pair,) = similar_pairs("cell", sources)
    assert (pair.cell, pair.first, pair.second) == ("cell", "ada", "eve")
    assert pair.share > 0.9


def test_what_is_too_short_or_no_python_says_nothing() -> None:
    assert list(similar_pairs("cell", {"ada": "return A @ B", "eve": "return A @ B"})) == []
    assert list(similar_pairs("cell", {"ada": "def (", "eve": '"""', "mel": ""})) == []


def test_similar_solutions_of_a_class_leave_out_what_was_released(graded_course: Course) -> None:
    pairs = similar_solutions(find_lesson(graded_course, "kernels"))
    assert all(pair.first < pair.second for pair in pairs)
    assert not any("blaise" in (pair.first, pair.second) for pair in pairs)  # who wrote nothing
