"""`python -m relucid` is the command `relucid`."""

from .analyzer.cli import main

if __name__ == "__main__":
    main()
