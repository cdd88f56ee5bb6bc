"""The explorer: networks, kernels and trainings in the browser, to be touched.

:mod:`decanet.explorer.server` serves hand-written pages to this computer alone and answers their questions through the
compute functions of the other packages; :mod:`decanet.explorer.snapshot` writes the same pages as files, where a
forward pass in JavaScript answers them. A page is one module in ``pages/`` and one in ``static/pages/``.
"""
