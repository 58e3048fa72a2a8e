"""The pure core. Read it in this order, and each module from top to bottom:

arrays       a Layer, and trees of frozen arrays
activations  (in model) A = g(Z), with its derivatives
losses       (in model) the value of each example, and its delta
network      (in model) forward, a fold over the layers; backward, the fold the other way
objective    (in training) the loss and gradient of all the data: a fold over shards
optimizers   (in training) pairs of init and update
training     (in training) the fold over batches, as a lazy stream of states
"""
