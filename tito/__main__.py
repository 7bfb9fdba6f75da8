"""Lets `python -m tito` stand for `tito`."""

from tito.cli import main

if __name__ == "__main__":
    main()
