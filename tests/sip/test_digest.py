import json

import pytest

from tests.corpora import CORPORA, needs_corpora
from voipbin_sip.sip.digest import (
    ALGORITHMS,
    Challenge,
    Credentials,
    NonceCounts,
    Verdict,
    answer_challenges,
    compute_response,
    make_challenges,
    make_nonce,
    nonce_age,
    parse_authorization,
    parse_challenge,
    read_nonce,
    verify,
)
from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError

SECRET = b"0123456789abcdef"
NOW = 1_800_000_000.0
NONCE = make_nonce(SECRET, NOW, "salt")


@needs_corpora
def test_vectors_of_the_rfcs() -> None:
    vectors = json.loads((CORPORA / "auth" / "digest_vectors.json").read_text())
    assert len(vectors) == 4
    for vector in vectors:
        assert vector["response"] == compute_response(
            vector["password"],
            username=vector["user"],
            realm=vector["realm"],
            method=vector["method"],
            uri=vector["uri"],
            nonce=vector["nonce"],
            algorithm=vector["alg"],
            qop=vector.get("qop", ""),
            cnonce=vector.get("cnonce", ""),
            nc=vector.get("nc", ""),
        )


def test_sha_512_256() -> None:
    # RFC 7616 section 3.9.2 with the response of its errata 4897
    response = compute_response(
        "Secret, or not?",
        username="Jäsøn Doe",
        realm="api@example.org",
        method="GET",
        uri="/doe.json",
        nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
        algorithm="SHA-512-256",
        qop="auth",
        cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        nc="00000001",
    )
    assert response == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"


def answer(
    *, password: str = "pw", algorithm: str = "MD5", nonce: str = NONCE, nc: int = 1, method: str = "INVITE"
) -> Credentials:
    """Return what a phone answers to our challenge."""
    value = answer_challenges(
        make_challenges("voipbin.test", nonce, algorithms=[algorithm]),
        username='10"00',
        password=password,
        method=method,
        uri="sip:100@voipbin.test",
        cnonce="c1",
        nc=nc,
    )
    assert value is not None
    credentials = parse_authorization(value)
    assert credentials is not None
    return credentials


def judge(credentials: Credentials, password: str | None = "pw", *, after: float = 1.0) -> Verdict:
    return verify(credentials, password, method="INVITE", secret=SECRET, now=NOW + after, lifetime=60)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_right_and_wrong(algorithm: str) -> None:
    credentials = answer(algorithm=algorithm)
    assert credentials.algorithm == algorithm
    assert (credentials.username, credentials.count) == ('10"00', 1)
    assert judge(credentials) is Verdict.OK
    assert judge(credentials, "other") is Verdict.WRONG
    assert judge(credentials, None) is Verdict.WRONG
    assert judge(answer(algorithm=algorithm, method="BYE")) is Verdict.WRONG


def test_an_empty_password_is_not_that_of_an_unknown_user() -> None:
    credentials = answer(password="")
    assert judge(credentials, None) is Verdict.WRONG
    assert judge(credentials, "") is Verdict.OK


def test_stale_only_with_the_right_password() -> None:
    old = answer()
    assert judge(old, after=60.5) is Verdict.STALE
    assert judge(old, "other", after=60.5) is Verdict.WRONG
    for foreign in (make_nonce(b"another secret", NOW, "salt"), "x", "", "zz-salt-00", NONCE[:-1]):
        assert judge(answer(nonce=foreign)) is Verdict.STALE
        assert judge(answer(nonce=foreign), "other") is Verdict.WRONG
    assert judge(answer(nonce=make_nonce(SECRET, NOW + 3600, "s"))) is Verdict.STALE


def test_nonces() -> None:
    assert nonce_age(SECRET, NONCE, NOW + 5) == 5
    assert nonce_age(SECRET, NONCE + "0", NOW) is None
    assert nonce_age(SECRET, "\udcff-é-" + "0" * 32, NOW) is None
    assert make_nonce(SECRET, NOW, "a") != make_nonce(SECRET, NOW, "b")
    assert nonce_age(SECRET, make_nonce(SECRET, 0.5, "a"), 0.0) == 0


@pytest.mark.parametrize("to", ["198.51.100.7", "2001:db8::1", "fe80::1%eth0", ""])
def test_a_nonce_knows_to_whom_it_went(to: str) -> None:
    nonce = make_nonce(SECRET, NOW, "salt", to)
    issued = read_nonce(SECRET, nonce)
    assert issued is not None
    assert (issued.at, issued.to) == (NOW, to)
    stamp, _, signature = nonce.rpartition("-")
    forged = f"{stamp.rpartition('-')[0]}-{b'203.0.113.1'.hex()}-{signature}"
    assert read_nonce(SECRET, forged) is None


def field(text: str, name: str, value: str) -> Credentials:
    parsed = parse_authorization(text.replace(name, value))
    assert parsed is not None
    return parsed


