"""Sweeps: many settings of the same tasks, here one after another or on a cluster with Ray.

A sweep is a study of settings: rows of specs to train. Whatever makes them is a pure function, so
that the same name gives the same runs anywhere; a run's id is the hash of its spec, so that a sweep
that is stopped, killed or widened does what is missing, whichever engine did the rest.
"""
