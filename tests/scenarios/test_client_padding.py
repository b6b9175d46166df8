# SPDX-License-Identifier: GPL-2.0-or-later
"""Record sizes that a client makes of its padding scheme, and scheme updates (scenarios 41-44)."""

import hashlib

import pytest

import anytls
from anytls import DEFAULT_MD5, FIN, SYNACK, UPDATE, frame, parse_settings, psh

FIXED = b"stop=4\n0=64-64\n1=200-200\n2=300-300,c,400-400\n3=9-9,50-50"


def shape(size, items):
    """The sizes of the writes that a buffer of `size` bytes becomes (protocol notes 4.5)."""
    out = []
    for item in items:
        if item == "c":
            if size == 0:
                return out
        elif size > item:
            out.append(item)
            size -= item
        elif size > 0:
            out.append(item if item - size - 7 > 0 else size)
            size = 0
        else:
            out.append(item + 7)
    return out + [size] if size else out


def updated(world, text, **keys):
    """A client that was taught the scheme by a first session, which then ended: (daemon, scripted server)."""
    server = world.scripted()
    daemon = world.client(server.port, **keys)
    app = world.socks(daemon).start(("127.0.0.1", 80))
    session = world.keep(server.accept())
    assert session.hello()["padding-md5"] == DEFAULT_MD5
    session.send(frame(UPDATE, 0, text))
    session.accepted()
    session.send(psh(1, b"x"))
    app.finish().recv(1)
    session.drain()
    session.close()
    app.recv_all()
    return daemon, server


def second_session(world, daemon, server, dest=("127.0.0.1", 80)):
    """(application, session) on the session after the update, its first stream open."""
    app = world.socks(daemon).start(dest)
    session = world.keep(server.accept())
    text = session.expect(anytls.SETTINGS).data
    session.send(frame(anytls.SERVER_SETTINGS, 0, b"v=2"))
    sid, *_ = session.accept()
    session.drain()
    session.send(frame(SYNACK, sid))
    app.finish()
    return app, session, parse_settings(text), len(text)


def packet(app, session, sid, size):
    """The records that one local write of `size` bytes becomes."""
    before = len(session.records)
    data = anytls.pattern(size)
    app.send(data)
    assert session.read(sid, size) == data
    session.drain()
    return session.records[before:]


def first_packet(text_size):
    return 7 + text_size + 7 + 7 + 7        # settings, SYN, PSH with an IPv4 address


def test_fixed_sizes_are_exact_record_by_record(world):
    app, session, keys, text_size = second_session(world, *updated(world, FIXED))
    assert keys["padding-md5"] == hashlib.md5(FIXED).hexdigest()
    assert session.records == [34 + 64] + shape(first_packet(text_size), [200])
    assert packet(app, session, 1, 100) == [300]
    assert packet(app, session, 1, 80) == [9, 50, 28]
    for size in (1, 10, 1000):
        assert packet(app, session, 1, size) == [size + 7], "unshaped from `stop` on"


@pytest.mark.parametrize("size", [1, 285, 286, 287, 292, 293, 294, 500, 692, 693, 694, 1000, 5000])
def test_sizes_around_the_boundaries(world, size):
    app, session, _, _ = second_session(world, *updated(world, FIXED))
    assert packet(app, session, 1, size) == shape(size + 7, [300, "c", 400])


@pytest.mark.parametrize("size", [1, 2, 3, 43, 44, 45, 50, 51, 52, 53, 100])
def test_small_first_item(world, size):
    text = b"stop=3\n0=10-10\n2=9-9,50-50"
    app, session, _, text_size = second_session(world, *updated(world, text))
    assert session.records == [44, first_packet(text_size)], "packet 1 has no key: written unmodified"
    assert packet(app, session, 1, size) == shape(size + 7, [9, 50])
    assert packet(app, session, 1, 20) == [27]


def test_items_that_do_not_parse_are_skipped_one_by_one(world):
    text = b"stop=3\n0=20-20\n2=5,300-300,x,0-9,1-2-3,c, 7-7,400-300\nnoise\n1=-5-5"
    app, session, _, _ = second_session(world, *updated(world, text))
    assert session.records[0] == 54
    records = packet(app, session, 1, 800)
    assert records[0] == 300 and 300 <= records[1] < 400 and sum(records) == 807


def test_swapped_and_half_open_ranges(world):
    text = b"stop=2\n0=51-50\n1=401-400"
    _, session, _, _ = second_session(world, *updated(world, text))
    assert session.records == [34 + 50, 400]


