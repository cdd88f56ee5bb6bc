"""The reader's own network: a class in a Python file, named as ``my_alexnet.py:AlexNet``.

The file is imported only where the user names it: a run's folder keeps its hash and never its code, so that opening a
run executes nothing.
"""

import hashlib
import importlib.util
import inspect
import os
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from torch import nn

from decanet.core.errors import CheckpointError, DecanetError, UsageError, did_you_mean
from decanet.core.run_folder import RunFolder
from decanet.data import stored_classes
from decanet.evaluation.runs import recipe_of

EXAMPLE = "for instance --model-file my_alexnet.py:AlexNet"


@dataclass(frozen=True)
class ModelFile:
    """A network class in a file.

    Attributes:
        path: the file.
        network: the class.
        sha256: of the file's contents.
    """

    path: Path
    network: type[nn.Module]
    sha256: str

    @property
    def text(self) -> str:
        """The class as it is named on the command line."""
        return f"{self.path.name}:{self.network.__name__}"


def load_model_file(text: str) -> ModelFile:
    """Import the file of ``FILE.py:CLASS`` and find the class; this runs the user's code.

    Raises:
        UsageError: no such file or class, no ``nn.Module``, or an error in the file, told with its line.
    """
    name, colon, wanted = text.rpartition(":")
    if not colon or not wanted.isidentifier():
        raise UsageError(f"--model-file takes FILE.py:CLASS, got {text!r}; {EXAMPLE}")
    path = Path(os.path.expanduser(name))
    module = import_file(path)
    own = {key: value for key, value in vars(module).items() if inspect.isclass(value)}
    networks = [
        key
        for key, value in own.items()
        if issubclass(value, nn.Module) and value.__module__ == module.__name__
    ]
    if wanted not in own:
        known = ", ".join(networks) or "none that is an nn.Module"
        raise UsageError(
            f"{path} has no class {wanted!r}{did_you_mean(wanted, networks) or f' (classes: {known})'}"
        )
    network = own[wanted]
    if not issubclass(network, nn.Module):
        raise UsageError(f"{wanted} in {path} is no nn.Module; derive it: class {wanted}(nn.Module)")
    return ModelFile(path, network, hashlib.sha256(path.read_bytes()).hexdigest())


def import_file(path: Path) -> ModuleType:
    """Import a Python file of the user.

    Raises:
        UsageError: there is no such file, or it raises an error; the message names the line.
    """
    if not path.is_file() or path.suffix != ".py":
        raise UsageError(f"there is no Python file {path}; {EXAMPLE}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses and pickling look classes up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        sys.modules.pop(path.stem, None)
        raise UsageError(f"{path} cannot be imported: {where_it_failed(path, error)}") from None
    return module


def where_it_failed(path: Path, error: BaseException) -> str:
    """Return an error of the user's file in one line, with the last line of that file that led to it."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f"line {error.lineno}: {error.msg}"
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path
    ]
    place = f"line {lines[-1]}: " if lines else ""
    message = (str(error).strip().splitlines() or [""])[0]
    return f"{place}{type(error).__name__}: {message}"


def build_model(file: ModelFile, classes: int) -> nn.Module:
    """Create the network for ``classes`` classes; ``num_classes`` is passed where the constructor takes it.

    Raises:
        UsageError: the constructor needs other arguments, or raises an error.
    """
    parameters = inspect.signature(file.network.__init__).parameters
    needed = [
        name
        for name, parameter in list(parameters.items())[1:]
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if missing := [name for name in needed if name != "num_classes"]:
        raise UsageError(
            f"{file.text} needs {', '.join(missing)}; give them default values: only num_classes is passed"
        )
    try:
        model = file.network(num_classes=classes) if "num_classes" in parameters else file.network()
    except DecanetError:
        raise
    except Exception as error:
        raise UsageError(f"{file.text} cannot be created: {where_it_failed(file.path, error)}") from None
    model.decanet_file = file.text  # type: ignore[assignment]
    model.decanet_sha256 = file.sha256  # type: ignore[assignment]
    return model


def build_for_run(text: str, run: str | Path) -> nn.Module:
    """Create the network of ``FILE.py:CLASS`` for the classes of a run that trained it.

    Raises:
        UsageError: as :func:`load_model_file` and :func:`build_model`, or the run has a registered network.
        CheckpointError: it is no run, or it trained another version of the file.
    """
    folder = RunFolder(Path(os.path.expanduser(str(run))))
    recipe = recipe_of(folder)
    if not recipe.model.custom:
        raise UsageError(f"{run} trained the registered network {recipe.model.name}: leave --model-file out")
    file = load_model_file(text)
    stated = recipe.model.sha256
    if stated is not None and stated != file.sha256:
        raise CheckpointError(
            f"{run} trained another version of {recipe.model.file}: its SHA-256 begins {stated[:8]}, that of "
            f"{file.path} {file.sha256[:8]}; give the file as it was"
        )
    return build_model(file, len(stored_classes(folder.read_json(folder.data), folder.data)))
