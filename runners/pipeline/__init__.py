"""What a stage is, the walk over the stages of a job, and the cache of what they built."""

from runners.pipeline.cache import Artefact, Cache, default_root, digest_of_files
from runners.pipeline.contents import Contents, Damaged, Entry, Shrunk
from runners.pipeline.entries import artefact_key
from runners.pipeline.machine import ALL_CORES, Machine, Share, machine_of, shares
from runners.pipeline.pipeline import Building, Pipeline, Report, Stage, TellProgress
from runners.pipeline.remote import Remote
from runners.pipeline.sources import ROOT, source_digest

__all__ = [
    "ALL_CORES",
    "ROOT",
    "Artefact",
    "Building",
    "Cache",
    "Contents",
    "Damaged",
    "Entry",
    "Machine",
    "Pipeline",
    "Remote",
    "Report",
    "Share",
    "Shrunk",
    "Stage",
    "TellProgress",
    "artefact_key",
    "default_root",
    "digest_of_files",
    "machine_of",
    "shares",
    "source_digest",
]
