"""What a run of the pipeline would do, how long it takes, and how far it is."""
