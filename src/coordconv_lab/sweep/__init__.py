"""Sweeps: many settings of the same tasks, trained on this machine or on a cluster with Ray.

A sweep consists of rows. A row is a list of specs (descriptions of runs), usually of one task,
split and network. The same name of a sweep gives the same specs on every machine. The id of a run
is the hash of its spec, so if a sweep was stopped, killed or extended, only the missing runs are
trained.
"""
