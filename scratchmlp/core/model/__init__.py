"""What a network is: its activations, its loss, its parameters, and how it predicts."""
