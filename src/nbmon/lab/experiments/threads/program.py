"""`python -m … CASE FD`: one case, in a fresh interpreter."""

import sys

from nbmon.lab.experiments.threads.cases import main

if __name__ == "__main__":
    main(sys.argv[1:])
