"""Prints the OpenAPI document of the upstream server that is installed beside this Python."""

import json
import os
import sys
import tempfile

# The import reads and writes below the home directory.
os.environ["HOME"] = tempfile.mkdtemp(prefix="upstream-openapi-")


def document():
    from dstack._internal.server import app as server

    application = server.create_app()
    server.register_routes(application)
    application.openapi_schema = None
    return application.openapi()


if __name__ == "__main__":
    json.dump(document(), sys.stdout)
