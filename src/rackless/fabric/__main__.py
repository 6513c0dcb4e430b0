"""python -m rackless.fabric: the commands of this part alone."""

import sys

from rackless.fabric.program import main

if __name__ == "__main__":
    sys.exit(main())
