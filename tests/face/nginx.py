# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server to compare with: Debian's nginx in a folder and on ports of its own."""

import itertools
import os
import pathlib
import signal
import socket
import subprocess

from daemon import listening, wait_until

PROGRAM = "/usr/sbin/nginx"
PAGE = "<!doctype html>\n<title>A page</title>\n<p>Nothing to see here.\n"

# What /etc/nginx/nginx.conf of the package says about HTTP and TLS, with names of files of our own and the times that
# the tests are to wait for.
CONFIG = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{
	worker_connections 768;
}}
http {{
	sendfile on;
	tcp_nopush on;
	types_hash_max_size 2048;
	include /etc/nginx/mime.types;
	default_type application/octet-stream;
	ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; # Dropping SSLv3, ref: POODLE
	ssl_prefer_server_ciphers on;
	access_log {folder}/access.log;
	gzip on;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	{times}
	{servers}
}}
"""
SERVER = """
	server {{
		listen {listen};
		{tls}
		root {folder}/www;
		server_name _;
		location / {{
			try_files $uri $uri/ =404;
		}}
	}}
"""


def installed():
    return pathlib.Path(PROGRAM).exists()


class Nginx:
    """ports: "plain" and a TLS one by the name of each certificate."""

    def __init__(self, folder, plain, certs, times="", http2=False):
        """certs: name to (port, certificate file, key file)."""
        self.folder, self.plain = folder, plain
        self.tls = {name: port for name, (port, _, _) in certs.items()}
        (folder / "www").mkdir()
        (folder / "www" / "index.html").write_text(PAGE)
        (folder / "www" / "large.bin").write_bytes(bytes(range(256)) * 2048)
        servers = SERVER.format(listen=f"127.0.0.1:{plain}", tls="", folder=folder)
        for port, cert, key in certs.values():
            servers += SERVER.format(listen=f"127.0.0.1:{port} ssl{' http2' if http2 else ''}", folder=folder,
                                     tls=f"ssl_certificate {cert};\n\t\tssl_certificate_key {key};")
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, times=times, servers=servers))
        with open(folder / "output", "wb") as output:
            self.process = subprocess.Popen([PROGRAM, "-p", str(folder), "-c", str(config)], stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=output)
        self.ports = [plain, *self.tls.values()]

    def wait_ready(self):
        def ready():
            assert self.process.poll() is None, "nginx has exited:\n" + (self.folder / "output").read_text()
            return all(listening(port) for port in self.ports)
        wait_until(ready, 10, "nginx listens")
        return self

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def candidates():
    """Ports below the ephemeral range; workers of a parallel run never share one."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 10
    return itertools.cycle(range(30000 + worker * 200, 30200 + worker * 200))


def free_ports(n, left=candidates()):
    """n ports that are free just now and were not given out lately."""
    ports = []
    while len(ports) < n:
        port = next(left)
        with socket.socket() as tcp:
            try:
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
    return ports
