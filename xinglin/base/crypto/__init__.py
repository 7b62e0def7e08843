"""Keys, sealing, digests, keyed hashes and signatures, each through a library. One word, the setting `cipher`, decides the suite.

`sm4`: SM4-GCM, SM3, SM2 (GB/T 32907, 32905, 32918). `aes`: AES-128-GCM, SHA-256, ECDSA on P-256.
"""

from xinglin.base.crypto.digests import digest, hmac_sm3, keyed_digest, sm3
from xinglin.base.crypto.key_file import FileKeys, KeyWatch
from xinglin.base.crypto.keys import KeyProvider, Keys, MasterKey
from xinglin.base.crypto.seal import Sealer, sealer
from xinglin.base.crypto.signatures import Signer, signer, signer_of, verify_signature

__all__ = [
    "FileKeys",
    "KeyProvider",
    "KeyWatch",
    "Keys",
    "MasterKey",
    "Sealer",
    "Signer",
    "digest",
    "hmac_sm3",
    "keyed_digest",
    "sealer",
    "signer",
    "signer_of",
    "sm3",
    "verify_signature",
]
