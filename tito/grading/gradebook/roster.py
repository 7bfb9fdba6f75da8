"""The roster: the students of a course in nbgrader's gradebook."""

from tito.course import Course
from tito.grading.gradebook.assignment import has_gradebook
from tito.lms.people import Person

__all__ = ["read_roster"]


def read_roster(course: Course) -> list[Person]:
    """Return the students that the gradebook knows; none where there is no gradebook."""
    from nbgrader.api import Student
    from sqlalchemy import create_engine, inspect, select

    if not has_gradebook(course):
        return []
    engine = create_engine(course.gradebook_url)
    try:
        if not inspect(engine).has_table(Student.__tablename__):
            return []
        columns = ("id", "first_name", "last_name", "email", "lms_user_id")
        wanted = select(*(getattr(Student, name) for name in columns)).order_by(Student.id)
        with engine.connect() as connection:
            return [Person(*(value or "" for value in row)) for row in connection.execute(wanted)]
    finally:
        engine.dispose()