def test_stop_zero_pads_the_preamble_only(world):
    text = b"stop=0\n0=100-100\n1=500-500"
    app, session, _, text_size = second_session(world, *updated(world, text))
    assert session.records == [134, first_packet(text_size)]
    assert packet(app, session, 1, 10) == [17]


def test_without_key_0_there_is_no_padding(world):
    _, session, _, _ = second_session(world, *updated(world, b"stop=1"))
    assert session.records[0] == 34 and session.padding == 0


def test_check_first_in_key_0_means_no_padding(world):
    _, session, _, _ = second_session(world, *updated(world, b"stop=1\n0=c,30-30"))
    assert session.records[0] == 34


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_md5_is_over_the_raw_text(world, ending):
    _, _, keys, _ = second_session(world, *updated(world, FIXED + ending))
    assert keys["padding-md5"] == hashlib.md5(FIXED + ending).hexdigest()


INVALID = {"empty": b"", "no stop": b"0=30-30\n1=100-200", "stop no number": b"stop=many\n0=30-30",
           "negative stop": b"stop=-1\n0=5-5", "CR": b"stop=8\r\n0=1-2\r\n", "noise": b"\0\xff"}


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID.keys())
def test_invalid_update_is_ignored(world, text):
    _, session, keys, _ = second_session(world, *updated(world, text))
    assert keys["padding-md5"] == DEFAULT_MD5
    assert session.records[0] == 64


HUGE = [b"stop=3\n0=100000-100000\n1=100000-100000\n2=70000-70000",
        b"stop=3\n0=40000-40000\n1=65535-65535,70000-70000\n2=4294967296-4294967297",
        b"stop=99999999999\n0=5000-5000\n1=4294967295-4294967295\n2=18446744073709551616-18446744073709551617"]


@pytest.mark.parametrize("text", HUGE)
def test_no_scheme_of_a_server_breaks_a_session(world, text):
    app, session, keys, _ = second_session(world, *updated(world, text))
    assert keys["padding-md5"] == hashlib.md5(text).hexdigest()
    assert session.padding <= 4062 and session.records[0] == 34 + session.padding
    data = anytls.pattern(300000)
    app.send(data)
    assert session.read(1, len(data)) == data
    session.send(psh(1, b"answer"))
    assert app.recv(6) == b"answer"


def test_default_scheme(world):
    server = world.scripted()
    daemon = world.client(server.port)
    app = world.socks(daemon).start(("127.0.0.1", 80))
    session = world.keep(server.accept())
    session.hello()
    session.accepted()
    app.finish()
    assert session.records[0] == 64 and session.padding == 30
    assert 100 <= sum(session.records[1:]) < 400
    records = packet(app, session, 1, 100)
    assert len(records) == 1 and 400 <= records[0] < 500
    records = packet(app, session, 1, 80)
    assert records[0] == 9 and 500 <= records[1] < 1000


def test_fin_is_a_shaped_packet(world):
    text = b"stop=3\n0=10-10\n2=9-9,600-600"
    app, session, _, _ = second_session(world, *updated(world, text))
    before = len(session.records)
    session.send(psh(1, b"x"))
    assert app.recv(1) == b"x"
    session.send(frame(SYNACK, 1, b"refused after all"))    # answered with FIN
    session.expect(FIN, 1, 5)
    session.drain()
    assert session.records[before:] == [7, 607]


def test_padding_is_waste_of_zeros_at_id_0(world):
    app, session, _, _ = second_session(world, *updated(world, FIXED))
    packet(app, session, 1, 100)
    assert session.waste and all(one.sid == 0 and not any(one.data) for one in session.waste)


def test_a_frame_is_never_longer_than_its_length_field(world):
    app, session, _, _ = second_session(world, *updated(world, b"stop=1"))
    data = anytls.pattern(3 << 20)
    app.send(data)
    assert session.read(1, len(data), 30) == data
    assert max(session.records) <= 16384


def test_second_stream_announces_nothing_again(world):
    app, session, _, _ = second_session(world, *updated(world, b"stop=1"))
    session.send(frame(FIN, 1))
    app.recv_all()
    app = world.socks(world.daemons[0]).start(("127.0.0.1", 80))
    before = len(session.records)
    session.accept()
    assert sum(session.records[before:]) == 7 + 14
    assert not any(one.cmd == anytls.SETTINGS for one in session.inbox)
