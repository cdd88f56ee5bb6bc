"""Controlled experiments: which idea of the decade was worth what, under equal conditions?

An experiment (:mod:`~decanet.experiments.declaration`) is one file below ``claims/``: a claim of a paper, the arms that
are compared, and what is held equal. One runner trains every arm with every seed and keeps each result as a file;
the statistics of :mod:`~decanet.experiments.statistics` decide whether the claim is supported.
"""
