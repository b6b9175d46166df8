# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands beside "run": url (scenario 60), check, self-signed, and the two example configurations."""

import json
import os
import subprocess

import pytest

from daemon import PROGRAM


def command(*args, stdin=""):
    return subprocess.run([PROGRAM, *args], input=stdin, capture_output=True, text=True, timeout=20)


def parsed(link):
    done = command("url", "parse", link)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def outbound(server, port=443, password="letmein", **tls):
    return {"type": "anytls", "server": server, "server_port": port, "password": password,
            "tls": {"enabled": True, **tls}}


LINKS = {
    "anytls://letmein@example.com/?sni=real.example.com": outbound("example.com", server_name="real.example.com"),
    "anytls://letmein@example.com/?sni=127.0.0.1&insecure=1": outbound("example.com", server_name="127.0.0.1",
                                                                       insecure=True),
    "anytls://pw@[2001:db8::1]:8964/?insecure=1": outbound("2001:db8::1", 8964, "pw", insecure=True),
    "anytls://letmein@example.com": outbound("example.com"),
    "ANYTLS://letmein@example.com:1/": outbound("example.com", 1),
    "anytls://p%40ss%3Aw%2Ford@example.com": outbound("example.com", password="p@ss:w/ord"),
    "anytls://a:b:c@example.com": outbound("example.com", password="a:b:c"),
    "anytls://%D0%BF@example.com": outbound("example.com", password="п"),
    "anytls://letmein@example.com/?insecure=0": outbound("example.com"),
    "anytls://letmein@example.com/?peer=alias.test": outbound("example.com", server_name="alias.test"),
    "anytls://letmein@example.com/?fp=chrome&type=tcp&security=tls&udp=1&x=%20": outbound("example.com"),
    "anytls://letmein@example.com/?alpn=h2,http/1.1": outbound("example.com", alpn=["h2", "http/1.1"]),
    "anytls://letmein@example.com:65535?sni=a.test": outbound("example.com", 65535, server_name="a.test"),
    "anytls://letmein@192.0.2.1:8443": outbound("192.0.2.1", 8443),
}


@pytest.mark.parametrize("link", LINKS)
def test_link_is_read(link):
    assert parsed(link) == LINKS[link]


def test_label_becomes_the_tag():
    assert parsed("anytls://letmein@example.com#My%20%C3%9Cserver")["tag"] == "My Üserver"


UNUSABLE = ["", "anytls://", "anytls://@example.com", "anytls://example.com", "http://a@example.com",
            "anytls://a@example.com:0", "anytls://a@example.com:65536", "anytls://a@example.com:x", "anytls://a@",
            "anytls://a@[::1", "anytls://%zz@example.com", "anytls://a%00b@example.com", "anytls://a@exa mple.com",
            "anytls://" + "a" * 100000 + "@example.com"]


@pytest.mark.parametrize("link", UNUSABLE, ids=range(len(UNUSABLE)))
def test_unusable_link_is_refused_without_showing_the_password(link):
    done = command("url", "parse", link) if len(link) < 50000 else command("url", "parse", "-", stdin=link + "\n")
    assert done.returncode == 1 and done.stderr and not done.stdout


def test_link_from_standard_input():
    done = command("url", "parse", "-", stdin="anytls://letmein@example.com\n")
    assert json.loads(done.stdout) == outbound("example.com")


def test_links_of_a_configuration_read_back(tmp_path):
    config = {"outbounds": [{**outbound("example.com", 8443, "p@ss word#%/?é", server_name="real.test"),
                             "tag": "näme"}]}
    path = tmp_path / "c.json"
    path.write_text(json.dumps(config))
    done = command("url", "print", "-c", str(path))
    assert done.returncode == 0, done.stderr
    link = done.stdout.strip()
    assert link.startswith("anytls://") and "p@ss" not in link
    assert parsed(link) == config["outbounds"][0]


def test_self_signed_certificate_is_usable(world):
    cert, key = world.folder / "c.pem", world.folder / "k.pem"
    args = ("self-signed", "--cert", str(cert), "--key", str(key), "name.test", "127.0.0.1")
    done = command(*args)
    assert done.returncode == 0, done.stderr
    assert os.stat(key).st_mode & 0o077 == 0, "others may read the key"
    assert command(*args).returncode != 0, "an existing file was overwritten"
    daemon = world.server(tls={"enabled": True, "certificate_path": str(cert), "key_path": str(key)})
    for name in ("name.test", None):
        peer = world.dial(daemon, name=name, verify=str(cert))
        peer.login()


