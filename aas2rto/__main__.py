"""``python -m aas2rto`` does what ``aas2rto`` does."""

from aas2rto.cli import main

if __name__ == "__main__":
    main()
