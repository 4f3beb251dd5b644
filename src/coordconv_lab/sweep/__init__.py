"""Sweeps: many settings of the same tasks, trained sequentially or on a cluster with Ray.

A sweep is a study of settings, that is, rows of specs. Specs are created by pure functions, so the
same name gives the same runs everywhere. The id of a run is the hash of its spec, so a sweep that
was stopped, killed or extended does only the missing runs, with either engine.
"""