SERVER = """{
  "inbounds": [
    {
      "type": "anytls",
      "tag": "anytls-in",
      "listen": "::",
      "listen_port": %d,
      "users": [
        { "name": "user1", "password": "user-password" }
      ],
      "padding_scheme": [
        "0:100",
        "200:500"
      ],
      "tls": {
        "enabled": true,
        "certificate_path": "%s",
        "key_path": "%s"
      }
    }
  ]
}
"""
CLIENT = """{
  "outbounds": [
    {
      "type": "anytls",
      "tag": "anytls-out",
      "server": "localhost",
      "server_port": %d,
      "password": "user-password",
      "idle_session_check_interval": "30s",
      "idle_session_timeout": "30s",
      "min_idle_session": 1,
      "tls": {
        "enabled": true,
        "server_name": "localhost", // a comment
        /* and */ "certificate_path": "%s", # another
      },
    }
  ],%s
}
"""


def test_example_configurations_work_together(world):
    port = world.port()
    server = world.folder / "server.json"
    server.write_text(SERVER % (port, world.cert.cert, world.cert.key))
    checked = command("check", "-c", str(server))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "0=1-100" in checked.stdout + checked.stderr, "the translation of the short form is told"
    far = world.start(text=server.read_text(), ports=[port])
    assert far.wait_log("0=1-100")
    local = world.port()
    socks = f'"inbounds": [{{"type": "socks", "listen": "127.0.0.1", "listen_port": {local}}}],'
    near = world.start(text=CLIENT % (port, world.cert.cert, socks), ports=[local])
    near.port = local
    echo = world.echo()
    for _ in range(3):
        app = world.socks(near).connect(echo.dest)
        app.send(b"hello")
        assert app.recv(5) == b"hello"
        app.close()


def test_client_example_alone_is_valid(tmp_path, cert):
    path = tmp_path / "client.json"
    path.write_text(CLIENT % (443, cert.cert, ""))
    done = command("check", "-c", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


PROBLEMS = {
    "password": ('"password": "user-password"', '"password": ""'),
    "padding_scheme": ('"200:500"', '"2=200:500"'),
    "certificate_path": ("server.test.pem", "missing.pem"),
    "listen_port": ('"listen_port": ', '"listen_port": 70000'),
    "listen": ('"::"', '"not an address"'),
    "colour": ('"tag"', '"colour"'),
    "enabled": ("true", '"yes"'),
    "type": ('"anytls"', '"vmess"'),
    "udp_fragment": ('"tag": "anytls-in"', '"udp_fragment": true'),
}


@pytest.mark.parametrize("key", PROBLEMS)
def test_check_names_place_and_key(tmp_path, cert, key):
    text = (SERVER % (8443, cert.cert, cert.key)).replace(*PROBLEMS[key], 1)
    path = tmp_path / "server.json"
    path.write_text(text)
    done = command("check", "-c", str(path))
    assert done.returncode == 1
    line = 1 + text[:text.index(PROBLEMS[key][1])].count("\n")
    places = [one for one in done.stdout.splitlines() if one.startswith(f"{path}:")]
    assert any(key in one and abs(int(one[len(str(path)) + 1:].split(":")[0]) - line) <= 1 for one in places), places


def test_anytls_outbound_needs_tls_and_refuses_fast_open(tmp_path):
    path = tmp_path / "client.json"
    base = {"type": "anytls", "server": "localhost", "server_port": 443, "password": "x"}
    for config, word in ((base, "tls"), ({**base, "tls": {"enabled": False}}, "tls"),
                         ({**base, "tls": {"enabled": True}, "tcp_fast_open": True}, "tcp_fast_open")):
        path.write_text(json.dumps({"outbounds": [config]}))
        done = command("check", "-c", str(path))
        assert done.returncode == 1 and word in done.stdout


def test_check_never_shows_a_password(tmp_path):
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"outbounds": [{"type": "anytls", "server": 5, "server_port": "x", "tls": 1,
                                               "password": ["hunter2-hunter2"]}],
                                "inbounds": [{"type": "anytls", "users": [{"password": "hunter2-hunter2"},
                                                                          {"password": "hunter2-hunter2"}]}]}))
    done = command("check", "-c", str(path))
    assert done.returncode == 1 and "hunter2" not in done.stdout + done.stderr
