"""Ids of streams that many processes write."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.streams import stream_id


@given(st.text(st.characters(exclude_categories=()), max_size=10))
def test_the_id_of_a_stream_is_the_digest_of_its_name(name):
    """By the rule of the format page, also for a name with a lone surrogate."""
    data = b"stream:" + name.encode("utf-8", "surrogatepass")
    assert stream_id(name) == hashlib.blake2b(data, digest_size=16).hexdigest()
