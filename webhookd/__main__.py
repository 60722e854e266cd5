"""`python -m webhookd`."""

from webhookd.cli import main

if __name__ == "__main__":
    main(prog_name="webhookd")
