"""c2 on PostgreSQL and on MariaDB: keys arrive, the database may go away, others cannot listen in."""

import shutil
import subprocess

import pytest

from actors import Refused, Server, wait_until
from device import PyDevice, random_key
from mariadb import MariaDB
from postgres import Postgres


@pytest.fixture(params=[Postgres, MariaDB])
def database(request):
    """Made, and not yet started."""
    d = request.param()
    yield d
    d.close()


@pytest.fixture
def server(tmp_path, broker):
    made = []

    def new(url, password=Postgres.PASSWORD, **settings):
        folder = tmp_path / f"c2-{len(made)}"
        folder.mkdir()
        file = folder / "db-password"
        file.touch(mode=0o600)
        file.write_text(password + "\n")
        made.append(Server(folder, broker.port, db__url=url, db__password_file=file, **settings))
        return made[-1]
    yield new
    for s in made:
        s.kill()


def healthy(server):
    try:
        return server.call("GET", "/e4/health-check")["Code"] == "0"
    except Refused as e:
        assert e.status == 503
        return False


def test_keys_arrive_and_a_database_that_goes_away_loses_nothing(database, server, broker):
    p = database.start()
    s = server(p.url()).start()
    device = PyDevice("one", random_key(), None, True)
    try:
        s.new_client("one", device.key)
        s.new_topic("t")
        s.attach("one", "t")
        device.connect(broker.port)
        s.wait_confirmed("t")

        p.crash()
        with pytest.raises(Refused) as refused:
            s.new_topic("lost")
        assert refused.value.status == 503
        wait_until(lambda: not healthy(s), 10, "the health check tells")
        p.start()
        wait_until(lambda: healthy(s), 20, "c2 has the database again")
        s.new_topic("t")  # a new key
        s.wait_confirmed("t")

        p.restart()
        wait_until(lambda: healthy(s), 20, "c2 has the database again")
        assert s.call("GET", "/e4/topics/count") == {"count": "1"}
        assert s.stop() == 0
        s.start()
        assert s.call("GET", "/e4/clients/count") == {"count": "1"}
        s.wait_confirmed("t")
    finally:
        device.close()


def test_two_servers_share_a_database(database, server):
    p = database.start()
    a, b = server(p.url()).start(), server(p.url())
    b.passphrase.write_text(a.passphrase.read_text())
    b.start()
    for i in range(20):
        (a, b)[i % 2].new_client(f"device {i:02}", random_key())
        assert (b, a)[i % 2].call("GET", "/e4/clients/count") == {"count": str(i + 1)}


def test_the_password_is_told_to_nobody(database, server):
    p = database.start()
    right, wrong = server(p.url()), server(p.url(), password="not the password")
    code, text = wrong.refuses_to_start()
    assert code == 74 and p.REFUSAL in text
    assert "not the password" not in text
    right.start()
    with open(f"/proc/{right.child.pid}/cmdline", encoding="utf-8") as f:
        assert Postgres.PASSWORD not in f.read()
    assert Postgres.PASSWORD not in right.log.read_text()
    code, text = server(p.url().replace("e4@", "e4:hunter2@")).refuses_to_start()
    assert code == 78 and "db.password_file" in text and "hunter2" not in text


def openssl(folder, *args):
    subprocess.run(["openssl", *map(str, args)], cwd=folder, check=True, capture_output=True)


def make_ca(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", 2,
            "-subj", f"/CN={name}")


@pytest.fixture
def with_tls(database):
    """A server with a certificate for localhost, and the folder of its authority and another."""
    p = database
    certificate, key = p.certificate()
    for name in ("ca", "other"):
        make_ca(p.folder, name)
    openssl(p.folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", "server.csr", "-subj", "/CN=localhost")
    (p.folder / "ext").write_text("subjectAltName=DNS:localhost\n")
    openssl(p.folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-days", 2, "-extfile", "ext", "-out", certificate)
    for file in (key, certificate):
        file.chmod(0o600)
        stat = p.folder.stat()
        shutil.chown(file, stat.st_uid, stat.st_gid)
    return p.start()


def test_over_tls_only_the_right_server_is_talked_to(with_tls, server):
    p = with_tls

    def options(ca):
        return f"{p.CA_OPTION}{p.folder / ca}"
    good = server(p.url("localhost", options("ca.pem"))).start()
    assert good.call("GET", "/e4/clients/count") == {"count": "0"}
    assert p.connections_over_tls() == 1
    for url in (p.url("localhost", options("other.pem")),    # another's certificate
                p.url("127.0.0.1", options("ca.pem"))):      # another's name
        code, text = server(url).refuses_to_start()
        assert code == 74 and "certificate" in text.lower(), text
