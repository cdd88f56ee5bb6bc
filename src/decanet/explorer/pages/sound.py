"""Page "sound": a signal, an impulse response and their convolution; the browser computes and plays all of it."""

from decanet.explorer.session import Question

ORDER = 20
QUESTIONS: dict[str, Question] = {}
