"""Every stored event becomes a leaf of its tenant's Merkle tree, and the tree's head is signed and carried outside."""

from milepost.replay.tree.carrying import Bus, Carrying
from milepost.replay.tree.cosigning import witnesses_of
from milepost.replay.tree.folder import ProofFolder, TreeInUse
from milepost.replay.tree.grower import Grower, Options
from milepost.replay.tree.logs import Logs
from milepost.replay.tree.service import TreeService
from milepost.replay.tree.signing import SigningKeyError, SigningKeys
from milepost.replay.tree.targets import TargetError, target_of
from milepost.replay.tree.tree import TreeDiverged

__all__ = [
    "Bus",
    "Carrying",
    "Grower",
    "Logs",
    "Options",
    "ProofFolder",
    "SigningKeyError",
    "SigningKeys",
    "TargetError",
    "TreeDiverged",
    "TreeInUse",
    "TreeService",
    "target_of",
    "witnesses_of",
]
