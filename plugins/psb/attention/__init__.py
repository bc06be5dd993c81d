"""More samples where the network is unsure."""
