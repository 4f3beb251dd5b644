"""Sweeps: many settings of the same tasks, trained on this machine or on a cluster with Ray.

A sweep is a study of settings, arranged in rows of specs. Specs are created by pure functions, so
the same name gives the same runs everywhere. The id of a run is the hash of its spec, so if a sweep
was stopped, killed or extended, both engines train only the missing runs.
"""
