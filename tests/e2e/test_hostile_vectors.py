# SPDX-License-Identifier: MIT
"""Every vector of hostile_vectors.py against scoregate, and against nginx and haproxy in the same run."""

import re

import pytest
from hostile_vectors import HOSTILE, POLICY, VALID, VECTORS
from lib.hostile import scene, shoot
from lib.yardsticks import available, yardsticks

# libmicrohttpd 0.9.75 takes these away before anybody can see them. They do no harm, since requests are
# written anew for the endpoint: what is accepted must have gone up in good form.
INVISIBLE = {"chunk: CR in an extension"}

# Beyond the header and body deadlines of all three.
DEADLINE = 6.0


@pytest.fixture(scope="module")
def stage(tmp_path_factory, certs):
    with scene(tmp_path_factory.mktemp("vectors"), certs) as one:
        yield one


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    if not available():
        pytest.skip("nginx and haproxy are not installed")
    with yardsticks(tmp_path_factory.mktemp("yardsticks")) as ports:
        yield ports


def test_there_are_enough_vectors_and_none_twice():
    assert sum(1 for _, kind, _ in VECTORS if kind == HOSTILE) >= 211
    assert len({name for name, _, _ in VECTORS}) == len(VECTORS)
    assert len({data for _, _, data in VECTORS}) == len(VECTORS)


def test_what_is_said_to_be_invisible_is_there():
    assert INVISIBLE <= {name for name, _, _ in VECTORS}


@pytest.mark.parametrize("name, kind, data", VECTORS, ids=[v[0] for v in VECTORS])
def test_vector(stage, others, name, kind, data):
    ours = stage.shoot(data, deadline=DEADLINE)
    theirs = {name: shoot(port, data, deadline=DEADLINE) for name, port in others.items()}
    reached = stage.reached()
    story = f"{data!r}\nscoregate: {ours}\n" + "\n".join(f"{n}: {o}" for n, o in theirs.items())
    assert ours.ended, f"hangs\n{story}"
    if kind == VALID:
        assert all(o.accepted for o in theirs.values()), f"not valid for everyone\n{story}"
        assert ours.accepted, story
        assert len(reached) == 1 and reached[0].complete, story
        return
    if name in INVISIBLE and ours.accepted:
        assert [r.body for r in reached] == [b"hello"], story
    elif kind == POLICY or all(o.rejected for o in theirs.values()):
        assert ours.rejected, story
    if ours.rejected:
        assert all(not r.complete for r in reached), f"it reached the upstream\n{story}"
        assert len(re.findall(rb"^HTTP/1\.[01] 2\d\d", ours.raw, re.MULTILINE)) == 0
    else:
        # Accepted, so it must have been made good on the way: one request, of one meaning.
        assert len(reached) == 1, story
        assert b"evil" not in reached[0].head and not set(reached[0].head) & {0, 0x7f}, story
