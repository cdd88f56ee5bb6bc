"""Page "train": start trainings, watch, pause and stop them."""

from collections.abc import Mapping
from typing import Any

from decanet.core.errors import BusyError, UsageError
from decanet.experiments.declaration import list_experiments
from decanet.explorer.session import Session
from decanet.explorer.training import Watched, describe, shown_images
from decanet.training.recipes import list_recipes
from decanet.training.start import DataSource

ORDER = 50
MOST = 2  # trainings at once


def offers(session: Session, _: Mapping[str, Any]) -> Any:
    """The recipes and arms of experiments that can be trained, and the trainings that there are."""
    arms = [
        {"what": f"{experiment.name}/{arm.name}", "experiment": experiment.name}
        for experiment in list_experiments()
        for arm in experiment.arms
    ]
    recipes = [name for name in list_recipes() if ":" not in name]
    there = [{"id": number, "what": each.what} for number, each in session.trainings.items()]
    return {"recipes": recipes, "arms": arms, "trainings": there[-MOST:]}


def start(session: Session, asked: Mapping[str, Any]) -> Any:
    """Start a training; its number names it in the other questions."""
    known = offers(session, {})
    what = asked["what"]
    if what not in (*known["recipes"], *(arm["what"] for arm in known["arms"])):
        raise UsageError(f"unknown recipe {what!r}")
    if sum(each.running for each in session.trainings.values()) >= MOST:
        raise BusyError(f"{MOST} trainings run already; stop one of them first")
    number = len(session.trainings)
    where = DataSource(session.cache, fallback="digits")
    session.trainings[number] = Watched(what, session.device, where, session.runs)
    session.trainings[number].begin()
    return {"id": number}


def state(session: Session, asked: Mapping[str, Any]) -> Any:
    """What is new of a training since the page asked last."""
    return describe(_training(session, asked), int(asked.get("since", 0)), int(asked.get("look", -1)))


def images(session: Session, asked: Mapping[str, Any]) -> Any:
    """The test images whose predictions are shown."""
    return shown_images(_training(session, asked))


def control(session: Session, asked: Mapping[str, Any]) -> Any:
    """Pause, continue or stop a training."""
    actions = {"pause": Watched.pause, "continue": Watched.proceed, "stop": Watched.stop}
    if asked["action"] not in actions:
        raise UsageError(f"unknown action {asked['action']!r} (known: {', '.join(actions)})")
    actions[asked["action"]](_training(session, asked))
    return {}


def _training(session: Session, asked: Mapping[str, Any]) -> Watched:
    number = int(asked["id"])
    if number not in session.trainings:
        raise UsageError(f"there is no training {number}")
    return session.trainings[number]


QUESTIONS = {"offers": offers, "start": start, "state": state, "images": images, "control": control}
