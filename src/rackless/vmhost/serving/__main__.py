"""python -m rackless.vmhost.serving: the commands of this part alone."""

import sys

from rackless.vmhost.serving.program import main

if __name__ == "__main__":
    sys.exit(main())
