"""Letters about runs: a real c2 writes to a real HTTPS server and a real mail server."""

import email
import email.policy
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from actors import Refused, Server, free_port, wait_until
from door import make_certificates
from test_rules import a_rule, add, target, wait_run

SECRET = "what the receiver knows too, and nobody else"


class Receiver:
    """An HTTPS server that keeps what it is sent, and answers as it is told."""

    def __init__(self, certificates, port=0):
        self.letters, self.answers = [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.letters.append((self.path, dict(self.headers), body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def check_signature(headers, body):
    """As a receiver does: the signature, and that it is new."""
    parts = dict(p.split("=", 1) for p in headers["E4-Signature"].split(","))
    expected = hmac.new(SECRET.encode(), parts["t"].encode() + b"." + body, hashlib.sha256)
    assert hmac.compare_digest(parts["v1"], expected.hexdigest())
    assert abs(time.time() - int(parts["t"])) < 60


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.fixture
def receiver(certificates):
    r = Receiver(certificates)
    yield r
    r.close()


def start(tmp_path, broker, **settings):
    folder = tmp_path / "c2"
    folder.mkdir()
    secret = tmp_path / "webhook.secret"
    secret.touch(0o600)
    secret.write_text(SECRET + "\n")
    return Server(folder, broker.port, notify__webhook_secret_file=secret, **settings).start()


@pytest.fixture
def server(tmp_path, broker, receiver, certificates):
    s = start(tmp_path, broker, notify__webhook_ca=certificates / "ca.pem",
              notify__webhook_allow=f"https://localhost:{receiver.port}/")
    yield s
    s.kill()


def run_now(server, rule_id):
    server.call("POST", f"/rules/{rule_id}/run", {"force": True})
    return wait_run(server, rule_id, "RUN_DONE")


def test_the_end_of_a_run_is_told_once_and_signed(server, receiver):
    server.new_topic("plant/a")
    rule = add(server, targets=[target("TOPIC", "plant/a")],
               options={"webhook": f"https://localhost:{receiver.port}/hook?of=e4"})
    run = run_now(server, rule)
    wait_until(lambda: receiver.letters, what="a letter")
    path, headers, body = receiver.letters[0]
    check_signature(headers, body)
    told = json.loads(body)
    assert path == "/hook?of=e4" and headers["E4-Delivery"].startswith(run["id"] + "-")
    assert told["ruleId"] == rule and told["run"]["id"] == run["id"]
    assert told["run"]["state"] == "RUN_DONE" and told["run"]["done"] == "1"
    # A second run, and no second letter of the first.
    run = run_now(server, rule)
    wait_until(lambda: len(receiver.letters) > 1, what="the next letter")
    assert json.loads(receiver.letters[1][2])["run"]["id"] == run["id"]
    assert len(receiver.letters) == 2


def test_a_letter_waits_for_a_receiver_that_is_away_and_for_a_server_that_died(
        server, receiver, certificates):
    rule = add(server, action="NOTIFY", targets=[target("CLIENT_PATTERN", "*")],
               options={"webhook": f"https://localhost:{receiver.port}/"})
    receiver.answers = [503]
    run = run_now(server, rule)
    wait_until(lambda: receiver.letters, what="the letter that is not taken")
    server.kill()
    server.start()
    wait_until(lambda: len(receiver.letters) > 1, 60, "the same letter again")
    first, second = (json.loads(body)["run"]["id"] for _, _, body in receiver.letters)
    assert first == second == run["id"]
    deliveries = {headers["E4-Delivery"] for _, headers, _ in receiver.letters}
    assert len(deliveries) == 1


@pytest.mark.parametrize("url, reason", [
    ("http://example.org/", "https"),
    ("https://127.0.0.1:{other}/", None),
    ("https://user:password@127.0.0.1/", "signature"),
    ("ftp://example.org/", "https"),
    ("no url", "URL"),
])
def test_a_webhook_is_no_way_into_our_own_network(server, receiver, certificates, url, reason):
    other = Receiver(certificates)
    try:
        options = {"webhook": url.format(other=other.port)}
        if reason:
            with pytest.raises(Refused) as refused:
                add(server, action="NOTIFY", targets=[target("CLIENT_PATTERN", "*")],
                    options=options)
            assert refused.value.status == 400 and reason in str(refused.value)
            assert "options.webhook" in str(refused.value)
            return
        # What a name leads to shows when it is written to: an operator finds it in the log.
        rule = add(server, action="NOTIFY", targets=[target("CLIENT_PATTERN", "*")],
                   options=options)
        run_now(server, rule)
        wait_until(lambda: "not public" in server.log.read_text(), what="the refusal in the log")
        assert not other.letters
    finally:
        other.close()


def test_without_a_secret_or_a_mail_server_a_rule_that_needs_one_is_refused(c2):
    for options, setting in [({"webhook": "https://example.org/"}, "notify.webhook_secret_file"),
                             ({"email": "ops@example.org"}, "notify.smtp_url")]:
        with pytest.raises(Refused) as refused:
            add(c2, action="NOTIFY", targets=[target("CLIENT_PATTERN", "*")], options=options)
        assert setting in str(refused.value)


# --- mail -----------------------------------------------------------------------------------------

class Mailbox:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(envelope)
        return "250 taken"


def login(server, session, envelope, mechanism, data):
    good = data.login == b"c2" and data.password == b"the password of c2"
    return AuthResult(success=good)


@pytest.fixture
def mail(certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), tls_context=context,
                            require_starttls=True, auth_required=True, authenticator=login)
    controller.start()
    box.port = controller.port
    yield box
    controller.stop()


def test_mail_goes_out_by_tls_and_login_and_says_what_happened(
        tmp_path, broker, mail, certificates):
    password = tmp_path / "smtp.password"
    password.touch(0o600)
    password.write_text("the password of c2\n")
    server = start(tmp_path, broker, notify__smtp_url=f"smtp://localhost:{mail.port}",
                   notify__smtp_user="c2", notify__smtp_password_file=password,
                   notify__smtp_from="c2@example.org",
                   notify__smtp_ca=certificates / "ca.pem")
    try:
        server.new_topic("grüße/heute")
        rule = server.call("POST", "/rules", {
            **a_rule(targets=[target("TOPIC", "grüße/heute")],
                     options={"email": "ops@example.org"}),
            "description": "täglich"})["rule"]["id"]
        run_now(server, rule)
        wait_until(lambda: mail.mails, what="a mail")
        envelope = mail.mails[0]
        assert envelope.mail_from == "c2@example.org" and envelope.rcpt_tos == ["ops@example.org"]
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert parsed["To"] == "ops@example.org" and f"rule {rule} done" in parsed["Subject"]
        assert "täglich" in parsed.get_body().get_content() and "1 " in parsed.get_body().get_content()
        assert "the password of c2" not in server.log.read_text()
    finally:
        server.kill()


@pytest.mark.parametrize("address", ["ops", "a@b\r\nRCPT TO:<spy@example.org>", "a b@example.org"])
def test_an_address_that_is_none_is_refused(tmp_path, broker, mail, certificates, address):
    server = start(tmp_path, broker, notify__smtp_url=f"smtp://localhost:{mail.port}",
                   notify__smtp_from="c2@example.org")
    try:
        with pytest.raises(Refused) as refused:
            add(server, action="NOTIFY", targets=[target("CLIENT_PATTERN", "*")],
                options={"email": address})
        assert "options.email" in str(refused.value)
    finally:
        server.kill()
