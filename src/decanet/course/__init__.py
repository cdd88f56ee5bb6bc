"""The course: from an echo to a residual network, in Chinese and English.

A chapter (``chapters/en``, ``chapters/zh``) is Markdown with formulas and five kinds of blocks, see
:mod:`~decanet.course.source`. Outputs and figures of its commands are recorded by the commands themselves
(:mod:`~decanet.course.recorded_runs`), code is quoted from the package when the site is built, and numbers come from
committed results.
"""
