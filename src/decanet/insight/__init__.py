"""What a trained network learned: one module of :mod:`decanet.insight.views` for each view.

A view computes a value from a network (``compute``) and draws it (``draw``); the two are apart, so that a value can be
tested, compared or drawn elsewhere. Views rely on the networks' protocol (:mod:`decanet.models.protocol`) alone: stages
have their papers' names, and :func:`decanet.insight.capture.capture` takes their outputs and gradients.
"""
