"""`python -m pipelines VERB`: the command line. Maps every error to a message and an exit code."""

import sys

from pipelines.cli import application

if __name__ == "__main__":
    sys.exit(application.main(sys.argv[1:]))