def test_malformed() -> None:
    good = str(answer())
    assert judge(field(good, "qop=auth", "qop=bogus")) is Verdict.MALFORMED
    assert judge(field(good, "algorithm=MD5", "algorithm=ROT13")) is Verdict.MALFORMED
    assert judge(field(good, "nc=00000001", "nc=1")) is Verdict.MALFORMED
    assert judge(field(good, "nc=00000001", "nc=0000000g")) is Verdict.MALFORMED
    assert judge(field(good, 'cnonce="c1"', 'cnonce=""')) is Verdict.MALFORMED
    assert judge(field(good, "nc=00000001", "nc=00000002")) is Verdict.WRONG
    assert judge(field(good, 'response="', 'response="é')) is Verdict.WRONG


def test_tolerated_ways_of_writing() -> None:
    good = str(answer())
    for text in (
        good.replace("Digest", "dIgEsT"),
        good.replace("qop=auth", 'qop="auth"'),
        good.replace("algorithm=MD5", 'algorithm="md5"'),
        good.replace(", ", " ,"),
        good.replace(", ", ",") + ", unknown=x, ",
    ):
        credentials = parse_authorization(text.rstrip(", "))
        assert credentials is not None
        assert judge(credentials) is Verdict.OK


def test_without_qop() -> None:
    response = compute_response("pw", username="u", realm="r", method="INVITE", uri="sip:x", nonce=NONCE)
    credentials = parse_authorization(
        f'Digest username="u",realm="r",nonce="{NONCE}",uri="sip:x",response="{response.upper()}"'
    )
    assert credentials is not None
    assert credentials.count == 0
    assert judge(credentials) is Verdict.OK
    assert parse_authorization(str(credentials)) == credentials


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Digest",
        'Digest username="u"',
        'Digest username="u", username="v", realm="r", nonce="n", uri="x", response="y"',
        'Digest username="u',
        "Digest =x",
        'Digest username="u" realm="r"',
        "=",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_authorization(text)
    assert caught.value.status == 400


def test_other_schemes() -> None:
    assert parse_authorization("NoOneKnowsThisScheme opaque-data=here") is None
    assert parse_challenge("Bearer realm=x") is None
    with pytest.raises(RemoteProtocolError):
        parse_challenge('Digest realm="x"')


def test_challenges() -> None:
    values = make_challenges("voipbin.test", NONCE, stale=True)
    assert values[0] == (
        f'Digest realm="voipbin.test", nonce="{NONCE}", stale=true, algorithm=SHA-256, qop="auth"'
    )
    assert parse_challenge(values[1]) == Challenge("voipbin.test", NONCE, "MD5", ("auth",), stale=True)


def test_the_first_challenge_that_we_can_answer() -> None:
    values = [
        "Bearer x=y",
        'Digest realm="r", nonce="n", algorithm=ROT13, qop="auth"',
        'Digest realm="r", nonce="n", qop="auth-conf"',
        'Digest realm="r2", nonce="n", algorithm=SHA-256, qop="auth-int,auth", opaque="o"',
        'Digest realm="r3", nonce="n"',
    ]

    def reply(challenges: list[str]) -> str | None:
        return answer_challenges(
            challenges, username="u", password="p", method="INVITE", uri="sip:x", cnonce="c", nc=10
        )

    chosen = parse_authorization(reply(values) or "")
    assert chosen is not None
    assert (chosen.realm, chosen.algorithm, chosen.qop, chosen.nc, chosen.opaque) == (
        "r2",
        "SHA-256",
        "auth",
        "0000000a",
        "o",
    )
    plain = parse_authorization(reply(values[4:]) or "")
    assert plain is not None
    assert (plain.qop, plain.cnonce, plain.nc) == ("", "", "")
    assert reply(values[:3]) is None
    with pytest.raises(LocalProtocolError):
        answer_challenges(values, username="u", password="p", method="A", uri="x", cnonce="c", nc=0)
    with pytest.raises(LocalProtocolError):
        answer_challenges(values, username="u\r\n", password="p", method="A", uri="x", cnonce="c")


def test_auth_int_covers_the_body() -> None:
    value = answer_challenges(
        [f'Digest realm="r", nonce="{NONCE}", qop="auth-int"'],
        username="u",
        password="pw",
        method="INVITE",
        uri="sip:x",
        cnonce="c",
        body=b"v=0",
    )
    credentials = parse_authorization(value or "")
    assert credentials is not None
    for body, verdict in ((b"v=0", Verdict.OK), (b"v=1", Verdict.WRONG)):
        assert verify(credentials, "pw", method="INVITE", secret=SECRET, now=NOW, body=body) is verdict


def test_replayed_counts_are_refused() -> None:
    counts = NonceCounts(capacity=2)
    assert counts.accept("a", 1)
    assert not counts.accept("a", 1)
    assert counts.accept("a", 5)
    assert not counts.accept("a", 4)
    assert counts.accept("b", 0)
    assert not counts.accept("b", 0)
    assert counts.accept("c", 1)  # "a" is forgotten
    assert not counts.accept("b", 0)
    assert counts.accept("a", 1)
