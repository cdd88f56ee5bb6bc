"""The state of an unfinished training, kept so that it can go on as if nothing had happened.

It is a torch file of tensors, numbers and strings only, so that reading it can run no code.
"""

from pathlib import Path
from typing import Any

import torch

from decanet.core.errors import CheckpointError
from decanet.core.results import atomic_path


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write the state of an unfinished training."""
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


def load_state(path: Path) -> dict[str, Any]:
    """Read what :func:`save_state` wrote. Raises CheckpointError when there is none or it is damaged."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(
            f"{path.parent} holds nothing to resume: it is finished or was never started"
        ) from None
    except Exception as error:  # torch.load raises many kinds for a damaged file
        raise CheckpointError(f"{path} is damaged ({type(error).__name__}); train again") from None
