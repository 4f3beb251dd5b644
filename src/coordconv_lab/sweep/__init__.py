"""Sweeps: many settings of the same tasks, trained on this machine or on a cluster with Ray.

A sweep is a study of settings, that is, rows of specs. Specs are created by pure functions, so the
same name gives the same runs everywhere. The id of a run is the hash of its spec. After a sweep is
stopped, killed or extended, either engine therefore trains only the missing runs.
"""
