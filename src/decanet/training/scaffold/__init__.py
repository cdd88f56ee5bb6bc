"""A network and a training loop with blanks to fill in, and a checker that tells which blank is wrong and why."""
