"""What a network learns from: examples, batches of them, and random changes to both."""
