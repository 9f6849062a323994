"""`python -m chatcore`: the command line."""

from chatcore.cli import main

if __name__ == "__main__":
    main(prog_name="python -m chatcore")
