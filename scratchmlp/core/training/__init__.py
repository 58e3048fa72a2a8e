"""How a network learns: the objective, the optimizers, and training as a stream of states."""
