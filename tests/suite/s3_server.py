"""An S3 server for the tests: moto's, with what an object store promises and a development server does not.

It answers one request after another, so that a conditional write is atomic, and it ends when its standard input does, so that it
never outlives the tests. It has a bucket called `bucket`, and prints one line: its URL, and with `--credentials` the only access
key and secret that it then accepts. With `--tls` it speaks HTTPS, with a certificate that nobody has signed.
"""

import os
import sys
import threading

with_credentials = "--credentials" in sys.argv
if with_credentials:
    os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "0"

from moto.core import DEFAULT_ACCOUNT_ID  # noqa: E402
from moto.iam.models import iam_backends  # noqa: E402
from moto.s3.models import s3_backends  # noqa: E402
from moto.server import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: E402


class Quiet(WSGIRequestHandler):
    def log(self, *_):
        pass


def end_with_the_tests():
    sys.stdin.read()
    os._exit(0)


def credentials():
    iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    iam.create_user("us-east-1", "tester")
    iam.put_user_policy(
        "tester",
        "everything",
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}',
    )
    key = iam.create_access_key("tester")
    return f" {key.access_key_id} {key.secret_access_key}"


threading.Thread(target=end_with_the_tests, daemon=True).start()
application = DomainDispatcherApplication(create_backend_app)
tls = "adhoc" if "--tls" in sys.argv else None
server = make_server("127.0.0.1", 0, application, threaded=False, request_handler=Quiet, ssl_context=tls)
s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket("bucket", "us-east-1")
print(f"{'https' if tls else 'http'}://127.0.0.1:{server.port}{credentials() if with_credentials else ''}", flush=True)
server.serve_forever()
