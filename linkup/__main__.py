"""`python -m linkup`."""

from linkup.cli import main

if __name__ == "__main__":
    main()
