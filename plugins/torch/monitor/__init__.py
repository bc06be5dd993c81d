"""What the sites of a network do while it is trained, window by window."""
