r"""Secrets that are recognised by their form: tokens with a known beginning, key blocks, headers, URLs.

One entry couples a pattern with its hint: a lower-case text that occurs in every match of the pattern. Searching for a
hint is far cheaper than a pattern, so only patterns whose hint occurs are compiled and tried. If a pattern has a group
`secret`, only that group is replaced.

The time of every pattern is proportional to the length of the text: repetitions are possessive or bounded, and no
repetition precedes the part that contains the hint.
"""

from typing import NamedTuple

ANSI = r"\x1b\[[0-9;]{0,20}[A-Za-z]"

BOUND = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=\x1b\[m)|(?<=\[\dm)|(?<=[\[;]\d\dm)|(?<=;\dm)|(?<=%[0-9A-F]{2}))"
"""Beginning of a word, also after an ANSI sequence or an escaped line end, which both end in a letter."""

JOINT = r"""(?:["']\s{0,3}\+?\s{0,3}[bruf]?["'])?"""
"""Gap in a literal that is split in two in a source line: `"ghp_" + "..."`."""


class SecretShape(NamedTuple):
    """One form of a secret."""

    hint: str
    """Text in lower case that occurs in every match of the pattern."""
    pattern: str
    example: str
    """An invented secret of this form."""


def _token(prefix: str, body: str = r"[A-Za-z0-9_-]{8,}+", *, bound: str = "", sample: str = "") -> SecretShape:
    """Return the form of a token with a literal beginning."""
    escaped = "".join(f"\\{char}" if char in ".+/$" else char for char in prefix)
    example = prefix + (sample or "4fGh1Jk9Lm2Np5Qr8St3Uv6Wx7Yz0AbCdEfGhIjK")
    return SecretShape(prefix.lower(), f"{bound}{escaped}{JOINT}{body}", example)


_LETTERS = r"[A-Za-z0-9]{20,}+"
_CAPITALS = "4F6H1JK9LM2NP5QR"

_DISTINCT = (
    # code hosting and CI
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    *("glpat-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "glsoat-", "gloas-"),
    *("ATATT3", "ATCTT3", "ATBB", "CCIPAT_", "CCIPRJ_", "bkua_", "sntrys_", "sntryu_", "sgp_"),
    # chat
    *("xoxa-", "xoxb-", "xoxc-", "xoxd-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xoxe.xoxp-", "xapp-"),
    # payment and trade
    *("sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "whsec_", "sq0csp-", "sq0atp-", "sq0idp-"),
    *("shpat_", "shpss_", "shpca_", "shppa_", "shippo_live_", "shippo_test_", "FLWSECK-", "FLWSECK_", "rzp_live_"),
    *("access_token$production$", "live_pk_", "EZAK", "EZTK"),
    # cloud and infrastructure
    *(
        "GOCSPX-",
        "dop_v1_",
        "doo_v1_",
        "dor_v1_",
        "HRKU-",
        "pul-",
        "dapi",
        "pscale_tkn_",
        "pscale_pw_",
        "pscale_oauth_",
    ),
    *("sbp_", "sb_secret_", "nfp_", "fo1_", "fm1_", "fm2_", "tskey-", "dckr_pat_", "dckr_oat_", "dp.pt.", "dp.st."),
    *("dp.ct.", "dp.sa.", "dp.scim.", "dt0c01.", "dt0s01.", "rnd_", "hcaik_", "b64.hvs.", "cfut_", "cfat_"),
    # observation and services
    *("glsa_", "glc_", "phx_", "NRAK-", "NRJS-", "NRRA-", "PMAK-", "lin_api_", "lin_oauth_", "figd_", "ntn_"),
    *("CFPAT-", "rdme_", "lsv2_pt_", "lsv2_sk_", "xkeysib-", "xsmtpsib-", "duffel_live_", "duffel_test_"),
    # language models
    *("sk-ant-", "sk-proj-", "sk-or-", "gsk_", "pplx-", "xai-", "tvly-", "jina_", "nvapi-"),
    # package registries
    *("pypi-AgE", "rubygems_", "AKCp", "cmVmdGtu", "tfp_"),
    "AGE-SECRET-KEY-1",
)
"""Beginnings of tokens that are followed by at least eight characters."""

_SHORT_WORDS = frozenset(
    (
        *("pul-", "dapi", "rnd_", "nfp_", "fo1_", "fm1_", "fm2_", "sbp_", "xai-", "gsk_", "ntn_", "sgp_"),
        *("EZAK", "EZTK", "ATBB", "AKCp", "tfp_", "glc_", "phx_", "rdme_", "jina_", "cfut_", "cfat_"),
    )
)
"""Beginnings that may also be part of a longer word or of the name of a function."""


def _distinct_token(prefix: str) -> SecretShape:
    if prefix in _SHORT_WORDS:
        return _token(prefix, r"(?=[A-Za-z_-]{0,40}\d)[A-Za-z0-9_-]{16,}+", bound=BOUND)
    # A literal may be split behind a version number, too: `"xapp-1-" + "..."`.
    return _token(prefix, rf"(?:\d-{JOINT})?[A-Za-z0-9_.:=$-]{{8,}}+")


TOKENS: tuple[SecretShape, ...] = (
    *(_distinct_token(prefix) for prefix in _DISTINCT),
    *(
        _token(prefix, r"[A-Z0-9]{12,}+", sample=_CAPITALS)
        for prefix in ("AKIA", "ASIA", "AGPA", "AROA", "AIPA", "AIDA", "ABIA", "ACCA")
    ),
    _token("ABSK", r"[A-Za-z0-9+/=]{30,}+"),
    _token("LTAI", r"[A-Za-z0-9]{12,}+"),
    _token("AKID", r"[A-Za-z0-9]{13,}+"),
    _token("AIza", r"[A-Za-z0-9_-]{20,}+"),
    _token("ya29.", r"[A-Za-z0-9_.-]{10,}+"),
    _token("1//0", r"[A-Za-z0-9_-]{20,}+", bound=BOUND),
    _token("npm_", r"[A-Za-z0-9]{30,}+"),
    _token("hf_", _LETTERS, bound=BOUND),
    _token("r8_", _LETTERS, bound=BOUND),
    _token("sk-", r"(?=[A-Za-z_-]{0,40}\d)[A-Za-z0-9_-]{16,}+", bound=BOUND),
    _token(
        "SG.", r"[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{10,}+", bound=BOUND, sample="4fGh1Jk9Lm2Np5Qr.8St3Uv6Wx7Yz0AbCdEf"
    ),
    _token(
        "ik_",
        r"[0-9a-f]{8}_[A-Za-z0-9_-]{40,}+",
        bound=BOUND,
        sample="58c1d2e7_4fGh1Jk9Lm2Np5Qr8St3Uv6Wx7Yz0AbCdEfGhIjKlMnO",
    ),
    _token("hvs.", r"[A-Za-z0-9_-]{10,}+", bound=BOUND),
    _token("hvb.", r"[A-Za-z0-9_-]{10,}+", bound=BOUND),
    _token("hvr.", r"[A-Za-z0-9_-]{10,}+", bound=BOUND),
    _token("oy2", r"[a-z0-9]{43}", bound=BOUND, sample="4fgh1jk9lm2np5qr8st3uv6wx7yz0abcdefghijklmn"),
    _token("cio", r"(?=[A-Za-z]{0,32}\d)[A-Za-z0-9]{32}", bound=BOUND, sample="4fGh1Jk9Lm2Np5Qr8St3Uv6Wx7Yz0AbC"),
    _token("key-", r"[0-9a-f]{32}", bound=BOUND, sample="0123456789abcdef0123456789abcdef"),
    _token("A3-", r"[A-Z0-9]{6}-[A-Z0-9-]{20,}+", bound=BOUND, sample="4F6H1J-K9LM2N-P5QR8-ST3UV-6WX7Y-Z0ABC"),
    _token("SK", r"[0-9a-f]{32}", bound=BOUND, sample="0123456789abcdef0123456789abcdef"),
    _token(
        "eyJ", r"[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]{0,20000}+){1,4}+", sample="hbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"
    ),
    SecretShape(
        ".atlasv1.", r"(?<=[A-Za-z0-9])\.atlasv1\.[A-Za-z0-9_=-]{10,}+", "4fGh1Jk9Lm2Np5.atlasv1.4fGh1Jk9Lm2Np5Qr8St3"
    ),
    SecretShape("8q~", r"8Q~[A-Za-z0-9_.~-]{20,}+", "abc8Q~4fGh1Jk9Lm2Np5Qr8St3Uv6Wx7Yz0AbCd"),
    SecretShape(
        "-us",
        r"(?<![0-9a-f])[0-9a-f]{32}-us\d{1,2}\b",
        "0123456789abcdef0123456789abcdef-us12",
    ),
    SecretShape(":aa", r"(?<=\d{8}):AA[A-Za-z0-9_-]{30,}+", "1234567890:AAf4Gh1Jk9Lm2Np5Qr8St3Uv6Wx7Yz0AbCd"),
)
"""Tokens that are recognised by themselves."""

_HEADER_SCHEMES = "bearer|basic|token|digest|negotiate|ntlm|apikey|api-key|hawk|oauth|signature|key"
_REST = r"""(?:"[^"\n]{0,8000}+"|'[^'\n]{0,8000}+'|[^\r\n"'\\<]{1,8000}+)"""
_OPEN = (
    r"""(?:\\{0,7}["'])?(?:\s|\x1b\[[0-9;]{0,20}m){0,5}+(?:[:=]|,(?=\s?b?\\{0,7}["']))"""
    r"""(?:\s|\x1b\[[0-9;]{0,20}m){0,5}+\[?b?(?:\\{0,7}["'])?"""
)
_BLOCK_LINE = (
    r"""(?:[ \t]{0,40}+(?:\r?\n|\\r\\n|\\n|["'] ?\n)(?:[E>+|-][ \t])?[ \t]{0,40}+["']?"""
    r"""(?:[A-Za-z0-9+/=_-]{1,200}+(?=[ \t]{0,40}+(?:\r?\n|\\[rn]|["')\],]|$))"""
    r"""|[A-Z][A-Za-z-]{1,30}: [^\r\n\\"']{0,100}+)?)"""
)

STRUCTURES: tuple[SecretShape, ...] = (
    SecretShape(
        "private",
        r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
        r"(?:[^-]{0,20000}+(?:-(?!-{3})[^-]{0,2000}+){0,400}+-{4,5} ?END [A-Z0-9 ]{0,40}-{4,5}|"
        + _BLOCK_LINE
        + r"{0,400}+)",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA4fGh1Jk9Lm2Np5Qr\n8St3Uv6Wx\n-----END RSA PRIVATE KEY-----",
    ),
    SecretShape(
        "private-lines",
        r"Private-Lines: \d{1,3}(?P<secret>" + _BLOCK_LINE + r"{1,400}+)",
        "Private-Lines: 2\nAAABAQDf4Gh1Jk9Lm2Np5Qr8St3Uv6\nWx7Yz0AbC4fGh1\n",
    ),
    SecretShape(
        "authorization",
        rf"(?i:authorization){_OPEN}(?:(?i:{_HEADER_SCHEMES}|aws4-hmac-sha256)[ \t]{{1,5}}(?=\S))?(?P<secret>{_REST})",
        "Authorization: Digest username=me, response=4fGh1Jk9Lm2Np5Qr",
    ),
    SecretShape(
        "passw",
        r"(?i:password|passwd)[ ]{1,3}(?P<secret>(?=[A-Za-z]{0,60}\d|\d{1,60}[A-Za-z])[^\s\"'<>,;:=()\[\]]{6,200}+)",
        "machine host login me password 4fGh1Jk9",
    ),
    SecretShape("sshpass", r"sshpass\s{1,3}-p\s{0,3}(?P<secret>[^\s]{1,200}+)", "sshpass -p 4fGh1Jk9"),
    SecretShape("bearer", r"(?i:bearer)\s{1,5}(?P<secret>[A-Za-z0-9+/=_.~:-]{8,}+)", "Bearer 4fGh1Jk9Lm2Np5Qr"),
    SecretShape(
        "basic",
        r"(?i:basic)\s{1,5}(?P<secret>(?=[A-Za-z]{0,60}[0-9+/=])[A-Za-z0-9+/]{8,}+={0,2})",
        "Basic YWxhZGRpbjpvcGVuc2VzYW1l",
    ),
    SecretShape(
        "cookie",
        rf"(?i:cookie)[sS]?{_OPEN}(?P<secret>\{{[^}}\n]{{0,8000}}+\}}|{_REST})",
        "Set-Cookie: sid=4fGh1Jk9; Path=/",
    ),
    SecretShape("<cookie ", r"<Cookie [^\s=]{1,100}=(?P<secret>[^\s>]{1,4000}+)", "<Cookie sid=4fGh1Jk9 for h/>"),
    SecretShape(
        "://",
        r"""(?<=[A-Za-z0-9])://(?P<user>[^\s/:@"'<>?\#]{0,200}+:(?!\d{1,5}[/?\#]))?"""
        r"""(?P<secret>(?(user)(?:[^\s"'<>?\#:]|:(?!//)){1,500}(?<!/)|[^\s/:@"'<>?\#]{1,500}+))@""",
        "postgres://me:4fGh1/Jk9@host/db",
    ),
    SecretShape(
        "thin:", r"thin:[^\s/:@]{1,100}+/(?P<secret>[^\s@]{1,200}+)@", "jdbc:oracle:thin:me/4fGh1Jk9@host:1521"
    ),
    SecretShape(
        "hooks.slack.com/",
        r"hooks\.slack\.com/[a-z]{1,20}/(?P<secret>[A-Za-z0-9_/-]{8,}+)",
        "https://hooks.slack.com/services/T000/B000/4fGh1Jk9",
    ),
    SecretShape(
        "/api/webhooks/",
        r"/api/webhooks/\d{1,30}/(?P<secret>[A-Za-z0-9_-]{8,}+)",
        "https://discord.com/api/webhooks/123/4fGh1Jk9Lm2N",
    ),
    SecretShape(
        "webhook.office.com/",
        r"webhook\.office\.com/(?P<secret>[^\s\"'<>]{8,}+)",
        "https://x.webhook.office.com/webhookb2/4fGh1Jk9Lm2N",
    ),
    SecretShape(
        "@",
        r"""(?<=[A-Za-z0-9_]):(?P<secret>(?=[A-Za-z]{0,80}\d|\d{1,80}[A-Za-z])[^\s:@/"'<>,;()\[\]]{6,100}+)@(?=[A-Za-z0-9\[])""",
        "me:4fGh1Jk9@host",
    ),
)
"""Secrets that are recognised by their context."""

SHAPES: tuple[SecretShape, ...] = (*STRUCTURES, *TOKENS)
