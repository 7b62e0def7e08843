"""Keys, sealing and keyed hashes, each through a library: SM4/AES-GCM by `cryptography`, BLAKE2b by the standard library."""

from xinglin.base.crypto.keys import FileKeys, KeyProvider, Keys
from xinglin.base.crypto.seal import Sealer, sealer

__all__ = ["FileKeys", "KeyProvider", "Keys", "Sealer", "sealer"]
