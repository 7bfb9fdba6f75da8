"""Small tools that students may read: profiling, checking, machine facts."""
